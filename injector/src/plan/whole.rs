//! The part of a patch that concerns the Pod as a whole: pull secrets, security context, label and annotations.

use super::apply::Plan;
use super::patch::Patch;
use super::status::{Status, Undo};
use super::volumes::{Placed, Step};
use crate::json;
use crate::pod::{ContainerSecurity, Keys, Presence, SAFE_TO_EVICT};
use sidecar::names::{INJECTED, STATUS};
use std::borrow::Cow;

const LABELS: &str = "/metadata/labels";
const ANNOTATIONS: &str = "/metadata/annotations";
/// Where [`INJECTED`] stands among the labels.
const INJECTED_PATH: &str = "/metadata/labels/discord-monitoring.io~1injected";
/// Where [`SAFE_TO_EVICT`] stands among the annotations.
const SAFE_TO_EVICT_PATH: &str =
    "/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes";

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
            let path = format!("/spec/securityContext/{}", json::pointer_token(key));
            patch.undo.set.push(path.into());
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
    pub(super) fn write_metadata(&self, mut patch: Patch, placed: &[Placed<'_>]) -> Patch {
        let metadata = &self.pod.metadata;
        if metadata.presence != Presence::There {
            patch.object("/metadata", metadata.presence);
        }
        let earlier = Status::read(metadata.annotations.get(STATUS));
        let label = metadata.labels.injected.as_deref();
        if label != Some("true") {
            let member = [(INJECTED, "\"true\"")];
            patch.members(LABELS, metadata.labels.presence, &member);
        }
        // One that no injection of ours is known to have set is the user's, whatever it says.
        if let Some(label) = label.filter(|_| earlier.is_none()) {
            patch
                .undo
                .was
                .insert(INJECTED_PATH.to_owned(), label.into());
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
            if !safe.contains(&&*volume.name) {
                safe.push(&volume.name);
            }
        }
        if safe.len() > before {
            annotations.push((SAFE_TO_EVICT, json::quoted(&safe.join(","))));
            match given {
                Some(given) => {
                    let path = SAFE_TO_EVICT_PATH.to_owned();
                    patch.undo.was.insert(path, given.into());
                }
                None => patch.undo.set.push(SAFE_TO_EVICT_PATH.into()),
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
        patch.made(ANNOTATIONS, presence);
        let undo = std::mem::take(&mut patch.undo);
        let changed = match earlier {
            Some(earlier) => undo.after(earlier.changed),
            None => undo,
        };
        let text = Status { changed, ..status }.to_json();
        annotations.push((STATUS, json::quoted(&text)));
        patch.members(ANNOTATIONS, presence, &annotations);
        patch
    }

    fn status<'s>(&'s self, placed: &'s [Placed<'_>], earlier: Option<&Status<'s>>) -> Status<'s> {
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
        let mut volumes: Vec<Cow<'s, str>> = placed
            .iter()
            .filter(|volume| volume.step != Step::Keep || known.contains(&volume.name))
            .map(|volume| Cow::Borrowed(&*volume.name))
            .collect();
        // A volume an earlier injection added, and the agent uses by now, is still ours to take back.
        for name in known {
            if name.starts_with("discord-") && there(name) && !volumes.contains(name) {
                volumes.push(name.clone());
            }
        }
        volumes.sort();
        let mut containers = vec![self.survey.watcher.name.as_str().into()];
        if self.survey.planned_bridge.is_some() {
            containers.push(self.survey.bridge.name.as_str().into());
        }
        let agent = self.pod.spec.containers.items().get(self.survey.agent);
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            mode: self.survey.mode.label().into(),
            template: self.template.hash.as_str().into(),
            agent: agent.map(|agent| &*agent.name).unwrap_or_default().into(),
            containers,
            volumes,
            changed: Undo::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_those_of_the_keys() {
        for (list, key, path) in [
            (LABELS, INJECTED, INJECTED_PATH),
            (ANNOTATIONS, SAFE_TO_EVICT, SAFE_TO_EVICT_PATH),
        ] {
            assert_eq!(format!("{list}/{}", json::pointer_token(key)), path);
        }
    }
}
