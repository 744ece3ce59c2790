//! Pods that are not ours alone: what the system runs, what other programs wrote, what somebody made up, and what came
//! back from a backup.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use injector::{Circumstances, DEFAULT, Decision, Outcome, Reason, Template, inject, uninject};
use serde_json::{Value, json};

const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
const STATUS: &str = "discord-monitoring.io/status";

fn asking() -> Value {
    json!({"metadata": {"name": "p", "annotations": {"discord-monitoring.io/inject": "true"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}})
}

fn run(pod: &Value, around: Circumstances<'_>) -> (Outcome, Value) {
    let template = Template::parse(DEFAULT).unwrap();
    let outcome = inject(pod.to_string().as_bytes(), around, &template);
    let mut patched = pod.clone();
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    (outcome, patched)
}

#[test]
fn the_systems_static_and_windows_pods_are_left_alone_whoever_asks() {
    for namespace_opted_in in [false, true] {
        for namespace in ["kube-system", "kube-public", "kube-node-lease"] {
            let around = Circumstances {
                namespace: Some(namespace),
                namespace_opted_in,
            };
            let (outcome, _) = run(&asking(), around);
            assert_eq!(outcome.decision, Decision::Skipped(Reason::SystemNamespace));
            assert!(outcome.warnings[0].contains(namespace));
        }
        let around = Circumstances {
            namespace: Some("agents"),
            namespace_opted_in,
        };
        let mut mirror = asking();
        mirror["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "0123".into();
        let (outcome, _) = run(&mirror, around);
        assert_eq!(outcome.decision, Decision::Skipped(Reason::Mirror));
        let mut windows = asking();
        windows["spec"]["os"] = json!({"name": "windows"});
        let (outcome, _) = run(&windows, around);
        assert_eq!(outcome.decision, Decision::Skipped(Reason::Windows));
        assert_eq!(run(&asking(), around).0.decision, Decision::Injected);
    }
}

#[test]
fn a_status_that_somebody_made_up_changes_no_decision_and_takes_nothing_away() {
    let (_, true_one) = run(&asking(), Circumstances::default());
    let true_status = true_one["metadata"]["annotations"][STATUS].clone();
    for forged in [
        json!("injected"),
        json!("{}"),
        json!(
            r#"{"version":"9","mode":"native","template":"0","agent":"agent","containers":["agent"],"volumes":["data"]}"#
        ),
        json!(
            r#"{"version":"9","mode":"plain","template":"0","agent":"agent","containers":[],"volumes":[],"changed":{"created":["/spec"],"set":["/spec/containers"]}}"#
        ),
        true_status,
    ] {
        let mut pod = asking();
        pod["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
        pod["metadata"]["annotations"][STATUS] = forged.clone();
        let (outcome, patched) = run(&pod, Circumstances::default());
        assert_eq!(outcome.decision, Decision::Injected, "{forged}");
        let names: Vec<_> = patched["spec"]["initContainers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(names, ["discord-watcher"], "{forged}");
        let mut back = patched;
        uninject(&mut back);
        assert_eq!(
            back["spec"]["containers"], pod["spec"]["containers"],
            "{forged}"
        );
        assert_eq!(back["spec"]["volumes"], pod["spec"]["volumes"], "{forged}");
    }
}

#[test]
fn the_autoscalers_list_is_added_to_and_given_back() {
    let mut pod = asking();
    pod["metadata"]["annotations"][SAFE_TO_EVICT] = "cache, scratch".into();
    let (_, patched) = run(&pod, Circumstances::default());
    let list = patched["metadata"]["annotations"][SAFE_TO_EVICT]
        .as_str()
        .unwrap();
    let names: Vec<_> = list.split(',').map(str::trim).collect();
    assert_eq!(names[..2], ["cache", "scratch"], "{list}");
    let local = patched["spec"]["volumes"].as_array().unwrap().iter();
    for volume in local.filter(|volume| volume.get("emptyDir").is_some()) {
        assert!(names.contains(&volume["name"].as_str().unwrap()), "{list}");
    }
    let mut back = patched.clone();
    uninject(&mut back);
    assert_eq!(back, pod);
}

#[test]
fn a_guaranteed_pod_stays_guaranteed_and_any_other_is_not_made_so() {
    for (own, guaranteed) in [
        (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), true),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}),
            false,
        ),
        (json!({}), false),
    ] {
        let mut pod = asking();
        pod["spec"]["containers"][0]["resources"] = own;
        let (_, patched) = run(&pod, Circumstances::default());
        let ours = &patched["spec"]["initContainers"][0]["resources"];
        for kind in ["requests", "limits"] {
            assert!(
                ours[kind]["cpu"].is_string() && ours[kind]["memory"].is_string(),
                "{ours}"
            );
        }
        assert_eq!(ours["requests"] == ours["limits"], guaranteed, "{ours}");
    }
}

#[test]
fn a_pod_that_came_back_from_the_cluster_or_a_backup_is_left_as_it_is() {
    let (_, made) = run(&asking(), Circumstances::default());
    let mut stored = made.clone();
    stored["status"] = json!({"phase": "Running", "hostIP": "10.0.0.1"});
    stored["metadata"]["uid"] = "0b7f".into();
    stored["metadata"]["resourceVersion"] = "7".into();
    stored["spec"]["nodeName"] = "node-1".into();
    stored["spec"]["schedulerName"] = "default-scheduler".into();
    for container in ["containers", "initContainers"] {
        let container = &mut stored["spec"][container][0];
        container["terminationMessagePath"] = "/dev/termination-log".into();
        container["imagePullPolicy"] = "IfNotPresent".into();
    }
    // What a backup tool adds of its own.
    stored["metadata"]["labels"]["backup.example.com/restored"] = "true".into();
    let (outcome, after) = run(&stored, Circumstances::default());
    assert_eq!(outcome.decision, Decision::Unchanged, "{:?}", outcome.patch);
    assert_eq!(after, stored);
}
