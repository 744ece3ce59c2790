//! Probes, environment and appetite of the watcher, as the kubelet and metrics-server see them.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, with_world};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;
use serde_json::{Value, json};

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

#[tokio::test]
async fn the_watcher_stays_within_its_limits_while_50_mb_go_through() {
    let _guard = cluster::shared().await;
    with_world("appetite", |world| async move {
        world.double.limits_off().await;
        world.create_webhook_secret(&world.webhook_url()).await;
        // Filters that let little through: it is reading that is measured, not Discord's patience. 13,000 records, so
        // slowly that metrics-server looks while they are written.
        let args = [
            "--generate",
            "traps",
            "--bytes",
            "50000000",
            "--rate",
            "260",
            "--linger",
            "15",
        ];
        let agent = Agent::new("agent", &args)
            .annotate("filters.includeTools", "NotebookEdit")
            .annotate("filters.includePatterns", "no-such-text")
            .annotate("probes.type", "http");
        world.run(&agent).await;
        let pod = world.pod_of("agent").await.metadata.name.unwrap();
        let (mut most_memory, mut while_written, mut lines) = (0, 0, 0.0_f64);
        let ended = eventually("50 MB are written and read", seconds(300), async || {
            if let Some((cpu, memory)) = kubectl_top(&world.namespace, &pod) {
                // The kernel holds it to 100m; over which time is looked at, is not sharp.
                assert!(cpu <= 150, "{cpu}m of 100m");
                assert!(memory <= 64, "{memory} MiB of 64");
                most_memory = memory.max(most_memory);
                let written = written(&world.log(&pod, "agent").await);
                while_written += usize::from((1..40_000_000).contains(&written));
            }
            if let Ok(read) = metric(&world, &pod, "discord_watcher_lines_read_total").await {
                lines = lines.max(read);
            }
            let found: Pod = world.api().get(&pod).await?;
            let status = found.status.unwrap_or_default();
            let mut inits = status.init_container_statuses.unwrap_or_default();
            let watcher = inits.pop().ok_or_else(|| anyhow::anyhow!("no watcher"))?;
            assert_eq!(watcher.restart_count, 0, "not killed for its memory");
            let state = watcher.state.unwrap_or_default();
            state.terminated.ok_or_else(|| anyhow::anyhow!("it runs"))
        })
        .await;
        println!(
            "the watcher took at most {most_memory} MiB; looked {while_written} times while it read"
        );
        assert!(
            while_written >= 1 && most_memory > 0,
            "never looked at while it read"
        );
        let report: Value = serde_json::from_str(&ended.message.unwrap_or_default()).unwrap();
        assert_eq!(
            (ended.exit_code, &report["unreadBytes"]),
            (0, &json!(0)),
            "{report}"
        );
        let log = world.log(&pod, "agent").await;
        let played: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(played["bytes"].as_u64() >= Some(50_000_000), "{played}");
        // Some records are glued to one line, and some lines are none.
        assert!(
            lines * 2.0 > played["records"].as_f64().unwrap(),
            "{lines} lines of {played}"
        );
    })
    .await;
}

/// Bytes that the player has told of so far: `played N records, M bytes`.
fn written(log: &str) -> u64 {
    let told = log.lines().rev().find_map(|line| {
        let (_, bytes) = line.strip_suffix(" bytes")?.rsplit_once(", ")?;
        bytes.parse().ok()
    });
    told.unwrap_or_default()
}

/// One of the watcher's metrics, asked through the API server.
async fn metric(world: &World, pod: &str, name: &str) -> anyhow::Result<f64> {
    let uri = format!(
        "/api/v1/namespaces/{}/pods/{pod}:8081/proxy/metrics",
        world.namespace
    );
    let request = http::Request::get(uri).body(Vec::new())?;
    let text = world.client.request_text(request).await?;
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let (_, value) = lines
        .find(|(key, _)| *key == name)
        .ok_or_else(|| anyhow::anyhow!("no {name} in {text}"))?;
    Ok(value.parse()?)
}

/// Milli-cores and MiB of the watcher, when metrics-server knows them.
fn kubectl_top(namespace: &str, pod: &str) -> Option<(u64, u64)> {
    let known = std::process::Command::new("kubectl")
        .args([
            "top",
            "pod",
            pod,
            "--namespace",
            namespace,
            "--containers",
            "--no-headers",
        ])
        .output()
        .ok()?;
    let text = String::from_utf8(known.stdout).ok()?;
    let line = text.lines().find(|line| line.contains("discord-watcher"))?;
    let mut columns = line.split_whitespace().skip(2);
    let cpu = columns.next()?.strip_suffix('m')?.parse().ok()?;
    let memory = columns.next()?.strip_suffix("Mi")?.parse().ok()?;
    Some((cpu, memory))
}
