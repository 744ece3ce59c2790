//! Hardening, where the cluster enforces it.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::create;
use super::support::{Agent, with_world};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

#[tokio::test]
async fn an_agent_that_restricted_admits_is_admitted_with_us_and_no_container_has_a_token() {
    let _guard = cluster::shared().await;
    with_world("restricted", |world| async move {
        let label =
            json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        Api::<Namespace>::all(world.client.clone())
            .patch(
                &world.namespace,
                &PatchParams::default(),
                &Patch::Merge(label),
            )
            .await
            .unwrap();
        let agent = Agent::new("restricted", &["--generate", "demo", "--rate", "100"]);
        create::<Pod>(
            &world.api(),
            agent.clone().unannotated().renamed("without-us").pod(),
        )
        .await;
        world.create_webhook_secret(&world.webhook_url()).await;
        world.run(&agent).await;
        let pod = world.pod_of("restricted").await;
        let spec = pod.spec.as_ref().unwrap();
        let watcher = spec
            .init_containers
            .as_ref()
            .unwrap()
            .iter()
            .find(|one| one.name == "discord-watcher")
            .unwrap();
        let context = watcher.security_context.as_ref().unwrap();
        assert_eq!(
            context.run_as_user,
            Some(1000),
            "the watcher reads as the agent's own user"
        );
        assert_eq!(context.read_only_root_filesystem, Some(true));
        assert_eq!(spec.automount_service_account_token, Some(false));
        let mounts = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten());
        for mount in mounts.flat_map(|container| container.volume_mounts.iter().flatten()) {
            assert!(
                !mount
                    .mount_path
                    .starts_with("/var/run/secrets/kubernetes.io"),
                "{mount:?}"
            );
        }
        world.completes("restricted", seconds(60)).await;
    })
    .await;
}
