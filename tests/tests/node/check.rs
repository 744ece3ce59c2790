//! `injector check` on the installation itself: nothing to say where all is well, and each fault by name.

use super::support::cluster::{self, root};
use super::support::world::{World, create};
use super::support::{Agent, with_world};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{LimitRange, Pod, ResourceQuota};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::process::Command;

/// The report on one namespace, and the exit code.
pub(crate) async fn check(world: &World) -> (Value, Option<i32>) {
    let namespace = world.namespace.clone();
    let run = move || {
        Command::new(binary())
            .args(["check", "-o", "json", "--namespace", &namespace])
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{error}: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (report, output.status.code())
}

/// The binary of the image: hack/images.sh builds it before these tests run.
fn binary() -> std::path::PathBuf {
    let targets = std::fs::read_dir(root().join("target")).unwrap();
    let mut found = targets
        .filter_map(|entry| Some(entry.ok()?.path().join("release/injector")))
        .filter(|path| path.exists() && !path.starts_with(root().join("target/release")));
    found.next().expect("hack/images.sh builds the injector")
}

/// Check and object of each finding.
fn found(report: &Value) -> Vec<(&str, &str)> {
    let text = |one: &'_ Value, key: &str| one[key].as_str().unwrap().len();
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .inspect(|one| assert!(text(one, "problem") > 0 && text(one, "cure") > 0))
        .map(|one| {
            (
                one["check"].as_str().unwrap(),
                one["object"].as_str().unwrap(),
            )
        })
        .collect()
}

/// A Pod that waits for ever for a node, so that nothing runs.
fn waiting(agent: Agent) -> Value {
    let mut agent = agent;
    agent.pod = json!({"nodeSelector": {"nowhere": "true"}});
    agent.pod()
}

#[tokio::test]
async fn check_says_nothing_where_all_is_well_and_names_each_fault_where_not() {
    let _guard = cluster::shared().await;
    with_world("check", |world| async move {
        create::<Pod>(&world.api(), waiting(Agent::new("good", &[]))).await;
        let (report, code) = check(&world).await;
        assert_eq!((code, found(&report)), (Some(0), vec![]), "{report:#}");
        assert_eq!(report["notSeen"], json!([]));
        assert_eq!(report["looked"]["asking"], 1);

        // As if it had been created while nobody answered.
        let pods: Api<Pod> = world.api();
        create::<Pod>(&pods, waiting(Agent::new("bare", &[]).unannotated())).await;
        create::<Pod>(&pods, waiting(Agent::new("old", &[]))).await;
        let annotate = async |name: &str, key: &str, value: &str| {
            let patch = json!({"metadata": {"annotations": {key: value}}});
            pods.patch(name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .unwrap();
        };
        annotate("bare", sidecar::names::INJECT, "true").await;
        let old = pods.get("old").await.unwrap();
        let status = old.metadata.annotations.unwrap()[sidecar::names::STATUS].clone();
        let mut status: Value = serde_json::from_str(&status).unwrap();
        status["template"] = "0123456789ab".into();
        annotate("old", sidecar::names::STATUS, &status.to_string()).await;

        let labels = json!({"app": "misplaced"});
        create::<Deployment>(&world.api(), json!({
            "metadata": {"name": "misplaced", "annotations": {sidecar::names::INJECT: "true"}},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "agent", "image": "agent:1"}]}}},
        }))
        .await;
        let limit = json!({"metadata": {"name": "small"}, "spec": {"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]}});
        create::<LimitRange>(&world.api(), limit).await;
        let quota = json!({"metadata": {"name": "full"}, "spec": {"hard": {"requests.cpu": "5m"}}});
        create::<ResourceQuota>(&world.api(), quota).await;

        let (report, code) = check(&world).await;
        assert_eq!(code, Some(1));
        let expected = [
            ("misplaced", "Deployment/t-check/misplaced"),
            ("bare", "Pod/t-check/bare"),
            ("stale", "Pod/t-check/old"),
            ("limit-range", "LimitRange/t-check/small"),
            ("quota", "ResourceQuota/t-check/full"),
        ];
        assert_eq!(found(&report), expected, "{report:#}");
    })
    .await;
}
