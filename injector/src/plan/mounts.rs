//! The mounts that our containers and the agent get of volumes that we add.

use super::env::{self, Variable};
use super::token::TOKEN_DIR;
use crate::json;
use crate::pod::Container;
use sidecar::names::POD_UID;

/// Room for the keys of a mount in bytes.
const KEYS: usize = 96;

/// One mount; `folder` is an expression for a folder of the volume's.
pub(crate) fn mount(volume: &str, path: &str, read_only: bool, folder: Option<&str>) -> String {
    let room = volume.len() + path.len() + folder.map_or(0, str::len);
    let mut out = String::with_capacity(room + KEYS);
    out.push('{');
    json::text_member(&mut out, "name", volume);
    json::text_member(&mut out, "mountPath", path);
    if read_only {
        json::member(&mut out, "readOnly", "true");
    }
    if let Some(folder) = folder {
        json::text_member(&mut out, "subPathExpr", folder);
    }
    out.push('}');
    out
}

/// An empty directory where a token would be: the API server mounts none into a container that has this path taken,
/// and it would otherwise do so when it looks at the Pod again after our change.
pub(crate) fn block_token(volume: &str, renamed: &[(&str, &str)]) -> String {
    let name = renamed
        .iter()
        .find(|(from, _)| *from == volume)
        .map_or(volume, |(_, to)| to);
    let mut out = String::from("{");
    json::text_member(&mut out, "name", name);
    json::text_member(&mut out, "mountPath", TOKEN_DIR);
    json::member(&mut out, "readOnly", "true");
    json::member(&mut out, "subPath", "\"no-token\"");
    out.push('}');
    out
}

/// The Pod's own folder in a volume that Pods share: named by its uid, which nobody knows before the Pod is made, so that
/// the kubelet has to put it in. It does so from variables of the container alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder {
    /// The agent lacks the variable.
    pub(crate) agent_env: bool,
}

impl Folder {
    /// `None` when the agent has another use for the variable's name.
    pub(crate) fn of(agent: &Container<'_>) -> Option<Self> {
        if !agent
            .env
            .items()
            .iter()
            .any(|entry| *entry.name == *POD_UID)
        {
            return Some(Self { agent_env: true });
        }
        match env::variable(agent, POD_UID) {
            Variable::Field(field) if field.contains("\"metadata.uid\"") => {
                Some(Self { agent_env: false })
            }
            _ => None,
        }
    }

    /// The agent's variable.
    pub(crate) fn variable() -> String {
        Self::uid(POD_UID)
    }

    /// The watcher's, under the name that a second look at the agent's mount gives it.
    pub(crate) fn watcher_variable() -> (String, String) {
        let name = format!("AGENT_{POD_UID}");
        let entry = Self::uid(&name);
        (name, entry)
    }

    /// The folder as the agent's mount says it.
    pub(crate) fn expression() -> String {
        format!("$({POD_UID})")
    }

    /// The folder as the watcher's mount says it.
    pub(crate) fn watcher_expression() -> String {
        format!("$(AGENT_{POD_UID})")
    }

    fn uid(name: &str) -> String {
        let mut out = String::from("{");
        json::text_member(&mut out, "name", name);
        let source = r#"{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.uid"}}"#;
        json::member(&mut out, "valueFrom", source);
        out.push('}');
        out
    }
}
