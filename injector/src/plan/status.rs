//! The status annotation: what the injector did, for people and for `uninject`. It is never read to decide.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Room for a usual annotation in bytes.
const USUAL: usize = 768;

/// The annotation's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status<'a> {
    /// Version of the injector.
    pub(crate) version: Cow<'a, str>,
    /// `native` or `plain`.
    pub(crate) mode: Cow<'a, str>,
    /// Hash of the sidecar definition.
    pub(crate) template: Cow<'a, str>,
    /// The container that is watched.
    pub(crate) agent: Cow<'a, str>,
    pub(crate) containers: Vec<Cow<'a, str>>,
    /// Those the injector added.
    pub(crate) volumes: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Undo::is_empty")]
    pub(crate) changed: Undo,
}

/// What was changed besides, such that it can be taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Undo {
    /// Lists and mappings that were absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) created: Vec<Cow<'static, str>>,
    /// Lists and mappings that were null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) null: Vec<Cow<'static, str>>,
    /// Members that were absent, and are set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) set: Vec<Cow<'static, str>>,
    /// Members that had another value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) was: BTreeMap<String, Value>,
    /// Where the agent got a mount of a volume of ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) agent_mounts: Vec<String>,
    /// Whether the agent got `AGENT_STDIN`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) agent_env: bool,
    /// Whether the agent got the variable with its Pod's uid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) agent_uid: bool,
    /// Names of pull secrets added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) pull_secrets: Vec<String>,
    /// The service account token that was removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<Removed>,
}

/// An item of a list that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removed {
    /// Where it stood in the Pod as it came.
    pub(crate) path: String,
    /// Name of the token volume.
    pub(crate) name: String,
    /// The item, unless it is what the API server adds under that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
}

impl Undo {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what an earlier injection of the same Pod changed.
    pub(crate) fn after(mut self, earlier: Self) -> Self {
        self.created = join(earlier.created, self.created);
        self.null = join(earlier.null, self.null);
        self.set = join(earlier.set, self.set);
        self.agent_mounts = join(earlier.agent_mounts, self.agent_mounts);
        self.pull_secrets = join(earlier.pull_secrets, self.pull_secrets);
        self.agent_env |= earlier.agent_env;
        self.agent_uid |= earlier.agent_uid;
        self.was.extend(earlier.was);
        let mut removed = earlier.removed;
        removed.extend(self.removed);
        self.removed = removed;
        self
    }
}

/// Both, each item once.
fn join<T: PartialEq>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    for item in second {
        if !first.contains(&item) {
            first.push(item);
        }
    }
    first
}

impl Status<'_> {
    /// Reads an annotation; a forged or foreign one is none.
    pub(crate) fn read(text: Option<&str>) -> Option<Self> {
        serde_json::from_str(text?).ok()
    }

    pub(crate) fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(USUAL);
        let _ = serde_json::to_writer(&mut out, self);
        String::from_utf8(out).unwrap_or_default()
    }
}
