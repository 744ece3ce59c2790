//! The webhook configuration itself, and whether the API server finds somebody behind it.

use super::Report;
use super::api::Api;
use super::installation::Installation;
use serde_json::Value;

/// Both entries, always under these names: a missing one leaves Pods bare in silence.
pub(super) const ENTRIES: [&str; 2] = [
    "pods.discord-monitoring.io",
    "namespaces.discord-monitoring.io",
];
const UPGRADE: &str = "run helm upgrade, which makes it again";

/// Looks at both entries.
pub(super) fn entries(one: &Installation, report: &mut Report) {
    for name in ENTRIES {
        let Some(entry) = entry(one, name) else {
            let problem = format!("the entry {name} is missing");
            report.add("webhook", one.object(), problem, UPGRADE);
            continue;
        };
        let off = entry
            .get("matchConditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|condition| condition.get("expression").and_then(Value::as_str) == Some("false"));
        if off {
            report.add(
                "webhook",
                one.object(),
                format!("the entry {name} is switched off by a condition that is false"),
                "set its enabled value in the chart, if that was not meant",
            );
        }
    }
}

pub(super) fn entry<'a>(one: &'a Installation, name: &str) -> Option<&'a Value> {
    one.webhooks
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

/// Whether the Service has a ready endpoint, and the API server reaches it.
pub(super) async fn endpoints(api: &Api, one: &Installation, report: &mut Report) {
    let (namespace, service) = (&one.namespace, &one.service);
    let object = format!("Service/{namespace}/{service}");
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let selector = format!("kubernetes.io/service-name={service}");
    let (mut ready, mut all) = (0_usize, 0_usize);
    let listed = api.list(&path, &selector, |slice| {
        let endpoints = slice.get("endpoints").and_then(Value::as_array);
        for endpoint in endpoints.into_iter().flatten() {
            all += 1;
            // Unknown counts as ready, as Kubernetes has it.
            let state = endpoint
                .pointer("/conditions/ready")
                .and_then(Value::as_bool);
            ready += usize::from(state != Some(false));
        }
    });
    match listed.await {
        Err(error) => report.not_seen("the Service's endpoints", &error),
        Ok(()) if ready == 0 => {
            let problem = format!(
                "none of its {all} endpoints is ready: Pods are admitted without a watcher"
            );
            let cure = format!("look at kubectl -n {namespace} get pods, and at /ready of one");
            return report.add("endpoints", object, problem, cure);
        }
        Ok(()) => {}
    }
    let path = format!(
        "/api/v1/namespaces/{namespace}/services/https:{service}:{}/proxy/inject",
        one.port
    );
    match api.status(&path).await {
        // We answer a GET with 405: the way from the API server to us is open. Few may use the proxy; without it nothing
        // is known, and nothing is wrong.
        Ok(405 | 401 | 403) => {}
        Ok(code) => report.add(
            "endpoints",
            object,
            format!("through the API server it answers {code} where the injector answers 405"),
            "let the API server reach the injector's port 8443: firewall, NetworkPolicy or hostNetwork",
        ),
        Err(error) => report.not_seen("whether the API server reaches the injector", &error),
    }
}
