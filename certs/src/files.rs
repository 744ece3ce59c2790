//! A certificate from two mounted files, read again when their content changes.
//!
//! The content is polled: kubelet replaces a mounted Secret by swapping a directory link above the files, and a watch on
//! the files themselves never hears of it.

use crate::resolver::{Certificate, CertificateError, Resolver};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
pub(crate) const POLL: Duration = Duration::from_secs(1);
/// No certificate or key is near as long as this.
const LONGEST: u64 = 256 * 1024;

/// Why the files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// One of them cannot be read.
    #[error("{path} cannot be read: {source}; check the path and its permissions")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One of them is no certificate or key at all.
    #[error("{path} is longer than a certificate or key can be")]
    Long {
        /// Which.
        path: PathBuf,
    },
    /// They do not belong together, or are none.
    #[error("{path}: {source}")]
    Content {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
}

/// A certificate's file and its key's.
#[derive(Debug)]
pub struct Files {
    chain: PathBuf,
    key: PathBuf,
    last: Option<(Vec<u8>, Vec<u8>)>,
}

impl Files {
    /// The PEM chain at `chain` and the PEM key at `key`.
    pub fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self {
            chain,
            key,
            last: None,
        }
    }

    /// Reads both; `None` when nothing changed since the last time.
    pub async fn load(&mut self) -> Result<Option<Certificate>, FileError> {
        let content = (read(&self.chain).await?, read(&self.key).await?);
        if self.last.as_ref() == Some(&content) {
            return Ok(None);
        }
        let certificate =
            Certificate::from_pem(&content.0, &content.1).map_err(|source| FileError::Content {
                path: self.chain.clone(),
                source,
            })?;
        // Remembered only when good: a half written pair is tried again.
        self.last = Some(content);
        Ok(Some(certificate))
    }

    /// Serves what the files hold through `resolver` until `shutdown`; `changed` hears of each success and of each new
    /// failure.
    pub async fn follow(
        mut self,
        resolver: Arc<Resolver>,
        shutdown: CancellationToken,
        changed: impl Fn(Result<(), &FileError>),
    ) {
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut trouble = String::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            match self.load().await {
                Ok(None) => {}
                Ok(Some(certificate)) => {
                    resolver.set(&certificate);
                    trouble.clear();
                    tracing::info!(path = %self.chain.display(), "certificate in force");
                    changed(Ok(()));
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != trouble {
                        tracing::error!(
                            error = text,
                            "the certificate on disk cannot be served; the old one stays"
                        );
                        changed(Err(&error));
                        trouble = text;
                    }
                }
            }
        }
    }
}

pub(crate) async fn read(path: &PathBuf) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read {
        path: path.clone(),
        source,
    };
    if tokio::fs::metadata(path).await.map_err(failed)?.len() > LONGEST {
        return Err(FileError::Long { path: path.clone() });
    }
    tokio::fs::read(path).await.map_err(failed)
}
