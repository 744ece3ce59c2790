//! The commands on manifests: what they read, that they agree with each other, and how they end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_injector"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a command with this on standard input.
fn fed(args: &[&str], input: &str) -> Output {
    let mut child = start(args);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn pod(name: &str, inject: Option<&str>, spec: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}});
    if let Some(inject) = inject {
        pod["metadata"]["annotations"] = json!({"discord-monitoring.io/inject": inject});
    }
    json_patch::merge(&mut pod, &json!({ "spec": spec }));
    pod
}

fn has_watcher(pod: &Value) -> bool {
    let all = pod["spec"]["initContainers"].as_array();
    all.into_iter()
        .flatten()
        .any(|one| one["name"] == "discord-watcher")
}

#[test]
fn standard_input_may_hold_several_json_documents_or_a_list_and_gives_as_many() {
    let (asks, silent) = (
        pod("a", Some("true"), &json!({})),
        pod("b", None, &json!({})),
    );
    let output = fed(&["inject", "-f", "-"], &format!("{asks}\n{silent}"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let all: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(all.len(), 2);
    assert!(has_watcher(&all[0]) && all[1] == silent);

    let list = json!({"apiVersion": "v1", "kind": "List", "items": [silent, asks]});
    let output = fed(&["inject", "-f", "-"], &list.to_string());
    let injected: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(injected["items"][0] == silent && has_watcher(&injected["items"][1]));
    let output = fed(&["uninject", "-f", "-"], &injected.to_string());
    let back: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(back, list);
}

#[test]
fn a_pod_that_asks_and_goes_without_shows_in_the_exit_code_of_inject_and_explain() {
    for (manifest, code) in [
        (pod("plain", None, &json!({})), 0),
        (pod("asks", Some("true"), &json!({})), 0),
        (pod("refuses", Some("false"), &json!({})), 0),
        (
            pod("windows", Some("true"), &json!({"os": {"name": "windows"}})),
            2,
        ),
        (
            pod(
                "selects",
                Some("true"),
                &json!({"nodeSelector": {"kubernetes.io/os": "windows"}}),
            ),
            2,
        ),
        (
            pod("unreadable", Some("true"), &json!({"hostNetwork": "yes"})),
            2,
        ),
    ] {
        for command in ["inject", "explain"] {
            let output = fed(&[command, "-f", "-"], &manifest.to_string());
            assert_eq!(
                output.status.code(),
                Some(code),
                "{command} {manifest}: {output:?}"
            );
        }
        let injected: Value =
            serde_json::from_slice(&fed(&["inject", "-f", "-"], &manifest.to_string()).stdout)
                .unwrap();
        assert_eq!(
            has_watcher(&injected),
            manifest["metadata"]["name"] == "asks"
        );
    }
}

#[test]
fn inject_and_explain_know_the_same_namespaces() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "agents", "labels": {"discord-monitoring.io/inject": "enabled"}}});
    let manifests = format!("{namespace}\n{}", pod("a", None, &json!({})));
    let label = "discord-monitoring.io/inject=enabled";
    for (further, injected) in [
        (&[][..], false),
        (&["--namespace", "agents"], true),
        (&["--namespace-label", label], true),
        (
            &["--namespace", "kube-system", "--namespace-label", label],
            false,
        ),
        (&["--namespace-opted-in"], true),
    ] {
        let run = |command: &str, more: &[&str]| {
            let args = [&[command, "-f", "-"], further, more].concat();
            fed(&args, &manifests)
        };
        let output = run("inject", &[]);
        let all: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(has_watcher(&all[1]), injected, "{further:?}");
        let told: Value = serde_json::from_slice(&run("explain", &["-o", "json"]).stdout).unwrap();
        assert_eq!(
            told["pods"][0]["decision"] == "inject",
            injected,
            "{further:?}"
        );
    }
}

#[test]
fn our_own_pods_are_left_out_as_the_webhook_leaves_them_out() {
    let mut own = pod("own", Some("true"), &json!({}));
    own["metadata"]["labels"] = json!({"app.kubernetes.io/part-of": "discord-monitoring"});
    let output = fed(&["inject", "-f", "-"], &own.to_string());
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, own);
    assert!(String::from_utf8_lossy(&output.stderr).contains("part-of"));
}

#[test]
fn a_reader_that_goes_early_is_no_crash() {
    // More than any pipe holds.
    let many: String = (0..400)
        .map(|number| pod(&format!("p{number}"), Some("true"), &json!({})).to_string())
        .collect();
    for command in ["inject", "explain", "uninject"] {
        let mut child = start(&[command, "-f", "-"]);
        let mut stdout = child.stdout.take().unwrap();
        // Its standard error is closed from the first word on.
        drop(child.stderr.take());
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(many.as_bytes()).unwrap();
        drop(stdin);
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{command}: {status:?}");
    }
}
