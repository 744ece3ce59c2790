//! The examples a person copies from, as they stand: by annotation, and in a chart that includes the watcher itself.

use super::support::cluster::{self, kubectl, root, tool};
use super::support::wait::{eventually, seconds};
use super::support::with_world;
use super::support::world::{World, create};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use serde_json::json;

/// Waits until this namespace's double has so many embeds, and checks that Discord would have taken them all.
async fn watched(world: &World, at_least: usize) {
    eventually("the agent's posts", seconds(60), async || {
        let embeds = world.double.embeds().await?.len();
        anyhow::ensure!(embeds >= at_least, "{embeds} embeds");
        Ok(())
    })
    .await;
    assert!(world.double.violations().await.is_empty());
}

/// Waits until all containers of a Deployment's one Pod are ready.
async fn ready(world: &World, name: &str) {
    eventually(&format!("{name} is ready"), seconds(60), async || {
        let found = world.api::<Deployment>().get(name).await?;
        let status = found.status.unwrap_or_default();
        anyhow::ensure!(status.ready_replicas == Some(1), "{status:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_deployment_that_asks_is_watched() {
    let _guard = cluster::shared().await;
    with_world("example-deployment", |world| async move {
        let secret = json!({"metadata": {"name": "team-webhook"}, "stringData": {"url": world.webhook_url()}});
        create::<Secret>(&world.api(), secret).await;
        // The image whose config directory is missing would want the other mount, which bad_input.rs looks at.
        let text = std::fs::read_to_string(root().join("examples/deployment.yaml")).unwrap();
        let text = text.replace("discord-monitoring/player:test", "discord-monitoring/player-home:test");
        let file = root().join("target/tmp").join("example-deployment.yaml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        kubectl(&["apply", "--namespace", &world.namespace, "--filename", file.to_str().unwrap()]);
        watched(&world, 3).await;
        ready(&world, "agent").await;
        let pods = world.api::<Pod>().list(&ListParams::default().labels("app.kubernetes.io/name=agent")).await.unwrap();
        let spec = pods.items[0].spec.clone().unwrap();
        let plain = spec.containers.iter().any(|container| container.name == sidecar::names::WATCHER);
        assert!(plain, "an agent that never ends has a plain watcher beside it");
    })
    .await;
}

#[tokio::test]
async fn a_chart_that_includes_the_watcher_is_watched_as_job_and_as_deployment() {
    let _guard = cluster::shared().await;
    with_world("own-chart", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let install = |name: &str, job: bool| {
            // The agent of a Deployment never ends.
            let linger = if job { "1" } else { "86400" };
            let args = json!(["--generate", "demo", "--rate", "50", "--linger", linger]);
            let args = format!("agent.args={args}");
            let job = format!("job={job}");
            tool(
                "helm",
                &[
                    "install",
                    name,
                    "examples/own-chart",
                    "--namespace",
                    &world.namespace,
                    "--set",
                    &job,
                    "--set",
                    "agent.image=discord-monitoring/player-home:test",
                    "--set-json",
                    &args,
                    "--set",
                    "watcher-sidecar.extraCA.configMap=discord-ca",
                ],
            );
        };
        install("as-job", true);
        watched(&world, 3).await;
        let before = world.double.embeds().await.unwrap().len();
        install("as-deployment", false);
        ready(&world, "as-deployment").await;
        watched(&world, before + 3).await;
        world.completes("as-job", seconds(90)).await;
        let pod = world.pod_of("as-job").await;
        let watcher = pod
            .status
            .unwrap()
            .init_container_statuses
            .unwrap()
            .remove(0);
        assert_eq!(watcher.restart_count, 0);
        for name in ["as-job", "as-deployment"] {
            tool(
                "helm",
                &["uninstall", name, "--namespace", &world.namespace],
            );
        }
    })
    .await;
}
