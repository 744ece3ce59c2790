//! What our containers ask for, such that the Pod's quality of service stays what it was.

use super::quantity;
use crate::pod::{Amounts, Container, Pod, Resources};
use serde_json::{Map, Value};

/// What the user's own containers make of the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// The Pod as a whole says what it takes, and ours do not fit in beside the user's: they ask for nothing.
    WholePod,
    /// Likewise, but each of the user's containers has amounts of its own. A `LimitRange` may have demanded that, and
    /// would refuse a container without any, and with it the Pod.
    NoRoom,
    /// Requests equal limits everywhere: ours must be likewise, or the Pod is evicted earlier than before.
    Guaranteed,
    /// Anything else, which ours do not change.
    Other,
}

/// What our containers are fitted to.
#[derive(Debug)]
pub(crate) struct Fit {
    pub(crate) quality: Quality,
    /// Local storage as each of the user's containers has it, at most [`STORAGE`]: a `LimitRange` may have demanded it,
    /// and would refuse a container without, and with it the Pod.
    pub(crate) storage: Option<String>,
}

/// More than a watcher's log and files ever take.
pub(crate) const STORAGE: &str = "256Mi";

/// What ours are fitted to, given the user's own containers and the definition's resources of ours.
pub(crate) fn fit<'p, 'a: 'p>(
    pod: &Pod<'a>,
    own: impl Iterator<Item = &'p Container<'a>> + Clone,
    ours: &[Option<&str>],
) -> Fit {
    Fit {
        storage: storage(own.clone()),
        quality: quality(pod, own, ours),
    }
}

/// The least local storage among the user's containers, when all of them say some.
fn storage<'p, 'a: 'p>(own: impl Iterator<Item = &'p Container<'a>>) -> Option<String> {
    let mut least = (quantity::nano(STORAGE)?, STORAGE.to_owned());
    let mut any = false;
    for container in own {
        let resources = container.resources.as_ref()?;
        let of = |amounts: &Option<Amounts<'a>>| Some(amounts.as_ref()?.storage?.get());
        let (limit, request) = (of(&resources.limits), of(&resources.requests));
        for text in [Some(limit.or(request)?), request].into_iter().flatten() {
            let text = text.trim().trim_matches('"');
            let amount = quantity::nano(text)?;
            if amount < least.0 {
                least = (amount, text.to_owned());
            }
        }
        any = true;
    }
    any.then_some(least.1)
}

/// The quality of the Pod without our containers, of which `ours` are the definition's resources.
fn quality<'p, 'a: 'p>(
    pod: &Pod<'a>,
    own: impl Iterator<Item = &'p Container<'a>> + Clone,
    ours: &[Option<&str>],
) -> Quality {
    let whole = pod.spec.resources.as_ref();
    if let Some(whole) = whole.filter(|whole| whole.requests.is_some() || whole.limits.is_some()) {
        return whole_pod(whole, &own, ours);
    }
    let mut own = own;
    if own.all(|container| container.resources.as_ref().is_some_and(guaranteed)) {
        Quality::Guaranteed
    } else {
        Quality::Other
    }
}

/// Kubernetes refuses a Pod whose containers request more together than the Pod as a whole, or have a limit above its.
fn whole_pod<'p, 'a: 'p>(
    whole: &Resources<'a>,
    own: &(impl Iterator<Item = &'p Container<'a>> + Clone),
    ours: &[Option<&str>],
) -> Quality {
    let ours: Vec<Value> = ours
        .iter()
        .filter_map(|text| serde_json::from_str((*text)?).ok())
        .collect();
    let mut fits = true;
    let mut all_say = true;
    for (name, cpu) in [("cpu", true), ("memory", false)] {
        let of = |amounts: Option<&Amounts<'a>>| -> Option<i128> {
            let amounts = amounts?;
            let raw = if cpu { amounts.cpu } else { amounts.memory };
            quantity::raw(raw?.get())
        };
        let mine = |kind: &str| -> Vec<i128> {
            let amount = |one: &Value| quantity::raw(&one.get(kind)?.get(name)?.to_string());
            ours.iter().filter_map(amount).collect()
        };
        let mut requested: i128 = mine("requests").iter().sum();
        for container in own.clone() {
            let resources = container.resources.as_ref();
            let request = resources.and_then(|one| of(one.requests.as_ref()));
            let limit = resources.and_then(|one| of(one.limits.as_ref()));
            all_say &= limit.is_some() || request.is_some();
            requested = requested.saturating_add(request.or(limit).unwrap_or(0));
        }
        fits &= of(whole.requests.as_ref()).is_none_or(|most| requested <= most);
        let limit = mine("limits").into_iter().max().unwrap_or(0);
        fits &= of(whole.limits.as_ref()).is_none_or(|most| limit <= most);
    }
    match (fits, all_say) {
        (true, _) => Quality::Other,
        (false, true) => Quality::NoRoom,
        (false, false) => Quality::WholePod,
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

/// The `resources` of one of our containers as JSON: the definition's, with a Pod's own amounts, fitted to the Pod.
/// `None` when the definition's stay as they are.
pub(crate) fn fitted(
    definition: Option<&str>,
    overrides: &[(&str, &str, String)],
    fit: &Fit,
) -> Option<String> {
    if overrides.is_empty() && fit.quality == Quality::Other && fit.storage.is_none() {
        return None;
    }
    let mut resources = Map::new();
    if fit.quality != Quality::WholePod {
        resources = definition
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        for (kind, name, amount) in overrides {
            set(&mut resources, kind, name, amount);
        }
        let limits = resources.get("limits").cloned();
        if fit.quality == Quality::Guaranteed {
            if let Some(limits) = limits {
                resources.insert("requests".to_owned(), limits);
            }
        } else {
            lower_requests(&mut resources);
        }
    }
    if let Some(amount) = &fit.storage {
        for kind in ["requests", "limits"] {
            let said = resources.get(kind).and_then(|map| map.get(STORAGE_KEY));
            if said.is_none() {
                set(&mut resources, kind, STORAGE_KEY, amount);
            }
        }
    }
    Some(Value::Object(resources).to_string())
}

/// Local storage as Kubernetes calls it.
const STORAGE_KEY: &str = "ephemeral-storage";

fn set(resources: &mut Map<String, Value>, kind: &str, name: &str, amount: &str) {
    let entry = resources
        .entry(kind)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(map) = entry.as_object_mut() {
        map.insert(name.to_owned(), amount.into());
    }
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
        let ours =
            r#"{"limits":{"cpu":"100m","memory":"64Mi"},"requests":{"cpu":"10m","memory":"32Mi"}}"#;
        quality(&pod, pod.spec.containers.items().iter(), &[Some(ours)])
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
    }

    #[test]
    fn ours_fit_into_what_the_pod_as_a_whole_takes_or_ask_for_nothing_or_stay_away() {
        let whole = |cpu: &str, container: &str| {
            of(&format!(
                r#"{{"resources":{{"limits":{{"cpu":"{cpu}","memory":"1Gi"}},"requests":{{"cpu":"{cpu}","memory":"1Gi"}}}},
                    "containers":[{{"resources":{container}}}]}}"#
            ))
        };
        let asks = r#"{"requests":{"cpu":"500m","memory":"512Mi"}}"#;
        assert_eq!(whole("1", "{}"), Quality::Other, "there is room");
        assert_eq!(whole("510m", asks), Quality::Other, "exactly enough");
        assert_eq!(
            whole("509m", asks),
            Quality::NoRoom,
            "a LimitRange may want amounts of each container"
        );
        assert_eq!(
            whole("99m", "{}"),
            Quality::WholePod,
            "our limit alone is above the Pod's"
        );
        assert_eq!(
            whole("99m", r#"{"limits":{"cpu":"99m"}}"#),
            Quality::WholePod,
            "memory is nobody's own"
        );
    }

    #[test]
    fn ours_follow_the_quality() {
        let ours = Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"10m"}}"#);
        assert_eq!(fitted(ours, &[], &only(Quality::Other)), None);
        assert_eq!(
            fitted(ours, &[], &only(Quality::Guaranteed)).as_deref(),
            Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"100m"}}"#)
        );
        assert_eq!(
            fitted(ours, &[], &only(Quality::WholePod)).as_deref(),
            Some("{}")
        );
    }

    fn only(quality: Quality) -> Fit {
        Fit {
            quality,
            storage: None,
        }
    }

    #[test]
    fn local_storage_is_taken_over_where_every_container_of_the_users_says_some() {
        let storage = |first: &str, second: &str| {
            let json = format!(
                r#"{{"spec":{{"containers":[{{"resources":{first}}},{{"resources":{second}}}]}}}}"#
            );
            let pod = Pod::read(json.as_bytes()).unwrap();
            storage(pod.spec.containers.items().iter())
        };
        let (much, little) = (
            r#"{"limits":{"ephemeral-storage":"50Gi"}}"#,
            r#"{"requests":{"ephemeral-storage":"100Mi"}}"#,
        );
        assert_eq!(storage(much, much).as_deref(), Some("256Mi"));
        assert_eq!(storage(much, little).as_deref(), Some("100Mi"));
        assert_eq!(storage(much, "{}"), None);
        let fit = Fit {
            quality: Quality::WholePod,
            storage: Some("1Mi".to_owned()),
        };
        assert_eq!(
            fitted(None, &[], &fit).as_deref(),
            Some(
                r#"{"limits":{"ephemeral-storage":"1Mi"},"requests":{"ephemeral-storage":"1Mi"}}"#
            )
        );
    }

    #[test]
    fn a_request_never_exceeds_its_limit() {
        let ours = Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"10m"}}"#);
        let more = [("requests", "cpu", "2".to_owned())];
        assert_eq!(
            fitted(ours, &more, &only(Quality::Other)).as_deref(),
            Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"100m"}}"#)
        );
    }
}
