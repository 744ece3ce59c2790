//! Certificates of a webhook: made and rotated by ourselves, or read from mounted files, and swapped under live
//! connections.
//!
//! Promises: a new certificate is served only after its CA was published; an old CA stays published while anything it
//! signed is valid; any number of replicas agree without an election; no read or write outside one Secret and one
//! webhook configuration. Refuses to know: HTTP, admission, and how the process listens.

pub mod callers;
mod clock;
pub mod cluster;
mod decide;
pub mod files;
pub mod kubernetes;
mod make;
mod manager;
mod resolver;
mod state;
mod verify;

pub use decide::{Action, Policy, decide};
pub use make::{MakeError, apply};
pub use manager::{Health, Manager};
pub use resolver::{Certificate, CertificateError, Resolver};
pub use state::{Authority, Key, Leaf, Seconds, State};
pub use verify::{VerifyError, certificates, expires, verify, verify_chain};
