//! Whether a certificate would be accepted by whoever trusts a bundle, as the API server asks it.

use crate::resolver::Certificate;
use crate::state::{Seconds, State};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use std::time::Duration;

/// Why a certificate would be refused.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is nothing to trust.
    #[error("the caBundle holds no certificate")]
    Empty,
    /// The certificate is not to be trusted for this name at this time.
    #[error("the certificate for {name} does not verify against the caBundle: {source}")]
    Refused {
        /// DNS name.
        name: String,
        /// Why.
        source: rustls::Error,
    },
    /// A name that cannot be one.
    #[error("{0} is no DNS name")]
    Name(String),
}

/// Verifies `leaf` (DER) for every name against a PEM bundle at `now`.
pub fn verify(
    leaf: &[u8],
    bundle: &[u8],
    names: &[String],
    now: Seconds,
) -> Result<(), VerifyError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle).flatten() {
        // One that is none is as if it were not there.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(VerifyError::Empty);
    }
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots))
        .build()
        .map_err(|_| VerifyError::Empty)?;
    let now =
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
    let leaf = CertificateDer::from(leaf.to_vec());
    for name in names {
        let server =
            ServerName::try_from(name.clone()).map_err(|_| VerifyError::Name(name.clone()))?;
        verifier
            .verify_server_cert(&leaf, &[], &server, &[], now)
            .map_err(|source| VerifyError::Refused {
                name: name.clone(),
                source,
            })?;
    }
    Ok(())
}

/// The state's certificate, ready to be served, when it verifies against its own authority. A Secret that somebody wrote
/// into fails here and is made anew. Whether it is still valid is for the rotation to decide, so its first second is
/// asked about.
pub(crate) fn usable(state: &State) -> Option<Certificate> {
    let leaf = &state.leaf;
    let certificate =
        Certificate::from_pem(leaf.certificate.as_bytes(), leaf.key.0.as_bytes()).ok()?;
    verify(
        certificate.end_entity(),
        state.bundle().as_bytes(),
        &leaf.names,
        leaf.not_before + 1,
    )
    .ok()?;
    Some(certificate)
}
