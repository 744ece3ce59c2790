//! The injector under load while its authority is rotated every 20 seconds and its replicas come and go: asked to end,
//! none misses a Pod; killed, the ones it misses are few, soon over, and listed by `check`.
//!
//! Creations are dry runs where only the answer counts: the API server calls the webhook for them as for any other.

use super::check::check;
use super::support::cluster::{self, RELEASE_NAMESPACE, helm_upgrade};
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, injector, with_world};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Creations a second.
const RATE: u32 = 50;

fn full() -> bool {
    std::env::var("FULL").is_ok_and(|full| full == "true")
}

/// Three replicas, with an authority that lives a minute, a certificate that lives 40 s, and 2 s to reach everybody; as long
/// as this is held, also by a test that fails.
struct Restless;

impl Restless {
    fn begin() -> Self {
        helm_upgrade(&[
            "--set",
            "injector.replicaCount=3,certs.caValidity=60s,certs.leafValidity=40s,certs.propagation=2s",
        ]);
        Self
    }
}

impl Drop for Restless {
    fn drop(&mut self) {
        // A panic within a panic would end the other tests too.
        let _ = std::panic::catch_unwind(|| helm_upgrade(&[]));
    }
}

/// A Pod that waits for ever for a node, so that nothing runs.
fn waiting(name: &str) -> Pod {
    let mut agent = Agent::new("agent", &[]);
    agent.pod = json!({"nodeSelector": {"nowhere": "true"}});
    let mut pod = agent.pod();
    pod["metadata"]["name"] = name.into();
    serde_json::from_value(pod).expect("a Pod")
}

fn is_watched(pod: &Pod) -> bool {
    let init = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten());
    init.into_iter()
        .any(|container| container.name == sidecar::names::WATCHER)
}

/// What became of the creations.
#[derive(Default)]
struct Load {
    created: usize,
    /// Names and times of the ones that got no watcher.
    missed: Vec<(String, Instant)>,
}

/// Creates Pods at [`RATE`] for so long, each on time whatever became of the one before.
async fn create_for(world: &World, time: Duration, rate: u32, dry_run: bool) -> Load {
    let (done, mut results) = tokio::sync::mpsc::unbounded_channel();
    let mut clock = tokio::time::interval(Duration::from_secs(1) / rate);
    let end = Instant::now() + time;
    let mut at = 0;
    while Instant::now() < end {
        clock.tick().await;
        let (pods, done): (Api<Pod>, _) = (world.api(), done.clone());
        let name = format!("load-{at}");
        at += 1;
        tokio::spawn(async move {
            let parameters = PostParams {
                dry_run,
                ..PostParams::default()
            };
            let made = pods.create(&parameters, &waiting(&name)).await;
            let _ = done.send((name, Instant::now(), made.map(|pod| is_watched(&pod))));
        });
    }
    drop(done);
    let mut load = Load::default();
    while let Some((name, when, watched)) = results.recv().await {
        load.created += 1;
        match watched {
            Ok(true) => {}
            Ok(false) => load.missed.push((name, when)),
            Err(error) => panic!("a Pod was refused, which is harm: {error}"),
        }
    }
    load
}

/// Ends replicas at random, about every `pause`, until the time is over; when each was ended.
async fn end_replicas(
    world: &World,
    time: Duration,
    pause: Duration,
    grace: Option<u32>,
) -> Vec<Instant> {
    let replicas: Api<Pod> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
    let mut rng = SmallRng::seed_from_u64(7);
    let (end, mut ended) = (Instant::now() + time, Vec::new());
    loop {
        tokio::time::sleep(pause.mul_f64(rng.random_range(0.7..1.3))).await;
        if Instant::now() + pause > end {
            return ended;
        }
        let running = injector::pods(&world.client).await;
        let ready: Vec<_> = running.iter().filter(|pod| is_ready(pod)).collect();
        // A platform that takes the last one away gets what it asks for; that is another test's matter.
        if ready.len() < 2 {
            continue;
        }
        let name = ready
            .choose(&mut rng)
            .and_then(|pod| pod.metadata.name.clone())
            .expect("a name");
        let parameters = DeleteParams {
            grace_period_seconds: grace,
            ..DeleteParams::default()
        };
        ended.push(Instant::now());
        let _ = replicas.delete(&name, &parameters).await;
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    pod.metadata.deletion_timestamp.is_none() && ready.any(|condition| condition.status == "True")
}

async fn all_ready(world: &World) {
    eventually("three replicas are ready", seconds(60), async || {
        let ready = injector::pods(&world.client)
            .await
            .iter()
            .filter(|pod| is_ready(pod))
            .count();
        anyhow::ensure!(ready == 3, "{ready}");
        Ok(())
    })
    .await;
    // kube-proxy and the API server's connections follow.
    tokio::time::sleep(seconds(3)).await;
}

/// The injector's Secret.
const SECRET: &str = "dm-discord-monitoring-injector-tls";

fn secrets(world: &World) -> Api<Secret> {
    Api::namespaced(world.client.clone(), RELEASE_NAMESPACE)
}

/// The authorities of the bundle that is published; empty while there is no Secret.
async fn bundle(world: &World) -> String {
    let secret = secrets(world)
        .get_opt(SECRET)
        .await
        .expect("the API server answers");
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    data.get("ca.crt").map_or_else(String::new, |text| {
        String::from_utf8_lossy(&text.0).into_owned()
    })
}

async fn secret_uid(world: &World) -> Option<String> {
    let secret = secrets(world).get_opt(SECRET).await;
    secret.expect("the API server answers")?.metadata.uid
}

async fn delete_secret(world: &World) {
    let deleted = secrets(world)
        .delete(SECRET, &DeleteParams::default())
        .await;
    deleted.expect("the Secret is deleted");
}

#[tokio::test]
async fn replicas_that_are_asked_to_end_miss_no_pod_while_the_authority_is_rotated() {
    let _guard = cluster::exclusive().await;
    with_world("rotation", |world| async move {
        let restless = Restless::begin();
        // The authority that was there was made for longer; its successor comes by today's rule.
        all_ready(&world).await;
        let time = if full() {
            Duration::from_mins(10)
        } else {
            seconds(60)
        };
        let rotations = async {
            let (mut seen, end) = (BTreeSet::new(), Instant::now() + time);
            while Instant::now() < end {
                seen.insert(bundle(&world).await);
                tokio::time::sleep(seconds(1)).await;
            }
            seen.len()
        };
        let (load, ended, bundles) = tokio::join!(
            create_for(&world, time, RATE, true),
            end_replicas(&world, time, seconds(8), None),
            rotations
        );
        println!(
            "{} creations, {} replicas ended, {bundles} bundles, {} missed",
            load.created,
            ended.len(),
            load.missed.len()
        );
        assert!(
            load.created > 30 * usize::try_from(time.as_secs()).unwrap(),
            "{}",
            load.created
        );
        assert!(
            ended.len() >= 2 && bundles >= 3,
            "{} ended, {bundles} bundles",
            ended.len()
        );
        assert_eq!(
            load.missed.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            Vec::<&String>::new()
        );

        // The Secret is taken away under load: it comes back, and nobody notices.
        let before = secret_uid(&world).await;
        let (load, ()) = tokio::join!(
            create_for(&world, seconds(10), RATE, true),
            delete_secret(&world)
        );
        assert_eq!(load.missed.len(), 0, "of {}", load.created);
        let after = secret_uid(&world).await;
        assert!(after.is_some() && after != before, "{before:?}, {after:?}");
        drop(restless);
    })
    .await;
}

#[tokio::test]
async fn replicas_that_are_killed_miss_few_pods_not_for_long_and_check_lists_each() {
    let _guard = cluster::exclusive().await;
    with_world("killed", |world| async move {
        let restless = Restless::begin();
        all_ready(&world).await;
        let time = if full() { seconds(120) } else { seconds(25) };
        let (load, killed) = tokio::join!(
            create_for(&world, time, 8, false),
            end_replicas(&world, time, seconds(6), Some(0))
        );
        println!(
            "{} creations, {} replicas killed, {} missed",
            load.created,
            killed.len(),
            load.missed.len()
        );
        assert!(killed.len() >= 2, "{}", killed.len());
        // The endpoint goes with the Pod; what is left is connections the API server still held.
        for (name, when) in &load.missed {
            let since = killed
                .iter()
                .filter(|at| *at <= when)
                .map(|at| when.duration_since(*at))
                .min();
            assert!(
                since.is_some_and(|since| since < seconds(5)),
                "{name} was missed {since:?} after a kill"
            );
        }
        all_ready(&world).await;
        let (found, code) = check(&world).await;
        let bare: BTreeSet<String> = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one: &Value| Some(one["object"].as_str()?.rsplit('/').next()?.to_owned()))
            .filter(|name| name.starts_with("load-"))
            .collect();
        let missed: BTreeSet<String> = load.missed.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(bare, missed, "{found:#}");
        assert_eq!(code == Some(0), missed.is_empty());
        drop(restless);
    })
    .await;
}
