//! The main job: one annotation, and a run is watched.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::{World, create};
use super::support::{Agent, with_world};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use tests::transcript::{Kind, Options, Session, Usage, generate, step};

/// The session that a player with these arguments plays.
pub(crate) fn session(args: &[&str]) -> Session {
    let after = |flag: &str| {
        args.iter()
            .position(|&arg| arg == flag)
            .and_then(|at| args.get(at + 1))
    };
    let kind: Kind = after("--generate")
        .expect("a generated session")
        .parse()
        .expect("a kind");
    let seed = after("--seed").map_or(1, |text| text.parse().expect("a seed"));
    let mut options = Options::new(kind, seed);
    if let Some(records) = after("--records") {
        options = options.records(records.parse().expect("a number"));
    }
    generate(&options)
}

/// Serials of the Bash calls in the order in which their results were written, read from the bytes.
pub(crate) fn steps_in_order(session: &Session) -> Vec<String> {
    let text = String::from_utf8(session.main()).expect("a clean session is UTF-8");
    let known: Vec<String> = session.expected.steps().map(step).collect();
    let mut open = HashMap::new();
    let mut order = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("a clean session's lines are JSON");
        for block in record["message"]["content"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if block["type"] == "tool_use" && block["name"] == "Bash" {
                let command = block["input"]["command"].as_str().unwrap_or_default();
                let serial = known
                    .iter()
                    .find(|serial| command.contains(*serial))
                    .expect("every command has one");
                open.insert(block["id"].clone(), serial.clone());
            }
            if block["type"] == "tool_result" {
                order.extend(open.remove(&block["tool_use_id"]));
            }
        }
    }
    order
}

/// Every Bash call of the played session stands in the channel exactly once, in the order of the file.
pub(crate) async fn all_steps_arrived(world: &World, args: &[&str]) {
    let expected = steps_in_order(&session(args));
    assert!(
        expected.len() >= 5,
        "a session with something in it: {expected:?}"
    );
    let embeds = world.double.embeds().await.expect("the double's messages");
    let mut arrived = Vec::new();
    for embed in &embeds {
        let text = embed.to_string();
        let tool = text.contains("Bash") || text.contains("```");
        arrived.extend(
            expected
                .iter()
                .filter(|serial| tool && text.contains(*serial))
                .cloned(),
        );
    }
    // The live summary names the current command too, so only the feed's embeds are counted: those with code.
    assert_eq!(arrived, expected, "what arrived, and what was written");
    assert_eq!(world.double.violations().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_annotated_job_is_watched_in_order_exactly_once_and_completes() {
    let _guard = cluster::shared().await;
    with_world("job", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let args = [
            "--generate",
            "clean",
            "--seed",
            "7",
            "--records",
            "200",
            "--rate",
            "20",
        ];
        world.run(&Agent::new("agent", &args)).await;
        world.completes("agent", seconds(120)).await;
        let name = world.pod_of("agent").await.metadata.name.unwrap();
        let pod: Pod = world.api().get(&name).await.unwrap();
        let watcher = &pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap()[0];
        assert_eq!(watcher.name, sidecar::names::WATCHER);
        assert_eq!(
            watcher.restart_policy.as_deref(),
            Some("Always"),
            "a native sidecar"
        );
        assert_eq!(
            watcher.security_context.as_ref().unwrap().run_as_user,
            Some(1000)
        );
        let status = pod.status.unwrap();
        let ended = status
            .init_container_statuses
            .unwrap()
            .remove(0)
            .state
            .unwrap()
            .terminated
            .unwrap();
        assert_eq!(ended.exit_code, 0);
        all_steps_arrived(&world, &args).await;

        let truth = session(&args).expected.total();
        let summary = world
            .double
            .embeds()
            .await
            .unwrap()
            .pop()
            .unwrap()
            .to_string();
        for tokens in [
            truth.input,
            truth.output,
            truth.cache_read,
            truth.write_5m + truth.write_1h,
        ] {
            assert!(
                names_number(&summary, tokens),
                "{tokens} of {truth:?} is not in the final summary: {summary}"
            );
        }
        let log = world.log(&name, sidecar::names::WATCHER).await;
        assert!(
            !log.contains(super::support::world::WEBHOOK_TOKEN),
            "the token stands in the log"
        );
    })
    .await;
}

/// Tokens of a transcript by the independent counter.
fn counted(path: &Path) -> Usage {
    let count = tests::count::count_files([path]).expect("a readable sample");
    count
        .models
        .values()
        .fold(Usage::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
}

/// Whether `text` has the number, with or without separators of thousands.
fn names_number(text: &str, number: u64) -> bool {
    let plain: String = text
        .chars()
        .filter(|&c| !matches!(c, ',' | '\u{202f}' | '\u{a0}' | '_'))
        .collect();
    plain
        .split(|c: char| !c.is_ascii_digit())
        .any(|word| word == number.to_string())
}

#[tokio::test]
async fn real_sessions_are_watched_with_the_tokens_an_independent_count_finds() {
    let folder = cluster::root().join("../shared/transcripts");
    if !folder.exists() {
        println!("skipped: real samples ({} is not there)", folder.display());
        return;
    }
    let _guard = cluster::shared().await;
    with_world("real", |world| async move {
        world.double.limits_off().await;
        world.create_webhook_secret(&world.webhook_url()).await;
        // Two that fit a ConfigMap: one with two objects on one line, one small.
        for (name, file) in [
            ("glued", "e-37_995ebed6e4_2.jsonl"),
            ("tools", "s-tool_heavy.jsonl"),
        ] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let config = json!({"metadata": {"name": name}, "data": {"transcript.jsonl": text}});
            create::<ConfigMap>(&world.api(), config).await;
            let mut agent = Agent::new(
                name,
                &["--transcript", "/sample/transcript.jsonl", "--rate", "200"],
            );
            agent.container = json!({"volumeMounts": [{"name": "sample", "mountPath": "/sample"}]});
            agent.pod = json!({"volumes": [{"name": "sample", "configMap": {"name": name}}]});
            world.run(&agent).await;
            world.completes(name, seconds(60)).await;
            let truth = counted(&folder.join(file));
            let summary = world
                .double
                .embeds()
                .await
                .unwrap()
                .pop()
                .unwrap()
                .to_string();
            assert!(
                names_number(&summary, truth.output),
                "{truth:?} against {summary}"
            );
            assert!(
                names_number(&summary, truth.cache_read),
                "{truth:?} against {summary}"
            );
        }
        assert_eq!(world.double.violations().await, Vec::<Value>::new());
    })
    .await;
}
