//! Discord's side of a run: its channel, its retention, and the way to talk back.
//!
//! Promises: `bot serve` answers at once, whatever Discord or the store say; a run's channel is made once and removed
//! once, wherever the process is killed; a caller sees and touches its own namespaces alone; no token is stored or
//! logged. Refuses to know: transcripts and Kubernetes.

mod api;
mod app;
mod args;
mod callers;
mod clock;
mod config;
pub mod desk;
mod engine;
pub mod interaction;
mod metrics;
mod relay;
mod retention;
mod serve;
mod signer;
mod store;

pub use app::Hook;
pub use args::{Args, Command, ServeArgs};
pub use config::{Config, ConfigError, Mode};
pub use engine::STEPS;
pub use serve::{BotError, Listeners, run, serve};
