//! The node's own shell, for what no Pod can do otherwise: folders and mounts of the node's.

use super::cluster::kubectl;
use super::eventually;
use super::wait::seconds;
use super::world::{World, create};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;

/// Where a test's folders lie on the node: in memory, so that they do not outlive it whatever happens.
pub(crate) fn folder(world: &World) -> String {
    format!("/run/discord-monitoring-test/{}", world.namespace)
}

/// Runs `script` as the node's root in the node's own mounts, and says what it printed. The images have no shell: the node's
/// own is mounted.
pub(crate) async fn node_shell(world: &World, script: &str) -> String {
    let pods: Api<Pod> = world.api();
    let architecture = "jsonpath={.items[0].status.nodeInfo.architecture}";
    let mut folders = vec![("/usr", "/usr"), ("/usr/lib", "/lib")];
    if kubectl(&["get", "nodes", "--output", architecture]) == "amd64" {
        folders.push(("/usr/lib64", "/lib64"));
    }
    let mut mounts = Vec::new();
    let mut volumes = Vec::new();
    for (at, (there, here)) in folders.into_iter().enumerate() {
        let name = format!("system-{at}");
        mounts.push(json!({"name": name, "mountPath": here, "readOnly": true}));
        volumes.push(json!({"name": name, "hostPath": {"path": there, "type": "Directory"}}));
    }
    let script = format!("set -eu; {script}");
    create(&pods, json!({
        "metadata": {"name": "node-shell", "annotations": {sidecar::names::INJECT: "false"}},
        "spec": {"hostPID": true, "restartPolicy": "Never", "volumes": volumes, "containers": [{
            "name": "shell", "image": "discord-monitoring/player:test", "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/bin/nsenter", "--target", "1", "--mount", "/bin/sh", "-c", script],
            "volumeMounts": mounts,
            "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "privileged": true},
        }]},
    }))
    .await;
    let phase = eventually("the node's shell ends", seconds(60), async || {
        let status = pods.get("node-shell").await?.status.unwrap_or_default();
        let phase = status.phase.unwrap_or_default();
        anyhow::ensure!(phase == "Succeeded" || phase == "Failed", "{phase}");
        Ok(phase)
    })
    .await;
    let said = world.log("node-shell", "shell").await;
    assert_eq!(phase, "Succeeded", "{script}: {said}");
    let now = DeleteParams::default().grace_period(0);
    let _ = pods.delete("node-shell", &now).await;
    eventually("it is gone", seconds(30), async || {
        anyhow::ensure!(pods.get_opt("node-shell").await?.is_none(), "still there");
        Ok(())
    })
    .await;
    said
}
