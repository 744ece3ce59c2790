//! A cluster in which all is well, for tests to break.

use super::api::Cluster;
use base64::Engine as _;
use certs::{Action, Policy, State, apply};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const WEBHOOKS: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
pub(crate) const SECRET: &str = "/api/v1/namespaces/monitoring/secrets/injector-tls";
pub(crate) const ENDPOINTS: &str = "/apis/discovery.k8s.io/v1/namespaces/monitoring/endpointslices";
pub(crate) const PROXY: &str =
    "/api/v1/namespaces/monitoring/services/https:injector:443/proxy/inject";
pub(crate) const DEFINITION: &str = "/api/v1/namespaces/monitoring/configmaps/sidecar";
pub(crate) const NAME: &str = "injector.monitoring.svc";

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Certificates as the rotation makes them, at this time.
pub(crate) fn certificates(at: i64, leaf: Duration) -> State {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let policy = Policy {
        names: vec![NAME.to_owned()],
        ca_validity: Duration::from_hours(8_760),
        leaf_validity: leaf,
        propagation: Duration::from_secs(30),
    };
    apply(None, &Action::Create, at, &policy).unwrap().unwrap()
}

pub(crate) fn encoded(text: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The Secret that holds `state`.
pub(crate) fn secret(state: &State) -> Value {
    json!({"data": {"state.json": encoded(&serde_json::to_vec(state).unwrap())}})
}

fn entry(name: &str, bundle: &str) -> Value {
    json!({"name": name, "clientConfig": {"caBundle": encoded(bundle.as_bytes()),
        "service": {"name": "injector", "namespace": "monitoring", "path": "/inject", "port": 443}}})
}

/// A webhook configuration with this bundle in both entries.
pub(crate) fn webhooks(bundle: &str) -> Value {
    json!({"metadata": {"name": "injector"}, "webhooks": [
        entry("pods.discord-monitoring.io", bundle), entry("namespaces.discord-monitoring.io", bundle)]})
}

/// Hash of the embedded definition.
pub(crate) fn hash() -> String {
    injector::Template::parse(injector::DEFAULT)
        .unwrap()
        .hash()
        .to_owned()
}

/// A running Pod of a `ReplicaSet` that asks.
pub(crate) fn pod(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "ownerReferences": [{"kind": "ReplicaSet", "name": "r"}],
            "annotations": {"discord-monitoring.io/inject": "true"}},
        "spec": {"containers": [{"name": "agent", "image": "agent:1"}]}, "status": {"phase": "Running"}})
}

/// That Pod with a watcher of the definition `hash`.
pub(crate) fn injected(namespace: &str, name: &str, hash: &str) -> Value {
    let mut pod = pod(namespace, name);
    let status = json!({"version": "0.1.0", "mode": "plain", "template": hash, "agent": "agent", "containers": [], "volumes": []});
    pod["metadata"]["annotations"]["discord-monitoring.io/status"] = status.to_string().into();
    let watcher = json!({"name": "discord-watcher", "image": "discord-monitoring/watcher:0.1.0"});
    pod["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(watcher);
    pod
}

/// The whole cluster.
pub(crate) fn well() -> Cluster {
    let state = certificates(now() - 60, Duration::from_hours(2_160));
    let mut cluster = Cluster::default();
    let objects = [
        (SECRET, secret(&state)),
        (
            DEFINITION,
            json!({"data": {"sidecar.yaml": injector::DEFAULT}}),
        ),
        (
            "/apis/apps/v1/namespaces/monitoring/deployments/injector",
            json!({"spec": {"template": {"spec": {
            "containers": [{"args": ["serve", "--secret-name=injector-tls"]}],
            "volumes": [{"name": "sidecar", "configMap": {"name": "sidecar"}}]}}}}),
        ),
    ];
    for (path, object) in objects {
        cluster.objects.insert(path.to_owned(), object);
    }
    let pods: Vec<_> = (0..5)
        .map(|at| injected("agents", &format!("good-{at}"), &hash()))
        .collect();
    let lists = [
        (WEBHOOKS, vec![webhooks(&state.bundle())]),
        (
            ENDPOINTS,
            vec![json!({"endpoints": [{"conditions": {"ready": true}}]})],
        ),
        (
            "/api/v1/namespaces",
            vec![
                json!({"metadata": {"name": "agents", "labels": {"discord-monitoring.io/inject": "enabled",
                "pod-security.kubernetes.io/enforce": "restricted"}}}),
                json!({"metadata": {"name": "other"}}),
                json!({"metadata": {"name": "monitoring"}}),
            ],
        ),
        ("/api/v1/pods", pods),
        ("/api/v1/namespaces/agents/limitranges", vec![]),
        ("/api/v1/namespaces/agents/resourcequotas", vec![]),
        ("/api/v1/namespaces/other/limitranges", vec![]),
        ("/api/v1/namespaces/other/resourcequotas", vec![]),
    ];
    for (path, list) in lists {
        cluster.lists.insert(path.to_owned(), list);
    }
    for plural in ["deployments", "statefulsets", "daemonsets"] {
        cluster
            .lists
            .insert(format!("/apis/apps/v1/{plural}"), vec![]);
    }
    for plural in ["jobs", "cronjobs"] {
        cluster
            .lists
            .insert(format!("/apis/batch/v1/{plural}"), vec![]);
    }
    cluster.codes.insert(PROXY.to_owned(), 405);
    cluster
}
