//! What others add to a container of ours, and may: whoever takes such work back has the Pod refused.
//!
//! After our patch the API server runs its own plugins again, and asks us again when they changed something; after that
//! nobody comes any more. `AlwaysPullImages` sets the pull policy and refuses any other, `LimitRanger` fills in amounts and
//! refuses a container without, security context constraints give a user, verifiers of signatures write an image's digest.
//! What does not weaken or break ours is therefore ours too.

use super::quantity;
use serde_json::{Map, Value};

/// Amounts that a container may have when the Pod as a whole has no room for them: those that are not counted there.
const COUNTED: [&str; 2] = ["cpu", "memory"];

/// `SELinux` types that the Pod Security Standards allow; others may lift the confinement.
const CONFINED: [&str; 4] = [
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// Adds to `wanted` what stands in `found` besides and may stay. With `no_room`, CPU and memory are not added.
pub(crate) fn keep(wanted: &mut Value, found: &Value, no_room: bool) {
    let (Some(wanted), Some(found)) = (wanted.as_object_mut(), found.as_object()) else {
        return;
    };
    if found.get("imagePullPolicy").and_then(Value::as_str) == Some("Always") {
        wanted.insert("imagePullPolicy".to_owned(), "Always".into());
    }
    image(wanted, found);
    resources(wanted, found, no_room);
    security(wanted, found);
}

/// A mirror's prefix, and the digest that a tag stood for.
fn image(wanted: &mut Map<String, Value>, found: &Map<String, Value>) {
    let text =
        |map: &Map<String, Value>| map.get("image").and_then(Value::as_str).map(str::to_owned);
    let (Some(ours), Some(theirs)) = (text(wanted), text(found)) else {
        return;
    };
    if same_image(&ours, &theirs) {
        wanted.insert("image".to_owned(), theirs.into());
    }
}

/// Whether `found` is `wanted`, behind a mirror or with its digest written out.
pub(crate) fn same_image(wanted: &str, found: &str) -> bool {
    let (ours, theirs) = (tail(wanted), tail(found));
    if ours == theirs {
        return true;
    }
    let Some((name, digest)) = theirs.split_once('@') else {
        return false;
    };
    // Which tag a digest stands for is not known here; some write it in the tag's place.
    let untagged = ours.split_once(':').map_or(ours, |(name, _)| name);
    !ours.contains('@') && !digest.is_empty() && (name == ours || name == untagged)
}

/// The last part of an image's name, tag or digest included: a mirror changes only what comes before.
fn tail(image: &str) -> &str {
    image.rsplit_once('/').map_or(image, |(_, tail)| tail)
}

/// Amounts we say nothing about. One that would contradict ours (a request above its limit) is not kept.
fn resources(wanted: &mut Map<String, Value>, found: &Map<String, Value>, no_room: bool) {
    let Some(theirs) = found.get("resources").and_then(Value::as_object) else {
        return;
    };
    let ours = wanted
        .entry("resources")
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(ours) = ours.as_object_mut() else {
        return;
    };
    if let (None, Some(claims)) = (ours.get("claims"), theirs.get("claims")) {
        ours.insert("claims".to_owned(), claims.clone());
    }
    for (kind, other) in [("limits", "requests"), ("requests", "limits")] {
        for (name, amount) in theirs
            .get(kind)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if no_room && COUNTED.contains(&name.as_str()) {
                continue;
            }
            let said = |kind: &str| ours.get(kind).and_then(|map| map.get(name));
            if said(kind).is_some() || !agrees(kind, amount, said(other)) {
                continue;
            }
            let map = ours
                .entry(kind)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(map) = map.as_object_mut() {
                map.insert(name.clone(), amount.clone());
            }
        }
    }
}

/// Whether the amount is on the right side of the other one.
fn agrees(kind: &str, amount: &Value, other: Option<&Value>) -> bool {
    let nano = |value: &Value| quantity::raw(&value.to_string());
    let (Some(amount), Some(other)) = (nano(amount), other) else {
        return nano(amount).is_some();
    };
    let Some(other) = nano(other) else {
        return false;
    };
    if kind == "limits" {
        amount >= other
    } else {
        amount <= other
    }
}

fn security(wanted: &mut Map<String, Value>, found: &Map<String, Value>) {
    let Some(theirs) = found.get("securityContext").and_then(Value::as_object) else {
        return;
    };
    let ours = wanted
        .entry("securityContext")
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(ours) = ours.as_object_mut() else {
        return;
    };
    for (key, value) in theirs {
        let harmless = match ours.get(key) {
            None => is_harmless(key, value),
            Some(own) => key == "capabilities" && drops_more(own, value),
        };
        if harmless {
            ours.insert(key.clone(), value.clone());
        }
    }
}

/// Whether a field of the security context that we say nothing about takes nothing away from our confinement.
fn is_harmless(key: &str, value: &Value) -> bool {
    let of_type = |field: &str| value.get(field).and_then(Value::as_str);
    match key {
        // Root would contradict `runAsNonRoot`, and the container would not start.
        "runAsUser" => value.as_i64().is_some_and(|user| user != 0),
        "runAsGroup" => value.is_i64(),
        "runAsNonRoot" | "readOnlyRootFilesystem" => *value == Value::Bool(true),
        "privileged" | "allowPrivilegeEscalation" => *value == Value::Bool(false),
        "procMount" => value.as_str() == Some("Default"),
        "seccompProfile" | "appArmorProfile" => {
            of_type("type").is_some_and(|kind| kind != "Unconfined")
        }
        "seLinuxOptions" => of_type("type").is_none_or(|kind| CONFINED.contains(&kind)),
        "capabilities" => drops_more(&Value::Null, value),
        _ => false,
    }
}

/// Whether `theirs` drops all that `ours` drops, and adds none but ours.
fn drops_more(ours: &Value, theirs: &Value) -> bool {
    let list = |value: &Value, key: &str| -> Vec<Value> {
        let list = value.get(key).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let within = |few: Vec<Value>, many: Vec<Value>| few.iter().all(|one| many.contains(one));
    within(list(ours, "drop"), list(theirs, "drop"))
        && within(list(theirs, "add"), list(ours, "add"))
}

#[cfg(test)]
mod tests {
    use super::super::compare::same;
    use super::*;
    use serde_json::json;

    /// What we would put into a Pod.
    fn ours() -> Value {
        json!({
            "name": "w", "image": "discord-monitoring/watcher:1", "imagePullPolicy": "IfNotPresent",
            "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "10m", "memory": "32Mi"}},
            "securityContext": {"runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}},
        })
    }

    /// Ours with this merged over it.
    fn with(change: &Value) -> Value {
        let mut found = ours();
        json_patch::merge(&mut found, change);
        found
    }

    fn stays(change: &Value) -> bool {
        let found = with(change);
        let mut wanted = ours();
        keep(&mut wanted, &found, false);
        same(&wanted, &found)
    }

    #[test]
    fn what_the_api_servers_plugins_add_stays() {
        for change in [
            json!({"imagePullPolicy": "Always"}),
            json!({"image": "mirror.local:5000/hub/discord-monitoring/watcher:1"}),
            json!({"image": "discord-monitoring/watcher:1@sha256:0a"}),
            json!({"image": "mirror.local/discord-monitoring/watcher@sha256:0a"}),
            json!({"resources": {"limits": {"nvidia.com/gpu": "0"}, "requests": {"nvidia.com/gpu": "0"}}}),
            json!({"resources": {"limits": {"ephemeral-storage": "1Gi"}, "requests": {"ephemeral-storage": "1Gi"}}}),
            json!({"securityContext": {"runAsUser": 1_000_650_000, "seLinuxOptions": {"level": "s0:c26,c5"}}}),
            json!({"securityContext": {"runAsGroup": 0, "privileged": false, "readOnlyRootFilesystem": true}}),
            json!({"securityContext": {"capabilities": {"drop": ["KILL", "ALL"]}, "procMount": "Default"}}),
            json!({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "appArmorProfile": {"type": "RuntimeDefault"}}}),
        ] {
            assert!(stays(&change), "{change}");
        }
    }

    #[test]
    fn what_weakens_or_breaks_ours_does_not_stay() {
        for change in [
            json!({"imagePullPolicy": "Never"}),
            json!({"image": "discord-monitoring/watcher:2"}),
            json!({"image": "discord-monitoring/watcher:2@sha256:0a"}),
            json!({"image": "other@sha256:0a"}),
            json!({"resources": {"limits": {"cpu": "1"}}}),
            json!({"resources": {"requests": {"memory": "16Mi"}}}),
            json!({"securityContext": {"runAsUser": 0}}),
            json!({"securityContext": {"runAsNonRoot": false}}),
            json!({"securityContext": {"privileged": true}}),
            json!({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
            json!({"securityContext": {"capabilities": {"drop": ["KILL"]}}}),
            json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            json!({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}),
            json!({"securityContext": {"procMount": "Unmasked"}}),
            json!({"securityContext": {"nobodyKnows": true}}),
            json!({"startupProbe": {"exec": {"command": ["x"]}}}),
        ] {
            assert!(!stays(&change), "{change}");
        }
    }

    #[test]
    fn what_is_mended_keeps_what_others_added() {
        let found = with(&json!({
            "command": ["sleep"], "imagePullPolicy": "Always", "image": "m.local/discord-monitoring/watcher:1",
            "resources": {"limits": {"cpu": "1", "nvidia.com/gpu": 0}},
            "securityContext": {"privileged": true, "runAsUser": 7},
        }));
        let mut wanted = ours();
        keep(&mut wanted, &found, false);
        assert!(!same(&wanted, &found));
        assert_eq!(
            wanted,
            with(&json!({
                "imagePullPolicy": "Always", "image": "m.local/discord-monitoring/watcher:1",
                "resources": {"limits": {"nvidia.com/gpu": 0}}, "securityContext": {"runAsUser": 7},
            }))
        );
    }

    #[test]
    fn an_amount_that_contradicts_ours_or_has_no_room_is_not_kept() {
        let of = |wanted: Value, found: Value, no_room: bool| {
            let mut wanted = json!({ "resources": wanted });
            keep(&mut wanted, &json!({ "resources": found }), no_room);
            wanted["resources"].clone()
        };
        let limit = json!({"limits": {"memory": "64Mi"}});
        assert_eq!(
            of(
                limit.clone(),
                json!({"requests": {"memory": "128Mi"}}),
                false
            ),
            limit
        );
        let request = json!({"requests": {"cpu": "1"}});
        assert_eq!(
            of(request.clone(), json!({"limits": {"cpu": "500m"}}), false),
            request
        );
        let filled = json!({"limits": {"cpu": "1", "x.io/y": "1"}});
        assert_eq!(of(json!({}), filled.clone(), false), filled);
        assert_eq!(
            of(json!({}), filled, true),
            json!({"limits": {"x.io/y": "1"}})
        );
    }
}
