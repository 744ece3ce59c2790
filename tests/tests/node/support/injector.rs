//! The injector's own figures, asked through the API server.

use super::cluster::RELEASE_NAMESPACE;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};

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
    let mut sum = 0;
    for pod in pods(client).await {
        let name = pod.metadata.name.expect("a name");
        let uri = format!("/api/v1/namespaces/{RELEASE_NAMESPACE}/pods/{name}:8081/proxy/metrics");
        let request = http::Request::get(uri).body(Vec::new()).expect("a request");
        let text = client
            .request_text(request)
            .await
            .expect("the injector's metrics");
        sum += text
            .lines()
            .filter(|line| line.starts_with("injector_requests_total"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum::<u64>();
    }
    sum
}
