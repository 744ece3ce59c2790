//! What would refuse a Pod for the watcher's amounts: `LimitRange` and `ResourceQuota`. Such a refusal shows only on a
//! `ReplicaSet` or Job, where nobody looks.

use crate::plan::nano;
use crate::template::{Pieces, Template};
use serde_json::{Map, Value};

/// What one container of ours asks for.
#[derive(Debug)]
struct Asked {
    who: &'static str,
    requests: Map<String, Value>,
    limits: Map<String, Value>,
}

/// What ours ask for, by the definition: the watcher, and the bridge where the chart gives each Pod one. A Pod's annotations
/// may change it.
#[derive(Debug)]
pub(super) struct Amounts(Vec<Asked>);

impl Amounts {
    pub(super) fn of(template: &Template) -> Self {
        let bridge = template.settings.get("bridge.enabled") == Some(&sidecar::Value::Bool(true));
        let bridge = template.bridge.as_ref().filter(|_| bridge);
        let mut all = vec![Asked::of("watcher", &template.watcher)];
        all.extend(bridge.map(|bridge| Asked::of("bridge", bridge)));
        Self(all)
    }

    /// The sum of one amount over all of ours; none when no one asks for any.
    fn together(&self, of: impl Fn(&Asked) -> Option<i128>) -> Option<i128> {
        self.0.iter().filter_map(of).reduce(i128::saturating_add)
    }
}

impl Asked {
    fn of(who: &'static str, pieces: &Pieces) -> Self {
        let field = pieces.field("resources").unwrap_or("{}");
        let resources: Value = serde_json::from_str(field).unwrap_or_default();
        let map = |key: &str| resources.get(key).and_then(Value::as_object).cloned();
        let limits = map("limits").unwrap_or_default();
        // As Kubernetes has it: a request that is not given is the limit.
        let mut requests = limits.clone();
        requests.extend(map("requests").unwrap_or_default());
        Self {
            who,
            requests,
            limits,
        }
    }

    fn request(&self, name: &str) -> Option<i128> {
        self.requests.get(name).and_then(amount)
    }

    fn limit(&self, name: &str) -> Option<i128> {
        self.limits.get(name).and_then(amount)
    }
}

/// What a `LimitRange` would say to ours.
pub(super) fn range(object: &Value, ours: &Amounts) -> Vec<String> {
    let mut out = Vec::new();
    let items = object.pointer("/spec/limits").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        match item.get("type").and_then(Value::as_str) {
            Some("Container") => {
                for one in &ours.0 {
                    per_container(item, one, &mut out);
                }
            }
            Some("Pod") => per_pod(item, ours, &mut out),
            _ => {}
        }
    }
    out
}

fn per_container(item: &Value, one: &Asked, out: &mut Vec<String>) {
    let of = |key: &str, name: &str| amount(item.get(key)?.get(name)?);
    for name in keys(item) {
        // What ours do not say, the defaults fill in: the API server looks again when we are done.
        let limit = one.limit(name).or_else(|| of("default", name));
        let filled = || of("defaultRequest", name).or_else(|| of("default", name));
        let request = one.request(name).or_else(filled);
        let mut say = |text: &str, bound: &str| {
            let who = one.who;
            out.push(format!(
                "the {who} {text} {name} ({bound} per Container is {})",
                shown(item, bound, name)
            ));
        };
        if let Some(least) = of("min", name)
            && request.is_none_or(|request| request < least)
        {
            say("asks for too little", "min");
        }
        if let Some(most) = of("max", name)
            && limit.max(request).is_none_or(|amount| amount > most)
        {
            say("may use too much", "max");
        }
        if let (Some(ratio), Some(request), Some(limit)) =
            (of("maxLimitRequestRatio", name), request, limit)
            && request > 0
            // Both sides in billionths; the quotient once more.
            && limit.saturating_mul(1_000_000_000) / request > ratio
        {
            say(
                "has a limit that is too many times its request of",
                "maxLimitRequestRatio",
            );
        }
    }
}

/// A Pod's least amounts are met by its other containers. Its largest are shared with them, so that ours must leave some.
fn per_pod(item: &Value, ours: &Amounts, out: &mut Vec<String>) {
    for name in keys(item) {
        let most = item.get("max").and_then(|max| amount(max.get(name)?));
        let limits = ours.together(|one| one.limit(name));
        let requests = ours.together(|one| one.request(name));
        if let (Some(most), Some(asked)) = (most, limits.max(requests))
            && asked >= most
        {
            out.push(format!(
                "ours alone may use all {name} of a Pod (max per Pod is {})",
                shown(item, "max", name)
            ));
        }
    }
}

fn shown(item: &Value, bound: &str, name: &str) -> String {
    let value = item.get(bound).and_then(|map| map.get(name));
    value.map(plain).unwrap_or_default()
}

/// The scopes of a quota, from either field.
fn scopes(object: &Value) -> Vec<&str> {
    let list = |pointer: &str| {
        let list = object.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    list("/spec/scopes")
        .filter_map(Value::as_str)
        .chain(
            list("/spec/scopeSelector/matchExpressions")
                .filter_map(|one| one.get("scopeName")?.as_str()),
        )
        .collect()
}

/// What a `ResourceQuota` would say to one more Pod with ours.
pub(super) fn quota(object: &Value, ours: &Amounts) -> Vec<String> {
    let scopes = scopes(object);
    // A Pod with our requests is no BestEffort Pod.
    if scopes.contains(&"BestEffort") {
        return Vec::new();
    }
    // The other scopes choose by what only a Pod says; what they say holds for those it chooses.
    let chosen: Vec<&str> = scopes
        .into_iter()
        .filter(|scope| *scope != "NotBestEffort")
        .collect();
    let chosen = if chosen.is_empty() {
        String::new()
    } else {
        format!(", for Pods of its scope {}", chosen.join(" and "))
    };
    let hard = object
        .pointer("/status/hard")
        .or_else(|| object.pointer("/spec/hard"))
        .and_then(Value::as_object);
    let mut out = Vec::new();
    for (key, hard) in hard.into_iter().flatten() {
        let asked = match key.split_once('.') {
            Some(("requests", name)) => ours.together(|one| one.request(name)),
            Some(("limits", name)) => ours.together(|one| one.limit(name)),
            None if matches!(key.as_str(), "cpu" | "memory") => {
                ours.together(|one| one.request(key))
            }
            _ => None,
        };
        let used = object
            .pointer("/status/used")
            .and_then(|used| used.get(key));
        let (Some(ask), Some(have)) = (asked, amount(hard)) else {
            continue;
        };
        if used.and_then(amount).unwrap_or(0).saturating_add(ask) > have {
            let each: Vec<String> = ours.0.iter().filter_map(|one| each(one, key)).collect();
            let (hard, used) = (plain(hard), used.map_or("0".to_owned(), plain));
            out.push(format!(
                "{key} has {used} of {hard} used, and ours need {} more{chosen}",
                each.join(" and ")
            ));
        }
    }
    out
}

/// What one of ours asks for of a quota's key, as it is written.
fn each(one: &Asked, key: &str) -> Option<String> {
    let (map, name) = match key.split_once('.') {
        Some(("limits", name)) => (&one.limits, name),
        Some((_, name)) => (&one.requests, name),
        None => (&one.requests, key),
    };
    map.get(name).map(plain)
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
            json!({"type": "Container", "min": {"ephemeral-storage": "512Mi"}, "max": {"ephemeral-storage": "2Gi"}, "default": {"ephemeral-storage": "1Gi"}}),
            json!({"type": "Container", "max": {"nvidia.com/gpu": 1}, "default": {"nvidia.com/gpu": 0}, "defaultRequest": {"nvidia.com/gpu": 0}}),
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
        let full = |spec: Value| quota(&json!({ "spec": spec }), &ours());
        assert_eq!(full(json!({"hard": {"cpu": "9m"}})).len(), 1);
        let scope =
            |name: &str| json!({"matchExpressions": [{"scopeName": name, "operator": "Exists"}]});
        let none = full(json!({"hard": {"cpu": "9m"}, "scopeSelector": scope("BestEffort")}));
        assert_eq!(none, Vec::<String>::new());
        let some = full(json!({"hard": {"cpu": "9m"}, "scopeSelector": scope("PriorityClass")}));
        assert!(some[0].contains("scope PriorityClass"), "{some:?}");
        let all = full(json!({"hard": {"cpu": "9m"}, "scopes": ["NotBestEffort"]}));
        assert!(!all[0].contains("scope"), "{all:?}");
    }

    #[test]
    fn a_bridge_that_every_pod_gets_counts_too() {
        let with = DEFAULT.replace("bridge:\n    enabled: false", "bridge:\n    enabled: true");
        assert_ne!(with, DEFAULT);
        let both = Amounts::of(&Template::parse(&with).unwrap());
        let limit = |limit: Value| json!({"spec": {"limits": [limit]}});
        let small = limit(json!({"type": "Container", "min": {"memory": "17Mi"}}));
        let said = range(&small, &both);
        assert!(
            said.len() == 1 && said[0].contains("the bridge"),
            "{said:?}"
        );
        let pod = limit(json!({"type": "Pod", "max": {"cpu": "150m", "memory": "97Mi"}}));
        let said = range(&pod, &both);
        assert!(said.len() == 1 && said[0].contains("cpu"), "{said:?}");
        assert_eq!(range(&pod, &ours()), Vec::<String>::new());
        let quota = |have: &str| quota(&json!({"spec": {"hard": {"limits.memory": have}}}), &both);
        assert_eq!(quota("96Mi"), Vec::<String>::new());
        assert!(quota("95Mi")[0].contains("64Mi and 32Mi"));
    }
}
