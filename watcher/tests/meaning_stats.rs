//! The numbers of `watcher stats` against a slow and simple count of the same files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

fn report(paths: &[PathBuf]) -> Value {
    let mut out = Vec::new();
    watcher::stats::run(paths, true, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Tokens by model: of each message the record with the most output, read as whole JSON values.
fn slowly(paths: &[PathBuf]) -> BTreeMap<String, [u64; 6]> {
    let mut best: HashMap<String, (String, Value)> = HashMap::new();
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let mut value = value.unwrap();
            if value["data"]["type"] == "agent_progress" {
                value = value["data"]["message"].clone();
            }
            let message = &value["message"];
            if value["type"] != "assistant" || message["model"] == "<synthetic>" {
                continue;
            }
            let output = message["usage"]["output_tokens"].as_u64().unwrap();
            let id = message["id"].as_str().unwrap().to_owned();
            if best
                .get(&id)
                .is_none_or(|(_, known)| known["output_tokens"].as_u64().unwrap() <= output)
            {
                best.insert(
                    id,
                    (
                        message["model"].as_str().unwrap().to_owned(),
                        message["usage"].clone(),
                    ),
                );
            }
        }
    }
    let mut sums: BTreeMap<String, [u64; 6]> = BTreeMap::new();
    for (model, usage) in best.into_values() {
        let of = |key: &str| usage[key].as_u64().unwrap_or(0);
        let split = |key: &str| usage["cache_creation"][key].as_u64().unwrap_or(0);
        let parts = [
            1,
            of("input_tokens"),
            of("output_tokens"),
            of("cache_read_input_tokens"),
            split("ephemeral_5m_input_tokens"),
            split("ephemeral_1h_input_tokens"),
        ];
        let sum = sums.entry(model).or_default();
        sum.iter_mut()
            .zip(parts)
            .for_each(|(sum, part)| *sum += part);
    }
    sums
}

fn counted(report: &Value) -> BTreeMap<String, [u64; 6]> {
    let keys = [
        "messages",
        "input",
        "output",
        "cacheRead",
        "cacheWrite5m",
        "cacheWrite1h",
    ];
    let models = report["models"].as_object().unwrap();
    models
        .iter()
        .map(|(model, figures)| {
            (
                model.clone(),
                keys.map(|key| figures[key].as_u64().unwrap()),
            )
        })
        .collect()
}

fn write(folder: &Path, name: &str, records: &[Value]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lines: Vec<_> = records.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn totals_of_every_sample_equal_a_slow_count_and_known_costs() {
    // As ccusage 20.0.24 counted the same files on 2026-11-23, in US dollars.
    let costs = [
        ("e-26_dcd5518fea_0", 7.589_217),
        ("e-37_995ebed6e4_2", 2.538_957),
        ("e-4b_7d5121b42a_0", 3.143_796),
        ("e-84_324d6610f2_0", 4.296_118),
        (
            "s-8463c716-a2ea-4c14-9efa-87158ebd9f20_subagents_agent-a7be2f0",
            0.057_315_7,
        ),
        ("s-short", 0.144_447_5),
        ("s-tool_heavy", 0.226_645_5),
    ];
    let samples = samples();
    for path in &samples {
        let report = report(std::slice::from_ref(path));
        assert_eq!(
            counted(&report),
            slowly(std::slice::from_ref(path)),
            "{}",
            path.display()
        );
        let name = path.file_stem().unwrap().to_str().unwrap();
        if let Some((_, cost)) = costs.iter().find(|(sample, _)| *sample == name) {
            let found = report["totals"]["costUsd"].as_f64().unwrap();
            assert!(
                (found - cost).abs() < 0.005,
                "{name}: {found} instead of {cost}"
            );
        }
    }
    if !samples.is_empty() {
        assert_eq!(counted(&report(&samples)), slowly(&samples));
    }
}

#[test]
fn copies_in_other_files_count_once_and_directories_are_searched() {
    let folder = tempfile::tempdir().unwrap();
    let [asked, answered] = bash("ls", "x", "");
    let session = [
        prompt("u1", "go"),
        said("u2", "m1", 9, text("ok")),
        said("u3", "m1", 50, text("ok")),
        asked,
        answered,
        result("r9", "t9", json!("no"), true, json!("Error: no")),
    ];
    write(folder.path(), "projects/-p/s1.jsonl", &session);
    let mut copy = session.to_vec();
    for record in &mut copy {
        record["sessionId"] = json!("s2");
    }
    copy.push(said("u8", "m8", 4, text("more")));
    write(folder.path(), "projects/-p/s2.jsonl", &copy);
    write(
        folder.path(),
        "projects/-p/s2/subagents/agent-a1.jsonl",
        &[said("u9", "m9", 3, text("sub"))],
    );
    std::fs::write(folder.path().join("notes.txt"), "no transcript").unwrap();
    let report = report(&[folder.path().to_owned()]);
    assert_eq!(report["files"], 3);
    let total = &report["totals"];
    // m1 (50), the call's message (5), m8 (4), m9 (3).
    assert_eq!(
        (&total["messages"], &total["output"]),
        (&json!(4), &json!(62))
    );
    let sessions = report["sessions"].as_array().unwrap();
    let sum = |key: &str| {
        sessions
            .iter()
            .map(|session| session[key].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("messages"), sum("output"), sum("errors")), (4, 62, 1));
    let calls: u64 = sessions
        .iter()
        .filter_map(|session| session["tools"]["Bash"].as_u64())
        .sum();
    assert_eq!(calls, 1);
}

#[test]
fn an_unknown_model_has_a_null_cost_and_its_tokens_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = said("u1", "m1", 9, text("x"));
    record["message"]["model"] = json!("gpt-99");
    let path = write(folder.path(), "a.jsonl", &[record]);
    let report = report(&[path]);
    assert_eq!(report["models"]["gpt-99"]["costUsd"], Value::Null);
    assert_eq!(report["models"]["gpt-99"]["output"], 9);
    assert_eq!(report["totals"]["costUsd"], Value::Null);
    assert_eq!(report["totals"]["lowerBound"], true);
}

#[test]
fn durations_tools_and_the_exact_cost_stand_by_session() {
    let folder = tempfile::tempdir().unwrap();
    let mut late = said("u2", "m1", 9, text("x"));
    late["timestamp"] = json!("2026-02-03T00:01:30.500Z");
    let end = json!({"type": "result", "total_cost_usd": 0.5, "session_id": "s1", "uuid": "z"});
    let path = write(folder.path(), "a.jsonl", &[prompt("u1", "go"), late, end]);
    let report = report(std::slice::from_ref(&path));
    let session = &report["sessions"][0];
    assert_eq!(session["durationMs"], 90_500);
    assert_eq!(session["exactCostUsd"], 0.5);
    assert_eq!(session["cwd"], "/work");
    let mut table = Vec::new();
    watcher::stats::run(&[path], false, &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert!(
        table.contains("claude-opus-4-5-20251101")
            && table.contains("1 min 30 s")
            && table.contains("$0.50"),
        "{table}"
    );
}

#[test]
fn no_session_is_made_up_from_records_that_name_none() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = json!({"type": "file-history-snapshot", "timestamp": "2026-02-03T00:00:00Z"});
    let path = write(
        folder.path(),
        "renamed.jsonl",
        &[snapshot, prompt("u1", "go"), said("u2", "m1", 9, text("x"))],
    );
    let report = report(&[path]);
    let sessions: Vec<_> = report["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| &session["session"])
        .collect();
    assert_eq!(sessions, ["s1"]);
}

#[test]
fn broken_lines_are_said_and_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let good = said("u1", "m1", 9, text("x")).to_string();
    let mut bytes = format!("{}\n{{\"usage\":\n", &good[..good.len() - 9]).into_bytes();
    bytes.extend([0, 0, 0]);
    bytes.extend(good.bytes());
    std::fs::write(&path, bytes).unwrap();
    let report = report(&[path]);
    assert_eq!(report["totals"]["output"], 9);
    assert_eq!(report["lostRecords"], 2);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let error = watcher::stats::run(&["/no/such/place".into()], true, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("/no/such/place"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error =
        watcher::stats::run(&[folder.path().to_owned()], true, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("no transcript"), "{error}");
}
