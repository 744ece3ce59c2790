//! Where an installation keeps things: the webhook configuration leads to the Service, that to the Deployment, and its
//! Pod template to the Secret and to the sidecar definition.

use super::Report;
use super::api::{Api, ApiError};
use crate::template::Template;
use serde_json::Value;

/// Selects what the chart makes.
const OURS: &str = "app.kubernetes.io/part-of=discord-monitoring";
const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
/// Key of the definition in its `ConfigMap`.
const DEFINITION: &str = "sidecar.yaml";

/// One installation.
#[derive(Debug)]
pub(super) struct Installation {
    /// Name of the webhook configuration.
    pub(super) name: String,
    pub(super) webhooks: Vec<Value>,
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) port: u64,
    /// Secret with the certificate; none when the Deployment could not be read.
    pub(super) secret: Option<String>,
    /// `ConfigMap` with the sidecar definition; likewise.
    pub(super) definition: Option<String>,
}

impl Installation {
    /// `MutatingWebhookConfiguration/name`.
    pub(super) fn object(&self) -> String {
        format!("MutatingWebhookConfiguration/{}", self.name)
    }
}

/// Every installation of the cluster. None is a finding.
pub(super) async fn find(api: &Api, report: &mut Report) -> Vec<Installation> {
    let mut found = Vec::new();
    if let Err(error) = api
        .list(CONFIGURATIONS, OURS, |item| found.push(item))
        .await
    {
        report.not_seen("the webhook configuration", &error);
        return Vec::new();
    }
    if found.is_empty() {
        report.add(
            "webhook",
            "MutatingWebhookConfiguration",
            format!("there is none with the label {OURS}, so no Pod is ever injected"),
            "install the chart with discord.monitoring.enabled=true",
        );
    }
    let mut out = Vec::new();
    for item in found {
        let mut one = from_configuration(&item);
        if !one.service.is_empty() {
            from_deployment(api, &mut one, report).await;
        }
        out.push(one);
    }
    out
}

fn from_configuration(item: &Value) -> Installation {
    let name = item.pointer("/metadata/name").and_then(Value::as_str);
    let webhooks = item
        .get("webhooks")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let service = webhooks
        .iter()
        .find_map(|entry| entry.pointer("/clientConfig/service"));
    let text = |key: &str| {
        let value = service.and_then(|service| service.get(key));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let port = service.and_then(|service| service.get("port"));
    Installation {
        name: name.unwrap_or_default().to_owned(),
        namespace: text("namespace"),
        service: text("name"),
        port: port.and_then(Value::as_u64).unwrap_or(443),
        webhooks,
        secret: None,
        definition: None,
    }
}

async fn from_deployment(api: &Api, one: &mut Installation, report: &mut Report) {
    let path = format!(
        "/apis/apps/v1/namespaces/{}/deployments/{}",
        one.namespace, one.service
    );
    let deployment = match api.get(&path).await {
        Ok(deployment) => deployment,
        Err(ApiError::Missing(_)) => {
            report.add(
                "webhook",
                format!("Deployment/{}/{}", one.namespace, one.service),
                "it is not there, so the webhook has nobody to ask",
                "run helm upgrade, or remove the webhook configuration if this is a leftover",
            );
            return;
        }
        Err(error) => return report.not_seen("the injector's Deployment", &error),
    };
    let template = deployment.pointer("/spec/template/spec");
    let texts = |pointer: &str| -> Vec<&Value> {
        let list = template.and_then(|spec| spec.pointer(pointer));
        let list = list.and_then(Value::as_array);
        list.into_iter().flatten().collect()
    };
    let argument = texts("/containers/0/args")
        .into_iter()
        .filter_map(Value::as_str)
        .find_map(|argument| argument.strip_prefix("--secret-name="));
    let volume = |name: &str, pointer: &str| {
        texts("/volumes")
            .into_iter()
            .filter(|volume| volume.get("name").and_then(Value::as_str) == Some(name))
            .find_map(|volume| volume.pointer(pointer)?.as_str())
            .map(str::to_owned)
    };
    one.secret = argument
        .map(str::to_owned)
        .or_else(|| volume("tls", "/secret/secretName"));
    one.definition = volume("sidecar", "/configMap/name");
}

/// The sidecar definition that the installation injects; none, with a word, when it cannot be read.
pub(super) async fn definition(
    api: &Api,
    one: &Installation,
    report: &mut Report,
) -> Option<Template> {
    let name = one.definition.as_ref()?;
    let path = format!("/api/v1/namespaces/{}/configmaps/{name}", one.namespace);
    let object = format!("ConfigMap/{}/{name}", one.namespace);
    let map = match api.get(&path).await {
        Ok(map) => map,
        Err(error) => {
            report.not_seen("the sidecar definition in force", &error);
            return None;
        }
    };
    let text = map.pointer("/data").and_then(|data| data.get(DEFINITION));
    match Template::parse(text.and_then(Value::as_str).unwrap_or_default()) {
        Ok(template) => Some(template),
        Err(error) => {
            report.add(
                "webhook",
                object,
                format!("{error}"),
                "run helm upgrade with the injector's own chart version",
            );
            None
        }
    }
}
