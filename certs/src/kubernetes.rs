//! The trait over a real API server. Verbs: get and patch on one Secret and one webhook configuration, by name; and create
//! on that Secret by name, for where somebody deleted it. A Role can allow `create` for one name only when the request's
//! address says the name, as a server-side apply does and a POST does not.
//!
//! Narrow types of our own: a whole webhook configuration read and written back would lose fields newer than our types.

use crate::clock::{self, ServerClock};
use crate::cluster::{Cluster, ClusterError, Secret, Webhooks};
use crate::state::Seconds;
use http::{Method, Request, header};
use kube::Client;
use kube::client::ClientBuilder;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tower::util::MapResponseLayer;

/// Key of the rotation's state in the Secret.
const STATE_KEY: &str = "state.json";
/// Key of the bundle in the Secret, for people.
const BUNDLE_KEY: &str = "ca.crt";
/// Field manager of our writes.
const MANAGER: &str = "discord-monitoring-injector";
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where things are.
#[derive(Debug, Clone)]
pub struct Names {
    /// Namespace of the Secret.
    pub namespace: String,
    /// The Secret.
    pub secret: String,
    /// The `MutatingWebhookConfiguration`.
    pub webhooks: String,
}

/// A cluster behind an API server.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    names: Names,
    clock: Arc<ServerClock>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct SecretObject {
    metadata: Meta,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Configuration {
    metadata: Meta,
    #[serde(default)]
    webhooks: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    #[serde(default)]
    client_config: ClientConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    #[serde(default)]
    ca_bundle: Option<String>,
}

impl Kubernetes {
    /// Takes the Pod's service account, or the kubeconfig outside a cluster.
    pub async fn connect(names: Names) -> Result<Self, ClusterError> {
        let failed = |error: &dyn std::fmt::Display| ClusterError::Other {
            what: "connecting to the API server".to_owned(),
            message: format!("{error}; is there a service account or a KUBECONFIG?"),
        };
        let mut config = kube::Config::infer()
            .await
            .map_err(|error| failed(&error))?;
        config.connect_timeout = Some(TIMEOUT);
        config.read_timeout = Some(TIMEOUT);
        config.write_timeout = Some(TIMEOUT);
        let clock = Arc::new(ServerClock::default());
        let listening = Arc::clone(&clock);
        let client = ClientBuilder::try_from(config)
            .map_err(|error| failed(&error))?
            .with_layer(&MapResponseLayer::new(move |answer: http::Response<_>| {
                listening.hear(answer.headers(), clock::here());
                answer
            }))
            .build();
        Ok(Self {
            client,
            names,
            clock,
        })
    }

    fn secret_path(&self) -> String {
        format!(
            "/api/v1/namespaces/{}/secrets/{}",
            self.names.namespace, self.names.secret
        )
    }

    fn webhooks_path(&self) -> String {
        format!(
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{}",
            self.names.webhooks
        )
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        kind: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<T, ClusterError> {
        let object = path.split('?').next().unwrap_or_default();
        let object = object
            .rsplit_once("/v1/")
            .map_or(object, |(_, object)| object);
        let what = format!("{method} {object}");
        let other = |message: String| ClusterError::Other {
            what: what.clone(),
            message,
        };
        let body = body
            .map(ToString::to_string)
            .unwrap_or_default()
            .into_bytes();
        let request = Request::builder()
            .method(method.clone())
            .uri(path.as_str())
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, "application/json")
            .body(body)
            .map_err(|error| other(error.to_string()))?;
        let answer = tokio::time::timeout(TIMEOUT, self.client.request::<T>(request)).await;
        match answer {
            Err(_) => Err(other("no answer within 10 s".to_owned())),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(status))) => Err(match status.code {
                404 => ClusterError::Missing(object.to_owned()),
                409 => ClusterError::Conflict(object.to_owned()),
                403 => ClusterError::Forbidden {
                    what,
                    message: status.message.clone(),
                },
                _ => other(status.message.clone()),
            }),
            Ok(Err(error)) => Err(other(error.to_string())),
        }
    }
}

impl Cluster for Kubernetes {
    fn ahead(&self) -> Seconds {
        self.clock.ahead()
    }

    async fn secret(&self) -> Result<Secret, ClusterError> {
        let found: Result<SecretObject, _> = self
            .ask(Method::GET, self.secret_path(), "application/json", None)
            .await;
        match found {
            Ok(object) => {
                let content = object.data.as_ref().and_then(|data| data.get(STATE_KEY));
                Ok(Secret {
                    version: Some(object.metadata.resource_version),
                    content: content.and_then(|text| base64::decode(text)),
                })
            }
            Err(ClusterError::Missing(_)) => Ok(Secret::default()),
            Err(error) => Err(error),
        }
    }

    async fn write_secret(
        &self,
        version: Option<&str>,
        content: &[u8],
        bundle: &str,
    ) -> Result<(), ClusterError> {
        let data = json!({STATE_KEY: base64::encode(content), BUNDLE_KEY: base64::encode(bundle.as_bytes())});
        let namespace = &self.names.namespace;
        let _: serde_json::Value = if let Some(version) = version {
            let body = json!({"metadata": {"resourceVersion": version}, "data": data});
            let path = format!("{}?fieldManager={MANAGER}", self.secret_path());
            self.ask(
                Method::PATCH,
                path,
                "application/merge-patch+json",
                Some(&body),
            )
            .await?
        } else {
            let body = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
                "metadata": {"name": self.names.secret, "namespace": namespace},
            });
            // Each authority is its own manager: of two replicas that make the Secret at one time the second gets a
            // conflict, and does not put its authority over the first one's.
            let digest = ring::digest::digest(&ring::digest::SHA256, content);
            let own: Vec<String> = digest
                .as_ref()
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let path = format!(
                "{}?fieldManager={MANAGER}-{}&force=false",
                self.secret_path(),
                own.concat()
            );
            self.ask(
                Method::PATCH,
                path,
                "application/apply-patch+yaml",
                Some(&body),
            )
            .await?
        };
        Ok(())
    }

    async fn webhooks(&self) -> Result<Webhooks, ClusterError> {
        let found: Configuration = self
            .ask(Method::GET, self.webhooks_path(), "application/json", None)
            .await?;
        Ok(Webhooks {
            version: found.metadata.resource_version,
            entries: found
                .webhooks
                .into_iter()
                .map(|entry| {
                    let bundle = entry
                        .client_config
                        .ca_bundle
                        .and_then(|text| base64::decode(&text));
                    (entry.name, bundle.unwrap_or_default())
                })
                .collect(),
        })
    }

    async fn publish(&self, webhooks: &Webhooks, bundle: &str) -> Result<(), ClusterError> {
        let bundle = base64::encode(bundle.as_bytes());
        let entries: Vec<_> = webhooks
            .entries
            .iter()
            .map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": bundle}}))
            .collect();
        // With the version, a configuration that was deleted meanwhile is not made anew, and a replica that read an
        // older Secret cannot put an older bundle over a newer one.
        let body = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": self.names.webhooks, "resourceVersion": webhooks.version},
            "webhooks": entries,
        });
        let path = format!("{}?fieldManager={MANAGER}&force=true", self.webhooks_path());
        let _: serde_json::Value = self
            .ask(
                Method::PATCH,
                path,
                "application/apply-patch+yaml",
                Some(&body),
            )
            .await?;
        Ok(())
    }
}

/// Base64 as Kubernetes writes bytes.
mod base64 {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    pub(super) fn encode(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok()
    }
}
