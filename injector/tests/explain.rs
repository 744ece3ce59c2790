//! What `injector explain` tells. `UPDATE_GOLDEN=1` writes the golden file anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn input() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain/all.input.yaml")
}

fn explain(further: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_injector"))
        .args(["explain", "-f", input().to_str().unwrap()])
        .args(further)
        .output()
        .unwrap();
    // Two of them ask, and can have none.
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(further: &[&str]) -> Vec<Value> {
    let text = explain(&[&["-o", "json"], further].concat());
    let all: Value = serde_json::from_str(&text).unwrap();
    all["pods"].as_array().unwrap().clone()
}

fn by_owner<'a>(all: &'a [Value], owner: &str) -> &'a Value {
    all.iter().find(|one| one["owner"] == owner).unwrap()
}

#[test]
fn people_read_what_the_golden_file_says() {
    let golden = input().with_file_name("all.golden.txt");
    let text = explain(&[]);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    assert_eq!(
        text,
        std::fs::read_to_string(&golden).unwrap_or_default(),
        "run UPDATE_GOLDEN=1 cargo test -p injector --test explain, and look at the difference"
    );
}

#[test]
fn programs_read_the_rule_and_where_each_value_comes_from() {
    let all = json(&[]);
    let job = by_owner(&all, "Job/annotated");
    assert_eq!(job["decision"], "inject");
    assert_eq!(job["entry"], "pods.discord-monitoring.io");
    assert_eq!(job["sidecar"]["configDirectory"], "/data/claude");
    assert_eq!(job["sidecar"]["user"], 1000);
    let setting = |path: &str| -> Value {
        let settings = job["settings"].as_array().unwrap();
        settings
            .iter()
            .find(|one| one["path"] == path)
            .unwrap()
            .clone()
    };
    assert_eq!(setting("polling.intervalMs")["from"], "annotation");
    assert_eq!(setting("polling.intervalMs")["value"], 250);
    assert_eq!(setting("polling.batchSize")["from"], "default");
    let label = by_owner(&all, "Deployment/by-label");
    assert_eq!(label["entry"], "namespaces.discord-monitoring.io");
    assert_eq!(
        by_owner(&all, "CronJob/misplaced")["misplaced"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(by_owner(&all, "Pod/windows")["reason"], "never_asked");
}

#[test]
fn a_label_on_the_command_line_counts_where_the_manifests_define_no_namespace() {
    let decision =
        |further: &[&str]| by_owner(&json(further), "CronJob/misplaced")["decision"].clone();
    assert_eq!(decision(&[]), "skip");
    assert_eq!(
        decision(&["--namespace-label", "discord-monitoring.io/inject=enabled"]),
        "inject"
    );
    assert_eq!(decision(&["--namespace", "agents"]), "inject");
}

#[test]
fn a_value_of_the_charts_is_told_from_a_default() {
    let folder = tempfile::tempdir().unwrap();
    let sidecar = folder.path().join("sidecar.yaml");
    let changed = injector::DEFAULT
        .replace("batchSize: 10", "batchSize: 3")
        .replace("cpu: 10m", "cpu: 11m");
    assert_ne!(changed, injector::DEFAULT);
    std::fs::write(&sidecar, changed).unwrap();
    let all = json(&["--sidecar", sidecar.to_str().unwrap()]);
    let settings = by_owner(&all, "Job/annotated")["settings"]
        .as_array()
        .unwrap()
        .clone();
    let size = settings
        .iter()
        .find(|one| one["path"] == "polling.batchSize")
        .unwrap();
    assert_eq!(
        (size["value"].clone(), size["from"].clone()),
        (3.into(), "chart".into())
    );
    // The definition's container says it, not its settings.
    let cpu = settings
        .iter()
        .find(|one| one["path"] == "resources.requests.cpu")
        .unwrap();
    assert_eq!(
        (cpu["value"].clone(), cpu["from"].clone()),
        ("11m".into(), "chart".into())
    );
}
