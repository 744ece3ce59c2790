//! The injector under load while its authority is rotated every 20 seconds and its replicas come and go: asked to end,
//! none misses a Pod; killed, the ones it misses are few, over when the endpoint is withdrawn, and listed by `check`.
//!
//! Creations are dry runs where only the answer counts: the API server calls the webhook for them as for any other.

use crate::check::check;
use crate::support::cluster::{self, RELEASE_NAMESPACE, kubectl};
use crate::support::wait::seconds;
use crate::support::world::{World, create};
use crate::support::{Agent, eventually, injector, with_world};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, PostParams, WatchEvent, WatchParams};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Range;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

/// Creations a second.
const RATE: u32 = 50;
/// Within this, kube-proxy and the API server's connections have followed the endpoints.
const FOLLOWED: Duration = seconds(5);

fn full() -> bool {
    std::env::var("FULL").is_ok_and(|full| full == "true")
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
    missed: Vec<Missed>,
}

/// A Pod that got no watcher.
#[derive(Debug)]
struct Missed {
    name: String,
    begun: Instant,
    ended: Instant,
    /// When the API server's log says why.
    #[expect(dead_code, reason = "shown when a test fails")]
    clock: SystemTime,
}

/// Creates Pods at `rate` a second until `work` is done, each on time whatever became of the one before. Their names go on
/// where those of `load` ended, and what became of them is added to it.
async fn create_more<T>(
    world: &World,
    rate: u32,
    dry_run: bool,
    load: &mut Load,
    work: impl Future<Output = T>,
) -> T {
    let (done, mut results) = tokio::sync::mpsc::unbounded_channel();
    let mut clock = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut work = Box::pin(work);
    let mut at = load.created;
    let outcome = loop {
        tokio::select! {
            outcome = work.as_mut() => break outcome,
            _ = clock.tick() => {}
        }
        let (pods, done): (Api<Pod>, _) = (world.api(), done.clone());
        let name = format!("load-{at}");
        at += 1;
        tokio::spawn(async move {
            let parameters = PostParams {
                dry_run,
                ..PostParams::default()
            };
            let begun = Instant::now();
            let made = pods.create(&parameters, &waiting(&name)).await;
            let creation = Missed {
                name,
                begun,
                ended: Instant::now(),
                clock: SystemTime::now(),
            };
            let _ = done.send((made.map(|pod| is_watched(&pod)), creation));
        });
    };
    drop(done);
    while let Some((watched, creation)) = results.recv().await {
        load.created += 1;
        match watched {
            Ok(true) => {}
            Ok(false) => load.missed.push(creation),
            Err(error) => panic!("a Pod was refused, which is harm: {error}"),
        }
    }
    outcome
}

async fn create_during<T>(world: &World, rate: u32, work: impl Future<Output = T>) -> (Load, T) {
    let mut load = Load::default();
    let outcome = create_more(world, rate, true, &mut load, Box::pin(work)).await;
    (load, outcome)
}

/// Asks replicas to end at random, about every `pause`, until the time is over; how many were asked.
async fn end_replicas(world: &World, time: Duration, pause: Duration) -> usize {
    let replicas: Api<Pod> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
    let mut rng = SmallRng::seed_from_u64(7);
    let (end, mut ended) = (Instant::now() + time, 0);
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
        ended += 1;
        let _ = replicas.delete(&name, &DeleteParams::default()).await;
    }
}

/// A process of the injector's that was killed.
struct Kill {
    at: Instant,
    /// When no endpoint pointed at it any more.
    withdrawn: Instant,
}

/// Kills the process of whichever replica the API server calls, so many times: first it is stopped for half a second, as
/// on a machine that swaps, so that some Pods wait for it when it dies. The kubelet learns of it as of any that dies.
async fn kill_replicas(world: &World, turns: Range<usize>) -> Vec<Kill> {
    let mut kills = Vec::new();
    for turn in turns {
        all_ready(world).await;
        let before = injector::requests_by_replica(&world.client).await;
        tokio::time::sleep(seconds(3)).await;
        let after = injector::requests_by_replica(&world.client).await;
        let answered = |name: &String| after[name] - before.get(name).unwrap_or(&0);
        let busiest = after.keys().max_by_key(|name| answered(name));
        let name = busiest.expect("a replica").clone();
        let at = Instant::now();
        let (withdrawn, ()) = tokio::join!(withdrawn(world, &name), kill(world, turn, &name));
        kills.push(Kill { at, withdrawn });
        // Time in which nothing may be missed.
        tokio::time::sleep(FOLLOWED + seconds(3)).await;
    }
    kills
}

async fn kill(world: &World, turn: usize, pod: &str) {
    let (pods, reaper): (Api<Pod>, _) = (world.api(), format!("reaper-{turn}"));
    create(&pods, json!({
        "metadata": {"name": reaper, "annotations": {sidecar::names::INJECT: "false"}},
        "spec": {"hostPID": true, "restartPolicy": "Never", "containers": [{
            "name": "reaper", "image": "discord-monitoring/player:test", "imagePullPolicy": "IfNotPresent",
            "args": ["--reap", "injector", "--reap-namespace", RELEASE_NAMESPACE, "--reap-pod", pod, "--reap-frozen", "0.5",
                "--reap-every", "0"],
            "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "privileged": true},
        }]},
    }))
    .await;
    eventually("the reaper is done", seconds(60), async || {
        let status = pods.get(&reaper).await?.status.unwrap_or_default();
        anyhow::ensure!(status.phase.as_deref() == Some("Succeeded"), "{status:?}");
        Ok(())
    })
    .await;
    let said = world.log(&reaper, "reaper").await;
    assert!(said.contains("killed"), "{said}");
}

/// Waits until no slice of the Service's has this Pod as ready, having seen it so; when that was.
async fn withdrawn(world: &World, pod: &str) -> Instant {
    let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
    let selector =
        WatchParams::default().labels("kubernetes.io/service-name=dm-discord-monitoring-injector");
    let changes = slices.watch(&selector, "0").await.expect("a watch");
    let mut changes = pin!(changes);
    let mut seen = false;
    let until = async {
        while let Some(change) = changes.next().await {
            let (WatchEvent::Added(slice) | WatchEvent::Modified(slice)) =
                change.expect("a change")
            else {
                continue;
            };
            let is_listed = slice.endpoints.iter().any(|endpoint| {
                let named = endpoint
                    .target_ref
                    .as_ref()
                    .and_then(|target| target.name.as_deref());
                let ready = endpoint
                    .conditions
                    .as_ref()
                    .and_then(|conditions| conditions.ready);
                named == Some(pod) && ready != Some(false)
            });
            if seen && !is_listed {
                return Instant::now();
            }
            seen |= is_listed;
        }
        panic!("the watch ended; seen: {seen}")
    };
    let limit = tokio::time::timeout(seconds(60), until);
    limit.await.expect("the endpoint is withdrawn")
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
    eventually("three replicas are ready", seconds(180), async || {
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

fn secrets(world: &World) -> Api<Secret> {
    Api::namespaced(world.client.clone(), RELEASE_NAMESPACE)
}

/// The authorities of the bundle that is published; empty while there is no Secret.
async fn bundle(world: &World) -> String {
    let secret = secrets(world)
        .get_opt(injector::SECRET)
        .await
        .expect("the API server answers");
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    data.get("ca.crt").map_or_else(String::new, |text| {
        String::from_utf8_lossy(&text.0).into_owned()
    })
}

async fn secret_uid(world: &World) -> Option<String> {
    let secret = secrets(world).get_opt(injector::SECRET).await;
    secret.expect("the API server answers")?.metadata.uid
}

async fn delete_secret(world: &World) {
    let deleted = secrets(world)
        .delete(injector::SECRET, &DeleteParams::default())
        .await;
    deleted.expect("the Secret is deleted");
}

#[tokio::test]
async fn replicas_that_are_asked_to_end_miss_no_pod_while_the_authority_is_rotated() {
    let _guard = cluster::exclusive_restless().await;
    with_world("rotation", |world| async move {
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
        let work = async { tokio::join!(end_replicas(&world, time, seconds(8)), rotations) };
        let (load, (ended, bundles)) = create_during(&world, RATE, work).await;
        println!(
            "{} creations, {ended} replicas ended, {bundles} bundles, {} missed",
            load.created,
            load.missed.len()
        );
        let minutes = usize::try_from(time.as_secs() / 60).unwrap();
        assert!(
            load.created >= 45 * 60 * minutes,
            "{} created",
            load.created
        );
        assert!(ended >= 2 * minutes, "{ended} ended");
        // Each rotation has a bundle with the new beside the old, and one without the old.
        assert!(bundles >= 3 * minutes, "{bundles} bundles");
        assert!(load.missed.is_empty(), "{:?}", load.missed);

        // The Secret is taken away under load: it comes back, and nobody notices.
        let before = secret_uid(&world).await;
        let work = async { tokio::join!(delete_secret(&world), tokio::time::sleep(seconds(10))) };
        let (load, _) = create_during(&world, RATE, work).await;
        assert!(
            load.missed.is_empty(),
            "{:?} of {}",
            load.missed,
            load.created
        );
        let after = secret_uid(&world).await;
        assert!(after.is_some() && after != before, "{before:?}, {after:?}");
    })
    .await;
}

#[tokio::test]
async fn replicas_that_are_killed_miss_few_pods_none_once_withdrawn_and_check_lists_each() {
    let _guard = cluster::exclusive_restless().await;
    with_world("killed", |world| async move {
        let times = if full() { 8 } else { 2 };
        let (mut load, mut kills) = (Load::default(), Vec::new());
        // With each new bundle the API server connects anew, perhaps to another replica than the one that is about to be
        // killed; so one or the other kill may hit nobody at work.
        while kills.len() < times || load.missed.is_empty() && kills.len() < 4 * times {
            let work = kill_replicas(&world, kills.len()..kills.len() + times);
            kills.extend(create_more(&world, 8, false, &mut load, work).await);
        }
        println!(
            "{} creations, {} replicas killed, {} missed",
            load.created,
            kills.len(),
            load.missed.len()
        );
        assert!(
            !load.missed.is_empty(),
            "whoever is killed at work misses something"
        );
        for missed in &load.missed {
            // kube-proxy and the API server's connections follow the endpoints.
            let excused =
                |kill: &&Kill| kill.at <= missed.ended && missed.begun <= kill.withdrawn + FOLLOWED;
            assert!(
                kills.iter().any(|kill| excused(&kill)),
                "{missed:?} with everybody ready"
            );
        }
        all_ready(&world).await;
        let (found, code) = check(&world).await;
        let bare: BTreeSet<String> = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["check"] == "bare")
            .filter_map(|one: &Value| Some(one["object"].as_str()?.rsplit('/').next()?.to_owned()))
            .collect();
        let missed: BTreeSet<String> = load.missed.into_iter().map(|one| one.name).collect();
        assert_eq!(bare, missed, "{found:#}");
        assert_eq!(code, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_rolling_restart_under_load_misses_no_pod() {
    let _guard = cluster::exclusive_restless().await;
    with_world("rollout", |world| async move {
        all_ready(&world).await;
        let before: BTreeSet<_> = names(&world).await;
        let restart = async {
            for verb in [&["restart"][..], &["status", "--timeout", "180s"]] {
                let deployment = [
                    "deployment",
                    "--namespace",
                    RELEASE_NAMESPACE,
                    "-l",
                    injector::SELECTOR,
                ];
                let args: Vec<String> = [&["rollout", verb[0]], &deployment[..], &verb[1..]]
                    .concat()
                    .into_iter()
                    .map(ToOwned::to_owned)
                    .collect();
                // On a thread of its own: creations go on meanwhile.
                let run = move || kubectl(&args.iter().map(String::as_str).collect::<Vec<_>>());
                tokio::task::spawn_blocking(run).await.unwrap();
            }
            // Those that were asked to end serve on for a while.
            eventually("the old replicas are gone", seconds(90), async || {
                let left = names(&world).await.intersection(&before).count();
                anyhow::ensure!(left == 0, "{left} left");
                Ok(())
            })
            .await;
        };
        let (load, ()) = create_during(&world, RATE, restart).await;
        println!("{} creations, {} missed", load.created, load.missed.len());
        assert!(
            load.created > 0 && load.missed.is_empty(),
            "{:?}",
            load.missed
        );
    })
    .await;
}

/// Names of the injector's Pods.
async fn names(world: &World) -> BTreeSet<String> {
    let pods = injector::pods(&world.client).await;
    pods.into_iter()
        .filter_map(|pod| pod.metadata.name)
        .collect()
}
