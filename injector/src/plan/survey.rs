//! What is decided about a Pod before anything is written: the patch is built from it, and `explain` tells it.

use super::Mode;
use super::agent::{self, Identity, Location, Root};
use super::bridge::{self, Bridge};
use super::decide::Reason;
use super::ours::{self, List, Named};
use super::probes::{self, Probes};
use super::resources::{self, Asked, Quality};
use super::settings::PodSettings;
use super::token::{self, Token};
use super::transcript::{self, Transcript};
use super::warnings::Warnings;
use crate::pod::Pod;
use crate::template::Template;
use sidecar::names::{BRIDGE, WATCHER};

/// Everything decided about one Pod.
pub(super) struct Survey<'t> {
    pub(super) settings: PodSettings<'t>,
    pub(super) mode: Mode,
    /// Index of the agent among the containers.
    pub(super) agent: usize,
    pub(super) watcher: Named,
    pub(super) bridge: Named,
    pub(super) location: Location,
    pub(super) transcript: Transcript,
    pub(super) identity: Identity,
    pub(super) token: Token,
    /// What the watcher, and the bridge, ask for before they are fitted to `quality`.
    pub(super) asked: [Asked<'t>; 2],
    pub(super) quality: Quality,
    pub(super) probes: Probes,
    pub(super) planned_bridge: Option<Bridge>,
}

impl<'t> Survey<'t> {
    /// Looks at the whole Pod; `Err` is why it gets no watcher.
    pub(super) fn of(
        pod: &Pod<'_>,
        template: &'t Template,
        warnings: &mut Warnings,
    ) -> Result<Self, Reason> {
        let settings = PodSettings::read(&pod.metadata.annotations, template, warnings);
        let watcher = ours::container(pod, WATCHER, Some(&template.watcher));
        let bridge = ours::container(pod, BRIDGE, template.bridge.as_ref());
        for named in [&watcher, &bridge] {
            if named.clash && (named.name.starts_with(WATCHER) || settings.flag("bridge.enabled")) {
                warnings.add(&format!(
                    "a container of yours has our name; ours is called {}",
                    named.name
                ));
            }
        }
        let list = List::Containers;
        let is_users = |index: usize| !watcher.is_at(list, index) && !bridge.is_at(list, index);
        let Some(at) = agent::find(pod, is_users, warnings) else {
            warnings.add("not injected: the Pod has no container that could be the agent");
            return Err(Reason::NoAgent);
        };
        let Some(agent) = pod.spec.containers.items().get(at) else {
            return Err(Reason::NoAgent);
        };
        let mode = mode(pod, &settings, warnings)?;
        let location = agent::location(agent, &settings, template, warnings);
        let identity = agent::identity(pod, agent, &settings, template, warnings);
        let root = agent::agent_user(pod, agent).1 == Root::Yes;
        let transcript = transcript::plan(pod, agent, &location, &settings, root, warnings)
            .map_err(|why| {
                warnings.add(&format!("not injected: {why}"));
                Reason::Unseen
            })?;
        let token = token::plan(pod, &settings, warnings);
        let own = |name: &str| is_own(&watcher, &bridge, name);
        let probes = probes::plan(pod, &template.watcher, &settings, own, warnings);
        let planned_bridge = bridge::plan(pod, agent, template, &settings, probes, own, warnings);
        let bridges = template.bridge.as_ref();
        let bridges = bridges.filter(|_| planned_bridge.is_some());
        let asked = [
            Asked::by_watcher(template.watcher.field("resources"), &settings),
            Asked {
                definition: bridges.and_then(|bridge| bridge.field("resources")),
                own: Vec::new(),
            },
        ];
        let [by_watcher, by_bridge] = &asked;
        let quality = resources::quality(pod, own, &[by_watcher, by_bridge]);
        if quality == Quality::NoRoom {
            warnings
                .add("not injected: spec.resources leaves the watcher no room; raise its requests");
            return Err(Reason::NoRoom);
        }
        Ok(Self {
            settings,
            mode,
            agent: at,
            watcher,
            bridge,
            location,
            transcript,
            identity,
            token,
            asked,
            quality,
            probes,
            planned_bridge,
        })
    }
}

fn is_own(watcher: &Named, bridge: &Named, name: &str) -> bool {
    (name == watcher.name && !watcher.found.is_empty())
        || (name == bridge.name && !bridge.found.is_empty())
}

/// Native for a Pod that ends by itself, plain otherwise, unless the settings say.
fn mode(
    pod: &Pod<'_>,
    settings: &PodSettings<'_>,
    warnings: &mut Warnings,
) -> Result<Mode, Reason> {
    let ends = pod.ends_by_itself();
    match settings.text("mode") {
        Some("native") => Ok(Mode::Native),
        Some("plain") if ends && settings.text("plain.endsAfter").is_none() => {
            warnings.add("not injected: mode plain would keep this Pod from ending; set plain.endsAfter or mode native");
            Err(Reason::PlainWithoutEnd)
        }
        Some("plain") => Ok(Mode::Plain),
        _ if ends => Ok(Mode::Native),
        _ => Ok(Mode::Plain),
    }
}
