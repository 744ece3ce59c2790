//! Certificates of a webhook: made and rotated by ourselves, or read from mounted files, and swapped under live
//! connections.
//!
//! Promises: a new certificate is served only after its CA was published; an old CA stays published while anything it
//! signed is valid; any number of replicas agree without an election; no read or write outside one Secret and one
//! webhook configuration. Refuses to know: HTTP, admission, and how the process listens.

pub mod files;
mod resolver;

pub use resolver::{Certificate, CertificateError, Resolver};
