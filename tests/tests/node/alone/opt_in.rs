//! Who is left alone to the byte, and how often the injector is asked.

use crate::opt_in::has_watcher;
use crate::support::cluster::{self, client};
use crate::support::world::create;
use crate::support::{Agent, injector, with_world};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

/// The Pod as the API server answers, without what differs between any two calls.
fn comparable(text: &str) -> Value {
    let mut pod: Value = serde_json::from_str(text).unwrap();
    for field in [
        "uid",
        "creationTimestamp",
        "managedFields",
        "resourceVersion",
    ] {
        pod["metadata"].as_object_mut().unwrap().remove(field);
    }
    // The service account's volume has a random suffix.
    let token = pod["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.starts_with("kube-api-access-"))
        .unwrap()
        .to_owned();
    serde_json::from_str(&pod.to_string().replace(&token, "kube-api-access")).unwrap()
}

#[tokio::test]
async fn a_pod_that_asks_for_nothing_is_byte_equal_and_the_injector_is_not_called() {
    let _guard = cluster::exclusive().await;
    let client = client().await;
    let before = injector::requests(&client).await;
    let with_us = cluster::dry_run_plain_pod();
    assert_eq!(
        comparable(&with_us).to_string(),
        comparable(cluster::without_us()).to_string()
    );
    assert_eq!(
        injector::requests(&client).await,
        before,
        "the injector was asked about a Pod that never asked"
    );
}

#[tokio::test]
async fn an_annotated_pod_gets_its_watcher_and_the_injector_is_called_once() {
    let _guard = cluster::exclusive().await;
    with_world("opt-in-counts", |world| async move {
        let before = injector::requests(&world.client).await;
        let pod: Pod = create(
            &world.api(),
            Agent::new("agent", &["--generate", "demo"]).pod(),
        )
        .await;
        assert!(has_watcher(&pod), "{pod:?}");
        let calls = injector::requests(&world.client).await - before;
        assert!(
            (1..=2).contains(&calls),
            "{calls} calls; one, and one more when the chain is gone through again"
        );
    })
    .await;
}
