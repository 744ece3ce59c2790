//! Probes and environment of the watcher, as the kubelet sees them.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, with_world};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;

/// How often a probe has failed in this namespace.
async fn failures(world: &World) -> i32 {
    let unhealthy = ListParams::default().fields("reason=Unhealthy");
    let events = world.api::<Event>().list(&unhealthy).await.unwrap();
    events
        .items
        .iter()
        .map(|event| event.count.unwrap_or(1))
        .sum()
}

/// The watcher becomes ready, and from then on no probe fails and nothing restarts. Before that the kubelet may ask a
/// process that is just being started.
async fn probes_succeed(world: &World, job: &str) {
    let name = world.pod_of(job).await.metadata.name.unwrap();
    eventually("the watcher is ready", seconds(60), async || {
        let pod: Pod = world.api().get(&name).await?;
        let status = pod
            .status
            .and_then(|status| status.init_container_statuses)
            .unwrap_or_default();
        let watcher = status.iter().find(|one| one.name == "discord-watcher");
        anyhow::ensure!(
            watcher.is_some_and(|one| one.ready && one.started == Some(true)),
            "{watcher:?}"
        );
        Ok(())
    })
    .await;
    // A node that stalls lets a probe fail; one that asks wrongly lets each fail.
    let mut failed = Vec::new();
    for _ in 0..3 {
        let before = failures(world).await;
        // Several periods of both probes.
        tokio::time::sleep(seconds(25)).await;
        let pod: Pod = world.api().get(&name).await.unwrap();
        let watcher = pod
            .status
            .unwrap()
            .init_container_statuses
            .unwrap()
            .remove(0);
        assert!(watcher.ready && watcher.restart_count == 0, "{watcher:?}");
        failed.push(failures(world).await - before);
        if failed.last() == Some(&0) {
            return;
        }
    }
    panic!("probes of a watcher that was ready failed: {failed:?}");
}

/// Longer than any of these tests; the namespace's end ends it.
const LINGERS: [&str; 6] = ["--generate", "demo", "--rate", "20", "--linger", "600"];

#[tokio::test]
async fn exec_probes_succeed() {
    let _guard = cluster::shared().await;
    with_world("probes-exec", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        world.run(&Agent::new("agent", &LINGERS)).await;
        probes_succeed(&world, "agent").await;
    })
    .await;
}

#[tokio::test]
async fn http_probes_succeed() {
    let _guard = cluster::shared().await;
    with_world("probes-http", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        world
            .run(&Agent::new("agent", &LINGERS).annotate("probes.type", "http"))
            .await;
        let pod = world.pod_of("agent").await;
        let watcher = &pod.spec.unwrap().init_containers.unwrap()[0];
        assert!(
            watcher.liveness_probe.as_ref().unwrap().http_get.is_some(),
            "{:?}",
            watcher.liveness_probe
        );
        probes_succeed(&world, "agent").await;
    })
    .await;
}

#[tokio::test]
async fn every_environment_name_arrives_with_its_value() {
    let _guard = cluster::shared().await;
    with_world("env", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let agent = Agent::new("agent", &LINGERS)
            .annotate("polling.intervalMs", "250")
            .annotate("polling.batchSize", "7")
            .annotate("filters.includeTools", "Bash")
            .annotate("parityMode", "true")
            .annotate("logging.level", "debug")
            .annotate("retention.channelHours", "72")
            .annotate("run.taskId", "TASK-7");
        world.run(&agent).await;
        let pod = world.pod_of("agent").await;
        let name = pod.metadata.name.clone().unwrap();
        let spec = pod.spec.unwrap();
        let env = spec.init_containers.unwrap().remove(0).env.unwrap();
        let value = |name: &str| {
            env.iter()
                .find(|one| one.name == name)
                .and_then(|one| one.value.clone())
        };
        for (name, expected) in [
            ("POLL_INTERVAL_MS", "250"),
            ("BATCH_SIZE", "7"),
            ("PARITY_MODE", "true"),
            ("LOG_LEVEL", "debug"),
            ("RETENTION_HOURS", "72"),
            ("RUN_TASK_ID", "TASK-7"),
            ("RUN_OWNER", "Job/agent"),
            ("TRANSCRIPT_PATH", "/home/node/.claude/projects"),
            ("STATE_DIR", "/var/lib/discord-monitoring"),
        ] {
            assert_eq!(value(name).as_deref(), Some(expected), "{name}");
        }
        assert!(
            value("FILTERS")
                .unwrap()
                .contains(r#""includeTools":["Bash"]"#)
        );
        assert!(value("STATS").unwrap().contains("trackCost"));
        for name in [
            "POD_NAME",
            "POD_NAMESPACE",
            "POD_UID",
            "JOB_NAME",
            "DISCORD_WEBHOOK_URL",
        ] {
            let source = env
                .iter()
                .find(|one| one.name == name)
                .and_then(|one| one.value_from.as_ref());
            assert!(source.is_some(), "{name} comes from the Pod or a Secret");
        }
        // And the process has them: it says at its start what it runs with.
        eventually(
            "the watcher's log says what it runs with",
            seconds(60),
            async || {
                let log = world.log(&name, "discord-watcher").await;
                anyhow::ensure!(log.contains("250") && log.contains("TASK-7"), "{log}");
                Ok(())
            },
        )
        .await;
    })
    .await;
}
