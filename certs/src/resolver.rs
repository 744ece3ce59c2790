//! A certificate that can be swapped while connections are made.

use arc_swap::ArcSwapOption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The text holds no certificate.
    #[error("there is no PEM certificate in it: {0}; expected a chain, the server's own first")]
    Certificate(String),
    /// The text holds no private key.
    #[error("there is no PEM private key in it; expected PKCS#8, SEC1 or PKCS#1")]
    Key,
    /// The provider cannot sign with the key, or it belongs to another certificate.
    #[error("the private key cannot be used with the certificate: {0}; both must be of one pair")]
    Pair(#[source] rustls::Error),
    /// No provider of cryptography stands.
    #[error("no TLS provider is installed; main installs one before anything else")]
    Provider,
}

/// A certificate with its key, ready to be served.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads a PEM chain and its PEM key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(CertificateError::Certificate(
                "no CERTIFICATE section".to_owned(),
            ));
        }
        // What the parser says of a key could quote it.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::Key)?;
        let provider =
            rustls::crypto::CryptoProvider::get_default().ok_or(CertificateError::Provider)?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(CertificateError::Pair)?;
        Ok(Self { key: Arc::new(key) })
    }

    /// The server's own certificate, DER.
    pub fn end_entity(&self) -> &[u8] {
        self.key.cert.first().map(AsRef::as_ref).unwrap_or_default()
    }
}

/// Hands the certificate in force to each new connection; none while there is none yet.
#[derive(Debug, Default)]
pub struct Resolver {
    current: ArcSwapOption<CertifiedKey>,
}

impl Resolver {
    /// Serves `certificate` from the next connection on.
    pub fn set(&self, certificate: &Certificate) {
        self.current.store(Some(Arc::clone(&certificate.key)));
    }

    /// Whether there is one to serve.
    pub fn is_set(&self) -> bool {
        self.current.load().is_some()
    }

    /// The certificate in force, DER.
    pub fn end_entity(&self) -> Option<Vec<u8>> {
        let current = self.current.load_full()?;
        current.cert.first().map(|der| der.to_vec())
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }
}
