//! What somebody else wrote into the injector's Secret or its webhooks is mended by whichever replica sees it first.

use crate::support::cluster::{self, RELEASE_NAMESPACE};
use crate::support::wait::seconds;
use crate::support::world::World;
use crate::support::{Agent, eventually, injector, with_world};
use certs::{Action, Policy, State, apply};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The rotation's state in the Secret.
const STATE: &str = "state.json";

/// An authority that nobody here knows, and a certificate of its for another server.
fn foreign() -> State {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let policy = Policy {
        names: vec!["somewhere.else.svc".to_owned()],
        ca_validity: Duration::from_hours(8_760),
        leaf_validity: Duration::from_hours(2_160),
        propagation: seconds(30),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    apply(None, &Action::Create, now, &policy).unwrap().unwrap()
}

async fn configuration(world: &World) -> MutatingWebhookConfiguration {
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(world.client.clone());
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=discord-monitoring");
    configurations.list(&ours).await.unwrap().items.remove(0)
}

async fn state(world: &World) -> anyhow::Result<State> {
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
    let data = secrets
        .get(injector::SECRET)
        .await?
        .data
        .unwrap_or_default();
    let content = data.get(STATE).ok_or_else(|| anyhow::anyhow!("no state"))?;
    State::read(&content.0).ok_or_else(|| anyhow::anyhow!("no state of ours"))
}

/// Every webhook trusts what the Secret says, the certificate is for our Service and of its newest authority, and a Pod gets
/// its watcher.
async fn is_mended(world: &World, what: &str) -> State {
    let pods: Api<Pod> = world.api();
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let pod: Pod = serde_json::from_value(Agent::new("agent", &[]).pod()).unwrap();
    eventually(what, seconds(120), async || {
        let state = state(world).await?;
        let ours = format!("dm-discord-monitoring-injector.{RELEASE_NAMESPACE}.svc");
        anyhow::ensure!(state.leaf.names.contains(&ours), "{:?}", state.leaf.names);
        let bundle = ByteString(state.bundle().into_bytes());
        for webhook in configuration(world).await.webhooks.unwrap_or_default() {
            let trusted = webhook.client_config.ca_bundle;
            anyhow::ensure!(trusted.as_ref() == Some(&bundle), "{}", webhook.name);
        }
        let made = pods.create(&dry_run, &pod).await?;
        let annotations = made.metadata.annotations.unwrap_or_default();
        anyhow::ensure!(
            annotations.contains_key(sidecar::names::STATUS),
            "no watcher"
        );
        Ok(state)
    })
    .await
}

#[tokio::test]
async fn a_foreign_authority_and_a_certificate_for_other_names_are_mended() {
    let _guard = cluster::exclusive().await;
    with_world("repair", |world| async move {
        let before = is_mended(&world, "all is well before").await;

        // Another authority in one of the webhooks.
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(world.client.clone());
        let name = configuration(&world).await.metadata.name.unwrap();
        let bundle = ByteString(foreign().bundle().into_bytes());
        let patch = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]);
        let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
        configurations
            .patch(&name, &PatchParams::default(), &Patch::<()>::Json(patch))
            .await
            .unwrap();
        let after = is_mended(&world, "a foreign caBundle is replaced").await;
        assert_eq!(after.bundle(), before.bundle(), "nothing else changes");

        // A whole state of another's, sound in itself: authority, certificate and key, for a server that is not ours.
        let secrets: Api<Secret> = Api::namespaced(world.client.clone(), RELEASE_NAMESPACE);
        let content = ByteString(serde_json::to_vec(&foreign()).unwrap());
        let patch = json!({"data": {STATE: content}});
        secrets
            .patch(injector::SECRET, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        is_mended(&world, "a certificate for other names is replaced").await;
    })
    .await;
}
