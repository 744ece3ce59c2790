//! What the watcher takes, as metrics-server sees it. It writes for a minute: by its name it is among the first to begin.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, with_world};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

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
            let found: Pod = world.api().get(&pod).await?;
            let status = found.status.unwrap_or_default();
            let mut inits = status.init_container_statuses.unwrap_or_default();
            let watcher = inits.pop().ok_or_else(|| anyhow::anyhow!("no watcher"))?;
            assert_eq!(watcher.restart_count, 0, "not killed for its memory");
            let state = watcher.state.unwrap_or_default();
            // Nobody answers at the address of a Pod that has ended, and to find that out takes half a minute.
            if let Some(ended) = state.terminated {
                return Ok(ended);
            }
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
            anyhow::bail!("it runs")
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
    let answer = tokio::time::timeout(seconds(5), world.client.request_text(request));
    let text = answer.await??;
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
