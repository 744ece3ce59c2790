//! Another webhook that changes Pods, called before ours and after it: the API server goes round until both are content,
//! and nothing is there twice.

use crate::support::cluster;
use crate::support::double::NAME;
use crate::support::wait::seconds;
use crate::support::world::{World, create};
use crate::support::{Agent, eventually, injector, with_world};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tests::double::mutator::{EXTENDED, MESH, VOLUME};

/// Registers the double as a webhook of this name; configurations are called in their names' order.
async fn register(world: &World, name: &str) {
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(world.client.clone());
    let _ = configurations.delete(name, &DeleteParams::default()).await;
    let ca = world.api::<ConfigMap>().get("discord-ca").await.unwrap();
    let ca = ca.data.unwrap().remove("ca.crt").unwrap();
    let service =
        json!({"name": NAME, "namespace": world.namespace, "path": "/mutate", "port": 443});
    let manifest = json!({
        "metadata": {"name": name},
        "webhooks": [{
            "name": "mesh.example.com",
            "clientConfig": {"service": service, "caBundle": k8s_openapi::ByteString(ca.into_bytes())},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
            "objectSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [NAME]}]},
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded", "timeoutSeconds": 5,
        }],
    });
    create(&configurations, manifest).await;
}

async fn unregister(world: &World, name: &str) {
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(world.client.clone());
    let _ = configurations.delete(name, &DeleteParams::default()).await;
}

fn agent(name: &'static str) -> Agent {
    let mut agent = Agent::new(name, &[]);
    agent.pod = json!({"nodeSelector": {"nowhere": "true"}, "automountServiceAccountToken": false});
    agent
}

/// Names of the Pod's containers, those of initialisation first.
fn containers(pod: &Value) -> Vec<&str> {
    ["initContainers", "containers"]
        .iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
        .filter_map(|container| container["name"].as_str())
        .collect()
}

async fn converges(world: &World, name: &str) {
    register(world, name).await;
    let pods: Api<Pod> = world.api();
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    eventually(&format!("{name} is called"), seconds(30), async || {
        let pod: Pod = serde_json::from_value(agent("probe").unannotated().pod())?;
        let made = serde_json::to_value(pods.create(&dry_run, &pod).await?)?;
        anyhow::ensure!(containers(&made).contains(&MESH), "not yet");
        Ok(())
    })
    .await;

    let before = injector::requests(&world.client).await;
    let made = create(&pods, agent("meshed").pod()).await;
    let calls = injector::requests(&world.client).await - before;
    assert!((1..=2).contains(&calls), "{calls} calls of {name}");
    let made = serde_json::to_value(made).unwrap();
    let mut names = containers(&made);
    names.sort_unstable();
    assert_eq!(names, ["agent", sidecar::names::WATCHER, MESH], "{name}");
    let all = ["initContainers", "containers"]
        .iter()
        .flat_map(|list| made["spec"][list].as_array().unwrap());
    for container in all.filter(|container| container["name"] != MESH) {
        let variables = container["env"].as_array().unwrap();
        let told = variables.iter().filter(|one| one["name"] == "MESH");
        assert_eq!(told.count(), 1, "{name}: {container}");
        let has = |pointer: &str| container.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(has("/imagePullPolicy"), "Always", "{name}: {container}");
        let device = EXTENDED.replace('/', "~1");
        for amounts in ["limits", "requests"] {
            let amount = has(&format!("/resources/{amounts}/{device}"));
            assert_eq!(amount, "0", "{name}: {container}");
        }
        let level = has("/securityContext/seLinuxOptions/level");
        assert_eq!(level, "s0:c1,c2", "{name}: {container}");
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mounted = mounts.iter().filter(|one| one["name"] == VOLUME);
        assert_eq!(mounted.count(), 1, "{name}: {container}");
    }
    // What the other does to ours leaves it as hard as it was.
    let inits = made["spec"]["initContainers"].as_array().unwrap();
    let ours = inits
        .iter()
        .find(|one| one["name"] == sidecar::names::WATCHER);
    let context = &ours.unwrap()["securityContext"];
    assert_eq!(context["runAsNonRoot"], true, "{name}: {context}");
    assert_eq!(context["readOnlyRootFilesystem"], true, "{name}: {context}");
    assert_eq!(
        context["capabilities"]["drop"],
        json!(["ALL"]),
        "{name}: {context}"
    );
    let first = &made["spec"]["containers"][0]["name"];
    assert_eq!(first, "agent", "{name}: what kubectl takes for the default");

    // What came out, sent again: nobody finds anything to do.
    let again = json!({
        "metadata": {"name": "again", "annotations": made["metadata"]["annotations"]},
        "spec": made["spec"],
    });
    let again: Pod = serde_json::from_value(again).unwrap();
    let again = serde_json::to_value(pods.create(&dry_run, &again).await.unwrap()).unwrap();
    for part in ["/spec", "/metadata/annotations"] {
        assert_eq!(again.pointer(part), made.pointer(part), "{name}: {part}");
    }
    let _ = pods.delete("meshed", &DeleteParams::default()).await;
    unregister(world, name).await;
}

#[tokio::test]
async fn with_another_mutator_before_or_after_ours_a_pod_converges_and_sent_again_stays_as_it_is() {
    let _guard = cluster::exclusive().await;
    with_world("second-mutator", |world| async move {
        converges(&world, "a-mesh").await;
        converges(&world, "z-mesh").await;
    })
    .await;
}
