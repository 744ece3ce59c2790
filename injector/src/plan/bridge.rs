//! The bridge: a container that hands input from Discord to the agent through a FIFO both see.

use super::ours::Named;
use super::probes::{Probes, free_port};
use super::resources::fitted;
use super::settings::PodSettings;
use super::survey::Survey;
use super::volumes::Wanted;
use super::warnings::Warnings;
use crate::json;
use crate::pod::{Container, Pod};
use crate::template::{Changes, Template};
use sidecar::names::{AGENT_STDIN, BRIDGE_DIR, BRIDGE_VOLUME};

/// The bridge of one Pod.
#[derive(Debug)]
pub(crate) struct Bridge {
    /// Where the watcher reaches it.
    pub(crate) port: i64,
    /// The agent lacks the variable.
    pub(crate) agent_env: bool,
}

/// Whether the Pod gets a bridge; warns when it asked for one that cannot be.
pub(crate) fn plan(
    pod: &Pod<'_>,
    agent: &Container<'_>,
    template: &Template,
    settings: &PodSettings<'_>,
    probes: Probes,
    own: impl Fn(&str) -> bool,
    warnings: &mut Warnings,
) -> Option<Bridge> {
    if !settings.flag("bridge.enabled") {
        return None;
    }
    if template.bridge.is_none() {
        warnings.add("no bridge: the injector's sidecar definition has none");
        return None;
    }
    if pod.spec.host_network == Some(true) {
        warnings.add("no bridge: on the node's network its port would be open to the whole node");
        return None;
    }
    let taken =
        agent.volume_mounts.items().iter().any(|mount| {
            &*mount.mount_path == BRIDGE_DIR && !mount.name.starts_with(BRIDGE_VOLUME)
        });
    let variable = agent
        .env
        .items()
        .iter()
        .rfind(|entry| &*entry.name == "AGENT_STDIN");
    let foreign = variable.is_some_and(|entry| entry.value.as_deref() != Some(AGENT_STDIN));
    if taken || foreign {
        warnings.add("no bridge: the agent uses AGENT_STDIN or /run/discord-monitoring itself");
        return None;
    }
    let wanted = settings.integer("bridge.port").unwrap_or(7777);
    // All containers of a Pod share one network.
    let port = free_port(pod, wanted, probes.port, own);
    if port != wanted {
        warnings.add(&format!("port {wanted} is taken; the bridge uses {port}"));
    }
    Some(Bridge {
        port,
        agent_env: variable.is_none(),
    })
}

/// The volume agent and bridge share.
pub(crate) fn volume(template: &Template) -> Wanted<'_> {
    let given = template
        .volumes
        .iter()
        .find(|volume| volume.name == BRIDGE_VOLUME);
    Wanted {
        base: BRIDGE_VOLUME,
        json: given.map_or_else(
            || {
                format!("{{\"name\":\"{BRIDGE_VOLUME}\",\"emptyDir\":{{\"sizeLimit\":\"1Mi\"}}}}")
                    .into()
            },
            |volume| volume.json.as_str().into(),
        ),
        empty_dir: true,
        shared_at: Some(BRIDGE_DIR),
    }
}

/// The variable with which agent and bridge find the FIFO.
pub(crate) fn agent_env() -> String {
    json::env("AGENT_STDIN", AGENT_STDIN)
}

/// Renders the container.
pub(crate) fn render(
    bridge: &Bridge,
    named: &Named,
    template: &Template,
    survey: &Survey<'_>,
    common: Changes<'_>,
) -> Option<String> {
    let pieces = template.bridge.as_ref()?;
    let mut changes = common;
    changes.name = Some(&named.name);
    let port = bridge.port.to_string();
    changes.env.push(("AGENT_STDIN".into(), agent_env()));
    changes
        .env
        .push(("BRIDGE_PORT".into(), json::env("BRIDGE_PORT", &port)));
    if let Some(level) = survey.settings.text("logging.level") {
        changes
            .env
            .push(("LOG_LEVEL".into(), json::env("LOG_LEVEL", level)));
    }
    let [_, asked] = &survey.asked;
    if let Some(resources) = fitted(asked, survey.quality) {
        changes.fields.push(("resources", Some(resources.into())));
    }
    super::run_as(&survey.identity, &mut changes);
    let mut out = String::with_capacity(1024);
    pieces.render(&changes, &mut out);
    Some(out)
}
