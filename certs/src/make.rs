//! Makes authorities and server certificates: ECDSA P-256, signed with what the state says.

use crate::decide::{Action, Policy};
use crate::state::{Authority, Key, Leaf, Seconds, State, VERSION};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use std::fmt::Write as _;
use time::OffsetDateTime;

/// Certificates begin this long before they are made, at most, for clocks that lag behind.
pub(crate) const BACKDATE: Seconds = 3_600;

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The library refused.
    #[error("a certificate could not be made: {0}; check the names and validities asked for")]
    Refused(#[from] rcgen::Error),
    /// A time before 1970 or after 9999.
    #[error("the clock says {0} seconds since 1970, which no certificate can hold; set the clock")]
    Clock(Seconds),
    /// The state lacks the authority that is to sign.
    #[error("authority {0} is not in the Secret any more; the next look at it decides anew")]
    Gone(String),
}

/// The state after `action`; `Publish` and `Wait` change none.
pub fn apply(
    state: Option<&State>,
    action: &Action,
    now: Seconds,
    policy: &Policy,
) -> Result<Option<State>, MakeError> {
    let Some(state) = state.filter(|_| *action != Action::Create) else {
        return Ok(Some(create(now, policy)?));
    };
    let mut state = state.clone();
    match action {
        Action::MarkPublished => {
            if let Some(newest) = state.authorities.last_mut() {
                newest.published = Some(now);
            }
        }
        Action::IssueLeaf(by) => {
            let gone = || MakeError::Gone(by.clone());
            let authority = state
                .authorities
                .iter_mut()
                .find(|one| one.name == *by)
                .ok_or_else(gone)?;
            state.leaf = leaf(authority, now, policy)?;
        }
        Action::AddAuthority => state.authorities.push(authority(now, policy)?),
        Action::Drop(names) => state.authorities.retain(|one| !names.contains(&one.name)),
        Action::Create | Action::Publish | Action::Wait(_) => return Ok(None),
    }
    Ok(Some(state))
}

fn create(now: Seconds, policy: &Policy) -> Result<State, MakeError> {
    let mut authority = authority(now, policy)?;
    let leaf = leaf(&mut authority, now, policy)?;
    Ok(State {
        version: VERSION,
        authorities: vec![authority],
        leaf,
    })
}

fn authority(now: Seconds, policy: &Policy) -> Result<Authority, MakeError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    // Unique, so that a chain is never built with the wrong one of two authorities of the same name.
    let id = key
        .public_key_raw()
        .iter()
        .rev()
        .take(6)
        .fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        });
    let name = format!("discord-monitoring injector {id}");
    let not_before = now - BACKDATE.min(policy.ca());
    let not_after = now + policy.ca();
    let params = authority_params(&name, not_before, not_after)?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Authority {
        name,
        certificate,
        key: Key(key.serialize_pem()),
        not_before,
        not_after,
        published: None,
        signed_until: 0,
    })
}

fn authority_params(
    name: &str,
    not_before: Seconds,
    not_after: Seconds,
) -> Result<CertificateParams, MakeError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = moment(not_before)?;
    params.not_after = moment(not_after)?;
    Ok(params)
}

fn leaf(authority: &mut Authority, now: Seconds, policy: &Policy) -> Result<Leaf, MakeError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(policy.names.clone())?;
    params.distinguished_name = common_name("discord-monitoring injector");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let not_before = (now - BACKDATE).max(authority.not_before);
    let not_after = (now + policy.leaf()).min(authority.not_after);
    params.not_before = moment(not_before)?;
    params.not_after = moment(not_after)?;
    let issuer = Issuer::new(
        authority_params(&authority.name, authority.not_before, authority.not_after)?,
        KeyPair::from_pem(&authority.key.0)?,
    );
    let certificate = params.signed_by(&key, &issuer)?.pem();
    authority.signed_until = authority.signed_until.max(not_after);
    Ok(Leaf {
        authority: authority.name.clone(),
        certificate,
        key: Key(key.serialize_pem()),
        names: policy.names.clone(),
        not_before,
        not_after,
        made: now,
    })
}

fn common_name(name: &str) -> DistinguishedName {
    let mut out = DistinguishedName::new();
    out.push(DnType::CommonName, name);
    out
}

fn moment(at: Seconds) -> Result<OffsetDateTime, MakeError> {
    OffsetDateTime::from_unix_timestamp(at).map_err(|_| MakeError::Clock(at))
}
