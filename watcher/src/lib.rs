//! Follows an agent's transcript and posts what it does to Discord.
//!
//! Promises: nothing that was written is lost while the file is there, what is posted is inside Discord's limits and
//! holds no known secret, tokens are counted by message. Refuses to know: Kubernetes, and who reads the channel.

pub mod args;
pub mod bridge;
pub mod cli;
pub mod config;
pub mod events;
mod files;
pub mod filter;
pub mod follow;
pub mod health;
pub mod metrics;
pub mod preview;
pub mod price;
pub mod record;
pub mod redact;
mod register;
pub mod render;
pub mod run;
pub mod send;
pub mod stats;
pub mod usage;
