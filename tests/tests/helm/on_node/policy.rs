//! The API server's own look at a Pod that asked. The injector has no replicas: nobody adds a watcher but the test.

use super::{INJECT, Release, kubectl, must};
use serde_json::{Value, json};
use sidecar::names::STATUS;
use std::time::{Duration, Instant};

fn pod(namespace: &str, asks: bool, watcher: Option<Value>) -> Value {
    let mut containers = vec![json!({"name": "agent", "image": "agent"})];
    containers.extend(watcher.map(|context| {
        json!({"name": sidecar::names::WATCHER, "image": "watcher", "securityContext": context})
    }));
    // A plain watcher in a Pod that ends by itself, with no word on when: any injector of another installation declines.
    let annotations = if asks {
        json!({INJECT: "true", "discord-monitoring.io/mode": "plain"})
    } else {
        json!({})
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace, "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": containers},
    })
}

#[test]
fn the_policy_sees_who_asked_and_ends_without_a_hardened_watcher() {
    let release = Release::new("policy");
    let values = |actions: Value| {
        json!({"policy": {"enabled": true, "actions": actions,
            "namespaceSelector": {"matchLabels": {"charts-test": release.name}}}})
    };
    must(release.apply(&values(json!(["Deny"]))));
    let plain = release.namespace("plain", &[]);
    let create = |pod: &Value| kubectl(&["create", "--dry-run=server", "--filename=-"], Some(pod));
    let hardened = json!({"runAsNonRoot": true, "runAsUser": 1000, "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}});
    let mut soft = hardened.clone();
    soft["readOnlyRootFilesystem"] = json!(false);
    let mut able = hardened.clone();
    able["capabilities"]["add"] = json!(["NET_RAW"]);
    let mut unconfined = hardened.clone();
    unconfined["seccompProfile"] = json!({"type": "Unconfined"});
    // Neither it nor its Pod says one.
    let mut silent = hardened.clone();
    silent.as_object_mut().unwrap().remove("seccompProfile");

    // An API server takes up to some seconds to heed a new policy.
    let bare = pod(&plain, true, None);
    let began = Instant::now();
    while create(&bare).ok {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the policy is not heeded"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    for (watcher, because) in [
        (None, "has none"),
        (Some(soft), "is not hardened"),
        (Some(able), "is not hardened"),
        (Some(unconfined), "is not hardened"),
        (Some(silent.clone()), "is not hardened"),
        (Some(json!(null)), "is not hardened"),
    ] {
        let said = create(&pod(&plain, true, watcher.clone()));
        assert!(
            !said.ok && said.stderr.contains(because),
            "{watcher:?}: {}",
            said.stderr
        );
    }
    let said = create(&pod(&plain, true, Some(hardened.clone())));
    assert!(said.ok, "{}", said.stderr);
    let mut of_the_pod = pod(&plain, true, Some(silent));
    of_the_pod["spec"]["securityContext"] = json!({"seccompProfile": {"type": "RuntimeDefault"}});
    let said = create(&of_the_pod);
    assert!(said.ok, "the Pod's own profile counts: {}", said.stderr);
    // The user has a container of our name, and ours a number behind its own: the status says which is which.
    let renamed = |ours: &Value| {
        let mut pod = pod(&plain, true, Some(json!({})));
        pod["metadata"]["annotations"][STATUS] =
            json!(r#"{"version":"0.1.0","containers":["discord-watcher-2","discord-bridge"]}"#);
        let ours =
            json!({"name": "discord-watcher-2", "image": "watcher", "securityContext": ours});
        pod["spec"]["containers"].as_array_mut().unwrap().push(ours);
        pod
    };
    let said = create(&renamed(&hardened));
    assert!(said.ok, "ours is hardened: {}", said.stderr);
    let said = create(&renamed(&json!({})));
    assert!(
        !said.ok && said.stderr.contains("is not hardened"),
        "{}",
        said.stderr
    );
    let said = create(&pod(&plain, false, None));
    assert!(said.ok, "who did not ask is left alone: {}", said.stderr);

    must(release.apply(&values(json!(["Warn"]))));
    let began = Instant::now();
    loop {
        let said = create(&bare);
        if said.ok {
            assert!(
                said.stderr.contains("has none"),
                "a warning: {}",
                said.stderr
            );
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{}", said.stderr);
        std::thread::sleep(Duration::from_millis(200));
    }
}
