//! Through which of the agent's mounts the watcher sees the transcripts, and when through none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use injector::{Circumstances, DEFAULT, Decision, Outcome, Reason, Template, inject};
use serde_json::{Value, json};

const PROJECTS: &str = "/home/node/.claude/projects";

/// A Pod whose agent has these mounts, each of a volume of its own name, and these annotations.
fn run(mounts: &Value, annotations: &Value) -> (Outcome, Value) {
    let volumes: Vec<Value> = mounts
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| json!({"name": mount["name"], "persistentVolumeClaim": {"claimName": "c"}}))
        .collect();
    let mut pod = json!({"metadata": {"name": "p", "annotations": {"discord-monitoring.io/inject": "true"}},
        "spec": {"restartPolicy": "Never", "volumes": volumes, "securityContext": {"runAsUser": 1000},
            "containers": [{"name": "agent", "image": "a", "volumeMounts": mounts}]}});
    json_patch::merge(&mut pod, &json!({"metadata": {"annotations": annotations}}));
    let template = Template::parse(DEFAULT).unwrap();
    let outcome = inject(
        pod.to_string().as_bytes(),
        Circumstances::default(),
        &template,
    );
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
    }
    (outcome, pod)
}

/// The watcher's mounts of the agent's volumes, and what it is told to follow.
fn seen(pod: &Value) -> (Vec<Value>, String) {
    let watcher = &pod["spec"]["initContainers"][0];
    let mounts = watcher["volumeMounts"].as_array().unwrap().iter();
    let of_agent = mounts.filter(|mount| {
        let name = mount["name"].as_str().unwrap();
        !matches!(name, "discord-state" | "discord-webhook")
    });
    let env = watcher["env"].as_array().unwrap();
    let path = env
        .iter()
        .find(|one| one["name"] == "TRANSCRIPT_PATH")
        .unwrap();
    (
        of_agent.cloned().collect(),
        path["value"].as_str().unwrap().to_owned(),
    )
}

fn annotation(key: &str, value: &str) -> Value {
    json!({format!("discord-monitoring.io/{key}"): value})
}

#[test]
fn of_two_that_cover_the_transcripts_the_nearer_is_taken_read_only_with_its_sub_path() {
    let mounts = json!([
        {"name": "home", "mountPath": "/home/node"},
        {"name": "claude", "mountPath": "/home/node/.claude/", "subPath": "a/b"},
        {"name": "near", "mountPath": "/home/node/.claude-other"},
    ]);
    let (outcome, pod) = run(&mounts, &json!({}));
    let expected = json!({"name": "claude", "mountPath": "/home/node/.claude", "readOnly": true, "subPath": "a/b"});
    assert_eq!(seen(&pod), (vec![expected], PROJECTS.to_owned()));
    assert_eq!(outcome.warnings, Vec::<String>::new());
    assert_eq!(pod["spec"]["containers"][0]["volumeMounts"], mounts);
}

#[test]
fn a_mount_that_nobody_can_write_to_is_told() {
    let mounts = json!([{"name": "home", "mountPath": "/home/node", "readOnly": true}]);
    let (outcome, _) = run(&mounts, &json!({}));
    let told = |text: &String| text.contains("/home/node") && text.contains("read-only");
    assert!(outcome.warnings.iter().any(told), "{:?}", outcome.warnings);
}

#[test]
fn what_lies_in_a_mount_below_the_watched_directory_is_told() {
    let mounts = json!([
        {"name": "home", "mountPath": "/home/node"},
        {"name": "deep", "mountPath": "/home/node/.claude/projects/one"},
    ]);
    let (outcome, pod) = run(&mounts, &json!({}));
    assert_eq!(seen(&pod).0.len(), 1);
    let told = |text: &String| text.contains("projects/one") && text.contains("not watched");
    assert!(outcome.warnings.iter().any(told), "{:?}", outcome.warnings);
}

#[test]
fn a_transcript_path_wins_over_what_the_agent_says_and_chooses_the_mount() {
    let mounts = json!([
        {"name": "home", "mountPath": "/home/node"},
        {"name": "data", "mountPath": "/data"},
    ]);
    let path = annotation("transcriptPath", "/data/run/session.jsonl");
    let (_, pod) = run(&mounts, &path);
    let expected = json!({"name": "data", "mountPath": "/data", "readOnly": true});
    assert_eq!(
        seen(&pod),
        (vec![expected], "/data/run/session.jsonl".to_owned())
    );
}

#[test]
fn a_mount_at_a_place_of_the_watchers_own_goes_elsewhere() {
    let mounts = json!([{"name": "var", "mountPath": "/var/lib"}]);
    let path = annotation("transcriptPath", "/var/lib/agent");
    let (_, pod) = run(&mounts, &path);
    let expected = json!({"name": "var", "mountPath": "/agent/var/lib", "readOnly": true});
    assert_eq!(
        seen(&pod),
        (vec![expected], "/agent/var/lib/agent".to_owned())
    );
}

#[test]
fn where_no_volume_can_be_added_the_pod_is_left_alone_and_told_why() {
    for path in ["/proc/x", "/", "/var/lib/discord-monitoring/x"] {
        let (outcome, _) = run(&json!([]), &annotation("transcriptPath", path));
        assert_eq!(
            outcome.decision,
            Decision::Skipped(Reason::Unseen),
            "{path}"
        );
        assert!(outcome.warnings[0].contains("set transcriptPath"), "{path}");
    }
}

#[test]
fn without_a_covering_mount_the_setting_decides() {
    for (choice, at) in [
        ("projects", Some(PROJECTS)),
        ("config", Some("/home/node/.claude")),
        ("none", None),
    ] {
        let (_, pod) = run(&json!([]), &annotation("transcript.mount", choice));
        let (mounts, path) = seen(&pod);
        let expected: Vec<Value> = at
            .iter()
            .map(|at| json!({"name": "discord-transcript", "mountPath": at, "readOnly": true}))
            .collect();
        assert_eq!((mounts, path), (expected, PROJECTS.to_owned()), "{choice}");
    }
}
