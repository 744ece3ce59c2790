//! The little of a cluster the rotation needs, as a trait, so that tests run without one.

use crate::state::Seconds;
use std::future::Future;

/// Why the cluster did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Somebody else wrote in between; look again.
    #[error("somebody else changed {0} in between")]
    Conflict(String),
    /// It is not there.
    #[error("{0} is not there; the chart makes it: run helm upgrade")]
    Missing(String),
    /// Not allowed.
    #[error("{what} is not allowed: {message}; helm upgrade renews the roles and what was deleted")]
    Forbidden {
        /// Verb and object.
        what: String,
        /// The API server's words.
        message: String,
    },
    /// Anything else, mostly that the API server does not answer.
    #[error("{what} failed: {message}")]
    Other {
        /// Verb and object.
        what: String,
        /// Why.
        message: String,
    },
}

/// The Secret as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// For the next write; none when the Secret is not there.
    pub version: Option<String>,
    /// Our key's content.
    pub content: Option<Vec<u8>>,
}

/// The webhook configuration as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Webhooks {
    /// For the next write.
    pub version: String,
    /// Each entry's name and `caBundle`, PEM.
    pub entries: Vec<(String, Vec<u8>)>,
}

/// One Secret and one webhook configuration.
pub trait Cluster: Send + Sync {
    /// Reads the Secret.
    fn secret(&self) -> impl Future<Output = Result<Secret, ClusterError>> + Send;
    /// Writes our key and `bundle` into the Secret, if it still has this version; makes it when `version` is none.
    fn write_secret(
        &self,
        version: Option<&str>,
        content: &[u8],
        bundle: &str,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
    /// How many seconds the API server's clock is ahead of ours, as its last answer said; less than nothing when behind.
    fn ahead(&self) -> Seconds;
    /// Reads the webhook configuration.
    fn webhooks(&self) -> impl Future<Output = Result<Webhooks, ClusterError>> + Send;
    /// Sets every entry's `caBundle`, if the configuration still has this version.
    fn publish(
        &self,
        webhooks: &Webhooks,
        bundle: &str,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
}
