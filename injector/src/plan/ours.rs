//! What of ours stands in the Pod already, told by its structure; and free names where the user took ours.

use crate::json;
use crate::pod::{Container, Object, Pod, Seq};
use crate::review;
use crate::template::Pieces;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sidecar::names::{BRIDGE, STATE_DIR, WATCHER};

/// Names tried after the first: `discord-watcher-2` and so on.
const MOST: usize = 9;

/// One of the two lists of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Containers,
    InitContainers,
}

impl List {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::InitContainers => "initContainers",
        }
    }

    pub(crate) fn of<'p, 'a>(self, pod: &'p Pod<'a>) -> &'p Seq<Container<'a>> {
        match self {
            Self::Containers => &pod.spec.containers,
            Self::InitContainers => &pod.spec.init_containers,
        }
    }
}

/// A container of ours: the name it has or gets, and where it stands already.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) found: Vec<(List, usize)>,
    /// The user has a container of the usual name.
    pub(crate) clash: bool,
}

impl Named {
    pub(crate) fn is_at(&self, list: List, index: usize) -> bool {
        self.found.contains(&(list, index))
    }
}

/// Looks for the container `base` of ours.
pub(crate) fn container(pod: &Pod<'_>, base: &str, pieces: Option<&Pieces>) -> Named {
    let mut clash = false;
    for number in 1..=MOST {
        let name = numbered(base, number);
        let mut found = Vec::new();
        let mut foreign = false;
        for list in [List::Containers, List::InitContainers] {
            for (index, view) in list.of(pod).items().iter().enumerate() {
                if *view.name != *name {
                    continue;
                }
                if is_ours(view, base, pieces) {
                    found.push((list, index));
                } else {
                    foreign = true;
                }
            }
        }
        if !foreign {
            return Named { name, found, clash };
        }
        clash = true;
    }
    // Nobody has nine containers of that name by chance; the API server refuses the last name, if it is taken.
    Named {
        name: numbered(base, MOST + 1),
        found: Vec::new(),
        clash,
    }
}

/// `base`, `base-2`, `base-3`, ...
pub(crate) fn numbered(base: &str, number: usize) -> String {
    if number == 1 {
        base.to_owned()
    } else {
        format!("{base}-{number}")
    }
}

/// A container of our name is ours when it runs our image, or has what only ours have.
fn is_ours(view: &Container<'_>, base: &str, pieces: Option<&Pieces>) -> bool {
    let image = view.image.as_deref().unwrap_or_default();
    if pieces.is_some_and(|pieces| repository(image) == repository(&pieces.image)) {
        return true;
    }
    let mounts = |path: &str| {
        view.volume_mounts
            .items()
            .iter()
            .any(|mount| &*mount.mount_path == path)
    };
    let env = |name: &str| view.env.items().iter().any(|entry| &*entry.name == name);
    match base {
        WATCHER => mounts(STATE_DIR),
        BRIDGE => env("BRIDGE_PORT") && env("AGENT_STDIN"),
        _ => false,
    }
}

/// Whether a container of our name, as JSON, is ours by what only ours have.
pub(crate) fn is_container(json: &str, base: &str) -> bool {
    let view = serde_json::from_str::<Object<Container<'_>>>(json);
    view.is_ok_and(|view| is_ours(&view.0, base, None))
}

/// The last two parts of an image's name, without tag and digest: a mirror changes what comes before.
fn repository(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let end = match (name.rfind(':'), name.rfind('/')) {
        (Some(colon), Some(slash)) if colon < slash => name.len(),
        (Some(colon), _) => colon,
        (None, _) => name.len(),
    };
    let name = name.get(..end).unwrap_or(name);
    let cut = name.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    name.get(cut..).unwrap_or(name)
}

/// Where the Pod's own bytes are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Original<'a> {
    /// These are they.
    Pod(&'a [u8]),
    /// The object of this review.
    Review(&'a [u8]),
}

/// The lists of the Pod as raw JSON, read again only for a Pod that has something of ours.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RawPod<'a> {
    #[serde(borrow, default)]
    spec: RawSpec<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpec<'a> {
    #[serde(borrow, default)]
    volumes: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    containers: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    init_containers: Option<Vec<&'a RawValue>>,
}

impl<'a> RawPod<'a> {
    pub(crate) fn read(original: Original<'a>) -> Self {
        let json = match original {
            Original::Pod(json) => json,
            Original::Review(body) => review::object(body).unwrap_or_default(),
        };
        json::read(json).unwrap_or_default()
    }

    pub(crate) fn volume(&self, index: usize) -> Value {
        parse(self.spec.volumes.as_ref().and_then(|list| list.get(index)))
    }

    pub(crate) fn container(&self, list: List, index: usize) -> Value {
        let list = match list {
            List::Containers => &self.spec.containers,
            List::InitContainers => &self.spec.init_containers,
        };
        parse(list.as_ref().and_then(|list| list.get(index)))
    }
}

fn parse(raw: Option<&&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_known_behind_mirrors_tags_and_digests() {
        for image in [
            "discord-monitoring/watcher",
            "discord-monitoring/watcher:1",
            "m.local:5000/x/discord-monitoring/watcher:1",
            "discord-monitoring/watcher@sha256:abc",
            "m.local:5000/discord-monitoring/watcher",
        ] {
            assert_eq!(repository(image), "discord-monitoring/watcher", "{image}");
        }
        assert_eq!(repository("busybox:1"), "busybox");
        assert_eq!(repository(""), "");
    }
}
