//! Whether what stands in a Pod is what we would put there, after the API server's defaults and other webhooks.
//!
//! What others add to our containers (variables, mounts, and what [`additions`](super::additions) names) is left alone:
//! two webhooks that undo each other's work never come to rest.

use super::additions;
use super::quantity;
use super::token::TOKEN_DIR;
use serde_json::{Map, Value};

/// Fields the API server fills in, with what it fills in; `null` stands for any value.
const DEFAULTS: &[(&str, &str)] = &[
    ("terminationMessagePath", r#""/dev/termination-log""#),
    ("terminationMessagePolicy", r#""File""#),
    ("imagePullPolicy", "null"),
    ("resizePolicy", "null"),
    ("timeoutSeconds", "1"),
    ("periodSeconds", "10"),
    ("successThreshold", "1"),
    ("failureThreshold", "3"),
    ("scheme", r#""HTTP""#),
    ("protocol", r#""TCP""#),
    ("apiVersion", r#""v1""#),
    ("defaultMode", "420"),
    ("divisor", "null"),
    ("readOnly", "false"),
    ("recursiveReadOnly", r#""Disabled""#),
];

/// What `found`, a container of ours, has to become; `None` when it is as it should be.
pub(crate) fn mended(mut wanted: Value, found: &Value, no_room: bool) -> Option<Value> {
    additions::keep(&mut wanted, found, no_room);
    (!same(&wanted, found)).then_some(wanted)
}

/// Whether `found` is `wanted`.
pub(crate) fn same(wanted: &Value, found: &Value) -> bool {
    same_at("", wanted, found)
}

fn same_at(key: &str, wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => same_object(wanted, found),
        (Value::Array(wanted), Value::Array(found)) => same_list(key, wanted, found),
        _ if wanted == found => true,
        _ => amount(key, wanted, found),
    }
}

fn same_object(wanted: &Map<String, Value>, found: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, value)| match found.get(key) {
        Some(found) => same_at(key, value, found),
        None => vanishes(key, value),
    }) && found.iter().all(|(key, value)| {
        wanted.contains_key(key) || vanishes(key, value) || is_default(key, value)
    })
}

/// Lists whose entries have a key are compared by it, and may have more entries; others entry by entry.
fn same_list(key: &str, wanted: &[Value], found: &[Value]) -> bool {
    let id = match key {
        "env" => "name",
        "volumeMounts" => "mountPath",
        _ => {
            return wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| same_at("", wanted, found));
        }
    };
    // Of two variables of one name the last one counts.
    let with = |list: &[Value], entry: &Value| -> Option<Value> {
        list.iter()
            .rfind(|other| other.get(id) == entry.get(id))
            .cloned()
    };
    let all = wanted
        .iter()
        .all(|entry| with(found, entry).is_some_and(|other| same_at("", entry, &other)));
    let token = found.iter().any(|entry| {
        key == "volumeMounts"
            && entry.get(id).and_then(Value::as_str) == Some(TOKEN_DIR)
            && with(wanted, entry).is_none()
    });
    all && !token
}

/// Whether the API server drops this value when it writes the object.
fn vanishes(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !*value && key == "readOnly",
        Value::Number(number) => {
            number.as_i64() == Some(0) && key != "runAsUser" && key != "runAsGroup"
        }
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty() && key != "emptyDir",
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    DEFAULTS
        .iter()
        .any(|(name, text)| *name == key && (*text == "null" || is_json(value, text)))
}

fn is_json(value: &Value, text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|default| default == *value)
}

/// `1000m` and `1` are one amount.
fn amount(key: &str, wanted: &Value, found: &Value) -> bool {
    matches!(key, "cpu" | "memory" | "sizeLimit" | "ephemeral-storage")
        && quantity::raw(&wanted.to_string()).is_some()
        && quantity::raw(&wanted.to_string()) == quantity::raw(&found.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_api_server_fills_in_makes_no_difference() {
        let wanted = json!({
            "name": "w", "image": "a/w:1", "env": [{"name": "E", "value": ""}],
            "livenessProbe": {"httpGet": {"path": "/live", "port": 1}, "initialDelaySeconds": 0},
            "resources": {"limits": {"cpu": "1000m"}},
        });
        let found = json!({
            "name": "w", "image": "a/w:1", "env": [{"name": "E"}, {"name": "OTHERS", "value": "1"}],
            "livenessProbe": {"httpGet": {"path": "/live", "port": 1, "scheme": "HTTP"}, "timeoutSeconds": 1,
                "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
            "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
        });
        assert_eq!(mended(wanted, &found, false), None);
    }

    #[test]
    fn a_variable_that_stands_twice_is_what_the_last_one_says() {
        let wanted = json!({"env": [{"name": "E", "value": "1"}]});
        let entries = |last: &str| json!({"env": [{"name": "E", "value": "1"}, {"name": "E", "value": last}]});
        assert!(!same(&wanted, &entries("2")));
        assert!(same(&wanted, &entries("1")));
    }

    #[test]
    fn stripped_hardening_and_foreign_commands_are_differences() {
        let wanted =
            json!({"securityContext": {"allowPrivilegeEscalation": false, "runAsUser": 0}});
        assert!(!same(
            &wanted,
            &json!({"securityContext": {"runAsUser": 0}})
        ));
        assert!(!same(
            &wanted,
            &json!({"securityContext": {"allowPrivilegeEscalation": false}})
        ));
        assert!(!same(
            &json!({"name": "w"}),
            &json!({"name": "w", "command": ["sh"]})
        ));
        assert!(!same(&json!({"emptyDir": {}}), &json!({"name": "w"})));
    }

    #[test]
    fn a_token_in_ours_is_a_difference() {
        let wanted = json!({"volumeMounts": []});
        let mount = |path: &str| json!({"volumeMounts": [{"name": "x", "mountPath": path}]});
        assert!(!same(&wanted, &mount(TOKEN_DIR)));
        assert!(same(&wanted, &mount("/x")));
    }
}
