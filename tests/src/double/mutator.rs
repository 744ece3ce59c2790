//! Not Discord: another mutating webhook, as a service mesh has one, that also does what the API server's own plugins do. It stands here since the double is a HTTPS server that
//! each test's namespace has anyway, and an injector is never alone in a cluster.

use axum::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The container that it adds, a native sidecar before all others.
pub const MESH: &str = "mesh";

/// The volume that it adds, and mounts in every container.
pub const VOLUME: &str = "mesh-certificates";

/// A resource as a node's own plugin counts it; the mutator gives every container none of it, as a `LimitRange`'s default
/// does.
pub const EXTENDED: &str = "example.com/device";

/// Answers an `AdmissionReview` of `admission.k8s.io/v1`: [`MESH`] goes first, and every other container is changed as
/// meshes and the API server's own plugins change them. What has it all already is left alone.
pub(super) async fn mutate(Json(review): Json<Value>) -> Json<Value> {
    let uid = review.pointer("/request/uid");
    let spec = review
        .pointer("/request/object/spec")
        .unwrap_or(&Value::Null);
    let patch = patch(spec);
    let response = if patch.is_empty() {
        json!({ "uid": uid, "allowed": true })
    } else {
        let patch = STANDARD.encode(json!(patch).to_string());
        json!({ "uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": patch })
    };
    Json(
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response }),
    )
}

fn patch(spec: &Value) -> Vec<Value> {
    let list = |name: &str| spec.get(name).and_then(Value::as_array);
    let mut patch = Vec::new();
    for name in ["initContainers", "containers"] {
        for (at, container) in list(name).into_iter().flatten().enumerate() {
            let changed = changed(container);
            if !named(container) && changed != *container {
                let place = format!("/spec/{name}/{at}");
                patch.push(json!({ "op": "replace", "path": place, "value": changed }));
            }
        }
    }
    let is_ours = |volume: &Value| volume.get("name").is_some_and(|name| name == VOLUME);
    if !list("volumes").is_some_and(|all| all.iter().any(is_ours)) {
        let volume = json!({ "name": VOLUME, "emptyDir": {} });
        patch.push(match list("volumes") {
            Some(_) => json!({ "op": "add", "path": "/spec/volumes/-", "value": volume }),
            None => json!({ "op": "add", "path": "/spec/volumes", "value": [volume] }),
        });
    }
    let first = list("initContainers");
    if !first.is_some_and(|first| first.iter().any(named)) {
        // The image is never run: the Pods of these tests go to no node.
        let mesh =
            json!({ "name": MESH, "image": "mesh.invalid/mesh:1", "restartPolicy": "Always" });
        patch.push(match first {
            Some(_) => json!({ "op": "add", "path": "/spec/initContainers/0", "value": mesh }),
            None => json!({ "op": "add", "path": "/spec/initContainers", "value": [mesh] }),
        });
    }
    patch
}

/// The container as the mutator wants it: images always pulled (`AlwaysPullImages`), a default for a resource it does not
/// name (`LimitRanger`), `seLinuxOptions` (a platform's constraints), a mount and a variable (a mesh).
fn changed(container: &Value) -> Value {
    let mut changed = container.clone();
    let Some(fields) = changed.as_object_mut() else {
        return changed;
    };
    fields.insert("imagePullPolicy".to_owned(), "Always".into());
    for amounts in ["limits", "requests"] {
        let resources = entry(fields, "resources", json!({}));
        if let Some(resources) = resources.as_object_mut() {
            merge(entry(resources, amounts, json!({})), EXTENDED, &json!("0"));
        }
    }
    let options = json!({ "level": "s0:c1,c2" });
    merge(
        entry(fields, "securityContext", json!({})),
        "seLinuxOptions",
        &options,
    );
    let mount = json!({ "name": VOLUME, "mountPath": "/etc/mesh", "readOnly": true });
    push(entry(fields, "volumeMounts", json!([])), mount);
    push(
        entry(fields, "env", json!([])),
        json!({ "name": "MESH", "value": "on" }),
    );
    changed
}

fn entry<'a>(fields: &'a mut Map<String, Value>, key: &str, empty: Value) -> &'a mut Value {
    fields.entry(key).or_insert(empty)
}

/// Sets `key` where it is not there yet.
fn merge(into: &mut Value, key: &str, value: &Value) {
    if let Some(fields) = into.as_object_mut() {
        fields.entry(key).or_insert_with(|| value.clone());
    }
}

/// Adds `value` where nothing of its name is there yet.
fn push(into: &mut Value, value: Value) {
    if let Some(list) = into.as_array_mut()
        && !list.iter().any(|one| one.get("name") == value.get("name"))
    {
        list.push(value);
    }
}

fn named(container: &Value) -> bool {
    container.get("name").is_some_and(|name| name == MESH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_has_it_all_is_left_alone() {
        let done = changed(&json!({ "name": "a" }));
        let spec = json!({ "initContainers": [{ "name": MESH }], "containers": [done], "volumes": [{ "name": VOLUME }] });
        assert_eq!(patch(&spec), Vec::<Value>::new());
        assert_eq!(patch(&json!({ "containers": [{ "name": "a" }] })).len(), 3);
    }
}
