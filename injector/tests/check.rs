//! `injector check` against an API server of our own, and against manifests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "check/api.rs"]
mod api;
#[path = "check/world.rs"]
mod world;

use api::{Cluster, Server};
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::Duration;
use world::{DEFINITION, ENDPOINTS, PROXY, SECRET, WEBHOOKS, hash, injected, pod, well};

fn run(kubeconfig: &std::path::Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_injector"))
        .arg("check")
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap()
}

/// The report on a cluster, and the exit code. Nothing is ever written.
fn check(cluster: Cluster, args: &[&str]) -> (Value, Option<i32>) {
    let server = Server::start(cluster);
    let output = run(&server.kubeconfig, &[&["-o", "json"], args].concat());
    assert_eq!(*server.cluster.writes.lock().unwrap(), Vec::<String>::new());
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text} {:?}", output.stderr));
    (report, output.status.code())
}

/// The one finding, as check, object and problem.
fn only(cluster: Cluster) -> (String, String, String) {
    let (report, code) = check(cluster, &[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    assert_eq!(code, Some(1));
    let text = |key: &str| findings[0][key].as_str().unwrap().to_owned();
    assert!(!text("cure").is_empty());
    (text("check"), text("object"), text("problem"))
}

#[test]
fn a_cluster_where_all_is_well_exits_with_0_and_is_read_in_pages() {
    let server = Server::start(well());
    let output = run(&server.kubeconfig, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("5 Pods") && text.contains("0 found"),
        "{text}"
    );
    // Five Pods in pages of two.
    assert!(*server.cluster.pages.lock().unwrap() >= 3 + 2);
}

#[test]
fn without_a_webhook_configuration_it_says_so() {
    let mut cluster = well();
    cluster.lists.insert(WEBHOOKS.to_owned(), vec![]);
    let (check, _, problem) = only(cluster);
    assert_eq!(check, "webhook");
    assert!(problem.contains("no Pod is ever injected"), "{problem}");
}

#[test]
fn a_missing_entry_is_named() {
    let mut cluster = well();
    let list = cluster.lists.get_mut(WEBHOOKS).unwrap();
    list[0]["webhooks"].as_array_mut().unwrap().pop();
    let (check, object, problem) = only(cluster);
    assert_eq!(
        (check.as_str(), object.as_str()),
        ("webhook", "MutatingWebhookConfiguration/injector")
    );
    assert!(
        problem.contains("namespaces.discord-monitoring.io"),
        "{problem}"
    );
}

#[test]
fn a_foreign_ca_in_one_entry_and_an_empty_one_are_found() {
    let mut cluster = well();
    let foreign = world::certificates(world::now(), Duration::from_hours(2_160)).bundle();
    let list = cluster.lists.get_mut(WEBHOOKS).unwrap();
    list[0]["webhooks"][1]["clientConfig"]["caBundle"] = world::encoded(foreign.as_bytes()).into();
    let (check, _, problem) = only(cluster);
    assert_eq!(check, "certificate");
    assert!(
        problem.contains("refuses") && problem.contains("namespaces."),
        "{problem}"
    );
    let mut cluster = well();
    let list = cluster.lists.get_mut(WEBHOOKS).unwrap();
    list[0]["webhooks"][0]["clientConfig"]["caBundle"] = Value::Null;
    assert!(only(cluster).2.contains("no caBundle"));
}

#[test]
fn a_certificate_that_was_not_renewed_in_time_is_found_before_and_after_its_end() {
    for (age, part) in [(23 * 3_600, "ends in"), (25 * 3_600, "ended")] {
        let state = world::certificates(world::now() - age, Duration::from_hours(24));
        let mut cluster = well();
        cluster
            .objects
            .insert(SECRET.to_owned(), world::secret(&state));
        cluster
            .lists
            .insert(WEBHOOKS.to_owned(), vec![world::webhooks(&state.bundle())]);
        let (report, code) = check(cluster, &[]);
        assert_eq!(code, Some(1));
        let all = report["findings"].to_string();
        assert!(
            all.contains("certificate") && all.contains(part),
            "{report:#}"
        );
    }
}

#[test]
fn no_ready_endpoint_and_a_closed_way_are_told_apart() {
    let mut cluster = well();
    let slice = json!({"endpoints": [{"conditions": {"ready": false}}]});
    cluster.lists.insert(ENDPOINTS.to_owned(), vec![slice]);
    let (check, object, problem) = only(cluster);
    assert_eq!(
        (check.as_str(), object.as_str()),
        ("endpoints", "Service/monitoring/injector")
    );
    assert!(problem.contains("none of its 1"), "{problem}");
    let mut cluster = well();
    cluster.codes.insert(PROXY.to_owned(), 503);
    assert!(only(cluster).2.contains("503"));
}

#[test]
fn pods_made_while_we_were_away_and_pods_of_an_older_definition_are_listed_one_by_one() {
    let mut cluster = well();
    let mut asked_by_label = pod("agents", "bare-2");
    asked_by_label["metadata"]["annotations"] = Value::Null;
    let mut refused = pod("agents", "refused");
    refused["metadata"]["annotations"]["discord-monitoring.io/inject"] = "false".into();
    let mut ended = pod("agents", "ended");
    ended["status"]["phase"] = "Succeeded".into();
    let mut silent = pod("other", "silent");
    silent["metadata"]["annotations"] = json!({});
    let mut plain = pod("agents", "plain");
    plain["metadata"]["annotations"]["discord-monitoring.io/mode"] = "plain".into();
    plain["spec"]["restartPolicy"] = "Never".into();
    cluster.lists.get_mut("/api/v1/pods").unwrap().extend([
        pod("other", "bare-1"),
        asked_by_label,
        injected("agents", "old", "0123456789ab"),
        refused,
        ended,
        silent,
        plain,
    ]);
    let (report, code) = check(cluster, &[]);
    assert_eq!(code, Some(1));
    let found: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["check"].as_str().unwrap(),
                one["object"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("bare", "Pod/other/bare-1"),
            ("bare", "Pod/agents/bare-2"),
            ("stale", "Pod/agents/old"),
            ("annotation", "Pod/agents/plain"),
        ]
    );
    assert!(
        report["findings"][2]["problem"]
            .as_str()
            .unwrap()
            .contains(&hash())
    );
}

#[test]
fn keys_on_a_workload_are_misplaced_and_those_of_a_template_are_read() {
    let mut cluster = well();
    let annotations = json!({"discord-monitoring.io/inject": "true"});
    let template = json!({"spec": {"containers": [{"name": "a", "image": "a"}]}});
    let misspelt = json!({"metadata": {"annotations": {"discord-monitoring.io/inject": "true",
        "discord-monitoring.io/poling.batchSize": "1"}}, "spec": template["spec"]});
    cluster.lists.insert("/apis/apps/v1/deployments".into(), vec![
        json!({"metadata": {"name": "wrong", "namespace": "other", "annotations": annotations}, "spec": {"template": template}}),
        json!({"metadata": {"name": "misspelt", "namespace": "other"}, "spec": {"template": misspelt}}),
    ]);
    // What a CronJob made repeats its owner's mistake.
    cluster.lists.insert(
        "/apis/batch/v1/jobs".into(),
        vec![
            json!({"metadata": {"name": "made", "namespace": "other", "annotations": annotations,
            "ownerReferences": [{"kind": "CronJob"}]}, "spec": {"template": template}}),
        ],
    );
    let (report, _) = check(cluster, &[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "{report:#}");
    assert_eq!(findings[0]["check"], "misplaced");
    assert_eq!(findings[0]["object"], "Deployment/other/wrong");
    assert_eq!(findings[1]["object"], "Deployment/other/misspelt");
    assert!(
        findings[1]["problem"]
            .as_str()
            .unwrap()
            .contains("did you mean")
    );
}

#[test]
fn limits_and_levels_of_namespaces_that_ask_are_held_against_the_watcher() {
    let mut cluster = well();
    cluster.lists.insert(
        "/api/v1/namespaces/agents/limitranges".into(),
        vec![json!({"metadata": {"name": "l"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]}})],
    );
    cluster.lists.insert(
        "/api/v1/namespaces/agents/resourcequotas".into(),
        vec![json!({"metadata": {"name": "q"},
        "status": {"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": "995m"}}})],
    );
    let weak = injector::DEFAULT.replace(
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
    );
    cluster.objects.insert(
        DEFINITION.to_owned(),
        json!({"data": {"sidecar.yaml": weak}}),
    );
    cluster.lists.insert("/api/v1/pods".into(), vec![]);
    let (report, _) = check(cluster, &[]);
    let found: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        found,
        ["pod-security", "pod-security", "limit-range", "quota"],
        "{report:#}"
    );
}

#[test]
fn what_may_not_be_read_is_said_and_is_no_success() {
    let mut cluster = well();
    cluster.forbidden.insert("/api/v1/pods".into());
    cluster.forbidden.insert(SECRET.into());
    let (report, code) = check(cluster, &[]);
    assert_eq!(code, Some(2), "{report:#}");
    let unseen = report["notSeen"].to_string();
    assert!(
        unseen.contains("pods") && unseen.contains("the Secret"),
        "{unseen}"
    );
    assert_eq!(report["findings"], json!([]));
}

#[test]
fn one_namespace_is_read_alone() {
    let mut cluster = well();
    for path in ["/api/v1/pods", "/api/v1/namespaces"] {
        cluster.forbidden.insert(path.into());
    }
    let agents = json!({"metadata": {"name": "agents", "labels": {"discord-monitoring.io/inject": "enabled"}}});
    cluster
        .objects
        .insert("/api/v1/namespaces/agents".into(), agents);
    cluster.lists.insert(
        "/api/v1/namespaces/agents/pods".into(),
        vec![pod("agents", "bare")],
    );
    for (group, plurals) in [
        ("apps", &["deployments", "statefulsets", "daemonsets"][..]),
        ("batch", &["jobs", "cronjobs"]),
    ] {
        for plural in plurals {
            cluster.lists.insert(
                format!("/apis/{group}/v1/namespaces/agents/{plural}"),
                vec![],
            );
        }
    }
    let (report, code) = check(cluster, &["--namespace", "agents"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["notSeen"], json!([]), "{report:#}");
    assert_eq!(report["findings"][0]["object"], "Pod/agents/bare");
}

#[test]
fn without_an_api_server_it_exits_with_2_and_says_what_to_do() {
    let output = run(std::path::Path::new("/no/such/kubeconfig"), &[]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("KUBECONFIG"), "{text}");
}

#[test]
fn manifests_are_looked_at_without_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    let text = r"
apiVersion: v1
kind: Namespace
metadata: {name: agents, labels: {discord-monitoring.io/inject: enabled}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: small, namespace: agents}
spec: {hard: {limits.memory: 63Mi}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j, namespace: agents, annotations: {discord-monitoring.io/mode: native}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
";
    std::fs::write(&file, text).unwrap();
    let nowhere = std::path::Path::new("/no/such/kubeconfig");
    let output = run(nowhere, &["-f", file.to_str().unwrap(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["check"])
        .collect();
    assert_eq!(checks, ["misplaced", "quota"], "{report:#}");
    let good = text
        .replace("63Mi", "64Mi")
        .replace(", annotations: {discord-monitoring.io/mode: native}", "");
    std::fs::write(&file, good).unwrap();
    let output = run(nowhere, &["-f", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
