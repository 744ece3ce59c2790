//! The rotation as a pure function: what stands in the Secret, what is published, and the time, to the next step.
//!
//! Invariants, each with a property test: what is served verifies against what is published; an authority signs only
//! after it was published for the propagation time; it leaves the bundle only after everything it signed has expired. A
//! clock that is behind changes none of it.

use crate::make::BACKDATE;
use crate::state::{Authority, Seconds, State};
use std::time::Duration;

/// Authorities beside each other; a rotation that never settles stops here instead of filling the Secret.
pub(crate) const MOST_AUTHORITIES: usize = 8;

/// How long things are valid, and how long news take to spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// DNS names of the server certificate.
    pub names: Vec<String>,
    /// Validity of an authority.
    pub ca_validity: Duration,
    /// Validity of a server certificate.
    pub leaf_validity: Duration,
    /// From when a new authority stands in every `caBundle` to its first signature.
    pub propagation: Duration,
}

impl Policy {
    pub(crate) fn ca(&self) -> Seconds {
        seconds(self.ca_validity).max(3)
    }

    pub(crate) fn leaf(&self) -> Seconds {
        seconds(self.leaf_validity).max(2)
    }

    pub(crate) fn spread(&self) -> Seconds {
        seconds(self.propagation)
    }

    /// Age at which an authority gets a successor: early enough that a certificate it signs has its whole validity. One
    /// made for longer than is now asked for is succeeded as if it were made today.
    fn ca_age(&self, authority: &Authority) -> Seconds {
        let whole = self.ca().min(authority.not_after - authority.made());
        let fits = whole - self.leaf() - 2 * self.spread();
        fits.min(whole / 3 * 2).max(whole / 3).max(1)
    }

    /// Age at which a server certificate is replaced.
    fn leaf_age(&self) -> Seconds {
        (self.leaf() / 3 * 2).max(1)
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds::try_from(duration.as_secs())
        .unwrap_or(Seconds::MAX / 8)
        .min(Seconds::MAX / 8)
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make an authority and a certificate of its from nothing.
    Create,
    /// Put the bundle into every webhook.
    Publish,
    /// Note in the Secret that the newest authority is published.
    MarkPublished,
    /// Make a certificate, signed by this authority.
    IssueLeaf(String),
    /// Make a new authority beside the others.
    AddAuthority,
    /// Remove these authorities.
    Drop(Vec<String>),
    /// Nothing before this time.
    Wait(Seconds),
}

/// Decides the next step. `published`: every webhook's `caBundle` is exactly the state's bundle.
pub fn decide(state: Option<&State>, published: bool, now: Seconds, policy: &Policy) -> Action {
    let Some((state, newest)) = state.and_then(|state| Some((state, state.newest()?))) else {
        return Action::Create;
    };
    if newest.not_after <= now {
        // Everything is over: what is published helps nobody.
        return Action::Create;
    }
    let valid = |authority: &Authority| authority.not_before <= now && now < authority.not_after;
    let leaf = &state.leaf;
    let signer = state.authority(&leaf.authority).filter(|one| valid(one));
    let usable = signer.is_some()
        && leaf.names == policy.names
        && leaf.not_before <= now
        && now < leaf.not_after;
    let renew = leaf.made
        + policy
            .leaf_age()
            .min((leaf.not_after - leaf.made) / 3 * 2)
            .max(1);
    if !valid(newest) {
        let serving = signer.filter(|_| usable);
        return before_its_time(state, serving, published, renew, now);
    }
    let gone: Vec<String> = state
        .authorities
        .iter()
        .filter(|one| one.name != newest.name && one.name != state.leaf.authority)
        .filter(|one| one.signed_until < now || one.not_after < now)
        .map(|one| one.name.clone())
        .collect();
    if !gone.is_empty() {
        return Action::Drop(gone);
    }
    if !published {
        return Action::Publish;
    }
    let Some(since) = newest.published.filter(|since| *since <= now) else {
        return Action::MarkPublished;
    };
    let spread = since + policy.spread();
    let moved = leaf.authority != newest.name;
    if !usable || renew <= now || leaf.made > now || (moved && spread <= now) {
        let by = match signer {
            // A successor that is not known everywhere yet would be refused; the old one still serves.
            Some(old) if moved && now < spread => old,
            _ => newest,
        };
        // Signed again by the same old authority it could not live longer; then it waits for the new one.
        let helps = !usable || by.name == newest.name || by.not_after > leaf.not_after;
        if helps {
            return Action::IssueLeaf(by.name.clone());
        }
    }
    let succeed = newest.made() + policy.ca_age(newest);
    if succeed <= now && !moved && state.authorities.len() < MOST_AUTHORITIES {
        return Action::AddAuthority;
    }
    let mut next = if moved { spread } else { renew.min(succeed) };
    for one in &state.authorities {
        if one.name != newest.name {
            next = next.min(one.signed_until.min(one.not_after) + 1);
        }
    }
    Action::Wait(next.max(now + 1))
}

/// The newest authority is not valid yet: the clock went back, or a replica whose clock is ahead made it. Nothing leaves
/// the bundle, for others may serve what is in it; and what still serves, goes on.
fn before_its_time(
    state: &State,
    serving: Option<&Authority>,
    published: bool,
    renew: Seconds,
    now: Seconds,
) -> Action {
    let Some(signer) = serving else {
        return if state.authorities.len() < MOST_AUTHORITIES {
            Action::AddAuthority
        } else {
            Action::Create
        };
    };
    if !published {
        return Action::Publish;
    }
    let mut next = state.leaf.not_after;
    if signer.not_after > state.leaf.not_after {
        if renew <= now {
            return Action::IssueLeaf(signer.name.clone());
        }
        next = renew;
    }
    if let Some(newest) = state.newest() {
        next = next.min(newest.not_before);
    }
    Action::Wait(next.max(now + 1))
}

impl Authority {
    /// When it was made: its validity begins [`BACKDATE`] earlier, or its own length where that is less.
    fn made(&self) -> Seconds {
        self.not_before + BACKDATE.min((self.not_after - self.not_before) / 2)
    }
}
