//! With the bot, an annotated Pod needs no webhook: its watcher registers the run, a channel is made, input comes back, and
//! all of it is cleaned up, whoever is killed on the way.

use super::job::{session, steps_in_order};
use super::support::bot::Bot;
use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::{World, create};
use super::support::{Agent, eventually, with_world};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const TOKEN: &str = "a-teams-token-that-no-log-may-show";
const OTHER: &str = "another-teams-token-that-no-log-may-show";
/// Retention that a test can wait for, in hours: 18 s.
const SHORT: &str = r#"extraEnv=[{"name":"MAX_RETENTION_HOURS","value":"0.005"}]"#;

fn full() -> bool {
    std::env::var("FULL").is_ok_and(|full| full == "true")
}

/// Jobs at once.
fn jobs() -> u64 {
    if full() { 30 } else { 8 }
}

/// The Secret that the chart's defaults name.
pub(crate) async fn token_secret(client: &Client, namespace: &str, token: &str) {
    let manifest = json!({"metadata": {"name": "discord-bot"}, "stringData": {"token": token}});
    create::<Secret>(&Api::namespaced(client.clone(), namespace), manifest).await;
}

/// What the agent `at` plays.
pub(crate) fn args(at: u64) -> Vec<String> {
    let seed = (at + 1).to_string();
    // Longer than it takes to start them all, so that there is somebody to kill.
    let rate = if full() { "1.5" } else { "3" };
    [
        "--generate",
        "clean",
        "--seed",
        &seed,
        "--records",
        "60",
        "--rate",
        rate,
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

pub(crate) fn agent(name: String, args: &[String], bot: &Bot) -> Agent {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Agent::new(Box::leak(name.into_boxed_str()), &args).annotate("bot.url", &bot.url())
}

/// Channels and categories at the double whose name begins so.
pub(crate) async fn channels(world: &World, start: &str) -> anyhow::Result<Vec<Value>> {
    let channels = world.double.get("/channels").await?;
    let all = channels.as_array().cloned().unwrap_or_default();
    let named = |channel: &Value| {
        channel["name"]
            .as_str()
            .is_some_and(|name| name.starts_with(start))
    };
    Ok(all.into_iter().filter(|channel| named(channel)).collect())
}

/// Everything a person can read in this channel, in order.
async fn text_of(world: &World, channel: &str) -> anyhow::Result<String> {
    let messages = world.double.messages().await?;
    let own = messages
        .iter()
        .filter(|message| message["channelId"] == channel);
    Ok(own.map(Value::to_string).collect::<Vec<_>>().join("\n"))
}

/// A person in the run's channel uses a command; the double signs and sends it as Discord would.
pub(crate) async fn command(
    world: &World,
    bot: &Bot,
    channel: &str,
    name: &str,
    options: Value,
) -> Value {
    let order = json!({
        "url": format!("{}/interactions", bot.url()), "type": 2, "channel": channel,
        "data": {"id": "1", "name": name, "type": 1, "options": options},
    });
    eventually(&format!("/{name} is answered"), seconds(30), async || {
        let answer = world.double.post("/interact", order.clone()).await?;
        anyhow::ensure!(answer["status"] == 200, "{answer}");
        Ok(answer)
    })
    .await
}

/// helm's arguments for a bot whose runs are over, and whose channels are gone, within what a test can wait for.
pub(crate) fn short_lived() -> [&'static str; 4] {
    ["--set", "runs.leaseSeconds=45", "--set-json", SHORT]
}

/// Kills watchers, and the bot when it is given, at random.
pub(crate) async fn kill_at_random(world: &World, bot: Option<&Bot>) {
    let pods: Api<Pod> = world.api();
    let times = if full() { "20" } else { "4" };
    create(&pods, json!({
        "metadata": {"name": "reaper", "annotations": {sidecar::names::INJECT: "false"}},
        "spec": {"hostPID": true, "restartPolicy": "Never", "containers": [{
            "name": "reaper", "image": "discord-monitoring/player:test", "imagePullPolicy": "IfNotPresent",
            "args": ["--reap", "watcher", "--reap-namespace", world.namespace, "--reap-times", times, "--reap-every", "1"],
            "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "privileged": true},
        }]},
    }))
    .await;
    let selector = ListParams::default().labels("app.kubernetes.io/name=bot-service");
    let turns = if full() { 3 } else { 1 };
    for bot in std::iter::repeat_n(bot, turns).flatten() {
        tokio::time::sleep(seconds(4)).await;
        let bots: Api<Pod> = Api::namespaced(world.client.clone(), &bot.namespace);
        for pod in bots.list(&selector).await.expect("the bot's Pods") {
            let name = pod.metadata.name.unwrap_or_default();
            let now = DeleteParams::default().grace_period(0);
            bots.delete(&name, &now)
                .await
                .expect("the bot's Pod is deleted");
        }
    }
    eventually("the reaper is done", seconds(60), async || {
        let phase = pods
            .get("reaper")
            .await?
            .status
            .and_then(|status| status.phase);
        anyhow::ensure!(phase.as_deref() == Some("Succeeded"), "{phase:?}");
        Ok(())
    })
    .await;
    let killed = world.log("reaper", "reaper").await;
    assert!(killed.contains("killed"), "{killed}");
}

/// Every Bash call of the agent's stands in its channel, in the order of the file; twice at most what was under way when a
/// watcher was killed.
pub(crate) async fn nothing_is_missing(world: &World, at: u64, channel: &str) {
    let args = args(at);
    let expected = steps_in_order(&session(
        &args.iter().map(String::as_str).collect::<Vec<_>>(),
    ));
    eventually(&format!("all of agent {at}"), seconds(60), async || {
        let text = text_of(world, channel).await?;
        let missing: Vec<_> = expected
            .iter()
            .filter(|serial| !text.contains(*serial))
            .collect();
        anyhow::ensure!(missing.is_empty(), "missing {missing:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn runs_get_channels_of_their_own_are_ended_and_cleaned_up_whoever_is_killed_on_the_way() {
    let _guard = cluster::shared().await;
    with_world("zero-touch", |world| async move {
        let other = other_namespace(&world.client).await;
        let callers = json!([
            {"name": "a", "token": TOKEN, "namespaces": [world.namespace]},
            {"name": "b", "token": OTHER, "namespaces": [other]},
        ]);
        let key = world.double.public_key().await.expect("the double's key");
        let bot = Bot::install(&world.namespace, &key, &callers, &short_lived());
        token_secret(&world.client, &world.namespace, TOKEN).await;
        token_secret(&world.client, &other, OTHER).await;

        for at in 0..jobs() {
            world
                .run(&agent(format!("agent-{at}"), &args(at), &bot))
                .await;
        }
        let wanted = usize::try_from(jobs()).unwrap();
        // On a slow machine the first channels are gone before the last are made: they are gathered as they come.
        let mut made: BTreeMap<String, String> = BTreeMap::new();
        let all_made = eventually("a channel for each run", seconds(180), async || {
            for channel in channels(&world, "run-agent-").await? {
                let text = |field: &str| channel[field].as_str().unwrap().to_owned();
                made.entry(text("name")).or_insert_with(|| text("id"));
            }
            anyhow::ensure!(made.len() == wanted, "{} of {wanted}", made.len());
            Ok(())
        });
        tokio::join!(all_made, kill_at_random(&world, Some(&bot)));
        for at in 0..jobs() {
            world.completes(&format!("agent-{at}"), seconds(180)).await;
        }
        for at in 0..jobs() {
            let start = format!("run-agent-{at}-");
            let own = made.iter().find(|(name, _)| name.starts_with(&start));
            nothing_is_missing(&world, at, own.expect("the run's channel").1).await;
        }

        // Nothing of it is another team's to see or to touch.
        assert_eq!(bot.runs(OTHER).await, Vec::<Value>::new());
        let path = format!("/runs/{}", made.values().next().unwrap());
        assert_eq!(bot.call("GET", &path, OTHER, &Value::Null).await.0, 404);
        let end = json!({"status": "failed"});
        assert_eq!(
            bot.call("POST", &format!("{path}/finalize"), OTHER, &end)
                .await
                .0,
            404
        );
        assert_eq!(
            bot.call("GET", "/runs", "no-token-at-all", &Value::Null)
                .await
                .0,
            401
        );

        eventually("all runs are ended", seconds(120), async || {
            let runs = bot.runs(TOKEN).await;
            let open: Vec<_> = runs
                .iter()
                .filter(|run| run["state"] == "live" || run["state"] == "creating")
                .collect();
            anyhow::ensure!(open.is_empty(), "{open:?}");
            Ok(())
        })
        .await;
        eventually("all channels are cleaned up", seconds(120), async || {
            let left = channels(&world, "run-").await?;
            anyhow::ensure!(left.is_empty(), "{} left", left.len());
            Ok(())
        })
        .await;
        let webhooks = world.double.get("/webhooks").await.unwrap();
        assert!(!webhooks.to_string().contains("Agent Run "), "{webhooks}");
        assert_eq!(world.double.violations().await, Vec::<Value>::new());
        delete(&world.client, &other).await;
    })
    .await;
}

#[tokio::test]
async fn input_from_discord_reaches_the_agent_and_a_stop_ends_its_work() {
    let _guard = cluster::shared().await;
    with_world("input", |world| async move {
        let callers = json!([{"name": "a", "token": TOKEN, "namespaces": [world.namespace]}]);
        let key = world.double.public_key().await.expect("the double's key");
        let bot = Bot::install(&world.namespace, &key, &callers, &[]);
        token_secret(&world.client, &world.namespace, TOKEN).await;
        let mut args = args(1);
        args.extend(
            [
                "--stdin",
                "/run/discord-monitoring/stdin",
                "--linger",
                "120",
            ]
            .map(ToOwned::to_owned),
        );
        world
            .run(&agent("agent".to_owned(), &args, &bot).annotate("bridge.enabled", "true"))
            .await;
        let channel = eventually("the channel", seconds(60), async || {
            let mut made = channels(&world, "run-agent-").await?;
            made.pop().ok_or_else(|| anyhow::anyhow!("none yet"))
        })
        .await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let text = json!([{"name": "text", "type": 3, "value": "please mind the heron"}]);
        let answer = command(&world, &bot, &channel, "input", text).await;
        assert!(answer["answer"].to_string().contains("Queued"), "{answer}");
        eventually("the agent answers", seconds(60), async || {
            let text = text_of(&world, &channel).await?;
            anyhow::ensure!(
                text.contains("Prompt") && text.contains("mind the heron"),
                "not yet"
            );
            anyhow::ensure!(text.contains("delivered"), "no feedback yet");
            Ok(())
        })
        .await;
        let answer = command(&world, &bot, &channel, "cost", json!([])).await;
        assert!(answer["answer"].to_string().contains("Tokens"), "{answer}");
        command(&world, &bot, &channel, "stop", json!([])).await;
        world.completes("agent", seconds(60)).await;
        eventually("the run is ended as stopped", seconds(60), async || {
            let runs = bot.runs(TOKEN).await;
            anyhow::ensure!(
                runs.len() == 1 && runs[0]["status"] == "stopped",
                "{runs:?}"
            );
            Ok(())
        })
        .await;
        let pod = world.pod_of("agent").await.metadata.name.unwrap();
        for container in [sidecar::names::WATCHER, sidecar::names::BRIDGE] {
            let log = world.log(&pod, container).await;
            assert!(
                !log.contains(TOKEN) && !log.contains("mind the heron"),
                "{log}"
            );
        }
        assert_eq!(world.double.violations().await, Vec::<Value>::new());
    })
    .await;
}

/// A second team's namespace.
async fn other_namespace(client: &Client) -> String {
    let name = "t-zero-touch-b".to_owned();
    delete(client, &name).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    eventually("the second namespace", seconds(90), async || {
        let manifest = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        namespaces
            .create(&kube::api::PostParams::default(), &manifest)
            .await?;
        Ok(())
    })
    .await;
    name
}

async fn delete(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let _ = namespaces.delete(name, &DeleteParams::background()).await;
}
