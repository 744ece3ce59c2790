//! Writes what was decided into a patch: only what the Pod lacks or has otherwise.
//!
//! The order keeps every index true: first what is replaced or added inside containers, then removals from the highest
//! index down, then what is appended, and containers last.

use super::bridge;
use super::compare;
use super::mounts::{Folder, block_token, mount};
use super::ours::{List, Named, Original, RawPod};
use super::patch::Patch;
use super::resources::Quality;
use super::status::Removed;
use super::survey::Survey;
use super::token;
use super::volumes::{self, Placed, Step, Wanted};
use super::warnings::Warnings;
use super::{Mode, run_as};
use crate::json;
use crate::pod::Pod;
use crate::template::{Changes, Template};
use serde_json::Value;
use sidecar::names::{BRIDGE_DIR, BRIDGE_VOLUME, STATE_VOLUME, TRANSCRIPT_VOLUME};

/// Everything decided about one Pod.
pub(super) struct Plan<'p, 'a, 't> {
    pub(super) original: Original<'p>,
    pub(super) pod: &'p Pod<'a>,
    pub(super) template: &'t Template,
    pub(super) survey: &'p Survey<'t>,
}

impl<'t> Plan<'_, '_, 't> {
    pub(super) fn write(
        &self,
        changes: Changes<'_>,
        mut wanted: Vec<Wanted<'t>>,
        warnings: &mut Warnings,
    ) -> Patch {
        let raw = if self.nothing_of_ours() {
            RawPod::default()
        } else {
            RawPod::read(self.original)
        };
        if let Some((_, source)) = &self.survey.transcript.added {
            wanted.push(Wanted {
                base: TRANSCRIPT_VOLUME,
                json: format!("{{\"name\":\"{TRANSCRIPT_VOLUME}\",{source}}}").into(),
                empty_dir: source.starts_with("\"emptyDir\""),
                shared_at: None,
            });
        }
        if self.survey.planned_bridge.is_some() {
            wanted.push(bridge::volume(self.template));
        }
        let placed = volumes::place(
            self.pod,
            &raw,
            wanted,
            &[&self.survey.watcher, &self.survey.bridge],
            self.survey.agent,
        );
        for volume in placed.iter().filter(|volume| volume.name != volume.base) {
            warnings.show(&volume.name, 63, |name| {
                format!("a volume of yours has our name; ours is {name}")
            });
        }
        let transcript_volume = name_of(&placed, TRANSCRIPT_VOLUME);
        let renamed: Vec<(&str, &str)> = placed
            .iter()
            .filter(|volume| volume.name != volume.base)
            .map(|volume| (volume.base, &*volume.name))
            .collect();
        let mut changes = changes;
        changes.renamed.clone_from(&renamed);
        let containers = self.containers(
            changes,
            &renamed,
            transcript_volume,
            name_of(&placed, STATE_VOLUME),
        );

        let mut patch = Patch::default();
        self.write_agent(
            &mut patch,
            transcript_volume,
            name_of(&placed, BRIDGE_VOLUME),
        );
        self.write_token(&mut patch, &raw);
        self.write_volumes(&mut patch, &placed);
        self.write_containers(&mut patch, &raw, &containers);
        self.write_pod(&mut patch);
        self.write_metadata(patch, &placed)
    }

    /// Whether no container or volume of the Pod could be one of ours.
    fn nothing_of_ours(&self) -> bool {
        self.survey.watcher.found.is_empty()
            && self.survey.bridge.found.is_empty()
            && !volumes::any_of_ours(self.pod)
            && !self.survey.token.volumes.iter().any(|at| {
                self.pod
                    .spec
                    .volumes
                    .items()
                    .get(*at)
                    .is_some_and(|volume| !token::is_standard_volume(volume))
            })
            && !self.survey.token.mounts.iter().any(|at| {
                self.token_mount(at)
                    .is_some_and(|m| !token::is_standard_mount(m))
            })
    }

    fn token_mount(
        &self,
        (list, container, mount): &(&str, usize, usize),
    ) -> Option<&crate::pod::Mount<'_>> {
        let list = if *list == "containers" {
            List::Containers
        } else {
            List::InitContainers
        };
        list.of(self.pod)
            .items()
            .get(*container)?
            .volume_mounts
            .items()
            .get(*mount)
    }

    /// Our containers as JSON, in the order in which they are appended.
    fn containers<'s>(
        &'s self,
        mut changes: Changes<'s>,
        renamed: &[(&'s str, &'s str)],
        transcript_volume: &str,
        state_volume: &str,
    ) -> Vec<(&'s Named, String)> {
        let native = matches!(self.survey.mode, Mode::Native);
        let mut out = Vec::new();
        if let Some(bridge) = &self.survey.planned_bridge {
            let mut common = Changes {
                renamed: renamed.to_vec(),
                ..Changes::default()
            };
            if native {
                common
                    .fields
                    .push(("restartPolicy", Some("\"Always\"".into())));
            }
            if self.survey.token.kept {
                common.mounts.push(block_token(BRIDGE_VOLUME, renamed));
            }
            let text = bridge::render(
                bridge,
                &self.survey.bridge,
                self.template,
                self.survey,
                common,
            );
            if let Some(text) = text {
                out.push((&self.survey.bridge, text));
            }
            let url = format!("http://127.0.0.1:{}", bridge.port);
            changes
                .env
                .push(("BRIDGE_URL".into(), json::env("BRIDGE_URL", &url)));
        } else {
            changes.without_env.push("BRIDGE_URL");
        }
        if native {
            changes
                .fields
                .push(("restartPolicy", Some("\"Always\"".into())));
        }
        if native || !self.pod.ends_by_itself() {
            changes.without_env.push("ENDS_AFTER");
            changes.env.retain(|(name, _)| name != "ENDS_AFTER");
        }
        changes.name = Some(&self.survey.watcher.name);
        let path = json::env("TRANSCRIPT_PATH", &self.survey.transcript.path);
        changes.env.push(("TRANSCRIPT_PATH".into(), path));
        let env = &self.survey.transcript.env;
        changes
            .env
            .extend(env.iter().map(|(name, entry)| (name.into(), entry.clone())));
        // In the order in which a second look finds them.
        if let Some((path, _)) = &self.survey.transcript.added {
            let folder = self.survey.transcript.folder;
            changes.env.extend(
                folder
                    .map(|_| Folder::watcher_variable())
                    .map(|(name, entry)| (name.into(), entry)),
            );
            let folder = folder.map(|_| Folder::watcher_expression());
            let watched = mount(transcript_volume, path, true, folder.as_deref());
            changes.mounts.push(watched);
        }
        changes
            .mounts
            .extend(self.survey.transcript.mounts.iter().cloned());
        if self.survey.token.kept {
            changes.mounts.push(block_token(state_volume, &[]));
        }
        run_as(&self.survey.identity, &mut changes);
        let mut text = String::with_capacity(4096);
        self.template.watcher.render(&changes, &mut text);
        out.push((&self.survey.watcher, text));
        out
    }

    /// The agent's own mounts and variable.
    fn write_agent(&self, patch: &mut Patch, transcript_volume: &str, bridge_volume: &str) {
        let Some(agent) = self.pod.spec.containers.items().get(self.survey.agent) else {
            return;
        };
        let at = format!("/spec/containers/{}", self.survey.agent);
        let has = |path: &str| {
            agent
                .volume_mounts
                .items()
                .iter()
                .any(|mount| &*mount.mount_path == path)
        };
        let mut mounts = Vec::new();
        if let Some((path, _)) = &self.survey.transcript.added {
            let folder = self.survey.transcript.folder;
            let folder = folder.map(|_| Folder::expression());
            mounts.push(mount(transcript_volume, path, false, folder.as_deref()));
            patch.undo.agent_mounts.push(path.clone());
        }
        if self.survey.planned_bridge.is_some() && !has(BRIDGE_DIR) {
            mounts.push(mount(bridge_volume, BRIDGE_DIR, false, None));
            patch.undo.agent_mounts.push(BRIDGE_DIR.to_owned());
        }
        patch.append(
            format!("{at}/volumeMounts"),
            agent.volume_mounts.presence(),
            &mounts,
        );
        let mut variables = Vec::new();
        let bridge = self.survey.planned_bridge.as_ref();
        if bridge.is_some_and(|bridge| bridge.agent_env) {
            variables.push(bridge::agent_env());
            patch.undo.agent_env = true;
        }
        let folder = self.survey.transcript.folder;
        if folder.is_some_and(|folder| folder.agent_env) {
            variables.push(Folder::variable());
            patch.undo.agent_uid = true;
        }
        patch.append(at + "/env", agent.env.presence(), &variables);
    }

    /// The one removal: the API server's token volume, with its mounts and the flag.
    fn write_token(&self, patch: &mut Patch, raw: &RawPod<'_>) {
        let volumes = self.pod.spec.volumes.items();
        for place in self.survey.token.mounts.iter().rev() {
            let (list, container, index) = place;
            let path = format!("/spec/{list}/{container}/volumeMounts/{index}");
            patch.remove(&path);
            let Some(view) = self.token_mount(place) else {
                continue;
            };
            let value = (!token::is_standard_mount(view)).then(|| {
                let list = if *list == "containers" {
                    List::Containers
                } else {
                    List::InitContainers
                };
                let whole = raw.container(list, *container);
                whole
                    .pointer(&format!("/volumeMounts/{index}"))
                    .cloned()
                    .unwrap_or_default()
            });
            patch.undo.removed.push(Removed {
                path,
                name: view.name.to_string(),
                value,
            });
        }
        for at in self.survey.token.volumes.iter().rev() {
            let Some(volume) = volumes.get(*at) else {
                continue;
            };
            let path = format!("/spec/volumes/{at}");
            patch.remove(&path);
            let value = (!token::is_standard_volume(volume)).then(|| raw.volume(*at));
            patch.undo.removed.push(Removed {
                path,
                name: volume.name.to_string(),
                value,
            });
        }
        if self.survey.token.set_flag {
            patch.add("/spec/automountServiceAccountToken", "false");
            let path = "/spec/automountServiceAccountToken";
            patch.undo.set.push(path.into());
        }
    }

    fn write_volumes(&self, patch: &mut Patch, placed: &[Placed<'_>]) {
        for volume in placed {
            if let Step::Replace(at) = volume.step {
                // The token's volumes below it are gone by now.
                let gone = self
                    .survey
                    .token
                    .volumes
                    .iter()
                    .filter(|removed| **removed < at)
                    .count();
                patch.replace(&format!("/spec/volumes/{}", at - gone), &volume.json);
            }
        }
        let added: Vec<&str> = placed
            .iter()
            .filter(|volume| volume.step == Step::Add)
            .map(|volume| &*volume.json)
            .collect();
        patch.append("/spec/volumes", self.pod.spec.volumes.presence(), &added);
    }

    fn write_containers(
        &self,
        patch: &mut Patch,
        raw: &RawPod<'_>,
        containers: &[(&Named, String)],
    ) {
        let list = match self.survey.mode {
            Mode::Native => List::InitContainers,
            Mode::Plain => List::Containers,
        };
        let no_room = self.survey.quality == Quality::WholePod;
        let mut stale: Vec<(List, usize)> = Vec::new();
        let mut added = Vec::new();
        let unwanted = if self.survey.planned_bridge.is_none() {
            self.survey.bridge.found.as_slice()
        } else {
            &[]
        };
        stale.extend(unwanted);
        for (named, text) in containers {
            let kept = named.found.iter().find(|(where_, _)| *where_ == list);
            stale.extend(named.found.iter().filter(|found| Some(*found) != kept));
            let Some((_, index)) = kept else {
                added.push(text);
                continue;
            };
            let wanted: Value = serde_json::from_str(text).unwrap_or_default();
            let found = raw.container(list, *index);
            if let Some(mended) = compare::mended(wanted, &found, no_room) {
                let path = format!("/spec/{}/{index}", list.key());
                patch.replace(&path, &mended.to_string());
            }
        }
        stale.sort_by_key(|(_, index)| std::cmp::Reverse(*index));
        for (list, index) in stale {
            patch.remove(&format!("/spec/{}/{index}", list.key()));
        }
        let path = match list {
            List::Containers => "/spec/containers",
            List::InitContainers => "/spec/initContainers",
        };
        patch.append(path, list.of(self.pod).presence(), &added);
    }
}

/// What the volume is called in this Pod.
fn name_of<'p>(placed: &'p [Placed<'_>], base: &'p str) -> &'p str {
    let volume = placed.iter().find(|volume| volume.base == base);
    volume.map_or(base, |volume| &volume.name)
}
