//! A transcript on a file system of the user's choice, which the injector finds by the mount that covers it.

use super::job::all_steps_arrived;
use super::support::cluster;
use super::support::wait::seconds;
use super::support::{Agent, with_world};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

#[tokio::test]
async fn on_a_tmpfs_that_the_user_mounted_everything_arrives_once_and_in_order() {
    let _guard = cluster::shared().await;
    with_world("tmpfs", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let args = [
            "--generate",
            "clean",
            "--seed",
            "11",
            "--records",
            "120",
            "--rate",
            "40",
        ];
        let mut agent = Agent::new("agent", &args);
        agent.container = json!({"volumeMounts": [{"name": "home", "mountPath": "/home/node"}]});
        agent.pod = json!({
            "securityContext": {"fsGroup": 1000},
            "volumes": [{"name": "home", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
        });
        world.run(&agent).await;
        world.completes("agent", seconds(120)).await;
        let name = world.pod_of("agent").await.metadata.name.unwrap();
        let pod: Pod = world.api().get(&name).await.unwrap();
        let watcher = &pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap()[0];
        let mounts = watcher.volume_mounts.as_ref().unwrap();
        let home = mounts
            .iter()
            .find(|mount| mount.name == "home")
            .expect("the user's own volume");
        assert_eq!(home.read_only, Some(true));
        all_steps_arrived(&world, &args).await;
    })
    .await;
}
