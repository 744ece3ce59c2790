//! Upgrading with the same values.

use crate::support::cluster::{self, RELEASE_NAMESPACE, client, helm_upgrade, kubectl};
use crate::support::{eventually, injector, wait::seconds};
use serde_json::Value;
use std::collections::BTreeMap;

/// `kind/name` and spec-changing counters of all that the chart installs.
fn objects() -> BTreeMap<String, String> {
    let kinds = "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,poddisruptionbudgets,\
        mutatingwebhookconfigurations,clusterroles,clusterrolebindings";
    let label = "app.kubernetes.io/instance=dm";
    let text = kubectl(&[
        "get",
        kinds,
        "--namespace",
        RELEASE_NAMESPACE,
        "-l",
        label,
        "-o",
        "json",
    ]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let name = |item: &Value| format!("{}/{}", item["kind"], item["metadata"]["name"]);
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        // A Deployment's resourceVersion follows its status; its generation follows its spec.
        .map(|item| match item["metadata"]["generation"].as_u64() {
            Some(generation) => (name(item), format!("generation {generation}")),
            None => (
                name(item),
                format!("version {}", item["metadata"]["resourceVersion"]),
            ),
        })
        .collect()
}

#[tokio::test]
async fn an_upgrade_with_the_same_values_restarts_nothing_and_changes_nothing() {
    let _guard = cluster::exclusive().await;
    let client = client().await;
    let uids = async || -> Vec<String> {
        let mut uids: Vec<_> = injector::pods(&client)
            .await
            .into_iter()
            .filter_map(|pod| pod.metadata.uid)
            .collect();
        uids.sort();
        uids
    };
    // Another test's authority may still be on its way out.
    let (pods, before) = eventually("the installation rests", seconds(180), async || {
        let (pods, before) = (uids().await, objects());
        // Longer than a replica's longest pause between two looks.
        tokio::time::sleep(seconds(12)).await;
        anyhow::ensure!(objects() == before && uids().await == pods, "it changes");
        Ok((pods, before))
    })
    .await;
    assert!(before.len() >= 8, "{before:?}");
    helm_upgrade(&[]);
    // Whatever would restart has begun to by now: helm waited for the Deployment.
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(objects(), before);
    assert_eq!(uids().await, pods);
}
