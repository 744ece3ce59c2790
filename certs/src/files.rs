//! A certificate from two mounted files, read again when their content changes.
//!
//! The content is polled: kubelet replaces a mounted Secret by swapping a directory link above the files, and a watch on
//! the files themselves never hears of it.

use crate::clock;
use crate::manager::Health;
use crate::resolver::{Certificate, CertificateError, Resolver};
use crate::state::Seconds;
use crate::verify::expires;
use rustls::pki_types::CertificateDer;
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

    /// Serves what the files hold through `resolver` until `shutdown`; `report` hears after every look how things stand.
    pub async fn follow(
        mut self,
        resolver: Arc<Resolver>,
        shutdown: CancellationToken,
        mut report: impl FnMut(Reload, &Health),
    ) {
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut trouble = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            let reload = match self.load().await {
                Ok(None) => {
                    // A broken file that became the old one again is no trouble any more.
                    trouble = None;
                    Reload::Nothing
                }
                Ok(Some(certificate)) => {
                    resolver.set(&certificate);
                    trouble = None;
                    tracing::info!(path = %self.chain.display(), "certificate in force");
                    Reload::Done
                }
                Err(error) => {
                    let text = format!("the old certificate stays: {error}");
                    let is_news = trouble.as_ref() != Some(&text);
                    if is_news {
                        tracing::error!(
                            %error,
                            "the certificate on disk cannot be served; the old one stays"
                        );
                    }
                    trouble = Some(text);
                    if is_news {
                        Reload::Failed
                    } else {
                        Reload::Nothing
                    }
                }
            };
            let health = self.standing(&resolver, trouble.clone(), clock::here());
            report(reload, &health);
        }
    }

    /// How the certificate that is served stands.
    pub fn health(&self, resolver: &Resolver) -> Health {
        self.standing(resolver, None, clock::here())
    }

    /// The same at `now`. Nobody here knows what the API server trusts; an expired one it
    /// refuses in any case.
    fn standing(&self, resolver: &Resolver, trouble: Option<String>, now: Seconds) -> Health {
        let served = resolver.end_entity().map(CertificateDer::from);
        let not_after = served.as_ref().and_then(expires);
        let is_over = not_after.is_some_and(|end| end < now);
        let over = is_over.then(|| {
            format!(
                "the certificate in {} has expired; whoever issues it has to renew it",
                self.chain.display()
            )
        });
        Health {
            verified: served.is_some() && !is_over,
            not_after,
            problem: trouble.or(over),
        }
    }
}

/// What a look at a mounted file led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Nothing new.
    Nothing,
    /// New content is in force.
    Done,
    /// New content, or none, that cannot be used; said once.
    Failed,
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
