//! Takes an injection back: what the injector added goes, what it changed becomes what it was.
//!
//! The status annotation says what was changed. It may be forged, so nothing but the places the injector itself changes is
//! ever touched.

use crate::plan::is_container;
use crate::plan::status::{Removed, Status};
use crate::plan::token::{STANDARD_SOURCE, TOKEN_DIR};
use crate::pod::SAFE_TO_EVICT;
use serde_json::{Map, Value, json};
use sidecar::names::{
    BOT_VOLUME, BRIDGE, BRIDGE_VOLUME, CA_VOLUME, INJECTED, POD_UID, STATE_VOLUME, STATUS,
    TRANSCRIPT_VOLUME, WATCHER, WEBHOOK_VOLUME,
};
use std::borrow::Cow;

/// Where containers are.
const LISTS: [&str; 2] = ["containers", "initContainers"];
/// Names of volumes of ours.
const VOLUMES: [&str; 6] = [
    STATE_VOLUME,
    WEBHOOK_VOLUME,
    BOT_VOLUME,
    CA_VOLUME,
    TRANSCRIPT_VOLUME,
    BRIDGE_VOLUME,
];

/// Takes the injection out of a Pod or Pod template; false when there was none.
pub fn uninject(pod: &mut Value) -> bool {
    let annotation = pod
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(STATUS))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let status = Status::read(annotation.as_deref());
    let before = pod.clone();
    let named = status.as_ref().map(|status| status.containers.as_slice());
    let removed = remove_containers(pod, named);
    let volumes = match &status {
        Some(status) => status.volumes.iter().map(ToString::to_string).collect(),
        // Nothing says that there was an injection, nor that volumes of our names are ours.
        None if removed.is_empty() => return false,
        None => mounted_by(&removed, pod),
    };
    let volumes: Vec<_> = volumes
        .into_iter()
        .filter(|name| is_numbered(name, &VOLUMES))
        .collect();
    remove_volumes(pod, &volumes);
    for (pointer, key) in [
        ("/metadata/annotations", STATUS),
        ("/metadata/labels", INJECTED),
    ] {
        if let Some(map) = pod.pointer_mut(pointer).and_then(Value::as_object_mut) {
            map.remove(key);
        }
    }
    if let Some(status) = status {
        restore(pod, &status);
        remove_empty(pod, &status);
    }
    *pod != before
}

/// Whether `name` is one of `bases`, or one with a number behind it.
fn is_numbered(name: &str, bases: &[&str]) -> bool {
    bases.iter().any(|base| {
        name.strip_prefix(base).is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('-')
                    .is_some_and(|number| number.parse::<u8>().is_ok())
        })
    })
}

/// Takes out the containers of ours, those of `named` alone when a status names them. A user may have one of our name: ours
/// have what only ours have.
fn remove_containers(pod: &mut Value, named: Option<&[Cow<'_, str>]>) -> Vec<Value> {
    let is_ours = |item: &Value| {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        named.is_none_or(|named| named.iter().any(|one| one == name))
            && [WATCHER, BRIDGE]
                .iter()
                .any(|base| is_numbered(name, &[base]) && is_container(&item.to_string(), base))
    };
    let mut removed = Vec::new();
    for list in LISTS {
        if let Some(items) = list_mut(pod, &format!("/spec/{list}")) {
            removed.extend(items.extract_if(.., |item| is_ours(item)));
        }
    }
    removed
}

/// Volumes that the removed containers mounted, and no container of the user's but the agent, which shares two with ours.
fn mounted_by(removed: &[Value], pod: &Value) -> Vec<String> {
    let mounts = |container: &Value| -> Vec<String> {
        let list = container.get("volumeMounts").and_then(Value::as_array);
        let names = list
            .into_iter()
            .flatten()
            .filter_map(|mount| mount.get("name")?.as_str());
        names.map(str::to_owned).collect()
    };
    let users: Vec<String> = LISTS
        .iter()
        .filter_map(|list| pod.pointer(&format!("/spec/{list}"))?.as_array())
        .flatten()
        .flat_map(mounts)
        .collect();
    let mut out: Vec<String> = removed.iter().flat_map(mounts).collect();
    out.retain(|name| {
        is_numbered(name, &[TRANSCRIPT_VOLUME, BRIDGE_VOLUME]) || !users.contains(name)
    });
    out
}

fn remove_volumes(pod: &mut Value, names: &[String]) {
    if let Some(items) = list_mut(pod, "/spec/volumes") {
        items.retain(|item| !is_named(item, names));
    }
    for list in LISTS {
        for container in list_mut(pod, &format!("/spec/{list}"))
            .into_iter()
            .flatten()
        {
            if let Some(mounts) = list_mut(container, "/volumeMounts") {
                mounts.retain(|mount| !is_named(mount, names));
            }
        }
    }
}

fn restore(pod: &mut Value, status: &Status<'_>) {
    let undo = &status.changed;
    for path in undo.set.iter().filter(|path| is_ours(path)) {
        remove_at(pod, path);
    }
    for (path, value) in undo.was.iter().filter(|(path, _)| is_ours(path)) {
        if let Some((map, key)) = parent(pod, path) {
            map.insert(key, value.clone());
        }
    }
    if let Some(items) = list_mut(pod, "/spec/imagePullSecrets") {
        items.retain(|item| !is_named(item, &undo.pull_secrets));
    }
    restore_agent(pod, status);
    // From the lowest index up, each item finds its old neighbours in front of it.
    let mut removed: Vec<(String, usize, &Removed)> = undo
        .removed
        .iter()
        .filter_map(|item| {
            let (list, index) = item.path.rsplit_once('/')?;
            Some((list.to_owned(), index.parse().ok()?, item))
        })
        .filter(|(list, ..)| list == "/spec/volumes" || is_mounts(list))
        .collect();
    removed.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
    for (list, index, item) in removed {
        if let Some(items) = list_mut(pod, &list) {
            let value = item
                .value
                .clone()
                .unwrap_or_else(|| standard(&list, &item.name));
            items.insert(index.min(items.len()), value);
        }
    }
}

fn restore_agent(pod: &mut Value, status: &Status<'_>) {
    let undo = &status.changed;
    for container in list_mut(pod, "/spec/containers").into_iter().flatten() {
        if container.get("name").and_then(Value::as_str) != Some(&*status.agent) {
            continue;
        }
        if let Some(mounts) = list_mut(container, "/volumeMounts") {
            mounts.retain(|mount| {
                let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
                let added = undo
                    .agent_mounts
                    .iter()
                    .any(|path| path == text("mountPath"));
                !(added && is_numbered(text("name"), &VOLUMES))
            });
        }
        let added = [(undo.agent_env, "AGENT_STDIN"), (undo.agent_uid, POD_UID)];
        for (_, name) in added.iter().filter(|(added, _)| *added) {
            if let Some(env) = list_mut(container, "/env") {
                env.retain(|entry| entry.get("name").and_then(Value::as_str) != Some(name));
            }
        }
    }
}

/// The places the injector sets members at.
fn is_ours(path: &str) -> bool {
    let evict = format!(
        "/metadata/annotations/{}",
        crate::json::pointer_token(SAFE_TO_EVICT)
    );
    let label = format!("/metadata/labels/{}", crate::json::pointer_token(INJECTED));
    path == "/spec/automountServiceAccountToken"
        || path == evict
        || path == label
        || path
            .strip_prefix("/spec/securityContext/")
            .is_some_and(|key| !key.contains('/'))
}

/// `/spec/containers/N/volumeMounts`, or of the init containers.
fn is_mounts(path: &str) -> bool {
    LISTS.iter().any(|list| {
        let rest = path.strip_prefix(&format!("/spec/{list}/"));
        rest.and_then(|rest| rest.strip_suffix("/volumeMounts"))
            .is_some_and(|index| index.parse::<usize>().is_ok())
    })
}

/// What the API server adds under that name.
fn standard(list: &str, name: &str) -> Value {
    if list == "/spec/volumes" {
        let source: Value = serde_json::from_str(STANDARD_SOURCE).unwrap_or_default();
        json!({"name": name, "projected": source})
    } else {
        json!({"name": name, "readOnly": true, "mountPath": TOKEN_DIR})
    }
}

/// Lists and mappings that were made for what is gone by now.
fn remove_empty(pod: &mut Value, status: &Status<'_>) {
    let is_empty = |value: &Value| match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    // What was made last stands in what was made first.
    for path in status.changed.created.iter().rev() {
        if pod.pointer(path).is_some_and(is_empty) {
            remove_at(pod, path);
        }
    }
    for path in &status.changed.null {
        if let Some(value) = pod.pointer_mut(path).filter(|value| is_empty(value)) {
            *value = Value::Null;
        }
    }
}

fn remove_at(pod: &mut Value, path: &str) {
    if let Some((map, key)) = parent(pod, path) {
        map.remove(&key);
    }
}

/// The mapping that holds what `path` points to, and its key there.
fn parent<'a>(pod: &'a mut Value, path: &str) -> Option<(&'a mut Map<String, Value>, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    let map = pod.pointer_mut(parent)?.as_object_mut()?;
    Some((map, key.replace("~1", "/").replace("~0", "~")))
}

fn list_mut<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    value.pointer_mut(pointer)?.as_array_mut()
}

fn is_named(item: &Value, names: &[String]) -> bool {
    item.get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| names.iter().any(|one| one == name))
}
