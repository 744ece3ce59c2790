//! What a definition must have, and what is taken out of it because it could hold an agent's Pod.

use super::TemplateError;
use serde_json::{Map, Value};

/// Name and image are there, and every mount has its volume.
pub(super) fn coherent(
    watcher: &Map<String, Value>,
    volumes: &[Value],
) -> Result<(), TemplateError> {
    for key in ["name", "image"] {
        let text = watcher.get(key).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err(TemplateError::Invalid(format!("the watcher has no {key}")));
        }
    }
    for mount in list(watcher, "volumeMounts") {
        let name = mount
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let known = volumes
            .iter()
            .any(|volume| volume.get("name").and_then(Value::as_str) == Some(name));
        if !known {
            return Err(TemplateError::Invalid(format!(
                "the watcher mounts volume {name:?}, which is not among its volumes"
            )));
        }
    }
    Ok(())
}

/// A reference that must exist, a startup probe or a start hook would keep the agent from starting.
pub(super) fn mend_container(container: &mut Map<String, Value>, notes: &mut Vec<String>) {
    for key in ["startupProbe", "lifecycle"] {
        if container.remove(key).is_some() {
            notes.push(format!(
                "{key} was left out: it could keep the agent from starting"
            ));
        }
    }
    // Whether it is native is decided for each Pod.
    container.remove("restartPolicy");
    for entry in list_mut(container, "env") {
        for source in ["secretKeyRef", "configMapKeyRef"] {
            if let Some(reference) = entry.pointer_mut(&format!("/valueFrom/{source}")) {
                make_optional(reference, source, notes);
            }
        }
    }
    for entry in list_mut(container, "envFrom") {
        for source in ["secretRef", "configMapRef"] {
            if let Some(reference) = entry.get_mut(source) {
                make_optional(reference, source, notes);
            }
        }
    }
}

pub(super) fn mend_volumes(volumes: &mut [Value], notes: &mut Vec<String>) {
    for volume in volumes {
        for source in ["secret", "configMap"] {
            if let Some(reference) = volume.get_mut(source) {
                make_optional(reference, source, notes);
            }
        }
        let projected = volume.pointer_mut("/projected/sources");
        for entry in projected
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            for source in ["secret", "configMap"] {
                if let Some(reference) = entry.get_mut(source) {
                    make_optional(reference, source, notes);
                }
            }
        }
    }
}

fn make_optional(reference: &mut Value, source: &str, notes: &mut Vec<String>) {
    let Some(map) = reference.as_object_mut() else {
        return;
    };
    if map.get("optional") != Some(&Value::Bool(true)) {
        map.insert("optional".to_owned(), Value::Bool(true));
        notes.push(format!(
            "a {source} was made optional: a missing one would hold the agent's Pod"
        ));
    }
}

fn list<'a>(container: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    container
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn list_mut<'a>(
    container: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Value> {
    container
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}
