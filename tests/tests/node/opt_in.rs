//! Who gets a watcher, and who does not.

use super::support::cluster;
use super::support::world::create;
use super::support::{Agent, with_world};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

#[tokio::test]
async fn a_labelled_namespace_opts_in_and_the_pods_own_false_wins() {
    let _guard = cluster::shared().await;
    with_world("opt-in-label", |world| async move {
        let label = json!({"metadata": {"labels": {"discord-monitoring.io/inject": "enabled"}}});
        Api::<Namespace>::all(world.client.clone())
            .patch(
                &world.namespace,
                &PatchParams::default(),
                &Patch::Merge(label),
            )
            .await
            .unwrap();
        let asked_by_label = Agent::new("by-label", &["--generate", "demo"]).unannotated();
        let pod: Pod = create(&world.api(), asked_by_label.pod()).await;
        assert!(
            has_watcher(&pod),
            "the namespace's label asks for a watcher"
        );
        let refuses = Agent::new("refuses", &["--generate", "demo"])
            .unannotated()
            .annotate("inject", "false");
        let pod: Pod = create(&world.api(), refuses.pod()).await;
        assert!(
            !has_watcher(&pod),
            "the Pod's own false wins over the label"
        );
    })
    .await;
}

#[tokio::test]
async fn a_pod_elsewhere_gets_nothing() {
    let _guard = cluster::shared().await;
    with_world("opt-in-elsewhere", |world| async move {
        let pod: Pod = create(
            &world.api(),
            Agent::new("plain", &["--generate", "demo"])
                .unannotated()
                .pod(),
        )
        .await;
        assert!(!has_watcher(&pod));
        assert_eq!(pod.metadata.annotations.unwrap_or_default().len(), 0);
    })
    .await;
}

pub(crate) fn has_watcher(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref().unwrap();
    spec.init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .any(|one| one.name == sidecar::names::WATCHER)
}
