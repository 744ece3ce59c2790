//! What is known of namespaces without a cluster: from the command line, and from the manifests themselves.

use clap::Args;
use serde_json::{Map, Value};
use sidecar::names::INJECT;
use std::collections::BTreeMap;

/// Arguments that stand in for a cluster's namespaces.
#[derive(Debug, Default, Args)]
pub(super) struct NamespaceArgs {
    /// Namespace of what names none.
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Labels of every namespace that the manifests do not define; may be given more than once.
    #[arg(long = "namespace-label", visible_alias = "namespace-labels", value_name = "KEY=VALUE", value_delimiter = ',',
          value_parser = label)]
    labels: Vec<(String, String)>,
}

/// Namespaces and their labels.
pub(super) struct Namespaces {
    default: String,
    given: BTreeMap<String, String>,
    defined: BTreeMap<String, BTreeMap<String, String>>,
}

impl NamespaceArgs {
    pub(super) fn new(namespace: String, labels: Vec<(String, String)>) -> Self {
        Self { namespace, labels }
    }

    /// Adds the namespaces that `documents` define.
    pub(super) fn with(self, documents: &[Value]) -> Namespaces {
        let mut defined = BTreeMap::new();
        for document in documents {
            collect(document, &mut defined);
        }
        Namespaces {
            default: self.namespace,
            given: self.labels.into_iter().collect(),
            defined,
        }
    }
}

impl Namespaces {
    /// The namespace a manifest lands in.
    pub(super) fn of<'a>(&'a self, metadata: Option<&'a Value>) -> &'a str {
        let own = metadata
            .and_then(|metadata| metadata.get("namespace"))
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        own.unwrap_or(&self.default)
    }

    /// Whether Pods of the namespace get a watcher unasked.
    pub(super) fn opted_in(&self, name: &str) -> bool {
        let labels = self.defined.get(name).unwrap_or(&self.given);
        labels.get(INJECT).map(String::as_str) == Some("enabled")
    }
}

fn collect(document: &Value, out: &mut BTreeMap<String, BTreeMap<String, String>>) {
    if let Some(items) = document.get("items").and_then(Value::as_array) {
        for item in items {
            collect(item, out);
        }
    }
    let name = document
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .filter(|_| document.get("kind").and_then(Value::as_str) == Some("Namespace"));
    let Some(name) = name else { return };
    let labels = document
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .map(texts)
        .unwrap_or_default();
    out.insert(name.to_owned(), labels);
}

fn texts(map: &Map<String, Value>) -> BTreeMap<String, String> {
    map.iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!(
            "{text:?} is no label; write KEY=VALUE, for example {INJECT}=enabled"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manifests_own_namespace_wins_over_the_command_line() {
        let documents = [json!({"kind": "List", "items": [
            {"kind": "Namespace", "metadata": {"name": "silent"}},
            {"kind": "Namespace", "metadata": {"name": "agents", "labels": {INJECT: "enabled"}}},
        ]})];
        let args = NamespaceArgs {
            namespace: "default".into(),
            labels: vec![label(&format!("{INJECT}=enabled")).unwrap()],
        };
        let all = args.with(&documents);
        assert!(all.opted_in("agents") && all.opted_in("elsewhere"));
        assert!(!all.opted_in("silent"));
        assert_eq!(all.of(Some(&json!({"namespace": "x"}))), "x");
        assert_eq!(all.of(None), "default");
        assert!(label("enabled").unwrap_err().contains("KEY=VALUE"));
    }
}
