//! Who may call: client certificates of authorities in a mounted file, read again when its content changes.
//!
//! The file is polled for the reason [`crate::files`] gives. A new content that is no certificate leaves the old one in
//! force: an empty list of authorities would lock the API server out.

use crate::files::{FileError, POLL, Reload, read};
use crate::resolver::CertificateError;
use crate::verify::certificates;
use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The file of authorities.
#[derive(Debug)]
pub struct Callers {
    path: PathBuf,
    last: Vec<u8>,
    live: Option<Arc<Live>>,
}

impl Callers {
    /// The PEM certificates at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            last: Vec::new(),
            live: None,
        }
    }

    /// Reads the file; the verifier follows later readings.
    pub async fn load(&mut self) -> Result<Arc<dyn ClientCertVerifier>, FileError> {
        let content = read(&self.path).await?;
        let verifier = self.verifier(&content)?;
        let live = if let Some(live) = &self.live {
            live.current.store(Arc::new(verifier));
            Arc::clone(live)
        } else {
            let current = ArcSwap::from_pointee(verifier);
            Arc::clone(self.live.insert(Arc::new(Live { current })))
        };
        self.last = content;
        Ok(live)
    }

    /// Reads it again whenever its content changes, until `shutdown`; `report` hears of each change, with what is wrong
    /// with the new content.
    pub async fn follow(
        mut self,
        shutdown: CancellationToken,
        report: impl Fn(Reload, Option<String>),
    ) {
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut trouble = String::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            let same = read(&self.path)
                .await
                .is_ok_and(|content| content == self.last);
            if same {
                if !trouble.is_empty() {
                    trouble.clear();
                    report(Reload::Nothing, None);
                }
                continue;
            }
            match self.load().await {
                Ok(_) => {
                    trouble.clear();
                    tracing::info!(path = %self.path.display(), "authorities of callers in force");
                    report(Reload::Done, None);
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != trouble {
                        tracing::error!(%error, "authorities of callers cannot be read; the old ones stay");
                        report(Reload::Failed, Some(format!("the old ones stay: {text}")));
                        trouble = text;
                    }
                }
            }
        }
    }

    fn verifier(&self, content: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, FileError> {
        let refused = |why: String| FileError::Content {
            path: self.path.clone(),
            source: CertificateError::Certificate(why),
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(content) {
            roots
                .add(certificate)
                .map_err(|error| refused(error.to_string()))?;
        }
        WebPkiClientVerifier::builder(Arc::new(roots))
            .build()
            .map_err(|error| refused(error.to_string()))
    }
}

/// Asks whichever verifier is in force.
#[derive(Debug)]
struct Live {
    current: ArcSwap<Arc<dyn ClientCertVerifier>>,
}

impl ClientCertVerifier for Live {
    /// None: the names would have to outlive a reading, and a caller that has a certificate shows it without them.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.current
            .load()
            .verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current
            .load()
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current
            .load()
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current.load().supported_verify_schemes()
    }
}
