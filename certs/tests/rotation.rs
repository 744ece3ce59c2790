//! The rotation over a simulated clock: whatever happens, what is served verifies against what is published.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use certs::{Action, Policy, Seconds, State, apply, decide, verify};
use proptest::prelude::*;
use std::time::Duration;

const NAME: &str = "injector.monitoring.svc";

fn policy(ca: u64, leaf: u64, propagation: u64) -> Policy {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Policy {
        names: vec![NAME.to_owned()],
        ca_validity: Duration::from_secs(ca),
        leaf_validity: Duration::from_secs(leaf),
        propagation: Duration::from_secs(propagation),
    }
}

/// One cluster: a Secret, a webhook's bundle and what the API server still believes, in seconds.
struct World {
    policy: Policy,
    now: Seconds,
    state: Option<State>,
    bundle: String,
    /// Bundles with the time from when on every API server knows them.
    known: Vec<(Seconds, String)>,
    actions: Vec<Action>,
}

impl World {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: 1_800_000_000,
            state: None,
            bundle: String::new(),
            known: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Takes steps until there is nothing to do now; returns when there is.
    fn settle(&mut self) -> Seconds {
        for _ in 0..20 {
            let wanted = self.state.as_ref().map(State::bundle).unwrap_or_default();
            let published = !self.bundle.is_empty() && self.bundle == wanted;
            let action = decide(self.state.as_ref(), published, self.now, &self.policy);
            self.actions.push(action.clone());
            match action {
                Action::Wait(next) => return next,
                Action::Publish => {
                    self.bundle.clone_from(&wanted);
                    let spread = Seconds::try_from(self.policy.propagation.as_secs()).unwrap();
                    self.known.push((self.now + spread, wanted));
                }
                action => {
                    let next = apply(self.state.as_ref(), &action, self.now, &self.policy).unwrap();
                    self.state = next.or(self.state.take());
                }
            }
        }
        panic!("the rotation does not settle: {:?}", self.actions);
    }

    /// Whether a caller that trusts `bundle` accepts what is served.
    fn accepts(&self, bundle: &str) -> bool {
        let Some(state) = &self.state else {
            return false;
        };
        let leaf = rustls_pem(&state.leaf.certificate);
        verify(&leaf, bundle.as_bytes(), &self.policy.names, self.now).is_ok()
    }

    /// Whether every API server accepts it: those that know the newest bundle, and those still on the way to it.
    fn accepted_everywhere(&self) -> bool {
        let settled = self.known.iter().rev().find(|(from, _)| *from <= self.now);
        let on_the_way = self.known.iter().filter(|(from, _)| *from > self.now);
        settled
            .into_iter()
            .chain(on_the_way)
            .all(|(_, bundle)| self.accepts(bundle))
    }
}

fn rustls_pem(text: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(text.as_bytes())
        .unwrap()
        .to_vec()
}

#[test]
fn the_first_look_makes_publishes_and_serves() {
    let mut world = World::new(policy(86_400, 3_600, 30));
    world.settle();
    assert!(world.accepts(&world.bundle));
    assert!(matches!(
        world.actions.as_slice(),
        [
            Action::Create,
            Action::Publish,
            Action::MarkPublished,
            Action::Wait(_)
        ]
    ));
}

#[test]
fn a_rotation_publishes_both_waits_and_then_signs() {
    let mut world = World::new(policy(600, 120, 30));
    world.settle();
    let first = world.state.as_ref().unwrap().leaf.authority.clone();
    loop {
        let next = world.settle();
        if world.state.as_ref().unwrap().authorities.len() == 2 {
            break;
        }
        world.now = next;
    }
    let published_at = world.now;
    assert_eq!(world.bundle.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(
        world.state.as_ref().unwrap().leaf.authority,
        first,
        "the new authority must not sign yet"
    );
    loop {
        let next = world.settle();
        if world.state.as_ref().unwrap().leaf.authority != first {
            break;
        }
        world.now = next;
    }
    let waited = world.now - published_at;
    assert_eq!(waited, 30, "it signed {waited} s after its publication");
    let gone = world.state.as_ref().unwrap().authorities[0].signed_until;
    while world.state.as_ref().unwrap().authorities.len() == 2 {
        world.now = world.settle().max(world.now + 1);
        world.settle();
    }
    assert!(
        world.now > gone,
        "the old authority left while something it signed was valid"
    );
}

#[test]
fn wrong_names_are_repaired_at_once() {
    let mut world = World::new(policy(86_400, 3_600, 30));
    world.settle();
    world.policy.names = vec!["other.monitoring.svc".to_owned()];
    world.settle();
    assert!(world.accepts(&world.bundle));
}

#[test]
fn an_authority_made_for_longer_than_is_now_asked_for_is_succeeded_by_todays_rule() {
    let mut world = World::new(policy(10 * 365 * 86_400, 3_600, 2));
    world.settle();
    world.policy = policy(600, 120, 2);
    // 120 and twice 2 before the end of 600, but not after two thirds of it.
    world.now += 400;
    world.settle();
    assert_eq!(world.state.as_ref().unwrap().authorities.len(), 2);
}

#[test]
fn an_authority_made_for_shorter_than_is_now_asked_for_is_succeeded_before_its_end() {
    let mut world = World::new(policy(600, 120, 2));
    world.settle();
    world.policy = policy(10 * 365 * 86_400, 120, 2);
    world.now += 400;
    world.settle();
    assert_eq!(world.state.as_ref().unwrap().authorities.len(), 2);
}

#[test]
fn a_machine_asleep_for_years_wakes_up_to_a_new_authority() {
    let mut world = World::new(policy(86_400, 3_600, 30));
    world.settle();
    world.now += 10 * 365 * 86_400;
    world.settle();
    assert!(world.accepts(&world.bundle));
}

#[test]
fn where_only_the_newest_authority_is_not_valid_yet_there_is_nothing_to_do_but_wait() {
    let mut world = World::new(policy(86_400, 40_000, 30));
    world.settle();
    let first = world.state.clone().unwrap();
    // Somebody whose clock is two hours ahead puts the successor beside it.
    let ahead = world.now + 7_200;
    let state = apply(
        world.state.as_ref(),
        &Action::AddAuthority,
        ahead,
        &world.policy,
    );
    world.state = state.unwrap();
    world.actions.clear();
    let next = world.settle();
    assert!(
        matches!(world.actions.as_slice(), [Action::Publish, Action::Wait(_)]),
        "{:?}",
        world.actions
    );
    assert_eq!(world.state.as_ref().unwrap().leaf, first.leaf);
    let valid = world.state.as_ref().unwrap().newest().unwrap().not_before;
    assert!(next > world.now && next <= valid, "{next}");
}

#[test]
fn where_nothing_is_valid_yet_an_authority_is_made_beside_the_others() {
    let mut world = World::new(policy(86_400, 3_600, 30));
    world.settle();
    let first = world.state.clone().unwrap();
    world.now -= 50_000;
    world.settle();
    assert!(world.accepts(&world.bundle));
    let kept = world.state.as_ref().unwrap();
    assert!(
        kept.authority(&first.leaf.authority).is_some(),
        "whoever serves what it signed is still trusted"
    );
}

#[test]
fn nothing_of_a_key_shows_when_the_state_is_printed() {
    let mut world = World::new(policy(86_400, 3_600, 30));
    world.settle();
    let shown = format!("{:?}", world.state);
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

#[test]
fn a_secret_of_garbage_is_none() {
    for content in [
        "",
        "{}",
        "null",
        "{\"version\":1}",
        "\u{0}\u{1}",
        "{\"version\":2,\"authorities\":[]}",
    ] {
        assert_eq!(State::read(content.as_bytes()), None, "{content}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Looked at regularly, at any pace that is faster than the leaf's validity: accepted at every second, everywhere.
    #[test]
    fn what_is_served_is_accepted_at_every_moment(
        ca in 60_u64..2_000, leaf_share in 2_u64..6, propagation in 0_u64..8, pace in 1_i64..4, steps in 100_usize..400,
    ) {
        let leaf = (ca / leaf_share).max(20);
        let mut world = World::new(policy(ca, leaf, propagation));
        world.settle();
        for _ in 0..steps {
            world.now += pace;
            prop_assert!(world.accepted_everywhere(), "before the look at {}: {:?}", world.now, world.actions);
            world.settle();
            prop_assert!(world.accepted_everywhere(), "after the look at {}: {:?}", world.now, world.actions);
            prop_assert!(world.state.as_ref().unwrap().authorities.len() <= 8);
        }
    }

    /// Wherever the clock jumps, the next look ends in something that is accepted.
    #[test]
    fn after_any_step_of_the_clock_the_next_look_repairs(jumps in prop::collection::vec(-100_000_i64..100_000, 1..6)) {
        let mut world = World::new(policy(600, 120, 10));
        world.settle();
        for jump in jumps {
            world.now += jump;
            world.settle();
            prop_assert!(world.accepts(&world.bundle), "{:?}", world.actions);
        }
    }
}
