//! What each server of ours needs and nothing it serves: logs, the admin routes, an accept loop that bounds its peers,
//! and shutdown.
//!
//! Promises: every wait on a peer ends (handshake, headers, request, drain), every connection is counted, a signal ends
//! the process within the drain time. Refuses to know: Kubernetes, Discord, certificates' origin, configuration files.

mod accept;
pub mod admin;
mod connection;
mod door;
mod exchange;
mod idle;
mod linger;
pub mod log;
pub mod park;
mod places;
pub mod serve;
pub mod shutdown;
mod watched;
mod wire;
