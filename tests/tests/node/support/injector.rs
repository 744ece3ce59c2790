//! The injector's own figures, asked through the API server.

use super::cluster::{RELEASE_NAMESPACE, kubectl};
use super::wait::seconds;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::time::Instant;

/// Selects the injector's Pods.
pub(crate) const SELECTOR: &str =
    "app.kubernetes.io/part-of=discord-monitoring,app.kubernetes.io/component=injector";

/// The injector's Pods.
pub(crate) async fn pods(client: &Client) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), RELEASE_NAMESPACE);
    pods.list(&ListParams::default().labels(SELECTOR))
        .await
        .expect("the injector's Pods")
        .items
}

/// Admission requests that all replicas have answered so far.
pub(crate) async fn requests(client: &Client) -> u64 {
    requests_by_replica(client).await.values().sum()
}

/// The same, by the replica's name.
pub(crate) async fn requests_by_replica(client: &Client) -> BTreeMap<String, u64> {
    let mut answered = BTreeMap::new();
    let api: Api<Pod> = Api::namespaced(client.clone(), RELEASE_NAMESPACE);
    for pod in pods(client).await {
        let name = pod.metadata.name.expect("a name");
        let uri = format!("/api/v1/namespaces/{RELEASE_NAMESPACE}/pods/{name}:8081/proxy/metrics");
        let request = http::Request::get(uri).body(Vec::new()).expect("a request");
        let text = match client.request_text(request).await {
            Ok(text) => text,
            // Listed while it was leaving; whoever left answers nobody any more. What the API server says then, and whether
            // the Pod itself is still listed, depends on the cluster's network.
            Err(error) => {
                let now = api.get_opt(&name).await.expect("the injector's Pod");
                let left = now.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some());
                assert!(left, "the metrics of {name}: {error}");
                continue;
            }
        };
        let sum = text
            .lines()
            .filter(|line| line.starts_with("injector_requests_total"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        answered.insert(name, sum);
    }
    answered
}

/// Runs so many replicas, or none, and waits until it is so.
pub(crate) fn scale(replicas: u32) {
    let deployment = [
        "deployment",
        "--namespace",
        RELEASE_NAMESPACE,
        "-l",
        SELECTOR,
    ];
    let count = replicas.to_string();
    kubectl(&[&["scale"], &deployment[..], &["--replicas", &count]].concat());
    if replicas > 0 {
        kubectl(
            &[
                &["rollout", "status"],
                &deployment[..],
                &["--timeout", "180s"],
            ]
            .concat(),
        );
        return;
    }
    let began = Instant::now();
    let pods = [
        "get",
        "pods",
        "--namespace",
        RELEASE_NAMESPACE,
        "-l",
        SELECTOR,
        "-o",
        "name",
    ];
    while !kubectl(&pods).is_empty() {
        assert!(began.elapsed() < seconds(120), "the injector does not go");
        std::thread::sleep(seconds(1));
    }
}

/// The Secret of its own certificates.
pub(crate) const SECRET: &str = "dm-discord-monitoring-injector-tls";
