//! What the Secret holds: authorities, the certificate that is served, and when the newest authority was published.
//!
//! Private keys stand in it, so nothing here prints its content.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds since 1970. Wall clock, so that a suspended machine or a moved clock changes nothing but the next step.
pub type Seconds = i64;

/// Format of the Secret's content.
pub(crate) const VERSION: u32 = 1;

/// A key that never shows in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub(crate) String);

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(hidden)")
    }
}

/// The whole content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// 1.
    pub version: u32,
    /// Oldest first; the last one signs from when its publication has had time to spread.
    pub authorities: Vec<Authority>,
    /// What is served.
    pub leaf: Leaf,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authority {
    /// Distinguished name's common name; unique among the authorities.
    pub name: String,
    /// Certificate, PEM.
    pub certificate: String,
    /// Private key, PEM.
    pub key: Key,
    /// First second of validity.
    pub not_before: Seconds,
    /// Last second of validity.
    pub not_after: Seconds,
    /// When a replica saw it in every webhook's `caBundle`; none before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Seconds>,
    /// Last second of the longest validity it signed.
    #[serde(default)]
    pub signed_until: Seconds,
}

/// A server certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// Name of the authority that signed it.
    pub authority: String,
    /// Certificate, PEM.
    pub certificate: String,
    /// Private key, PEM.
    pub key: Key,
    /// DNS names.
    pub names: Vec<String>,
    /// First second of validity.
    pub not_before: Seconds,
    /// Last second of validity.
    pub not_after: Seconds,
    /// When it was made.
    pub made: Seconds,
}

impl State {
    /// Reads a Secret's content; anything that is not ours, or contradicts itself, is none.
    pub fn read(content: &[u8]) -> Option<Self> {
        let state: Self = serde_json::from_slice(content).ok()?;
        let coherent = state.version == VERSION
            && !state.authorities.is_empty()
            && state.authorities.len() <= crate::decide::MOST_AUTHORITIES + 1;
        coherent.then_some(state)
    }

    /// The newest authority.
    pub fn newest(&self) -> Option<&Authority> {
        self.authorities.last()
    }

    /// The authority of this name.
    pub fn authority(&self, name: &str) -> Option<&Authority> {
        self.authorities
            .iter()
            .find(|authority| authority.name == name)
    }

    /// The `caBundle` that fits: every authority's certificate, oldest first.
    pub fn bundle(&self) -> String {
        let mut out = String::new();
        for authority in &self.authorities {
            out.push_str(authority.certificate.trim_end());
            out.push('\n');
        }
        out
    }
}
