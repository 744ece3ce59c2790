//! The parts of a check that need no cluster: manifests say enough about keys, levels and limits.

use super::cluster::limit_findings;
use super::limits::Amounts;
use super::walk::{Judge, meta};
use super::{Report, security};
use crate::template::Template;
use serde_json::Value;
use std::collections::BTreeSet;

/// Looks at manifests; `opted_in` and `default_namespace` say what they leave out.
pub(crate) fn manifests(
    documents: &[Value],
    template: &Template,
    opted_in: impl Fn(&str) -> bool,
    default_namespace: &str,
) -> Report {
    let mut report = Report::default();
    let judge = Judge {
        template,
        in_force: false,
    };
    let mut asking = BTreeSet::new();
    for document in documents {
        let found = judge.workload(document, &opted_in, default_namespace, &mut report);
        asking.extend(found);
    }
    let amounts = Amounts::of(template);
    for object in documents.iter().flat_map(flat) {
        let kind = object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let namespace = match meta(object, "namespace") {
            "" => default_namespace,
            name => name,
        };
        if kind == "Namespace" {
            report.looked.namespaces += 1;
            if asking.contains(meta(object, "name")) || opted_in(meta(object, "name")) {
                level(object, template, &mut report);
            }
        } else if asking.contains(namespace) || opted_in(namespace) {
            limit_findings(kind, namespace, object, &amounts, &mut report);
        }
    }
    report
}

/// What a namespace's Pod Security level says to the sidecar.
pub(super) fn level(namespace: &Value, template: &Template, report: &mut Report) {
    let level = namespace
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(security::ENFORCE))
        .and_then(Value::as_str)
        .unwrap_or_default();
    for problem in security::objections(level, template) {
        report.add(
            "pod-security",
            format!("Namespace/{}", meta(namespace, "name")),
            format!("it enforces {level}, which refuses the sidecar: {problem}"),
            "restore the chart's security context, or lower the level",
        );
    }
}

/// The document, or its items when it is a list.
fn flat(document: &Value) -> Vec<&Value> {
    match document.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().flat_map(flat).collect(),
        None => vec![document],
    }
}
