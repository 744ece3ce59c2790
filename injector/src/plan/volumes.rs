//! The volumes our containers need: which stand in the Pod already, which are added, under which names.

use super::compare;
use super::ours::{self, List, Named, RawPod};
use crate::pod::Pod;
use serde_json::Value;

/// A volume we want in the Pod.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its usual name.
    pub(crate) base: String,
    /// The whole volume as JSON, under the usual name.
    pub(crate) json: String,
    pub(crate) empty_dir: bool,
    /// The agent mounts it too.
    pub(crate) shared: bool,
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) base: String,
    pub(crate) name: String,
    pub(crate) json: String,
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

/// Finds a name and a step for each wanted volume.
pub(crate) fn place(
    pod: &Pod<'_>,
    raw: &RawPod<'_>,
    wanted: Vec<Wanted>,
    own: &[&Named],
    agent: usize,
) -> Vec<Placed> {
    let none = !pod
        .spec
        .volumes
        .items()
        .iter()
        .any(|volume| volume.name.starts_with(PREFIX));
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
                    name: base.clone(),
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

fn place_one(
    pod: &Pod<'_>,
    raw: &RawPod<'_>,
    wanted: Wanted,
    own: &[&Named],
    agent: usize,
) -> Placed {
    let value: Value = serde_json::from_str(&wanted.json).unwrap_or_default();
    for number in 1.. {
        let name = ours::numbered(&wanted.base, number);
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
        let step = match at {
            None => Step::Add,
            Some(at) => {
                let equal = compare::same(&value, &raw.volume(at));
                let (by_us, by_user) = users(pod, &name, own, agent, wanted.shared);
                if by_user || !(by_us || equal) {
                    continue;
                }
                if equal { Step::Keep } else { Step::Replace(at) }
            }
        };
        let json = if number == 1 {
            wanted.json
        } else {
            value.to_string()
        };
        return Placed {
            base: wanted.base,
            name,
            json,
            empty_dir: wanted.empty_dir,
            step,
        };
    }
    // The loop ends: a Pod has finitely many volumes.
    Placed {
        name: wanted.base.clone(),
        base: wanted.base,
        json: wanted.json,
        empty_dir: wanted.empty_dir,
        step: Step::Add,
    }
}

/// Whether a container of ours, and whether one of the user's, mounts the volume.
fn users(pod: &Pod<'_>, name: &str, own: &[&Named], agent: usize, shared: bool) -> (bool, bool) {
    let (mut by_us, mut by_user) = (false, false);
    for list in [List::Containers, List::InitContainers] {
        for (index, container) in list.of(pod).items().iter().enumerate() {
            if !container
                .volume_mounts
                .items()
                .iter()
                .any(|mount| &*mount.name == name)
            {
                continue;
            }
            if own.iter().any(|named| named.is_at(list, index)) {
                by_us = true;
            } else if !(shared && list == List::Containers && index == agent) {
                by_user = true;
            }
        }
    }
    (by_us, by_user)
}
