//! The volumes our containers need: which stand in the Pod already, which are added, under which names.

use super::compare;
use super::ours::{self, List, Named, RawPod};
use crate::pod::Pod;
use serde_json::Value;
use std::borrow::Cow;

/// A volume we want in the Pod.
#[derive(Debug)]
pub(crate) struct Wanted<'t> {
    /// Its usual name.
    pub(crate) base: &'t str,
    /// The whole volume as JSON, under the usual name.
    pub(crate) json: Cow<'t, str>,
    pub(crate) empty_dir: bool,
    /// Where the agent mounts it too. A transcript's volume has no such place: a mount there that stands already is taken
    /// as the agent's own.
    pub(crate) shared_at: Option<&'static str>,
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed<'t> {
    pub(crate) base: &'t str,
    pub(crate) name: Cow<'t, str>,
    pub(crate) json: Cow<'t, str>,
    pub(crate) empty_dir: bool,
    pub(crate) step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Add,
    Replace(usize),
    Keep,
}

/// Names of ours all start so; a Pod without any needs no second look.
const PREFIX: &str = "discord-";

/// Whether any volume, there or only mounted, could be one of ours.
pub(crate) fn any_of_ours(pod: &Pod<'_>) -> bool {
    let containers = pod
        .spec
        .containers
        .items()
        .iter()
        .chain(pod.spec.init_containers.items());
    pod.spec
        .volumes
        .items()
        .iter()
        .any(|volume| volume.name.starts_with(PREFIX))
        || containers
            .flat_map(|container| container.volume_mounts.items())
            .any(|mount| mount.name.starts_with(PREFIX))
}

/// Finds a name and a step for each wanted volume.
pub(crate) fn place<'t>(
    pod: &Pod<'_>,
    raw: &RawPod<'_>,
    wanted: Vec<Wanted<'t>>,
    own: &[&Named],
    agent: usize,
) -> Vec<Placed<'t>> {
    let none = !any_of_ours(pod);
    wanted
        .into_iter()
        .map(|wanted| {
            if none {
                let Wanted {
                    base,
                    json,
                    empty_dir,
                    ..
                } = wanted;
                return Placed {
                    name: base.into(),
                    base,
                    json,
                    empty_dir,
                    step: Step::Add,
                };
            }
            place_one(pod, raw, wanted, own, agent)
        })
        .collect()
}

fn place_one<'t>(
    pod: &Pod<'_>,
    raw: &RawPod<'_>,
    wanted: Wanted<'t>,
    own: &[&Named],
    agent: usize,
) -> Placed<'t> {
    let value: Value = serde_json::from_str(&wanted.json).unwrap_or_default();
    for number in 1.. {
        let name = ours::numbered(wanted.base, number);
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.insert("name".to_owned(), name.as_str().into());
        }
        let at = pod
            .spec
            .volumes
            .items()
            .iter()
            .position(|volume| *volume.name == *name);
        let (by_us, by_user) = users(pod, &name, own, agent, wanted.shared_at);
        if by_user {
            continue;
        }
        let step = match at {
            None => Step::Add,
            Some(at) if compare::same(&value, &raw.volume(at)) => Step::Keep,
            Some(at) if by_us => Step::Replace(at),
            Some(_) => continue,
        };
        let json = if number == 1 {
            wanted.json
        } else {
            value.to_string().into()
        };
        return Placed {
            base: wanted.base,
            name: name.into(),
            json,
            empty_dir: wanted.empty_dir,
            step,
        };
    }
    // The loop ends: a Pod has finitely many volumes.
    Placed {
        name: wanted.base.into(),
        base: wanted.base,
        json: wanted.json,
        empty_dir: wanted.empty_dir,
        step: Step::Add,
    }
}

/// Whether a container of ours, and whether one of the user's, mounts the volume.
fn users(
    pod: &Pod<'_>,
    name: &str,
    own: &[&Named],
    agent: usize,
    shared_at: Option<&str>,
) -> (bool, bool) {
    let (mut by_us, mut by_user) = (false, false);
    for list in [List::Containers, List::InitContainers] {
        for (index, container) in list.of(pod).items().iter().enumerate() {
            let ours = own.iter().any(|named| named.is_at(list, index));
            let is_agent = list == List::Containers && index == agent;
            let mounts = container.volume_mounts.items().iter();
            for mount in mounts.filter(|mount| &*mount.name == name) {
                if ours {
                    by_us = true;
                } else if !(is_agent && shared_at == Some(&*mount.mount_path)) {
                    by_user = true;
                }
            }
        }
    }
    (by_us, by_user)
}
