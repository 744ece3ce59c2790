//! Writes a plan into a patch: only what the Pod lacks or has otherwise.
//!
//! The order keeps every index true: first what is replaced or added inside containers, then removals from the highest
//! index down, then what is appended, and containers last.

use super::agent::Identity;
use super::bridge::{self, Bridge};
use super::compare;
use super::ours::{List, Named, RawPod};
use super::patch::Patch;
use super::resources::Quality;
use super::settings::PodSettings;
use super::status::{Removed, Status};
use super::token::{self, TOKEN_DIR, Token};
use super::transcript::Transcript;
use super::volumes::{self, Placed, Step, Wanted};
use super::warnings::Warnings;
use super::{Mode, run_as};
use crate::json;
use crate::pod::{Pod, Presence, SAFE_TO_EVICT};
use crate::template::{Changes, Template};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sidecar::names::{
    BRIDGE_DIR, BRIDGE_VOLUME, INJECTED, STATE_VOLUME, STATUS, TRANSCRIPT_VOLUME,
};

/// Everything decided about one Pod.
pub(super) struct Plan<'p, 'a, 't> {
    pub(super) json: &'p [u8],
    pub(super) pod: &'p Pod<'a>,
    pub(super) template: &'t Template,
    pub(super) settings: &'p PodSettings<'t>,
    pub(super) mode: Mode,
    pub(super) agent: usize,
    pub(super) watcher: &'p Named,
    pub(super) bridge: &'p Named,
    pub(super) transcript: Transcript,
    pub(super) identity: Identity,
    pub(super) token: Token,
    pub(super) quality: Quality,
    pub(super) planned_bridge: Option<Bridge>,
}

impl Plan<'_, '_, '_> {
    pub(super) fn write(
        &self,
        changes: Changes<'_>,
        mut wanted: Vec<Wanted>,
        warnings: &mut Warnings,
    ) -> Patch {
        let raw = if self.nothing_of_ours() {
            RawPod::default()
        } else {
            RawPod::read(self.json)
        };
        if let Some((_, source)) = &self.transcript.added {
            wanted.push(Wanted {
                base: TRANSCRIPT_VOLUME.to_owned(),
                json: format!("{{\"name\":\"{TRANSCRIPT_VOLUME}\",{source}}}"),
                empty_dir: source.starts_with("\"emptyDir\""),
                shared: true,
            });
        }
        if self.planned_bridge.is_some() {
            wanted.push(bridge::volume(self.template));
        }
        let placed = volumes::place(
            self.pod,
            &raw,
            wanted,
            &[self.watcher, self.bridge],
            self.agent,
        );
        for volume in placed.iter().filter(|volume| volume.name != volume.base) {
            warnings.add(&format!(
                "a volume of yours has our name {}; ours is {}",
                volume.base, volume.name
            ));
        }
        let name_of = |base: &str| {
            placed
                .iter()
                .find(|volume| volume.base == base)
                .map_or(base.to_owned(), |volume| volume.name.clone())
        };
        let renamed: Vec<(&str, &str)> = placed
            .iter()
            .filter(|volume| volume.name != volume.base)
            .map(|volume| (volume.base.as_str(), volume.name.as_str()))
            .collect();
        let mut changes = changes;
        changes.renamed.clone_from(&renamed);
        let containers = self.containers(
            changes,
            &renamed,
            &name_of(TRANSCRIPT_VOLUME),
            &name_of(STATE_VOLUME),
        );

        let mut patch = Patch::default();
        self.write_agent(
            &mut patch,
            &name_of(TRANSCRIPT_VOLUME),
            &name_of(BRIDGE_VOLUME),
        );
        self.write_token(&mut patch, &raw);
        self.write_volumes(&mut patch, &placed);
        self.write_containers(&mut patch, &raw, &containers);
        self.write_pod(&mut patch);
        self.write_metadata(patch, &placed)
    }

    /// Whether no container or volume of the Pod could be one of ours.
    fn nothing_of_ours(&self) -> bool {
        self.watcher.found.is_empty()
            && self.bridge.found.is_empty()
            && !self
                .pod
                .spec
                .volumes
                .items()
                .iter()
                .any(|volume| volume.name.starts_with("discord-"))
            && !self.token.volumes.iter().any(|at| {
                self.pod
                    .spec
                    .volumes
                    .items()
                    .get(*at)
                    .is_some_and(|volume| !token::is_standard_volume(volume))
            })
            && !self.token.mounts.iter().any(|at| {
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
        let native = matches!(self.mode, Mode::Native);
        let mut out = Vec::new();
        if let Some(bridge) = &self.planned_bridge {
            let mut common = Changes {
                renamed: renamed.to_vec(),
                ..Changes::default()
            };
            if native {
                common
                    .fields
                    .push(("restartPolicy", Some("\"Always\"".to_owned())));
            }
            if self.token.kept {
                common.mounts.push(block_token(BRIDGE_VOLUME, renamed));
            }
            let text = bridge::render(
                bridge,
                self.bridge,
                self.template,
                self.settings,
                &self.identity,
                self.quality,
                common,
            );
            if let Some(text) = text {
                out.push((self.bridge, text));
            }
            let url = format!("http://127.0.0.1:{}", bridge.port);
            changes
                .env
                .push(("BRIDGE_URL".to_owned(), json::env("BRIDGE_URL", &url)));
        } else {
            changes.without_env.push("BRIDGE_URL");
        }
        if native {
            changes
                .fields
                .push(("restartPolicy", Some("\"Always\"".to_owned())));
        }
        if native || !self.pod.ends_by_itself() {
            changes.without_env.push("ENDS_AFTER");
            changes.env.retain(|(name, _)| name != "ENDS_AFTER");
        }
        changes.name = Some(&self.watcher.name);
        let path = json::env("TRANSCRIPT_PATH", &self.transcript.path);
        changes.env.push(("TRANSCRIPT_PATH".to_owned(), path));
        changes.env.extend(self.transcript.env.iter().cloned());
        changes
            .mounts
            .extend(self.transcript.mounts.iter().cloned());
        if let Some((path, _)) = &self.transcript.added {
            changes.mounts.push(mount(transcript_volume, path, true));
        }
        if self.token.kept {
            changes.mounts.push(block_token(state_volume, &[]));
        }
        run_as(&self.identity, &mut changes);
        let mut text = String::with_capacity(4096);
        self.template.watcher.render(&changes, &mut text);
        out.push((self.watcher, text));
        out
    }

    /// The agent's own mounts and variable.
    fn write_agent(&self, patch: &mut Patch, transcript_volume: &str, bridge_volume: &str) {
        let Some(agent) = self.pod.spec.containers.items().get(self.agent) else {
            return;
        };
        let at = format!("/spec/containers/{}", self.agent);
        let has = |path: &str| {
            agent
                .volume_mounts
                .items()
                .iter()
                .any(|mount| &*mount.mount_path == path)
        };
        let mut mounts = Vec::new();
        if let Some((path, _)) = &self.transcript.added {
            mounts.push(mount(transcript_volume, path, false));
        }
        if self.planned_bridge.is_some() && !has(BRIDGE_DIR) {
            mounts.push(mount(bridge_volume, BRIDGE_DIR, false));
        }
        patch.append(
            &format!("{at}/volumeMounts"),
            agent.volume_mounts.presence(),
            &mounts,
        );
        if self
            .planned_bridge
            .as_ref()
            .is_some_and(|bridge| bridge.agent_env)
        {
            patch.append(
                &format!("{at}/env"),
                agent.env.presence(),
                &[bridge::agent_env()],
            );
        }
    }

    /// The one removal: the API server's token volume, with its mounts and the flag.
    fn write_token(&self, patch: &mut Patch, raw: &RawPod<'_>) {
        let volumes = self.pod.spec.volumes.items();
        for place in self.token.mounts.iter().rev() {
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
        for at in self.token.volumes.iter().rev() {
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
        if self.token.set_flag {
            patch.add("/spec/automountServiceAccountToken", "false");
            patch
                .undo
                .set
                .push("/spec/automountServiceAccountToken".to_owned());
        }
    }

    fn write_volumes(&self, patch: &mut Patch, placed: &[Placed]) {
        for volume in placed {
            if let Step::Replace(at) = volume.step {
                // The token's volumes below it are gone by now.
                let gone = self
                    .token
                    .volumes
                    .iter()
                    .filter(|removed| **removed < at)
                    .count();
                patch.replace(&format!("/spec/volumes/{}", at - gone), &volume.json);
            }
        }
        let added: Vec<String> = placed
            .iter()
            .filter(|volume| volume.step == Step::Add)
            .map(|volume| volume.json.clone())
            .collect();
        patch.append("/spec/volumes", self.pod.spec.volumes.presence(), &added);
    }

    fn write_containers(
        &self,
        patch: &mut Patch,
        raw: &RawPod<'_>,
        containers: &[(&Named, String)],
    ) {
        let list = match self.mode {
            Mode::Native => List::InitContainers,
            Mode::Plain => List::Containers,
        };
        let mut stale: Vec<(List, usize)> = Vec::new();
        let mut added = Vec::new();
        let unwanted = if self.planned_bridge.is_none() {
            self.bridge.found.as_slice()
        } else {
            &[]
        };
        stale.extend(unwanted);
        for (named, text) in containers {
            let kept = named.found.iter().find(|(where_, _)| *where_ == list);
            stale.extend(named.found.iter().filter(|found| Some(*found) != kept));
            let Some((_, index)) = kept else {
                added.push(text.clone());
                continue;
            };
            let wanted: Value = serde_json::from_str(text).unwrap_or_default();
            if !compare::same(&wanted, &raw.container(list, *index)) {
                patch.replace(&format!("/spec/{}/{index}", list.key()), text);
            }
        }
        stale.sort_by_key(|(_, index)| std::cmp::Reverse(*index));
        for (list, index) in stale {
            patch.remove(&format!("/spec/{}/{index}", list.key()));
        }
        patch.append(
            &format!("/spec/{}", list.key()),
            list.of(self.pod).presence(),
            &added,
        );
    }

    /// What concerns the Pod as a whole: pull secrets, and its security context where it says nothing.
    fn write_pod(&self, patch: &mut Patch) {
        let spec = &self.pod.spec;
        let known = |name: &str| {
            spec.image_pull_secrets
                .items()
                .iter()
                .any(|one| one.name.as_deref() == Some(name))
        };
        let missing: Vec<_> = self
            .template
            .image_pull_secrets
            .iter()
            .filter(|(name, _)| !known(name))
            .collect();
        let items: Vec<String> = missing.iter().map(|(_, json)| json.clone()).collect();
        patch.append(
            "/spec/imagePullSecrets",
            spec.image_pull_secrets.presence(),
            &items,
        );
        patch
            .undo
            .pull_secrets
            .extend(missing.into_iter().map(|(name, _)| name.clone()));

        if self.template.pod_security.is_empty() {
            return;
        }
        let (presence, given) = match spec.security_context {
            None => (Presence::Absent, Map::new()),
            Some(raw) => (
                Presence::There,
                serde_json::from_str(raw.get()).unwrap_or_default(),
            ),
        };
        let members: Vec<(&str, String)> = self
            .template
            .pod_security
            .iter()
            .filter(|(key, _)| given.get(*key).is_none_or(Value::is_null) && self.is_harmless(key))
            .map(|(key, value)| (key.as_str(), value.to_string()))
            .collect();
        patch.members("/spec/securityContext", presence, &members);
        for (key, _) in members {
            patch.undo.set.push(format!(
                "/spec/securityContext/{}",
                json::pointer_token(key)
            ));
        }
    }

    /// Containers inherit most of the Pod's security context. Such a field is set only where each of the user's says
    /// its own: a seccomp profile alone breaks agents that make sandboxes.
    fn is_harmless(&self, key: &str) -> bool {
        let says = |own: &crate::pod::ContainerSecurity<'_>| {
            let there = |raw: Option<&RawValue>| raw.is_some();
            match key {
                "runAsUser" => own.run_as_user.is_some(),
                "runAsGroup" => own.run_as_group.is_some(),
                "runAsNonRoot" => own.run_as_non_root.is_some(),
                "seccompProfile" => there(own.seccomp_profile),
                "appArmorProfile" => there(own.app_armor_profile),
                "seLinuxOptions" => there(own.se_linux_options),
                _ => true,
            }
        };
        let spec = &self.pod.spec;
        let inherited = matches!(
            key,
            "runAsUser"
                | "runAsGroup"
                | "runAsNonRoot"
                | "seccompProfile"
                | "appArmorProfile"
                | "seLinuxOptions"
        );
        !inherited
            || spec
                .containers
                .items()
                .iter()
                .chain(spec.init_containers.items())
                .all(|container| container.security_context.as_ref().is_some_and(says))
    }

    /// Label, autoscaler annotation and status; the status last, for it records all that was changed.
    fn write_metadata(&self, mut patch: Patch, placed: &[Placed]) -> Patch {
        let metadata = &self.pod.metadata;
        if metadata.labels.injected.as_deref() != Some("true") {
            let member = [(INJECTED, "\"true\"".to_owned())];
            patch.members("/metadata/labels", metadata.labels.presence, &member);
        }
        let mut annotations: Vec<(&str, String)> = Vec::new();
        let given = metadata.annotations.get(SAFE_TO_EVICT);
        let mut safe: Vec<&str> = given
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|v| !v.is_empty())
            .collect();
        let before = safe.len();
        for volume in placed.iter().filter(|volume| volume.empty_dir) {
            if !safe.contains(&volume.name.as_str()) {
                safe.push(&volume.name);
            }
        }
        if safe.len() > before {
            annotations.push((SAFE_TO_EVICT, json::quoted(&safe.join(","))));
            let path = format!(
                "/metadata/annotations/{}",
                json::pointer_token(SAFE_TO_EVICT)
            );
            match given {
                Some(given) => {
                    patch.undo.was.insert(path, given.into());
                }
                None => patch.undo.set.push(path),
            }
        }
        let earlier = Status::read(metadata.annotations.get(STATUS));
        let status = self.status(placed, earlier.as_ref());
        let current = earlier.as_ref().is_some_and(|earlier| {
            Status {
                changed: earlier.changed.clone(),
                ..status.clone()
            } == *earlier
        });
        if current && patch.is_empty() && annotations.is_empty() {
            return patch;
        }
        let presence = metadata.annotations.presence;
        let path = "/metadata/annotations".to_owned();
        match presence {
            Presence::Absent => patch.undo.created.push(path),
            Presence::Null => patch.undo.null.push(path),
            Presence::There => {}
        }
        let undo = std::mem::take(&mut patch.undo);
        let changed = match earlier {
            Some(earlier) => undo.after(earlier.changed),
            None => undo,
        };
        let text = Status { changed, ..status }.to_json();
        annotations.push((STATUS, json::quoted(&text)));
        patch.members("/metadata/annotations", presence, &annotations);
        patch
    }

    fn status(&self, placed: &[Placed], earlier: Option<&Status>) -> Status {
        let there = |name: &str| {
            self.pod
                .spec
                .volumes
                .items()
                .iter()
                .any(|volume| &*volume.name == name)
        };
        let mut volumes: Vec<String> = placed.iter().map(|volume| volume.name.clone()).collect();
        // A volume an earlier injection added, and the agent uses by now, is still ours to take back.
        for name in earlier
            .map(|earlier| earlier.volumes.as_slice())
            .unwrap_or_default()
        {
            if name.starts_with("discord-") && there(name) && !volumes.contains(name) {
                volumes.push(name.clone());
            }
        }
        volumes.sort();
        let mut containers = vec![self.watcher.name.clone()];
        if self.planned_bridge.is_some() {
            containers.push(self.bridge.name.clone());
        }
        let agent = self.pod.spec.containers.items().get(self.agent);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: self.mode.label().to_owned(),
            template: self.template.hash.clone(),
            agent: agent
                .map(|agent| agent.name.to_string())
                .unwrap_or_default(),
            containers,
            volumes,
            changed: super::status::Undo::default(),
        }
    }
}

fn mount(volume: &str, path: &str, read_only: bool) -> String {
    let mut out = String::from("{");
    json::member(&mut out, "name", &json::quoted(volume));
    json::member(&mut out, "mountPath", &json::quoted(path));
    if read_only {
        json::member(&mut out, "readOnly", "true");
    }
    out.push('}');
    out
}

/// An empty directory where a token would be: the API server mounts none into a container that has this path taken,
/// and it would otherwise do so when it looks at the Pod again after our change.
fn block_token(volume: &str, renamed: &[(&str, &str)]) -> String {
    let name = renamed
        .iter()
        .find(|(from, _)| *from == volume)
        .map_or(volume, |(_, to)| to);
    let mut out = String::from("{");
    json::member(&mut out, "name", &json::quoted(name));
    json::member(&mut out, "mountPath", &json::quoted(TOKEN_DIR));
    json::member(&mut out, "readOnly", "true");
    json::member(&mut out, "subPath", "\"no-token\"");
    out.push('}');
    out
}
