//! Several managers over one pretended cluster, with every kind of trouble in it.

use super::*;
use crate::cluster::Webhooks;
use std::sync::Mutex;

#[derive(Default)]
struct Fake {
    inner: Mutex<Inner>,
}

type Meanwhile = Box<dyn FnOnce(&mut Inner) + Send>;

#[derive(Default)]
struct Inner {
    version: u64,
    secret: Option<Vec<u8>>,
    secret_version: Option<u64>,
    webhooks_version: u64,
    bundle: [Vec<u8>; 2],
    /// Runs once, between a manager's read and its write.
    meanwhile: Option<Meanwhile>,
    forbid_create: bool,
    gone: bool,
    writes: usize,
}

impl Fake {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap())
    }

    fn state(&self) -> State {
        self.with(|inner| State::read(inner.secret.as_ref().unwrap()).unwrap())
    }
}

/// The pretended cluster as one replica sees it.
struct Seen<'a> {
    fake: &'a Fake,
    /// What the API server's answers tell of its clock.
    ahead: Seconds,
}

impl Cluster for Seen<'_> {
    fn ahead(&self) -> Seconds {
        self.ahead
    }

    async fn secret(&self) -> Result<Secret, ClusterError> {
        self.fake.with(|inner| {
            Ok(Secret {
                version: inner.secret_version.map(|version| version.to_string()),
                content: inner.secret.clone(),
            })
        })
    }

    async fn write_secret(
        &self,
        version: Option<&str>,
        content: &[u8],
        _: &str,
    ) -> Result<(), ClusterError> {
        self.fake.with(|inner| {
            if let Some(meanwhile) = inner.meanwhile.take() {
                meanwhile(inner);
            }
            if version.is_none() && inner.forbid_create {
                return Err(ClusterError::Forbidden {
                    what: "POST secrets".into(),
                    message: "no".into(),
                });
            }
            let current = inner.secret_version.map(|version| version.to_string());
            if version != current.as_deref() {
                return Err(ClusterError::Conflict("secret".into()));
            }
            inner.version += 1;
            inner.writes += 1;
            inner.secret_version = Some(inner.version);
            inner.secret = Some(content.to_vec());
            Ok(())
        })
    }

    async fn webhooks(&self) -> Result<Webhooks, ClusterError> {
        self.fake.with(|inner| {
            if inner.gone {
                return Err(ClusterError::Missing("the webhooks".into()));
            }
            let names = ["pods", "namespaces"].map(str::to_owned);
            Ok(Webhooks {
                version: inner.webhooks_version.to_string(),
                entries: names.into_iter().zip(inner.bundle.clone()).collect(),
            })
        })
    }

    async fn publish(&self, webhooks: &Webhooks, bundle: &str) -> Result<(), ClusterError> {
        self.fake.with(|inner| {
            if webhooks.version != inner.webhooks_version.to_string() {
                return Err(ClusterError::Conflict("webhooks".into()));
            }
            inner.webhooks_version += 1;
            inner.bundle = [bundle.as_bytes().to_vec(), bundle.as_bytes().to_vec()];
            Ok(())
        })
    }
}

const START: Seconds = 1_800_000_000;

fn manager(fake: &Fake) -> (Manager<Seen<'_>>, Arc<Resolver>) {
    manager_ahead(fake, 0)
}

/// One whose node's clock is behind the API server's.
fn manager_ahead(fake: &Fake, ahead: Seconds) -> (Manager<Seen<'_>>, Arc<Resolver>) {
    manager_slow(fake, ahead, 1)
}

/// One whose certificates live so many times as long.
fn manager_slow(fake: &Fake, ahead: Seconds, unit: u32) -> (Manager<Seen<'_>>, Arc<Resolver>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let policy = Policy {
        names: vec!["injector.monitoring.svc".to_owned()],
        ca_validity: Duration::from_mins(10) * unit,
        leaf_validity: Duration::from_mins(2) * unit,
        propagation: Duration::from_secs(10),
    };
    let resolver = Arc::new(Resolver::default());
    let seen = Seen { fake, ahead };
    (Manager::new(seen, policy, Arc::clone(&resolver)), resolver)
}

/// The chart's Secret, which is there and empty.
fn chart() -> Fake {
    let fake = Fake::default();
    fake.with(|inner| inner.secret_version = Some(0));
    fake
}

#[tokio::test]
async fn replicas_agree_on_one_authority() {
    let fake = chart();
    let (mut one, served_by_one) = manager(&fake);
    let (mut two, served_by_two) = manager(&fake);
    let (_, health) = one.look(START).await.unwrap();
    assert!(health.verified, "{health:?}");
    let (_, health) = two.look(START).await.unwrap();
    assert!(health.verified, "{health:?}");
    assert_eq!(served_by_one.end_entity(), served_by_two.end_entity());
    assert_eq!(fake.state().authorities.len(), 1);
}

#[tokio::test]
async fn who_is_slower_takes_what_the_faster_wrote() {
    let fake = chart();
    let (mut slow, served) = manager(&fake);
    // The other one's first look, caught between this one's read and its write.
    let other = chart();
    manager(&other).0.look(START).await.unwrap();
    let content = other.with(|inner| inner.secret.clone());
    fake.with(|inner| {
        inner.meanwhile = Some(Box::new(move |inner| {
            inner.version += 1;
            inner.secret_version = Some(inner.version);
            inner.secret = content;
        }));
    });
    let (_, health) = slow.look(START).await.unwrap();
    assert!(health.verified, "{health:?}");
    assert_eq!(
        fake.state(),
        State {
            authorities: fake.state().authorities,
            ..other.state()
        }
    );
    assert!(served.is_set());
}

#[tokio::test]
async fn many_replicas_over_many_rotations_never_serve_what_is_refused() {
    let fake = chart();
    let mut replicas: Vec<_> = (0..3).map(|_| manager(&fake)).collect();
    let mut authorities = std::collections::HashSet::new();
    for (manager, _) in &mut replicas {
        manager.look(START).await.unwrap();
    }
    for second in 1..1_500 {
        let now = START + second;
        // Each replica looks every third second, one after the other.
        let turn = usize::try_from(second % 3).unwrap();
        replicas[turn].0.look(now).await.unwrap();
        let bundle = fake.with(|inner| inner.bundle[0].clone());
        for (_, resolver) in &replicas {
            let leaf = resolver.end_entity().unwrap();
            verify(&leaf, &bundle, &["injector.monitoring.svc".to_owned()], now).unwrap();
        }
        authorities.insert(fake.state().newest().unwrap().name.clone());
    }
    assert!(
        authorities.len() >= 3,
        "only {} authorities in 1500 s",
        authorities.len()
    );
    let writes = fake.with(|inner| inner.writes);
    assert!(
        writes < 120,
        "{writes} writes: the replicas undo each other's work"
    );
}

/// Looks in turn with two replicas, one of whose nodes' clock is so far behind; what the API server verifies at its own
/// time, it accepts. `told`: its answers say what time that is. Authorities seen, and writes.
async fn with_two_clocks(behind: Seconds, told: bool) -> (usize, usize) {
    // Untold, certificates that live for minutes are over or not yet begun where a clock is hours off.
    let unit = if told { 1 } else { 600 };
    let fake = chart();
    let (mut right, served_by_right) = manager_slow(&fake, 0, unit);
    let (mut wrong, served_by_wrong) = manager_slow(&fake, if told { behind } else { 0 }, unit);
    let mut authorities = std::collections::HashSet::new();
    for at in 0..1_500 {
        let now = START + at * Seconds::from(unit);
        let (replica, here) = match at % 4 {
            0 => (&mut right, now),
            2 => (&mut wrong, now - behind),
            _ => continue,
        };
        let before = fake
            .with(|inner| inner.secret.clone())
            .map(|_| fake.state());
        replica.look(here).await.unwrap();
        let after = fake.state();
        for authority in before.iter().flat_map(|state| &state.authorities) {
            let kept = after.authority(&authority.name).is_some();
            assert!(
                kept || authority.signed_until < now,
                "{} left at {at} with certificates of its still valid",
                authority.name
            );
        }
        let bundle = fake.with(|inner| inner.bundle[0].clone());
        for resolver in [&served_by_right, &served_by_wrong] {
            if let Some(leaf) = resolver.end_entity() {
                verify(&leaf, &bundle, &["injector.monitoring.svc".to_owned()], now).unwrap();
            }
        }
        authorities.insert(after.newest().unwrap().name.clone());
    }
    (authorities.len(), fake.with(|inner| inner.writes))
}

#[tokio::test]
async fn replicas_whose_clocks_differ_go_by_the_api_servers() {
    for behind in [7_200, -7_200] {
        let (authorities, writes) = with_two_clocks(behind, true).await;
        assert!((3..=5).contains(&authorities), "{authorities} in 1500 s");
        assert!(writes < 120, "{writes} writes: they undo each other's work");
    }
}

#[tokio::test]
async fn a_replica_whose_clock_is_behind_drops_no_authority_of_the_others() {
    let (authorities, _) = with_two_clocks(7_200, false).await;
    assert!(authorities >= 3, "only {authorities} authorities");
}

#[tokio::test]
async fn a_secret_that_was_emptied_broken_or_deleted_is_written_back() {
    for (content, version) in [
        (None, Some(7)),
        (Some(b"garbage".to_vec()), Some(7)),
        (None, None),
    ] {
        let fake = chart();
        let (mut manager, resolver) = manager(&fake);
        manager.look(START).await.unwrap();
        let before = (fake.state(), resolver.end_entity());
        fake.with(|inner| {
            inner.secret = content;
            inner.secret_version = version;
        });
        let (_, health) = manager.look(START + 5).await.unwrap();
        assert!(health.verified);
        assert_eq!((fake.state(), resolver.end_entity()), before);
    }
}

#[tokio::test]
async fn a_deleted_secret_that_may_not_be_made_is_a_clear_error() {
    let fake = chart();
    let (mut manager, resolver) = manager(&fake);
    manager.look(START).await.unwrap();
    fake.with(|inner| {
        inner.secret_version = None;
        inner.secret = None;
        inner.forbid_create = true;
    });
    let message = manager.look(START + 5).await.unwrap_err().to_string();
    assert!(message.contains("helm upgrade"), "{message}");
    assert!(resolver.is_set());
}

#[tokio::test]
async fn foreign_bundles_are_replaced_in_every_webhook() {
    let fake = chart();
    let (mut manager, _) = manager(&fake);
    manager.look(START).await.unwrap();
    fake.with(|inner| {
        inner.bundle[1] =
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    });
    let (_, health) = manager.look(START + 5).await.unwrap();
    assert!(health.verified);
    fake.with(|inner| assert_eq!(inner.bundle[0], inner.bundle[1]));
}

#[tokio::test]
async fn an_authority_with_another_ones_key_is_made_anew() {
    let (fake, other) = (chart(), chart());
    let (mut manager, _) = manager(&fake);
    manager.look(START).await.unwrap();
    super::tests::manager(&other).0.look(START).await.unwrap();
    let mut state = fake.state();
    state.authorities[0].key = other.state().authorities[0].key.clone();
    state.leaf.names = vec!["forces.a.new.one".to_owned()];
    fake.with(|inner| inner.secret = Some(serde_json::to_vec(&state).unwrap()));
    let (_, health) = manager.look(START + 5).await.unwrap();
    assert!(health.verified, "{health:?}");
}

#[tokio::test]
async fn without_the_webhooks_it_says_who_makes_them() {
    let fake = chart();
    fake.with(|inner| inner.gone = true);
    let (mut manager, _) = manager(&fake);
    let message = manager.look(START).await.unwrap_err().to_string();
    assert!(
        message.contains("the webhooks") && message.contains("helm upgrade"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_loop_reports_and_ends_with_the_token() {
    let fake: &'static Fake = Box::leak(Box::new(chart()));
    let (manager, _) = manager(fake);
    let stop = CancellationToken::new();
    let (sender, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let run = tokio::spawn(manager.run(stop.clone(), move |health: &Health| {
        let _ = sender.send(health.clone());
    }));
    let first = reports.recv().await.unwrap();
    assert!(first.verified, "{first:?}");
    fake.with(|inner| inner.gone = true);
    // An API server that is away for a while changes nothing about what was published.
    let mut later = reports.recv().await.unwrap();
    while later.problem.is_none() {
        later = reports.recv().await.unwrap();
    }
    assert!(later.verified, "{later:?}");
    stop.cancel();
    run.await.unwrap();
}
