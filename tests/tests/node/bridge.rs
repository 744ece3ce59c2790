//! The bridge comes and goes, and the agent neither waits for it nor sees its standard input end.

use super::support::bot::Bot;
use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::{World, create};
use super::support::{Agent, eventually, with_world};
use super::zero_touch::{TOKEN, agent, args, channels, command, token_secret};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

/// Where the agent listens.
const STDIN: &str = "/run/discord-monitoring/stdin";
/// A port that no other test's bridge has.
const PORT: &str = "7791";

/// How a container of a Pod stands.
async fn status(world: &World, pod: &str, container: &str) -> anyhow::Result<ContainerStatus> {
    let found: Pod = world.api().get(pod).await?;
    let status = found.status.unwrap_or_default();
    let all = status.init_container_statuses.into_iter();
    all.chain(status.container_statuses)
        .flatten()
        .find(|one| one.name == container)
        .ok_or_else(|| anyhow::anyhow!("{container} has no status yet"))
}

/// Kills the bridge as a lack of memory would, and waits until it runs again.
async fn kill_bridge(world: &World, pod: &str) {
    let pods: Api<Pod> = world.api();
    create(&pods, json!({
        "metadata": {"name": "reaper", "annotations": {sidecar::names::INJECT: "false"}},
        "spec": {"hostPID": true, "restartPolicy": "Never", "containers": [{
            "name": "reaper", "image": "discord-monitoring/player:test", "imagePullPolicy": "IfNotPresent",
            "args": ["--reap", "watcher", "--reap-env", format!("BRIDGE_PORT={PORT}"), "--reap-every", "0.1"],
            "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "privileged": true},
        }]},
    }))
    .await;
    eventually("the bridge runs again", seconds(90), async || {
        let bridge = status(world, pod, sidecar::names::BRIDGE).await?;
        let runs = bridge.state.is_some_and(|state| state.running.is_some());
        anyhow::ensure!(runs && bridge.restart_count > 0, "not yet");
        Ok(())
    })
    .await;
    let killed = world.log("reaper", "reaper").await;
    assert!(killed.contains("killed"), "{killed}");
}

#[tokio::test]
async fn a_bridge_killed_between_two_inputs_loses_none_and_the_agent_works_on() {
    let _guard = cluster::shared().await;
    with_world("bridge-killed", |world| async move {
        let callers = json!([{"name": "a", "token": TOKEN, "namespaces": [world.namespace]}]);
        let key = world.double.public_key().await.expect("the double's key");
        let bot = Bot::install(&world.namespace, &key, &callers, &[]);
        token_secret(&world.client, &world.namespace, TOKEN).await;
        let mut args = args(1);
        args.extend(["--stdin", STDIN, "--linger", "240"].map(ToOwned::to_owned));
        let agent = agent("agent".to_owned(), &args, &bot)
            .annotate("bridge.enabled", "true")
            .annotate("bridge.port", PORT);
        world.run(&agent).await;
        let channel = eventually("the channel", seconds(60), async || {
            let mut made = channels(&world, "run-agent-").await?;
            made.pop().ok_or_else(|| anyhow::anyhow!("none yet"))
        })
        .await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let pod = world.pod_of("agent").await.metadata.name.unwrap();
        for (input, kill) in [("the first heron", true), ("the second heron", false)] {
            let text = json!([{"name": "text", "type": 3, "value": input}]);
            command(&world, &bot, &channel, "input", text).await;
            eventually("the agent has it", seconds(90), async || {
                let embeds = world.double.embeds().await?;
                let mut texts = embeds.iter().map(ToString::to_string);
                let has = texts.any(|text| text.contains("Prompt") && text.contains(input));
                anyhow::ensure!(has, "not yet");
                Ok(())
            })
            .await;
            if kill {
                kill_bridge(&world, &pod).await;
            }
        }
        let agent = status(&world, &pod, "agent").await.unwrap();
        assert!(agent.state.unwrap().running.is_some(), "the agent works on");
        command(&world, &bot, &channel, "stop", json!([])).await;
        world.completes("agent", seconds(90)).await;
    })
    .await;
}

#[tokio::test]
async fn a_bridge_whose_image_is_nowhere_leaves_the_agent_of_a_pod_alone() {
    let _guard = cluster::shared().await;
    with_world("bridge-missing", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let args = [
            "--generate",
            "clean",
            "--records",
            "60",
            "--rate",
            "20",
            "--stdin",
            STDIN,
            "--linger",
            "600",
        ];
        let mut agent = Agent::new("agent", &args).annotate("bridge.enabled", "true");
        agent.pod = json!({"restartPolicy": "Always"});
        // As the injector makes it, but for the bridge's image.
        let pods: Api<Pod> = world.api();
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let asked: Pod = serde_json::from_value(agent.pod()).unwrap();
        let mut pod = pods.create(&dry, &asked).await.unwrap();
        let annotations = pod.metadata.annotations.as_mut().unwrap();
        annotations.insert(sidecar::names::INJECT.to_owned(), "false".to_owned());
        pod.metadata.resource_version = None;
        pod.metadata.uid = None;
        let containers = &mut pod.spec.as_mut().unwrap().containers;
        let bridge = containers
            .iter_mut()
            .find(|one| one.name == sidecar::names::BRIDGE)
            .expect("the bridge");
        bridge.image = Some("discord-monitoring/nowhere:none".to_owned());
        bridge.image_pull_policy = Some("Never".to_owned());
        pods.create(&PostParams::default(), &pod).await.unwrap();

        let expected = super::job::steps_in_order(&super::job::session(&args));
        eventually("all of the agent's work", seconds(120), async || {
            let embeds = world.double.embeds().await?;
            let text: String = embeds.iter().map(ToString::to_string).collect();
            let missing = expected.iter().filter(|step| !text.contains(*step)).count();
            anyhow::ensure!(missing == 0, "{missing} steps are missing");
            Ok(())
        })
        .await;
        let bridge = status(&world, "agent", sidecar::names::BRIDGE)
            .await
            .unwrap();
        assert!(
            bridge.state.unwrap().waiting.is_some(),
            "the bridge is not there"
        );
        // The work may be done before the kubelet has said that it began.
        let agent = eventually("the agent works on", seconds(60), async || {
            let agent = status(&world, "agent", "agent").await?;
            let state = agent.state.clone().unwrap_or_default();
            anyhow::ensure!(state.running.is_some(), "its input ended? {state:?}");
            Ok(agent)
        })
        .await;
        assert_eq!(agent.restart_count, 0);
    })
    .await;
}
