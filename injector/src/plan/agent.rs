//! Which container is the agent, where it writes, and as whom.

use super::env::{self, Variable};
use super::paths;
use super::settings::PodSettings;
use super::warnings::Warnings;
use crate::pod::{Container, Pod};
use crate::template::Template;
use sidecar::names::{CONTAINER, PREFIX};
use std::path::Path;

/// The index of the agent among `containers`: the annotation's, else the first that `own` says is the user's.
pub(crate) fn find(
    pod: &Pod<'_>,
    own: impl Fn(usize) -> bool,
    warnings: &mut Warnings,
) -> Option<usize> {
    let containers = pod.spec.containers.items();
    let mut users = (0..containers.len()).filter(|index| own(*index));
    if let Some(wanted) = pod.metadata.annotations.get(CONTAINER) {
        let named = |index: &usize| {
            containers
                .get(*index)
                .is_some_and(|one| &*one.name == wanted)
        };
        if let Some(index) = users.clone().find(named) {
            return Some(index);
        }
        let names = users
            .clone()
            .filter_map(|index| containers.get(index))
            .map(|one| &*one.name);
        match sidecar::nearest(wanted, names) {
            Some(near) => warnings.show(near, 40, |near| {
                format!("{CONTAINER}: no such container, the first is taken; did you mean {near}?")
            }),
            None => warnings.show(wanted, 30, |wanted| {
                format!("{CONTAINER}: no container {wanted:?}; the first is taken")
            }),
        }
    }
    users.next()
}

/// Where the agent's transcripts are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// What the watcher is told: a projects directory, or a file or directory the Pod names.
    pub(crate) watched: String,
    /// The directory a volume must cover for the watcher to see it.
    pub(crate) directory: String,
    /// The agent's configuration directory, above it.
    pub(crate) config: String,
    /// How it was found, for `explain`.
    pub(crate) from: &'static str,
}

/// Finds out where the agent writes: the setting, then `CLAUDE_CONFIG_DIR`, then `HOME`, then the definition.
pub(crate) fn location(
    container: &Container<'_>,
    settings: &PodSettings<'_>,
    template: &Template,
    warnings: &mut Warnings,
) -> Location {
    if let Some(path) = settings.text("transcriptPath").and_then(paths::normal) {
        let path = path.into_owned();
        let directory = if Path::new(&path)
            .extension()
            .is_some_and(|kind| kind == "jsonl")
        {
            paths::parent(&path).to_owned()
        } else {
            path.clone()
        };
        let config = match directory.strip_suffix("/projects") {
            Some("") => "/".to_owned(),
            Some(config) => config.to_owned(),
            None => directory.clone(),
        };
        return Location {
            watched: path,
            directory,
            config,
            from: "setting transcriptPath",
        };
    }
    let (config, from) = config_dir(container, warnings)
        .or_else(|| {
            let given = paths::normal(&template.config_dir)?;
            Some((
                given.into_owned(),
                "agent.configDir of the sidecar definition",
            ))
        })
        .unwrap_or_else(|| {
            let known = sidecar::names::DEFAULT_CONFIG_DIR.to_owned();
            (known, "the built-in default")
        });
    let directory = paths::join(&config, "projects");
    Location {
        watched: directory.clone(),
        directory,
        config,
        from,
    }
}

/// The directory, and which variable of the agent's says it.
fn config_dir(
    container: &Container<'_>,
    warnings: &mut Warnings,
) -> Option<(String, &'static str)> {
    match env::variable(container, "CLAUDE_CONFIG_DIR") {
        Variable::Literal(text) if !text.is_empty() => {
            let path = paths::normal(&text);
            if path.is_none() {
                warnings
                    .add("the agent's CLAUDE_CONFIG_DIR is no absolute path; set transcriptPath");
            }
            return Some((path?.into_owned(), "the agent's CLAUDE_CONFIG_DIR"));
        }
        Variable::Hidden if stands_in_env(container, "CLAUDE_CONFIG_DIR") => {
            warnings.add(
                "the value of the agent's CLAUDE_CONFIG_DIR is not in the Pod; set transcriptPath",
            );
            return None;
        }
        _ => {}
    }
    match env::variable(container, "HOME") {
        Variable::Literal(text) if !text.is_empty() => Some((
            paths::join(&paths::normal(&text)?, ".claude"),
            "the agent's HOME",
        )),
        _ => None,
    }
}

/// With `envFrom` any name could come from elsewhere; only one that is written down is worth a warning.
fn stands_in_env(container: &Container<'_>, name: &str) -> bool {
    container
        .env
        .items()
        .iter()
        .any(|entry| &*entry.name == name)
}

/// As whom the watcher runs; `None` leaves the definition's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: Option<i64>,
    pub(crate) group: Option<i64>,
    /// How the user was found, for `explain`.
    pub(crate) from: &'static str,
}

/// Whether the agent is known to be root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Yes,
    No,
    Unknown,
}

/// The agent's user as the Pod says it, and whether that is root.
pub(crate) fn agent_user(pod: &Pod<'_>, container: &Container<'_>) -> (Option<i64>, Root) {
    let of_pod = pod.security();
    let own = container.security_context.as_ref();
    let user = own.and_then(|own| own.run_as_user).or(of_pod.run_as_user);
    let non_root = own
        .and_then(|own| own.run_as_non_root)
        .or(of_pod.run_as_non_root);
    let root = match (user, non_root) {
        (Some(0), _) => Root::Yes,
        (Some(_), _) | (None, Some(true)) => Root::No,
        (None, _) => Root::Unknown,
    };
    (user, root)
}

/// Decides as whom the watcher runs: transcripts are readable by their owner alone.
pub(crate) fn identity(
    pod: &Pod<'_>,
    container: &Container<'_>,
    settings: &PodSettings<'_>,
    template: &Template,
    warnings: &mut Warnings,
) -> Identity {
    const CURE: &str = "discord-monitoring.io/securityContext.runAsUser";
    if template.openshift {
        for path in ["securityContext.runAsUser", "securityContext.runAsGroup"] {
            if settings.overrides_any(path) {
                warnings.add(&format!(
                    "{PREFIX}{path} is ignored: on OpenShift the namespace's range decides"
                ));
            }
        }
        return Identity {
            from: "openshift: the namespace's range decides",
            ..Identity::default()
        };
    }
    let (agent, root) = agent_user(pod, container);
    let group = settings.integer("securityContext.runAsGroup").or_else(|| {
        let own = container
            .security_context
            .as_ref()
            .and_then(|own| own.run_as_group);
        own.or_else(|| pod.security().run_as_group)
            .filter(|_| root != Root::Yes)
    });
    let wanted = match settings.integer("securityContext.runAsUser") {
        Some(0) if root == Root::No => {
            warnings.add(&format!(
                "{CURE}: 0 is ignored, for the agent itself is not root"
            ));
            None
        }
        wanted => wanted,
    };
    let (user, from) = match (wanted.or(agent), wanted) {
        (Some(0), None) => {
            warnings.add(&format!(
                "agent is root, watcher is not; cure: {CURE}: \"0\""
            ));
            (
                template.run_as_user,
                "agent.runAsUser, for the agent is root",
            )
        }
        (Some(user), Some(_)) => (user, "setting securityContext.runAsUser"),
        (Some(user), None) => (user, "the agent's own, as the Pod says it"),
        (None, _) => {
            let assumed = template.run_as_user;
            warnings.add(&format!("agent's uid is unknown; if not {assumed}: {CURE}"));
            (
                assumed,
                "agent.runAsUser, for the Pod does not say the agent's",
            )
        }
    };
    Identity {
        user: Some(user),
        group,
        from,
    }
}
