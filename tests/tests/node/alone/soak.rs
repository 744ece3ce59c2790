//! What a cluster does every day, for `SOAK_SECONDS`: agents come and go, watchers, the bot and the injector's replicas are
//! ended on the way, and at the end nothing is missing, nothing is left, and nobody has grown.

use crate::opt_in::has_watcher;
use crate::support::bot::Bot;
use crate::support::cluster::{self, RELEASE_NAMESPACE};
use crate::support::wait::seconds;
use crate::support::world::World;
use crate::support::{eventually, injector, with_world};
use crate::zero_touch::{
    TOKEN, agent, args, channels, kill_at_random, nothing_is_missing, short_lived, token_secret,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Agents that work side by side.
const AT_ONCE: u64 = 4;
/// The bot is killed, and a replica of the injector asked to end, once in so many waves: whoever is always new never grows.
const SPARED: u64 = 3;
/// MiB that a server of ours may take more than it did in the first waves; beyond it, something grows.
const GROWTH: u64 = 8;

fn soak_for() -> Duration {
    let text = std::env::var("SOAK_SECONDS").expect("SOAK_SECONDS; `make soak` sets it");
    seconds(text.parse().expect("SOAK_SECONDS is a number of seconds"))
}

/// MiB of the injector's largest replica and of the bot, as far as metrics-server knows them.
fn memory(world: &World) -> BTreeMap<&'static str, u64> {
    let mut most = BTreeMap::new();
    for (who, namespace, selector) in [
        ("injector", RELEASE_NAMESPACE, injector::SELECTOR),
        (
            "bot",
            &*world.namespace,
            "app.kubernetes.io/name=bot-service",
        ),
    ] {
        let known = std::process::Command::new("kubectl")
            .args(["top", "pod", "--namespace", namespace])
            .args(["--selector", selector, "--no-headers"])
            .output()
            .expect("kubectl runs");
        let text = String::from_utf8_lossy(&known.stdout).into_owned();
        let taken = text
            .lines()
            .filter_map(|line| line.split_whitespace().nth(2)?.strip_suffix("Mi"));
        if let Some(taken) = taken.filter_map(|text| text.parse().ok()).max() {
            most.insert(who, taken);
        }
    }
    most
}

/// One replica of the injector is asked to end, as an upgrade or a drained node would.
async fn end_a_replica(world: &World) {
    let replicas = injector::pods(&world.client).await;
    let oldest = replicas
        .iter()
        .min_by_key(|pod| pod.metadata.creation_timestamp.clone());
    let name = oldest.and_then(|pod| pod.metadata.name.clone());
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
    let name = name.expect("a replica of the injector");
    let _ = pods.delete(&name, &DeleteParams::default()).await;
}

/// Agents come, are watched while things are ended around them, complete, and go.
async fn wave(world: &World, bot: &Bot, wave: u64) {
    let numbers = wave * AT_ONCE..(wave + 1) * AT_ONCE;
    let harsh = wave % SPARED == SPARED - 1;
    if harsh {
        end_a_replica(world).await;
    }
    for at in numbers.clone() {
        let name = format!("agent-{at}");
        world.run(&agent(name.clone(), &args(at), bot)).await;
        let pod = world.pod_of(&name).await;
        assert!(has_watcher(&pod), "{name} was missed");
    }
    let mut made = Vec::new();
    for at in numbers.clone() {
        let start = format!("run-agent-{at}-");
        let channel = eventually(&format!("the channel {start}"), seconds(120), async || {
            let mut found = channels(world, &start).await?;
            found.pop().ok_or_else(|| anyhow::anyhow!("not yet"))
        })
        .await;
        made.push((at, channel["id"].as_str().unwrap().to_owned()));
    }
    kill_at_random(world, harsh.then_some(bot)).await;
    for (at, channel) in made {
        world.completes(&format!("agent-{at}"), seconds(240)).await;
        nothing_is_missing(world, at, &channel).await;
    }
    let jobs: Api<Job> = world.api();
    for at in numbers {
        let name = format!("agent-{at}");
        let _ = jobs.delete(&name, &DeleteParams::background()).await;
    }
    let pods: Api<Pod> = world.api();
    let now = DeleteParams::default().grace_period(0);
    let _ = pods.delete("reaper", &now).await;
    eventually("the reaper is gone", seconds(60), async || {
        anyhow::ensure!(pods.get_opt("reaper").await?.is_none(), "still there");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "half an hour and more; `make soak` runs it"]
async fn for_hours_nothing_is_missing_nothing_is_left_and_nobody_grows() {
    let _guard = cluster::exclusive().await;
    with_world("soak", |world| async move {
        let callers = json!([{"name": "a", "token": TOKEN, "namespaces": [world.namespace]}]);
        let key = world.double.public_key().await.expect("the double's key");
        let bot = Bot::install(&world.namespace, &key, &callers, &short_lived());
        token_secret(&world.client, &world.namespace, TOKEN).await;

        let (began, mut waves) = (Instant::now(), 0);
        let mut early: BTreeMap<&str, u64> = BTreeMap::new();
        while began.elapsed() < soak_for() {
            wave(&world, &bot, waves).await;
            waves += 1;
            let taken = memory(&world);
            println!(
                "{} s, {waves} waves, {} agents; MiB: {taken:?}",
                began.elapsed().as_secs(),
                waves * AT_ONCE
            );
            for (who, taken) in taken {
                let first = early.entry(who).or_insert(taken);
                if waves <= SPARED {
                    *first = taken.max(*first);
                }
                assert!(
                    taken <= *first + GROWTH,
                    "{who}: {first} MiB at first, then {taken}"
                );
            }
        }
        assert_eq!(early.len(), 2, "the memory of both was seen: {early:?}");

        eventually("all runs are ended", seconds(120), async || {
            let runs = bot.runs(TOKEN).await;
            let open = |run: &&Value| run["state"] == "live" || run["state"] == "creating";
            let open: Vec<_> = runs.iter().filter(open).collect();
            anyhow::ensure!(open.is_empty(), "{open:?}");
            Ok(())
        })
        .await;
        eventually("all channels are cleaned up", seconds(180), async || {
            let left = channels(&world, "run-").await?;
            anyhow::ensure!(left.is_empty(), "{} left", left.len());
            Ok(())
        })
        .await;
        let webhooks = world.double.get("/webhooks").await.unwrap();
        assert!(!webhooks.to_string().contains("Agent Run "), "{webhooks}");
        assert_eq!(world.double.violations().await, Vec::<Value>::new());
    })
    .await;
}
