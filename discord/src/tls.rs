//! Whom we trust: Mozilla's roots, compiled in because an empty image has none, and what a file adds to them.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The further certificate authorities do not read.
    #[error(
        "the extra certificate authorities are not PEM certificates ({reason}); check EXTRA_CA_FILE"
    )]
    ExtraCa {
        /// What is wrong with them.
        reason: String,
    },
    /// The TLS library or the HTTP client does not start.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// What it says.
        reason: String,
    },
}

/// Mozilla's roots and those of `extra_pem`.
fn roots(extra_pem: Option<&[u8]>) -> Result<RootCertStore, SetupError> {
    let mut store = RootCertStore::empty();
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let Some(pem) = extra_pem else {
        return Ok(store);
    };
    let fail = |reason: String| SetupError::ExtraCa { reason };
    let before = store.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| fail(error.to_string()))?;
        store
            .add(certificate)
            .map_err(|error| fail(error.to_string()))?;
    }
    if store.len() == before {
        return Err(fail("no certificate in it".to_owned()));
    }
    Ok(store)
}

/// The TLS settings of our clients, with ring whatever provider the process has installed: Mozilla's roots and those of
/// `extra_pem`.
///
/// # Errors
/// [`SetupError::ExtraCa`] when `extra_pem` holds no certificate, or something that is none.
pub fn config(extra_pem: Option<&[u8]>) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Client {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots(extra_pem)?)
        .with_no_client_auth();
    // One request at a time: HTTP/2 would only add its buffers.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_root_store_is_not_empty() {
        assert!(roots(None).unwrap().len() > 100);
    }

    #[test]
    fn what_is_no_pem_is_named() {
        for pem in [
            &b""[..],
            b"no pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let message = roots(Some(pem)).unwrap_err().to_string();
            assert!(message.contains("EXTRA_CA_FILE"), "{message}");
        }
    }
}
