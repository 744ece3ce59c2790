//! What a definition must have, and what is taken out of it because it could hold an agent's Pod.

use super::TemplateError;
use serde_json::{Map, Value};
use sidecar::SETTINGS;
use sidecar::names::{BRIDGE_VOLUME, STATE_DIR, STATE_VOLUME};

/// Name and image are there, every mount has its volume, and the watcher has its state: by that it is known again.
pub(super) fn coherent(
    watcher: &Map<String, Value>,
    bridge: Option<&Map<String, Value>>,
    volumes: &[Value],
) -> Result<(), TemplateError> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let known = |name: &str| {
        volumes
            .iter()
            .any(|volume| text(volume, "name").as_deref() == Some(name))
    };
    for key in ["name", "image"] {
        let text = watcher.get(key).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err(TemplateError::Invalid(format!("the watcher has no {key}")));
        }
    }
    let both = [("watcher", Some(watcher)), ("bridge", bridge)];
    for (who, container) in both.into_iter().filter_map(|(who, one)| Some((who, one?))) {
        for mount in list(container, "volumeMounts") {
            let name = text(mount, "name").unwrap_or_default();
            // The volume that agent and bridge share is made for each Pod.
            let made = who == "bridge" && name == BRIDGE_VOLUME;
            if !known(&name) && !made {
                return Err(TemplateError::Invalid(format!(
                    "the {who} mounts volume {name:?}, which is not among its volumes"
                )));
            }
        }
    }
    let mut mounts = list(watcher, "volumeMounts");
    let has_state = mounts.any(|mount| {
        text(mount, "name").as_deref() == Some(STATE_VOLUME)
            && text(mount, "mountPath").as_deref() == Some(STATE_DIR)
    });
    if !has_state {
        return Err(TemplateError::Invalid(format!(
            "the watcher does not mount volume {STATE_VOLUME} at {STATE_DIR}"
        )));
    }
    Ok(())
}

/// Entries of the list of settings that Pods may change which allow nothing, most likely misspelt.
pub(super) fn note_overrides(overrides: &[String], notes: &mut Vec<String>) {
    const ENV: &str = "env.";
    let paths = || {
        SETTINGS
            .iter()
            .filter(|row| row.per_pod)
            .map(|row| row.path)
    };
    for entry in overrides.iter().filter(|entry| *entry != "*") {
        let prefix = entry.strip_suffix('*').filter(|start| start.ends_with('.'));
        let allows = match prefix {
            Some(prefix) => prefix == ENV || paths().any(|path| path.starts_with(prefix)),
            None => entry.starts_with(ENV) || paths().any(|path| path == entry),
        };
        if !allows {
            let near = sidecar::nearest(entry, paths());
            let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            notes.push(format!(
                "overrides: {entry} is no setting that Pods can change{hint}"
            ));
        }
    }
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
