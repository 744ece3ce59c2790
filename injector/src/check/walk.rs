//! Pods and workloads, one at a time: who asks for a watcher and goes without, and whose keys reach no Pod.

use super::Report;
use crate::places::{misplaced, places};
use crate::plan::{Circumstances, Decision, Standing, inject, standing};
use crate::template::Template;
use serde_json::Value;
use sidecar::names::PREFIX;

/// What judges a Pod.
pub(super) struct Judge<'a> {
    pub(super) template: &'a Template,
    /// Whether `template` is the one in force, so that a different hash means something.
    pub(super) in_force: bool,
}

/// Name and namespace of an object.
pub(super) fn meta<'a>(object: &'a Value, key: &str) -> &'a str {
    let value = object
        .get("metadata")
        .and_then(|metadata| metadata.get(key));
    value.and_then(Value::as_str).unwrap_or_default()
}

impl Judge<'_> {
    /// Looks at a Pod of a cluster; true when it asks.
    pub(super) fn pod(&self, pod: &Value, opted_in: bool, report: &mut Report) -> bool {
        report.looked.pods += 1;
        let phase = pod.pointer("/status/phase").and_then(Value::as_str);
        let going = pod.pointer("/metadata/deletionTimestamp").is_some();
        let part_of = pod.pointer("/metadata/labels/app.kubernetes.io~1part-of");
        let ours = part_of.and_then(Value::as_str) == Some("discord-monitoring");
        if matches!(phase, Some("Succeeded" | "Failed")) || going || ours {
            return false;
        }
        let (namespace, name) = (meta(pod, "namespace"), meta(pod, "name"));
        let around = Circumstances {
            namespace: Some(namespace),
            namespace_opted_in: opted_in,
        };
        let json = pod.to_string();
        let Some(Standing {
            asks,
            has_watcher,
            definition,
        }) = standing(json.as_bytes(), around, self.template)
        else {
            return false;
        };
        if !asks {
            return false;
        }
        report.looked.asking += 1;
        let object = format!("Pod/{namespace}/{name}");
        let owned = pod.pointer("/metadata/ownerReferences/0").is_some();
        let cure = if owned {
            format!("kubectl -n {namespace} delete pod {name}; its owner makes it anew")
        } else {
            "create it anew; nothing else does".to_owned()
        };
        if !has_watcher {
            match self.refusal(json.as_bytes(), around) {
                Some(why) => report.add("annotation", object, why, "see injector explain -f"),
                None => report.add("bare", object, "it asks for a watcher and has none", cure),
            }
        } else if self.in_force && definition.as_deref() != Some(self.template.hash()) {
            let in_force = self.template.hash();
            let problem = match definition {
                Some(hash) => {
                    format!("its watcher is of definition {hash}, and {in_force} is in force")
                }
                None => {
                    "its status cannot be read, so nobody knows its watcher's definition".to_owned()
                }
            };
            report.add("stale", object, problem, cure);
        }
        true
    }

    /// Why a Pod that asks can get no watcher: its own fault, and no restart cures it.
    fn refusal(&self, json: &[u8], around: Circumstances<'_>) -> Option<String> {
        let outcome = inject(json, around, self.template);
        match outcome.decision {
            Decision::Skipped(reason) => Some(format!(
                "it asks for a watcher and can have none ({})",
                reason.label()
            )),
            _ => None,
        }
    }

    /// Looks at a workload, or any manifest; true when a Pod template of it asks.
    pub(super) fn workload(
        &self,
        document: &Value,
        opted_in: impl Fn(&str) -> bool,
        default_namespace: &str,
        report: &mut Report,
    ) -> Vec<String> {
        let mut asking = Vec::new();
        for place in places(document) {
            report.looked.workloads += 1;
            let whole = document.pointer(&place.workload).unwrap_or(document);
            let namespace = match meta(whole, "namespace") {
                "" => default_namespace,
                name => name,
            };
            let (kind, name) = place.owner.split_once('/').unwrap_or_default();
            let object = format!("{kind}/{namespace}/{name}");
            for wrong in misplaced(document, &place) {
                report.add(
                    "misplaced",
                    object.clone(),
                    format!("{} stands on {}, and reaches no Pod", wrong.key, wrong.on),
                    "move it to metadata.annotations of the Pod template",
                );
            }
            let around = Circumstances {
                namespace: Some(namespace),
                namespace_opted_in: opted_in(namespace),
            };
            let json = document.pointer(&place.pointer).map(Value::to_string);
            let outcome = inject(json.unwrap_or_default().as_bytes(), around, self.template);
            // Our own keys and their values; what else is said is advice, not a fault.
            for warning in outcome
                .warnings
                .iter()
                .filter(|text| text.starts_with(PREFIX))
            {
                let cure = "see injector explain -f";
                report.add("annotation", object.clone(), warning.clone(), cure);
            }
            match outcome.decision {
                Decision::Skipped(reason) if outcome.rule.is_some() => report.add(
                    "annotation",
                    object,
                    format!(
                        "it asks for a watcher and can have none ({})",
                        reason.label()
                    ),
                    "see injector explain -f",
                ),
                _ => {}
            }
            if outcome.rule.is_some() {
                report.looked.asking += 1;
                asking.push(namespace.to_owned());
            }
        }
        asking
    }
}
