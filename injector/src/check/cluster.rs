//! The whole check of a cluster, part by part; a part that cannot be read is said, and the others go on.

use super::api::Api;
use super::limits::{self, Amounts};
use super::manifests::level;
use super::walk::{Judge, meta};
use super::{Report, Wanted, certificate, installation, webhook};
use crate::template::Template;
use serde_json::Value;
use sidecar::names::INJECT;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds whose annotations people mistake for their Pods', with the path of their lists.
const WORKLOADS: [(&str, &str, &str); 5] = [
    ("Deployment", "/apis/apps/v1", "deployments"),
    ("StatefulSet", "/apis/apps/v1", "statefulsets"),
    ("DaemonSet", "/apis/apps/v1", "daemonsets"),
    ("Job", "/apis/batch/v1", "jobs"),
    ("CronJob", "/apis/batch/v1", "cronjobs"),
];
/// Most namespaces whose limits are looked at.
const MOST_NAMESPACES: usize = 1_000;

/// Looks at the cluster. `fallback` judges Pods where the definition in force cannot be read.
pub(crate) async fn cluster(api: &Api, wanted: &Wanted, fallback: &Template) -> Report {
    let mut report = Report::default();
    let mut in_force = None;
    for one in installation::find(api, &mut report).await {
        webhook::entries(&one, &mut report);
        if one.service.is_empty() {
            continue;
        }
        webhook::endpoints(api, &one, &mut report).await;
        certificate::look(api, &one, wanted, &mut report).await;
        let found = installation::definition(api, &one, &mut report).await;
        in_force = in_force.or(found);
    }
    let judge = Judge {
        template: in_force.as_ref().unwrap_or(fallback),
        in_force: in_force.is_some(),
    };
    let namespaces = namespaces(api, wanted, &mut report).await;
    let opted_in = |name: &str| {
        let labels = namespaces
            .get(name)
            .and_then(|one| one.pointer("/metadata/labels"));
        labels
            .and_then(|labels| labels.get(INJECT))
            .and_then(Value::as_str)
            == Some("enabled")
    };
    let mut asking: BTreeSet<String> = namespaces
        .keys()
        .filter(|name| opted_in(name))
        .cloned()
        .collect();
    asking.extend(wanted.namespace.clone());
    for (kind, group, plural) in WORKLOADS {
        let path = list_path(group, wanted, plural);
        let listed = api.list(&path, "", |mut item| {
            // What a CronJob made carries the CronJob's own mistake.
            if item.pointer("/metadata/ownerReferences/0").is_some() {
                return;
            }
            // Items of a list do not name their kind.
            if let Some(map) = item.as_object_mut() {
                map.insert("kind".to_owned(), kind.into());
            }
            asking.extend(judge.workload(&item, opted_in, "default", &mut report));
        });
        if let Err(error) = listed.await {
            report.not_seen(plural, &error);
        }
    }
    let path = list_path("/api/v1", wanted, "pods");
    let listed = api.list(&path, "", |pod| {
        let namespace = meta(&pod, "namespace").to_owned();
        if judge.pod(&pod, opted_in(&namespace), &mut report) {
            asking.insert(namespace);
        }
    });
    if let Err(error) = listed.await {
        report.not_seen("pods", &error);
    }
    limits_of(api, &asking, judge.template, &namespaces, &mut report).await;
    report
}

fn list_path(group: &str, wanted: &Wanted, plural: &str) -> String {
    match &wanted.namespace {
        Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
        None => format!("{group}/{plural}"),
    }
}

async fn namespaces(api: &Api, wanted: &Wanted, report: &mut Report) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let result = if let Some(name) = &wanted.namespace {
        let one = api.get(&format!("/api/v1/namespaces/{name}")).await;
        one.map(|one| {
            found.insert(name.clone(), one);
        })
    } else {
        let each = |mut one: Value| {
            // Labels are all that is needed; a cluster may have thousands.
            let name = meta(&one, "name").to_owned();
            let metadata = one.get_mut("metadata").map(Value::take);
            found.insert(name, serde_json::json!({ "metadata": metadata }));
        };
        api.list("/api/v1/namespaces", "", each).await
    };
    if let Err(error) = result {
        report.not_seen(
            "namespaces, so who opted in by label and which level holds",
            &error,
        );
    }
    report.looked.namespaces = found.len();
    found
}

async fn limits_of(
    api: &Api,
    asking: &BTreeSet<String>,
    template: &Template,
    namespaces: &BTreeMap<String, Value>,
    report: &mut Report,
) {
    let amounts = Amounts::of(template);
    for name in asking.iter().take(MOST_NAMESPACES) {
        if let Some(namespace) = namespaces.get(name) {
            level(namespace, template, report);
        }
        for (kind, plural) in [
            ("LimitRange", "limitranges"),
            ("ResourceQuota", "resourcequotas"),
        ] {
            let path = format!("/api/v1/namespaces/{name}/{plural}");
            let listed = api.list(&path, "", |object| {
                limit_findings(kind, name, &object, &amounts, report);
            });
            if let Err(error) = listed.await {
                report.not_seen(plural, &error);
            }
        }
    }
    if asking.len() > MOST_NAMESPACES {
        let why = format!(
            "{} namespaces ask for watchers, 1000 were looked at",
            asking.len()
        );
        report.not_seen("limits of all namespaces", &why);
    }
}

/// What a `LimitRange` or `ResourceQuota` says to the watcher.
pub(super) fn limit_findings(
    kind: &str,
    namespace: &str,
    object: &Value,
    amounts: &Amounts,
    report: &mut Report,
) {
    let (check, said, cure) = match kind {
        "LimitRange" => (
            "limit-range",
            limits::range(object, amounts),
            "change it, or discord.monitoring.resources in the chart: the API server refuses such Pods",
        ),
        "ResourceQuota" => (
            "quota",
            limits::quota(object, amounts),
            "raise it, or lower discord.monitoring.resources in the chart",
        ),
        _ => return,
    };
    for problem in said {
        report.add(
            check,
            format!("{kind}/{namespace}/{}", meta(object, "name")),
            problem,
            cure,
        );
    }
}
