//! What leaves no trace: creations that are only tried, and Pods that never asked.

use crate::support::cluster::{self, PLAIN_POD, RELEASE_NAMESPACE, kubectl, root};
use crate::support::wait::seconds;
use crate::support::world::World;
use crate::support::{Agent, eventually, injector, with_world};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use std::collections::BTreeSet;

/// Names of all objects there are in our namespace and in the test's; of events, those on `pod`.
fn objects(world: &World, pod: &str) -> BTreeSet<String> {
    let kinds = kubectl(&[
        "api-resources",
        "--verbs=list",
        "--namespaced",
        "-o",
        "name",
    ]);
    let is_stored = |kind: &&str| !kind.starts_with("events") && !kind.ends_with(".metrics.k8s.io");
    let kinds: Vec<&str> = kinds.lines().filter(is_stored).collect();
    assert!(kinds.contains(&"pods") && kinds.len() > 20, "{kinds:?}");
    let mut all = BTreeSet::new();
    for namespace in [RELEASE_NAMESPACE, &world.namespace] {
        let names = [
            "get",
            &kinds.join(","),
            "--namespace",
            namespace,
            "-o",
            "name",
        ];
        all.extend(
            kubectl(&names)
                .lines()
                .map(|name| format!("{namespace} {name}")),
        );
        let events = kubectl(&["get", "events", "--namespace", namespace, "-o", "json"]);
        if events.contains(pod) {
            all.insert(format!("{namespace} an event on {pod}"));
        }
    }
    all
}

#[tokio::test]
async fn a_dry_run_is_answered_as_any_creation_and_leaves_nothing_anywhere() {
    let _guard = cluster::exclusive().await;
    with_world("dry-run", |world| async move {
        let name = "only-tried-and-never-made";
        let pod: Pod = serde_json::from_value(Agent::new(name, &[]).pod()).unwrap();
        let before = eventually("the world rests", seconds(60), async || {
            let before = objects(&world, name);
            tokio::time::sleep(seconds(2)).await;
            anyhow::ensure!(objects(&world, name) == before, "it changes");
            Ok(before)
        })
        .await;
        let asked = injector::requests(&world.client).await;
        let pods: Api<Pod> = world.api();
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        for _ in 0..20 {
            let made = pods.create(&dry_run, &pod).await.unwrap();
            let annotations = made.metadata.annotations.unwrap_or_default();
            assert!(
                annotations.contains_key(sidecar::names::STATUS),
                "{annotations:?}"
            );
        }
        assert_eq!(injector::requests(&world.client).await - asked, 20);
        // What would be left, events say, is written within a second.
        tokio::time::sleep(seconds(2)).await;
        assert_eq!(objects(&world, name), before);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_pods_that_never_asked_make_no_call() {
    let _guard = cluster::exclusive().await;
    let client = cluster::client().await;
    let text = std::fs::read_to_string(root().join(PLAIN_POD)).unwrap();
    let pod: Pod = serde_saphyr::from_str(&text).unwrap();
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let before = injector::requests(&client).await;
    for _ in 0..100 {
        pods.create(&dry_run, &pod).await.unwrap();
    }
    assert_eq!(injector::requests(&client).await, before);
}
