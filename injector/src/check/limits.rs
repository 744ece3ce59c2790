//! What would refuse a Pod for the watcher's amounts: `LimitRange` and `ResourceQuota`. Such a refusal shows only on a
//! `ReplicaSet` or Job, where nobody looks.

use crate::plan::{STORAGE, nano};
use crate::template::Template;
use serde_json::{Map, Value};

/// What the watcher asks for, by the definition. A Pod's annotations may change it.
#[derive(Debug)]
pub(super) struct Amounts {
    requests: Map<String, Value>,
    limits: Map<String, Value>,
}

impl Amounts {
    pub(super) fn of(template: &Template) -> Self {
        let field = template.watcher.field("resources").unwrap_or("{}");
        let resources: Value = serde_json::from_str(field).unwrap_or_default();
        let map = |key: &str| resources.get(key).and_then(Value::as_object).cloned();
        let limits = map("limits").unwrap_or_default();
        // As Kubernetes has it: a request that is not given is the limit.
        let mut requests = limits.clone();
        requests.extend(map("requests").unwrap_or_default());
        Self { requests, limits }
    }
}

/// What a `LimitRange` would say to the watcher.
pub(super) fn range(object: &Value, ours: &Amounts) -> Vec<String> {
    let mut out = Vec::new();
    let items = object.pointer("/spec/limits").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind != "Container" && kind != "Pod" {
            continue;
        }
        let of = |key: &str, name: &str| amount(item.get(key)?.get(name)?);
        for name in keys(item) {
            // Defaults do not reach a container that is added later, but local storage is taken over from the agent's.
            let taken_over = |bound: &str| {
                let amount = of(bound, name).filter(|_| name == "ephemeral-storage")?;
                Some(amount.min(nano(STORAGE)?))
            };
            let request = ours
                .requests
                .get(name)
                .and_then(amount)
                .or_else(|| taken_over("defaultRequest").or_else(|| taken_over("default")));
            let limit = ours
                .limits
                .get(name)
                .and_then(amount)
                .or_else(|| taken_over("default"));
            let mut say = |text: &str, bound: &str| {
                let shown = item.get(bound).and_then(|map| map.get(name));
                let shown = shown.map(plain).unwrap_or_default();
                out.push(format!("{text} {name} ({bound} per {kind} is {shown})"));
            };
            // A Pod's least amount is met by its other containers.
            if let Some(least) = of("min", name).filter(|_| kind == "Container")
                && request.is_none_or(|request| request < least)
            {
                say("the watcher asks for too little", "min");
            }
            if let Some(most) = of("max", name) {
                let too_much = limit.map_or(kind == "Container", |limit| limit > most);
                if too_much || request.is_some_and(|request| request > most) {
                    say("the watcher may use too much", "max");
                }
            }
            if let (Some(ratio), Some(request), Some(limit)) =
                (of("maxLimitRequestRatio", name), request, limit)
                && kind == "Container"
                && request > 0
                // Both sides in billionths; the quotient once more.
                && limit.saturating_mul(1_000_000_000) / request > ratio
            {
                say(
                    "the watcher's limit is too many times its request of",
                    "maxLimitRequestRatio",
                );
            }
        }
    }
    out
}

/// What a `ResourceQuota` would say to one more Pod with a watcher.
pub(super) fn quota(object: &Value, ours: &Amounts) -> Vec<String> {
    let scopes = object.pointer("/spec/scopes").and_then(Value::as_array);
    // A Pod with our requests is no BestEffort Pod.
    if scopes
        .into_iter()
        .flatten()
        .any(|scope| scope == "BestEffort")
    {
        return Vec::new();
    }
    let hard = object
        .pointer("/status/hard")
        .or_else(|| object.pointer("/spec/hard"))
        .and_then(Value::as_object);
    let mut out = Vec::new();
    for (key, hard) in hard.into_iter().flatten() {
        let asked = match key.split_once('.') {
            Some(("requests", name)) => ours.requests.get(name),
            Some(("limits", name)) => ours.limits.get(name),
            None if matches!(key.as_str(), "cpu" | "memory") => ours.requests.get(key),
            _ => None,
        };
        let used = object
            .pointer("/status/used")
            .and_then(|used| used.get(key));
        let (Some(ask), Some(have)) = (asked.and_then(amount), amount(hard)) else {
            continue;
        };
        if used.and_then(amount).unwrap_or(0).saturating_add(ask) > have {
            let (asked, hard) = (asked.map(plain).unwrap_or_default(), plain(hard));
            let used = used.map_or("0".to_owned(), plain);
            out.push(format!(
                "{key} has {used} of {hard} used, and a watcher needs {asked} more"
            ));
        }
    }
    out
}

fn keys(item: &Value) -> Vec<&str> {
    let mut out = Vec::new();
    for bound in ["min", "max", "maxLimitRequestRatio"] {
        let map = item.get(bound).and_then(Value::as_object);
        for key in map.into_iter().flat_map(Map::keys) {
            if !out.contains(&key.as_str()) {
                out.push(key);
            }
        }
    }
    out
}

fn amount(value: &Value) -> Option<i128> {
    nano(&plain(value))
}

/// Amounts are texts or numbers.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::DEFAULT;
    use serde_json::json;

    fn ours() -> Amounts {
        Amounts::of(&Template::parse(DEFAULT).unwrap())
    }

    fn ranged(limit: &Value) -> Vec<String> {
        range(&json!({"spec": {"limits": [limit]}}), &ours())
    }

    #[test]
    fn a_limit_range_that_fits_says_nothing() {
        for fits in [
            json!({"type": "Container", "min": {"memory": "32Mi"}, "max": {"cpu": "0.1", "memory": "64Mi"}}),
            json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "10", "memory": 2}}),
            json!({"type": "Pod", "max": {"memory": "1Gi"}, "min": {"memory": "900Mi"}}),
            json!({"type": "Container", "min": {"ephemeral-storage": "1Mi"}, "defaultRequest": {"ephemeral-storage": "2Mi"}}),
            json!({"type": "Container", "max": {"ephemeral-storage": "2Gi"}, "default": {"ephemeral-storage": "1Gi"}}),
            json!({"type": "PersistentVolumeClaim", "max": {"storage": "1"}}),
        ] {
            assert_eq!(ranged(&fits), Vec::<String>::new(), "{fits}");
        }
    }

    #[test]
    fn a_limit_range_that_refuses_is_named_with_its_bound() {
        for (refuses, part) in [
            (
                json!({"type": "Container", "min": {"memory": "33Mi"}}),
                "33Mi",
            ),
            (
                json!({"type": "Container", "max": {"memory": "63Mi"}}),
                "63Mi",
            ),
            (json!({"type": "Pod", "max": {"cpu": "50m"}}), "50m"),
            (
                json!({"type": "Container", "maxLimitRequestRatio": {"memory": "1.5"}}),
                "1.5",
            ),
            (
                json!({"type": "Container", "min": {"ephemeral-storage": "1Mi"}}),
                "1Mi",
            ),
        ] {
            let said = ranged(&refuses);
            assert!(
                said.len() == 1 && said[0].contains(part),
                "{refuses}: {said:?}"
            );
        }
    }

    #[test]
    fn a_quota_with_room_says_nothing_and_a_full_one_how_much_is_left() {
        let with = |used: &str, scopes: Value| {
            quota(
                &json!({"spec": {"scopes": scopes}, "status": {"hard": {"limits.memory": "1Gi", "pods": "1"},
                "used": {"limits.memory": used, "pods": "1"}}}),
                &ours(),
            )
        };
        assert_eq!(with("960Mi", Value::Null), Vec::<String>::new());
        let said = with("961Mi", Value::Null);
        assert!(
            said.len() == 1 && said[0].contains("961Mi of 1Gi") && said[0].contains("64Mi"),
            "{said:?}"
        );
        assert_eq!(with("1Gi", json!(["BestEffort"])), Vec::<String>::new());
        assert_eq!(
            quota(&json!({"spec": {"hard": {"cpu": "9m"}}}), &ours()).len(),
            1
        );
    }
}
