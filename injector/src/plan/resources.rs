//! What our containers ask for, such that the Pod's quality of service stays what it was.

use super::quantity;
use super::settings::PodSettings;
use crate::pod::{Amounts, Container, Pod, Resources};
use serde_json::value::RawValue;
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

/// The `resources` settings: path, kind and name.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("resources.requests.cpu", "requests", "cpu"),
    ("resources.requests.memory", "requests", "memory"),
    ("resources.limits.cpu", "limits", "cpu"),
    ("resources.limits.memory", "limits", "memory"),
];

/// What one of our containers asks for before it is fitted to a Pod.
#[derive(Debug, Default)]
pub(crate) struct Asked<'t> {
    /// The definition's `resources`.
    pub(crate) definition: Option<&'t str>,
    /// A Pod's own amounts: kind, name, amount. An empty one takes the definition's away.
    pub(crate) own: Vec<(&'static str, &'static str, String)>,
}

impl<'t> Asked<'t> {
    /// What the watcher asks for in a Pod with these settings.
    pub(crate) fn by_watcher(definition: Option<&'t str>, settings: &PodSettings<'_>) -> Self {
        let own = SETTINGS
            .iter()
            .filter(|(path, ..)| settings.overrides_any(path))
            .map(|(path, kind, name)| {
                let amount = settings.text(path).unwrap_or_default();
                (*kind, *name, amount.to_owned())
            });
        Self {
            definition,
            own: own.collect(),
        }
    }

    fn map(&self) -> Map<String, Value> {
        let mut out: Map<String, Value> = self
            .definition
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        for (kind, name, amount) in &self.own {
            if amount.is_empty() {
                if let Some(map) = out.get_mut(*kind).and_then(Value::as_object_mut) {
                    map.remove(*name);
                }
            } else {
                set(&mut out, kind, name, amount.as_str().into());
            }
        }
        lower_requests(&mut out);
        out
    }
}

/// The quality of the Pod without our containers; `is_ours` knows those that stand there already, `ours` what they ask for.
pub(crate) fn quality(
    pod: &Pod<'_>,
    is_ours: impl Fn(&str) -> bool,
    ours: &[&Asked<'_>],
) -> Quality {
    let whole = pod.spec.resources.as_ref();
    if let Some(whole) = whole.filter(|whole| whole.requests.is_some() || whole.limits.is_some()) {
        return whole_pod(whole, pod, is_ours, ours);
    }
    let mut users = pod
        .spec
        .containers
        .items()
        .iter()
        .chain(pod.spec.init_containers.items())
        .filter(|container| !is_ours(&container.name));
    if users.all(|container| container.resources.as_ref().is_some_and(guaranteed)) {
        Quality::Guaranteed
    } else {
        Quality::Other
    }
}

/// Kubernetes refuses a Pod whose containers request more together than the Pod as a whole, or have a limit above its.
fn whole_pod(
    whole: &Resources<'_>,
    pod: &Pod<'_>,
    is_ours: impl Fn(&str) -> bool,
    ours: &[&Asked<'_>],
) -> Quality {
    let ours: Vec<Map<String, Value>> = ours.iter().map(|asked| asked.map()).collect();
    let (mut fits, mut all_say) = (true, true);
    for (name, cpu) in [("cpu", true), ("memory", false)] {
        let of = |amounts: Option<&Amounts<'_>>| -> Option<i128> {
            let amounts = amounts?;
            let raw = if cpu { amounts.cpu } else { amounts.memory };
            quantity::raw(raw?.get())
        };
        let mine = |kind: &'static str| {
            let amount = move |one: &Map<String, Value>| nano(one.get(kind)?.get(name)?);
            ours.iter().map(amount)
        };
        // A request that is not said is the limit.
        let requests = mine("requests").zip(mine("limits"));
        let asked: i128 = requests
            .map(|(request, limit)| request.or(limit).unwrap_or(0))
            .sum();
        let mut request = |container: &Container<'_>| {
            let resources = container.resources.as_ref();
            let limit = resources.and_then(|one| of(one.limits.as_ref()));
            let said = resources
                .and_then(|one| of(one.requests.as_ref()))
                .or(limit);
            all_say &= said.is_some();
            said.unwrap_or(0)
        };
        let together = requested(pod, &is_ours, asked, &mut request);
        fits &= of(whole.requests.as_ref()).is_none_or(|most| together <= most);
        let limit = mine("limits").flatten().max().unwrap_or(0);
        fits &= of(whole.limits.as_ref()).is_none_or(|most| limit <= most);
    }
    match (fits, all_say) {
        (true, _) => Quality::Other,
        (false, true) => Quality::NoRoom,
        (false, false) => Quality::WholePod,
    }
}

/// What all containers request together, as Kubernetes counts: those that run side by side are added up, and of those that
/// run one after the other before them the largest counts, with the native sidecars that are there by then.
fn requested<'a>(
    pod: &Pod<'a>,
    is_ours: impl Fn(&str) -> bool,
    ours: i128,
    mut request: impl FnMut(&Container<'a>) -> i128,
) -> i128 {
    let (mut beside, mut largest) = (0_i128, 0_i128);
    let mut counted = false;
    for container in pod.spec.init_containers.items() {
        if is_ours(&container.name) {
            // Stands there already, in front of what comes.
            beside = beside.saturating_add(if counted { 0 } else { ours });
            counted = true;
            continue;
        }
        let amount = request(container);
        if container.restart_policy.as_deref() == Some("Always") {
            beside = beside.saturating_add(amount);
        } else {
            largest = largest.max(beside.saturating_add(amount));
        }
    }
    let users = pod.spec.containers.items().iter();
    for container in users.filter(|container| !is_ours(&container.name)) {
        beside = beside.saturating_add(request(container));
    }
    beside
        .saturating_add(if counted { 0 } else { ours })
        .max(largest)
}

fn guaranteed(resources: &Resources<'_>) -> bool {
    let Some(limits) = &resources.limits else {
        return false;
    };
    let equal = |limit: Option<&RawValue>, request: Option<&RawValue>| {
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

/// The `resources` of one of our containers as JSON, fitted to the Pod. `None` when the definition's stay as they are.
pub(crate) fn fitted(asked: &Asked<'_>, quality: Quality) -> Option<String> {
    let map = match quality {
        Quality::WholePod => Map::new(),
        Quality::Other if asked.own.is_empty() => return None,
        Quality::Other | Quality::NoRoom => asked.map(),
        Quality::Guaranteed => as_guaranteed(asked.map()),
    };
    Some(Value::Object(map).to_string())
}

/// CPU and memory have limits, and requests are the limits.
fn as_guaranteed(mut resources: Map<String, Value>) -> Map<String, Value> {
    for (path, _, name) in SETTINGS.iter().filter(|(_, kind, _)| *kind == "limits") {
        let said = |kind: &str| resources.get(kind)?.get(name).cloned();
        if said("limits").is_some() {
            continue;
        }
        // A definition may leave the limit out on purpose; here none would cost the Pod its quality.
        let default = || serde_json::from_str(sidecar::find(path)?.default?).ok();
        if let Some(amount) = said("requests").or_else(default) {
            set(&mut resources, "limits", name, amount);
        }
    }
    if let Some(limits) = resources.get("limits").cloned() {
        resources.insert("requests".to_owned(), limits);
    }
    resources
}

fn set(resources: &mut Map<String, Value>, kind: &str, name: &str, amount: Value) {
    let entry = resources
        .entry(kind)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(map) = entry.as_object_mut() {
        map.insert(name.to_owned(), amount);
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
    for (name, request) in requests {
        if let Some(limit) = limits.get(name)
            && nano(limit) < nano(request)
        {
            *request = limit.clone();
        }
    }
}

fn nano(value: &Value) -> Option<i128> {
    quantity::raw(&value.to_string())
}

#[cfg(test)]
mod tests;
