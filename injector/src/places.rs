//! Where manifests keep Pods and Pod templates, and which of our keys stand where they reach no Pod.

use serde_json::Value;
use sidecar::names::PREFIX;

/// A Pod or Pod template inside a document.
pub(crate) struct Place {
    /// JSON pointer to what holds its `metadata` and `spec`.
    pub(crate) pointer: String,
    /// `Job/name`, for messages.
    pub(crate) owner: String,
    /// JSON pointer to the workload itself; the same as `pointer` for a Pod.
    pub(crate) workload: String,
}

/// Every Pod template of a document.
pub(crate) fn places(document: &Value) -> Vec<Place> {
    let mut out = Vec::new();
    find(document, String::new(), &mut out);
    out
}

fn find(value: &Value, at: String, out: &mut Vec<Place>) {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = text("/kind");
    if kind == "List" || (kind.ends_with("List") && value.get("items").is_some()) {
        let items = value.get("items").and_then(Value::as_array);
        for (index, item) in items.into_iter().flatten().enumerate() {
            find(item, format!("{at}/items/{index}"), out);
        }
        return;
    }
    let inner = match kind {
        "Pod" => "",
        "CronJob" => "/spec/jobTemplate/spec/template",
        "PodTemplate" => "/template",
        // Deployments, Jobs and all that follow their shape, whoever defines them.
        _ => "/spec/template",
    };
    let has_pods = value
        .pointer(&format!("{inner}/spec/containers"))
        .is_some_and(Value::is_array);
    if has_pods {
        let name = match text("/metadata/name") {
            "" => text("/metadata/generateName"),
            name => name,
        };
        out.push(Place {
            pointer: format!("{at}{inner}"),
            owner: format!("{kind}/{name}"),
            workload: at,
        });
    }
}

/// A key of ours on the workload instead of its Pod template.
pub(crate) struct Misplaced {
    pub(crate) key: String,
    /// `the workload itself` or `the Job's template`, for messages.
    pub(crate) on: &'static str,
}

/// Keys of ours that stand where no Pod inherits them. A status of ours is the injector's own output, not a person's.
pub(crate) fn misplaced(document: &Value, place: &Place) -> Vec<Misplaced> {
    if place.workload == place.pointer {
        return Vec::new();
    }
    let mut places = vec![(
        format!("{}/metadata/annotations", place.workload),
        "the workload itself",
    )];
    if place.pointer.ends_with("/jobTemplate/spec/template") {
        let jobs = format!("{}/spec/jobTemplate/metadata/annotations", place.workload);
        places.push((jobs, "the Job's template"));
    }
    let mut out = Vec::new();
    for (pointer, on) in places {
        let annotations = document.pointer(&pointer).and_then(Value::as_object);
        let keys = annotations.into_iter().flat_map(|map| map.keys());
        for key in keys.filter(|key| key.starts_with(PREFIX)) {
            out.push(Misplaced {
                key: key.clone(),
                on,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_found_wherever_a_kind_keeps_them() {
        let yaml = "
apiVersion: v1
kind: List
items:
  - {kind: Pod, metadata: {name: a}, spec: {containers: []}}
  - {kind: Job, metadata: {name: b}, spec: {template: {spec: {containers: []}}}}
  - {kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}}
  - {kind: Rollout, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}
  - {kind: ConfigMap, metadata: {name: e}}
---
kind: PodTemplate
metadata: {generateName: f-}
template: {spec: {containers: []}}
";
        let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
        let found: Vec<_> = documents
            .iter()
            .flat_map(places)
            .map(|place| (place.owner, place.pointer))
            .collect();
        let expected = [
            ("Pod/a", "/items/0"),
            ("Job/b", "/items/1/spec/template"),
            ("CronJob/c", "/items/2/spec/jobTemplate/spec/template"),
            ("Rollout/d", "/items/3/spec/template"),
            ("PodTemplate/f-", "/template"),
        ];
        let found: Vec<_> = found
            .iter()
            .map(|(owner, at)| (owner.as_str(), at.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_key_on_a_workload_is_misplaced_and_one_on_its_template_is_not() {
        let key = "discord-monitoring.io/inject";
        let document = serde_json::json!({"kind": "CronJob", "metadata": {"name": "c", "annotations": {key: "true"}},
            "spec": {"jobTemplate": {"metadata": {"annotations": {key: "true"}},
                "spec": {"template": {"metadata": {"annotations": {key: "true"}}, "spec": {"containers": []}}}}}});
        let place = places(&document).pop().unwrap();
        let found: Vec<_> = misplaced(&document, &place)
            .iter()
            .map(|one| one.on)
            .collect();
        assert_eq!(found, ["the workload itself", "the Job's template"]);
    }
}
