//! Whether a certificate would be accepted by whoever trusts a bundle, as the API server asks it.

use crate::resolver::Certificate;
use crate::state::{Seconds, State};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
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
    /// There is nothing to verify.
    #[error("there is no certificate to verify")]
    Nothing,
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
    verify_chain(&[CertificateDer::from(leaf.to_vec())], bundle, names, now)
}

/// Verifies the first certificate of `chain` for every name against a PEM bundle at `now`, through the others.
pub fn verify_chain(
    chain: &[CertificateDer<'static>],
    bundle: &[u8],
    names: &[String],
    now: Seconds,
) -> Result<(), VerifyError> {
    let Some((leaf, others)) = chain.split_first() else {
        return Err(VerifyError::Nothing);
    };
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
    for name in names {
        let server =
            ServerName::try_from(name.clone()).map_err(|_| VerifyError::Name(name.clone()))?;
        verifier
            .verify_server_cert(leaf, others, &server, &[], now)
            .map_err(|source| VerifyError::Refused {
                name: name.clone(),
                source,
            })?;
    }
    Ok(())
}

/// The certificates of a PEM text, in its order; what is none is left out.
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten().collect()
}

/// Last second of a certificate's validity; none when it cannot be read.
///
/// The verifier is asked about a time beyond all validities, and its refusal names the end: rustls' own parser then is
/// the only one in the tree.
pub fn expires(certificate: &CertificateDer<'_>) -> Option<Seconds> {
    /// The year 9999, beyond which no certificate is valid.
    const END: u64 = 253_402_300_800;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into_owned()).ok()?;
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots))
        .build()
        .ok()?;
    let name = ServerName::try_from("any.invalid").ok()?;
    let end = UnixTime::since_unix_epoch(Duration::from_secs(END));
    let refusal = verifier.verify_server_cert(certificate, &[], &name, &[], end);
    match refusal {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after,
            ..
        })) => Seconds::try_from(not_after.as_secs()).ok(),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Policy, apply};

    #[test]
    fn the_end_of_a_server_certificates_and_of_an_authoritys_validity_is_known() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = Policy {
            names: vec!["injector.monitoring.svc".to_owned()],
            ca_validity: Duration::from_hours(240),
            leaf_validity: Duration::from_hours(24),
            propagation: Duration::from_secs(30),
        };
        let state = apply(None, &Action::Create, 1_800_000_000, &policy)
            .unwrap()
            .unwrap();
        let end = |pem: &str| expires(&certificates(pem.as_bytes())[0]);
        assert_eq!(end(&state.leaf.certificate), Some(state.leaf.not_after));
        let authority = state.newest().unwrap();
        assert_eq!(end(&authority.certificate), Some(authority.not_after));
        assert_eq!(expires(&CertificateDer::from(b"none".to_vec())), None);
    }
}
