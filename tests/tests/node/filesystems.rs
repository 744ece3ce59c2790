//! A transcript on a file system of the user's choice, which the injector finds by the mount that covers it.

use super::job::all_steps_arrived;
use super::support::cluster;
use super::support::node_shell::{folder, node_shell};
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

/// The agent's folder is below, where nobody can write: the first thing that it writes makes the kernel copy the folder up,
/// while the watcher looks at it already.
#[tokio::test]
async fn on_an_overlay_whose_folders_are_copied_up_everything_arrives_once_and_in_order() {
    let _guard = cluster::shared().await;
    with_world("overlay", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let folder = folder(&world);
        let made = node_shell(
            &world,
            &format!(
                "mkdir -p {folder}; cd {folder}; umount merged 2>/dev/null || true; rm -rf ./*; \
                 mkdir -p lower/projects/-workspace upper work merged; chown -R 1000:1000 lower upper; \
                 mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged; \
                 stat --file-system --format %T merged"
            ),
        )
        .await;
        assert_eq!(made.trim(), "overlayfs");
        // It is watched before there is anything to see.
        let args = [
            "--generate",
            "clean",
            "--seed",
            "13",
            "--records",
            "120",
            "--rate",
            "40",
            "--start-delay",
            "4",
        ];
        let mut agent = Agent::new("agent", &args);
        agent.container =
            json!({"volumeMounts": [{"name": "config", "mountPath": "/home/node/.claude"}]});
        agent.pod = json!({"volumes": [
            {"name": "config", "hostPath": {"path": format!("{folder}/merged"), "type": "Directory"}},
        ]});
        world.run(&agent).await;
        world.completes("agent", seconds(120)).await;
        let copied = node_shell(
            &world,
            &format!(
                "cd {folder}; find upper/projects/-workspace -name '*.jsonl'; find lower -type f; \
                 umount merged || umount --lazy merged; rm -rf {folder}"
            ),
        )
        .await;
        assert_eq!(copied.lines().count(), 1, "{copied}");
        all_steps_arrived(&world, &args).await;
    })
    .await;
}
