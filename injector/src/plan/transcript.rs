//! How the watcher comes to see the agent's transcripts: through a mount the agent has, or through one we add.

use super::agent::Location;
use super::env::{self, Variable};
use super::mounts::Folder;
use super::paths::{self, within};
use super::settings::PodSettings;
use super::token::shows_token;
use super::warnings::{Warnings, excerpt};
use crate::json;
use crate::pod::{Container, Mount, Pod};
use sidecar::Value;
use sidecar::names::{BRIDGE_DIR, POD_UID, STATE_DIR};
use std::borrow::Cow;

/// Paths of the watcher's own that a mount of the agent's must neither hide nor lie beneath.
const TAKEN: &[&str] = &[
    "/watcher",
    "/etc/discord-monitoring",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
    "/dev",
    "/var/run/secrets/kubernetes.io/serviceaccount",
    STATE_DIR,
    BRIDGE_DIR,
];
/// Where a mount of the agent's goes in the watcher when its own place is taken.
const ELSEWHERE: &str = "/agent";

/// What the watcher sees, and what is added for it.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// `TRANSCRIPT_PATH` of the watcher.
    pub(crate) path: String,
    /// The watcher's mounts of volumes the Pod has: JSON.
    pub(crate) mounts: Vec<String>,
    /// Variables the mounts need: name and entry.
    pub(crate) env: Vec<(String, String)>,
    /// The directory at which a volume is added, in agent and watcher, and the volume's source as JSON.
    pub(crate) added: Option<(String, String)>,
    /// The Pod's own folder in that volume, when other Pods may have the volume too.
    pub(crate) folder: Option<Folder>,
    /// The volume through which the watcher sees the directory, when the agent has it mounted.
    pub(crate) covered_by: Option<String>,
}

/// Plans the mounts. `Err` says why the watcher could never see anything.
pub(crate) fn plan(
    pod: &Pod<'_>,
    agent: &Container<'_>,
    location: &Location,
    settings: &PodSettings<'_>,
    root_is_known: bool,
    warnings: &mut Warnings,
) -> Result<Transcript, String> {
    let mut out = Transcript {
        path: location.watched.clone(),
        ..Transcript::default()
    };
    let mounts: Vec<(Cow<'_, str>, &Mount<'_>)> = agent
        .volume_mounts
        .items()
        .iter()
        .filter(|mount| !shows_token(mount))
        .filter_map(|mount| Some((paths::normal(&mount.mount_path)?, mount)))
        .collect();
    let covering = mounts
        .iter()
        .filter(|(path, _)| within(&location.directory, path))
        .max_by_key(|(path, _)| path.len());
    if let Some((path, mount)) = covering {
        if read_only(pod, mount) {
            warnings.show(path, 40, |path| {
                format!("no transcript can be written to the agent's mount {path}: it is read-only")
            });
        }
        out.covered_by = Some(mount.name.to_string());
        let shift = if taken(path) { ELSEWHERE } else { "" };
        out.path = format!("{shift}{}", location.watched);
        out.take(agent, mount, &format!("{shift}{path}"))?;
        warn_of_nested(&mounts, path, location, warnings);
        return Ok(out);
    }
    warn_of_nested(&mounts, "", location, warnings);
    let at = match settings.text("transcript.mount") {
        Some("none") => return Ok(out),
        Some("config") => location.config.clone(),
        _ => location.directory.clone(),
    };
    // A colon is the one character Kubernetes refuses in a mount's path.
    if at == "/" || at.contains(':') || taken(&at) {
        return Err(format!(
            "no volume can be added at {}; set transcriptPath",
            excerpt(&at, 40)
        ));
    }
    let (kind, source) = source(settings);
    if kind != "emptyDir" {
        out.folder = folder(agent, settings, &at, kind, warnings)?;
    }
    if !root_is_known {
        let (choice, other) = if at == location.config {
            ("config", "projects")
        } else {
            ("projects", "config")
        };
        warnings.show(&at, 40, |at| {
            format!("{kind} added at {at} (transcript.mount {choice}; the other choice: {other})")
        });
    }
    out.added = Some((at, source));
    Ok(out)
}

/// The Pod's own folder, when it asks for one. Whoever shares the volume without is told what comes of it.
fn folder(
    agent: &Container<'_>,
    settings: &PodSettings<'_>,
    at: &str,
    kind: &str,
    warnings: &mut Warnings,
) -> Result<Option<Folder>, String> {
    if kind == "hostPath" {
        warnings.add("a node that lacks transcript.volume.hostPath makes it for root alone; make it beforehand");
    }
    if !settings.flag("transcript.volume.perPod") {
        warnings.add("every Pod on this transcript volume sees and posts the others' too; see transcript.volume.perPod");
        return Ok(None);
    }
    let folder = Folder::of(agent).ok_or_else(|| {
        format!(
            "the agent uses {POD_UID} itself, so it gets no folder of its own at {}",
            excerpt(at, 30)
        )
    })?;
    Ok(Some(folder))
}

/// A volume mounted below the watched directory is not shown to the watcher. Its mount would need a directory inside one
/// that is read-only to the watcher and that the agent has not made yet: the watcher, and with it the agent, could not
/// start.
fn warn_of_nested(
    mounts: &[(Cow<'_, str>, &Mount<'_>)],
    covering: &str,
    location: &Location,
    warnings: &mut Warnings,
) {
    for (path, _) in mounts {
        if path != covering && within(path, &location.directory) {
            warnings.show(path, 50, |path| {
                format!("what lies in the agent's mount {path} is not watched")
            });
        }
    }
}

impl Transcript {
    /// Mounts the agent's volume in the watcher, read-only, at `path`.
    fn take(&mut self, agent: &Container<'_>, mount: &Mount<'_>, path: &str) -> Result<(), String> {
        let mut text = String::from("{");
        json::text_member(&mut text, "name", &mount.name);
        json::text_member(&mut text, "mountPath", path);
        json::member(&mut text, "readOnly", "true");
        if let Some(sub) = mount.sub_path.as_deref().filter(|sub| !sub.is_empty()) {
            json::text_member(&mut text, "subPath", sub);
        }
        if let Some(expression) = mount
            .sub_path_expr
            .as_deref()
            .filter(|expr| !expr.is_empty())
        {
            let expression = self.sub_path_expr(agent, expression)?;
            json::text_member(&mut text, "subPathExpr", &expression);
        }
        // What is mounted into the volume later must be seen; the other direction needs a privileged container.
        if matches!(
            mount.mount_propagation.as_deref(),
            Some("HostToContainer" | "Bidirectional")
        ) {
            json::member(&mut text, "mountPropagation", "\"HostToContainer\"");
        }
        text.push('}');
        self.mounts.push(text);
        Ok(())
    }

    /// The agent's expression with its variables' texts put in. What only the kubelet knows becomes a variable of the
    /// watcher's, under a name of its own, since the watcher's variables may differ from the agent's.
    fn sub_path_expr(&mut self, agent: &Container<'_>, expression: &str) -> Result<String, String> {
        let mut unknown = None;
        let env = &mut self.env;
        let expanded = env::expand(expression, |name| match env::variable(agent, name) {
            Variable::Literal(text) => Some(text),
            Variable::Field(field) => {
                let own = format!("AGENT_{name}");
                let mut entry = String::from("{");
                json::text_member(&mut entry, "name", &own);
                json::member(
                    &mut entry,
                    "valueFrom",
                    &format!("{{\"fieldRef\":{field}}}"),
                );
                entry.push('}');
                if !env.iter().any(|(known, _)| *known == own) {
                    env.push((own.clone(), entry));
                }
                Some(format!("$({own})"))
            }
            Variable::Hidden | Variable::Absent => {
                unknown = Some(name.to_owned());
                None
            }
        });
        match (expanded, unknown) {
            (Some(text), None) => Ok(text),
            (_, name) => Err(format!(
                "subPathExpr needs {}, which the Pod does not say; set transcriptPath",
                excerpt(&name.unwrap_or_default(), 16)
            )),
        }
    }
}

/// Volumes of these kinds are read-only whatever the mount says.
fn read_only(pod: &Pod<'_>, mount: &Mount<'_>) -> bool {
    let volume = pod
        .spec
        .volumes
        .items()
        .iter()
        .find(|volume| volume.name == mount.name);
    mount.read_only == Some(true)
        || volume.is_some_and(|volume| {
            volume.config_map || volume.secret || volume.downward_api || volume.projected.is_some()
        })
}

fn taken(path: &str) -> bool {
    TAKEN
        .iter()
        .any(|own| within(own, path) || within(path, own))
}

/// The source of the volume we add: what it is called, and the JSON of the volume without its name.
fn source(settings: &PodSettings<'_>) -> (&'static str, String) {
    if let Some(claim) = settings.text("transcript.volume.existingClaim") {
        let name = json::quoted(claim);
        let source = format!("\"persistentVolumeClaim\":{{\"claimName\":{name}}}");
        return ("claim", source);
    }
    if let Some(path) = settings.text("transcript.volume.hostPath") {
        let path = json::quoted(path);
        let source = format!("\"hostPath\":{{\"path\":{path},\"type\":\"DirectoryOrCreate\"}}");
        return ("hostPath", source);
    }
    let given = match settings.get("transcript.volume.emptyDir") {
        Some(Value::Object(map)) => serde_json::Value::Object(map.clone()).to_string(),
        _ => "{}".to_owned(),
    };
    ("emptyDir", format!("\"emptyDir\":{given}"))
}
