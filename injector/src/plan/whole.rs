//! The part of a patch that concerns the Pod as a whole: pull secrets, security context, label and annotations.

use super::apply::Plan;
use super::patch::Patch;
use super::status::{Status, Undo};
use super::volumes::{Placed, Step};
use crate::json;
use crate::pod::{ContainerSecurity, Keys, Presence, SAFE_TO_EVICT};
use sidecar::names::{INJECTED, STATUS};

impl Plan<'_, '_, '_> {
    /// What concerns the Pod as a whole: pull secrets, and its security context where it says nothing.
    pub(super) fn write_pod(&self, patch: &mut Patch) {
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
        let items: Vec<&str> = missing.iter().map(|(_, json)| json.as_str()).collect();
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
            None => (Presence::Absent, Keys::default()),
            Some(raw) => (
                Presence::There,
                serde_json::from_str(raw.get()).unwrap_or_default(),
            ),
        };
        let members: Vec<(&str, String)> = self
            .template
            .pod_security
            .iter()
            .filter(|(key, _)| !given.has(key) && self.is_harmless(key))
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
        let says = |own: &ContainerSecurity<'_>| {
            let there = |raw: Option<&serde_json::value::RawValue>| raw.is_some();
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
    pub(super) fn write_metadata(&self, mut patch: Patch, placed: &[Placed]) -> Patch {
        let metadata = &self.pod.metadata;
        if metadata.presence != Presence::There {
            patch.object("/metadata", metadata.presence);
        }
        let earlier = Status::read(metadata.annotations.get(STATUS));
        let label = metadata.labels.injected.as_deref();
        if label != Some("true") {
            let member = [(INJECTED, "\"true\"".to_owned())];
            patch.members("/metadata/labels", metadata.labels.presence, &member);
        }
        // One that no injection of ours is known to have set is the user's, whatever it says.
        if let Some(label) = label.filter(|_| earlier.is_none()) {
            let path = format!("/metadata/labels/{}", json::pointer_token(INJECTED));
            patch.undo.was.insert(path, label.into());
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
        let known = earlier
            .map(|earlier| earlier.volumes.as_slice())
            .unwrap_or_default();
        // A volume that stood there as we want it, and no injection of ours is known to have added, may be the user's.
        let mut volumes: Vec<String> = placed
            .iter()
            .filter(|volume| volume.step != Step::Keep || known.contains(&volume.name))
            .map(|volume| volume.name.clone())
            .collect();
        // A volume an earlier injection added, and the agent uses by now, is still ours to take back.
        for name in known {
            if name.starts_with("discord-") && there(name) && !volumes.contains(name) {
                volumes.push(name.clone());
            }
        }
        volumes.sort();
        let mut containers = vec![self.survey.watcher.name.clone()];
        if self.survey.planned_bridge.is_some() {
            containers.push(self.survey.bridge.name.clone());
        }
        let agent = self.pod.spec.containers.items().get(self.survey.agent);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: self.survey.mode.label().to_owned(),
            template: self.template.hash.clone(),
            agent: agent
                .map(|agent| agent.name.to_string())
                .unwrap_or_default(),
            containers,
            volumes,
            changed: Undo::default(),
        }
    }
}
