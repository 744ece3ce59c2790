//! Not Discord: another mutating webhook, as a service mesh has one. It stands here since the double is a HTTPS server that
//! each test's namespace has anyway, and an injector is never alone in a cluster.

use axum::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The container that it adds, a native sidecar before all others.
pub const MESH: &str = "mesh";

/// Answers an `AdmissionReview` of `admission.k8s.io/v1`: [`MESH`] goes first, and every container learns of it by a
/// variable. What has both already is left alone.
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
    let mut patch = Vec::new();
    for list in ["initContainers", "containers"] {
        let containers = spec
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for (at, container) in containers.enumerate() {
            let mesh = json!({ "name": "MESH", "value": "on" });
            let env = container.get("env").and_then(Value::as_array);
            if named(container) || env.is_some_and(|env| env.contains(&mesh)) {
                continue;
            }
            patch.push(match env {
                Some(_) => json!({ "op": "add", "path": format!("/spec/{list}/{at}/env/-"), "value": mesh }),
                None => json!({ "op": "add", "path": format!("/spec/{list}/{at}/env"), "value": [mesh] }),
            });
        }
    }
    let first = spec.get("initContainers").and_then(Value::as_array);
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

fn named(container: &Value) -> bool {
    container.get("name").is_some_and(|name| name == MESH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_has_it_all_is_left_alone() {
        let container = json!({ "name": "a", "env": [{ "name": "MESH", "value": "on" }] });
        let done = json!({ "initContainers": [{ "name": MESH }], "containers": [container] });
        assert_eq!(patch(&done), Vec::<Value>::new());
        assert_eq!(patch(&json!({ "containers": [{ "name": "a" }] })).len(), 2);
    }
}
