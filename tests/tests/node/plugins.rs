//! The API server's own plugins run again behind the injector's patch, and refuse the Pod whose containers are not as they
//! made them.

use super::support::Agent;
use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::{World, create};
use super::support::{eventually, with_world};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{LimitRange, Pod};
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Resource};
use serde_json::{Value, json};

const NAME: &str = "always-pull-images";

fn agents() -> Vec<Agent> {
    let plain = Agent::new("plugged", &[]);
    let bridged = Agent::new("bridged", &[]).annotate("bridge.enabled", "true");
    vec![plain, bridged]
}

/// Creates the Pod without leaving it there; what the API server made of it.
async fn dry(world: &World, manifest: Value) -> Result<Value, kube::Error> {
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let pod: Pod = serde_json::from_value(manifest).unwrap();
    let made = world.api::<Pod>().create(&dry_run, &pod).await?;
    Ok(serde_json::to_value(made).unwrap())
}

fn ours(pod: &Value) -> Vec<&Value> {
    ["initContainers", "containers"]
        .iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
        .filter(|one| one["name"].as_str().unwrap().starts_with("discord-"))
        .collect()
}

#[tokio::test]
async fn defaults_of_a_limit_range_for_any_resource_reach_ours_and_stay() {
    let _guard = cluster::shared().await;
    with_world("plugins-limits", |world| async move {
        let limits = json!({"metadata": {"name": "usual"}, "spec": {"limits": [{"type": "Container",
            "default": {"nvidia.com/gpu": "0", "ephemeral-storage": "1Gi"},
            "defaultRequest": {"nvidia.com/gpu": "0", "ephemeral-storage": "1Gi"},
            "min": {"ephemeral-storage": "512Mi"}, "max": {"nvidia.com/gpu": "1", "ephemeral-storage": "2Gi"}}]}});
        create::<LimitRange>(&world.api(), limits).await;
        for agent in agents() {
            // The plugin may not have seen the limits yet: without us the Pod then has none.
            eventually("the limits are in force", seconds(30), async || {
                let made = dry(&world, agent.clone().unannotated().pod()).await?;
                let limits = &made["spec"]["containers"][0]["resources"]["limits"];
                anyhow::ensure!(limits["nvidia.com/gpu"] == "0", "not yet: {limits}");
                Ok(())
            })
            .await;
            let made = dry(&world, agent.pod()).await.unwrap();
            assert!(!ours(&made).is_empty());
            for container in ours(&made) {
                let limits = &container["resources"]["limits"];
                assert_eq!(limits["nvidia.com/gpu"], "0", "{container}");
                assert_eq!(limits["ephemeral-storage"], "1Gi", "{container}");
                assert!(limits["memory"].is_string(), "{container}");
            }
        }
    })
    .await;
}

/// What stands for the plugin of that name: a policy that changes Pods runs before the webhooks and again behind them, and
/// one that validates runs last.
async fn always_pull_images(world: &World) -> bool {
    let here = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]});
    let always = |list: &str| {
        format!(
            "has(object.spec.{list}) ? object.spec.{list}.map(c, Object.spec.{list}{{name: c.name, imagePullPolicy: 'Always'}}) : []"
        )
    };
    let expression = format!(
        "Object{{spec: Object.spec{{containers: {}, initContainers: {}}}}}",
        always("containers"),
        always("initContainers")
    );
    let mutations = json!([{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}]);
    for (kind, spec) in [
        (
            "MutatingAdmissionPolicy",
            json!({"matchConstraints": here, "failurePolicy": "Fail", "reinvocationPolicy": "IfNeeded", "mutations": mutations}),
        ),
        (
            "MutatingAdmissionPolicyBinding",
            json!({"policyName": NAME}),
        ),
    ] {
        let api = dynamic(world, kind);
        let _ = api.delete(NAME, &DeleteParams::default()).await;
        let object = json!({"metadata": {"name": NAME}, "spec": spec});
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => {}
            // Older API servers have no such policies; the rest of the promise is shown on the newer ones.
            Err(kube::Error::Api(status)) if status.code == 404 => return false,
            Err(error) => panic!("{kind}: {error}"),
        }
    }
    let validations = json!([{"message": "every image must be pulled always", "expression":
        "object.spec.containers.all(c, c.imagePullPolicy == 'Always') && \
         (!has(object.spec.initContainers) || object.spec.initContainers.all(c, c.imagePullPolicy == 'Always'))"}]);
    renewed::<ValidatingAdmissionPolicy>(
        world,
        json!({"matchConstraints": here, "failurePolicy": "Fail", "validations": validations}),
    )
    .await;
    renewed::<ValidatingAdmissionPolicyBinding>(
        world,
        json!({"policyName": NAME, "validationActions": ["Deny"]}),
    )
    .await;
    true
}

fn dynamic(world: &World, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(
        world.client.clone(),
        &ApiResource::from_gvk_with_plural(&kind, &plural(&kind.kind)),
    )
}

fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(start) => format!("{start}ies"),
        None => format!("{kind}s"),
    }
}

async fn renewed<K>(world: &World, spec: Value)
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::all(world.client.clone());
    let _ = api.delete(NAME, &DeleteParams::default()).await;
    create(&api, json!({"metadata": {"name": NAME}, "spec": spec})).await;
}

async fn without_policies(world: &World) {
    let delete = DeleteParams::default();
    for kind in [
        "MutatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
    ] {
        let _ = dynamic(world, kind).delete(NAME, &delete).await;
    }
}

#[tokio::test]
async fn where_every_image_must_be_pulled_always_an_agent_is_admitted_with_us() {
    let _guard = cluster::shared().await;
    with_world("plugins-pull", |world| async move {
        if !always_pull_images(&world).await {
            without_policies(&world).await;
            println!("skipped: this API server has no policies that change objects");
            return;
        }
        let mut made = Vec::new();
        for agent in agents() {
            eventually("the policies are in force", seconds(60), async || {
                let unlike = agent.clone().unannotated().pod();
                let made = dry(&world, unlike).await?;
                let policy = &made["spec"]["containers"][0]["imagePullPolicy"];
                anyhow::ensure!(policy == "Always", "not yet: {policy}");
                Ok(())
            })
            .await;
            made.push(dry(&world, agent.pod()).await);
        }
        // Others' Pods are not asked about, but the objects are the cluster's.
        without_policies(&world).await;
        for made in made {
            let made = made.unwrap();
            assert!(!ours(&made).is_empty());
            for container in ours(&made) {
                assert_eq!(container["imagePullPolicy"], "Always", "{container}");
            }
        }
    })
    .await;
}
