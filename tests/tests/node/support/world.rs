//! A namespace for one test: a Discord double over HTTPS, its certificate authority, the webhook Secret.

use super::agent::Agent;
use super::cluster::client;
use super::double::{Double, NAME};
use super::wait::{eventually, seconds};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use kube::api::{DeleteParams, ListParams, LogParams, PostParams};
use kube::{Api, Client, Resource};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;

/// Id and token of the webhook every namespace gets.
pub(crate) const WEBHOOK_ID: &str = "1200000000000000001";
pub(crate) const WEBHOOK_TOKEN: &str = "node-test-token-that-no-log-may-show";

/// What a test gets.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) double: Double,
}

/// Runs `test` in a namespace `t-<name>` and deletes it; on a panic says first what stood in it. `KEEP_NAMESPACE=true` keeps it.
pub(crate) async fn with_world<F>(name: &str, test: impl FnOnce(World) -> F)
where
    F: Future<Output = ()>,
{
    let client = client().await;
    let namespace = format!("t-{name}");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    delete_and_wait(&namespaces, &namespace).await;
    let manifest =
        json!({"metadata": {"name": namespace, "labels": {"discord-monitoring-test": "true"}}});
    create(&namespaces, manifest).await;
    let double = Double::new(client.clone(), &namespace);
    let world = World {
        client,
        namespace: namespace.clone(),
        double,
    };
    world.start_double().await;

    let outcome =
        futures_util::FutureExt::catch_unwind(AssertUnwindSafe(test(world.clone()))).await;
    if outcome.is_err() {
        world.describe().await;
    }
    if std::env::var("KEEP_NAMESPACE").is_err() {
        let _ = namespaces
            .delete(&namespace, &DeleteParams::background())
            .await;
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn delete_and_wait(namespaces: &Api<Namespace>, name: &str) {
    if namespaces
        .delete(name, &DeleteParams::background())
        .await
        .is_ok()
    {
        eventually(
            "the namespace of an earlier run is gone",
            seconds(90),
            async || {
                anyhow::ensure!(namespaces.get_opt(name).await?.is_none(), "still there");
                Ok(())
            },
        )
        .await;
    }
}

/// Creates an object from its manifest.
pub(crate) async fn create<K>(api: &Api<K>, manifest: Value) -> K
where
    K: Resource + Serialize + DeserializeOwned + Clone + Debug,
{
    let object: K = serde_json::from_value(manifest).expect("a manifest of this kind");
    api.create(&PostParams::default(), &object)
        .await
        .expect("the API server takes the object")
}

impl World {
    /// Objects of one kind in this namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The webhook URL that the double answers.
    pub(crate) fn webhook_url(&self) -> String {
        format!(
            "https://{NAME}.{}.svc/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
            self.namespace
        )
    }

    /// The Secret that the chart's defaults name.
    pub(crate) async fn create_webhook_secret(&self, url: &str) {
        let manifest = json!({"metadata": {"name": "discord-webhook"}, "stringData": {"url": url}});
        create::<Secret>(&self.api(), manifest).await;
    }

    async fn start_double(&self) {
        let (ca, certificate, key) = certificates(&format!("{NAME}.{}.svc", self.namespace));
        let ca = json!({"metadata": {"name": "discord-ca"}, "data": {"ca.crt": ca}});
        create::<ConfigMap>(&self.api(), ca).await;
        let tls = json!({"metadata": {"name": NAME}, "stringData": {"tls.crt": certificate, "tls.key": key}});
        create::<Secret>(&self.api(), tls).await;
        create::<Service>(
            &self.api(),
            json!({
                "metadata": {"name": NAME},
                "spec": {"selector": {"app": NAME}, "ports": [
                    {"name": "http", "port": 8080},
                    {"name": "https", "port": 443, "targetPort": 8443},
                ]},
            }),
        )
        .await;
        create::<Deployment>(&self.api(), json!({
            "metadata": {"name": NAME},
            "spec": {
                "selector": {"matchLabels": {"app": NAME}},
                "template": {
                    "metadata": {"labels": {"app": NAME}, "annotations": {sidecar::names::INJECT: "false"}},
                    "spec": {
                        "automountServiceAccountToken": false,
                        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                        "containers": [{
                            "name": "double",
                            "image": "discord-monitoring/double:test",
                            "imagePullPolicy": "IfNotPresent",
                            "args": ["serve", "--listen", "0.0.0.0:8080", "--tls-listen", "0.0.0.0:8443",
                                "--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key"],
                            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                            "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": true}],
                        }],
                        "volumes": [{"name": "tls", "secret": {"secretName": NAME}}],
                    },
                },
            },
        }))
        .await;
        eventually("the double answers", seconds(60), async || {
            self.double.answers().await
        })
        .await;
        self.double
            .add_webhook(WEBHOOK_ID, WEBHOOK_TOKEN, "run")
            .await;
    }

    /// Creates an agent's Job.
    pub(crate) async fn run(&self, agent: &Agent) {
        create::<Job>(&self.api(), agent.job()).await;
    }

    /// The one Pod of a Job, once the API server has it.
    pub(crate) async fn pod_of(&self, job: &str) -> Pod {
        let pods: Api<Pod> = self.api();
        let selector = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
        eventually(&format!("the Pod of {job}"), seconds(30), async || {
            pods.list(&selector)
                .await?
                .items
                .pop()
                .ok_or_else(|| anyhow::anyhow!("none yet"))
        })
        .await
    }

    /// Waits for a Job's success; fails at once when it failed.
    pub(crate) async fn completes(&self, job: &str, limit: std::time::Duration) -> Job {
        let jobs: Api<Job> = self.api();
        eventually(&format!("{job} completes"), limit, async || {
            let found = jobs.get(job).await?;
            let status = found.status.clone().unwrap_or_default();
            assert!(
                status.failed.unwrap_or(0) == 0,
                "the agent of {job} failed: {status:?}"
            );
            anyhow::ensure!(status.succeeded == Some(1), "{status:?}");
            Ok(found)
        })
        .await
    }

    /// Log of a container.
    pub(crate) async fn log(&self, pod: &str, container: &str) -> String {
        let params = LogParams {
            container: Some(container.to_owned()),
            ..LogParams::default()
        };
        self.api::<Pod>()
            .logs(pod, &params)
            .await
            .unwrap_or_else(|error| format!("no log: {error}"))
    }

    /// What a person would look at first after a failure.
    async fn describe(&self) {
        let pods: Api<Pod> = self.api();
        for pod in pods
            .list(&ListParams::default())
            .await
            .map(|list| list.items)
            .unwrap_or_default()
        {
            let name = pod.metadata.name.clone().unwrap_or_default();
            let whole = pod.status.clone().unwrap_or_default();
            eprintln!("--- Pod {name}: {:?}", whole.phase);
            let states = whole
                .init_container_statuses
                .into_iter()
                .chain(whole.container_statuses)
                .flatten();
            for state in states {
                eprintln!(
                    "    {} restarts {} {:?}",
                    state.name, state.restart_count, state.state
                );
                let log = self.log(&name, &state.name).await;
                let lines: Vec<_> = log.lines().collect();
                for line in &lines[lines.len().saturating_sub(20)..] {
                    eprintln!("      | {line}");
                }
            }
        }
    }
}

/// A certificate authority, and a certificate and key for one DNS name, as PEM.
fn certificates(name: &str) -> (String, String, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    (ca_certificate.pem(), leaf.pem(), key.serialize_pem())
}
