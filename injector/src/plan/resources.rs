//! What our containers ask for, such that the Pod's quality of service stays what it was.

use super::quantity;
use crate::pod::{Container, Pod, Resources};
use serde_json::{Map, Value};

/// What the user's own containers make of the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// The Pod as a whole says what it takes: ours must fit in, so they ask for nothing themselves.
    WholePod,
    /// Requests equal limits everywhere: ours must be likewise, or the Pod is evicted earlier than before.
    Guaranteed,
    /// Anything else, which ours do not change.
    Other,
}

/// The quality of the Pod without our containers.
pub(crate) fn quality<'p, 'a: 'p>(
    pod: &Pod<'a>,
    mut own: impl Iterator<Item = &'p Container<'a>>,
) -> Quality {
    if pod
        .spec
        .resources
        .as_ref()
        .is_some_and(|whole| whole.requests.is_some() || whole.limits.is_some())
    {
        return Quality::WholePod;
    }
    if own.all(|container| container.resources.as_ref().is_some_and(guaranteed)) {
        Quality::Guaranteed
    } else {
        Quality::Other
    }
}

fn guaranteed(resources: &Resources<'_>) -> bool {
    let Some(limits) = &resources.limits else {
        return false;
    };
    let equal = |limit: Option<&serde_json::value::RawValue>,
                 request: Option<&serde_json::value::RawValue>| {
        let Some(limit) = limit
            .and_then(|raw| quantity::raw(raw.get()))
            .filter(|amount| *amount > 0)
        else {
            return false;
        };
        // A request that is not said is the limit.
        request.is_none_or(|raw| quantity::raw(raw.get()) == Some(limit))
    };
    let requests = resources.requests.as_ref();
    equal(limits.cpu, requests.and_then(|amounts| amounts.cpu))
        && equal(limits.memory, requests.and_then(|amounts| amounts.memory))
}

/// The `resources` of one of our containers as JSON: the definition's, with a Pod's own amounts, fitted to `quality`.
/// `None` when the definition's stay as they are.
pub(crate) fn fitted(
    definition: Option<&str>,
    overrides: &[(&str, &str, String)],
    quality: Quality,
) -> Option<String> {
    if quality == Quality::WholePod {
        return Some("{}".to_owned());
    }
    if overrides.is_empty() && quality == Quality::Other {
        return None;
    }
    let mut resources: Map<String, Value> = definition
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    for (kind, name, amount) in overrides {
        let entry = resources
            .entry(*kind)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(map) = entry.as_object_mut() {
            map.insert((*name).to_owned(), amount.as_str().into());
        }
    }
    let limits = resources.get("limits").cloned();
    if quality == Quality::Guaranteed {
        if let Some(limits) = limits {
            resources.insert("requests".to_owned(), limits);
        }
    } else {
        lower_requests(&mut resources);
    }
    Some(Value::Object(resources).to_string())
}

/// A request above its limit would be refused, and with it the Pod: it is lowered to the limit.
fn lower_requests(resources: &mut Map<String, Value>) {
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else {
        return;
    };
    let Some(requests) = resources.get_mut("requests").and_then(Value::as_object_mut) else {
        return;
    };
    let amount = |value: &Value| quantity::raw(&value.to_string());
    for (name, request) in requests {
        if let Some(limit) = limits.get(name)
            && amount(limit) < amount(request)
        {
            *request = limit.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spec: &str) -> Quality {
        let json = format!(r#"{{"spec":{spec}}}"#);
        let pod = Pod::read(json.as_bytes()).unwrap();
        quality(&pod, pod.spec.containers.items().iter())
    }

    #[test]
    fn equal_requests_and_limits_are_guaranteed() {
        let full =
            r#"{"limits":{"cpu":1,"memory":"1Gi"},"requests":{"cpu":"1000m","memory":"1024Mi"}}"#;
        let only_limits = r#"{"limits":{"cpu":"1","memory":"1Gi"}}"#;
        let less = r#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}}"#;
        let two = |a: &str, b: &str| {
            format!(r#"{{"containers":[{{"resources":{a}}},{{"resources":{b}}}]}}"#)
        };
        assert_eq!(of(&two(full, only_limits)), Quality::Guaranteed);
        assert_eq!(of(&two(full, less)), Quality::Other);
        assert_eq!(of(r#"{"containers":[{}]}"#), Quality::Other);
        let whole = format!(r#"{{"resources":{full},"containers":[{{}}]}}"#);
        assert_eq!(of(&whole), Quality::WholePod);
    }

    #[test]
    fn ours_follow_the_quality() {
        let ours = Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"10m"}}"#);
        assert_eq!(fitted(ours, &[], Quality::Other), None);
        assert_eq!(
            fitted(ours, &[], Quality::Guaranteed).as_deref(),
            Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"100m"}}"#)
        );
        assert_eq!(fitted(ours, &[], Quality::WholePod).as_deref(), Some("{}"));
    }

    #[test]
    fn a_request_never_exceeds_its_limit() {
        let ours = Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"10m"}}"#);
        let more = [("requests", "cpu", "2".to_owned())];
        assert_eq!(
            fitted(ours, &more, Quality::Other).as_deref(),
            Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"100m"}}"#)
        );
    }
}
