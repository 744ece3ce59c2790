//! Service account tokens: none in our containers, and none in the Pod unless it asks for one.
//!
//! When we are called, the API server has already added a token volume and its mounts. Removing them, with the flag set
//! false in the same patch, is the one removal the injector does; `uninject` puts them back.

use super::settings::PodSettings;
use super::warnings::Warnings;
use crate::pod::{Mount, Pod, Volume};

/// Where tokens are mounted.
pub(crate) const TOKEN_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How the API server names the volumes it adds.
const VOLUME_PREFIX: &str = "kube-api-access-";
/// The source of such a volume, as the API server writes it. It is recorded in full only when it differs.
pub(crate) const STANDARD_SOURCE: &str = concat!(
    r#"{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},"#,
    r#"{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},"#,
    r#"{"downwardAPI":{"items":[{"path":"namespace","#,
    r#""fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}],"defaultMode":420}"#
);

/// What is done about the Pod's token.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    /// The Pod keeps its token, so our containers must keep the API server from mounting it into them.
    pub(crate) kept: bool,
    /// `automountServiceAccountToken` is set to false.
    pub(crate) set_flag: bool,
    /// Indices of volumes to remove, ascending.
    pub(crate) volumes: Vec<usize>,
    /// Mounts to remove, ascending: list (`containers` or `initContainers`), container, mount.
    pub(crate) mounts: Vec<(&'static str, usize, usize)>,
}

/// Decides about the token.
pub(crate) fn plan(pod: &Pod<'_>, settings: &PodSettings<'_>, warnings: &mut Warnings) -> Token {
    let spec = &pod.spec;
    if spec.automount_service_account_token == Some(false) {
        return Token::default();
    }
    let kept = Token {
        kept: true,
        ..Token::default()
    };
    if settings.flag("automountServiceAccountToken") {
        return kept;
    }
    if spec.automount_service_account_token == Some(true) {
        warnings.add("the Pod's service account token stays, for the Pod itself asks for it");
        return kept;
    }
    let account = spec
        .service_account_name
        .as_deref()
        .filter(|name| !name.is_empty());
    if account
        .or(spec.old_service_account.as_deref())
        .is_some_and(|name| !matches!(name, "" | "default"))
    {
        warnings.add("the Pod's service account token stays, for the Pod names a service account");
        return kept;
    }
    let mut token = Token {
        set_flag: true,
        ..Token::default()
    };
    let volumes = spec.volumes.items();
    token.volumes = (0..volumes.len())
        .filter(|at| volumes.get(*at).is_some_and(is_token))
        .collect();
    let names: Vec<&str> = token
        .volumes
        .iter()
        .filter_map(|at| volumes.get(*at))
        .map(|volume| &*volume.name)
        .collect();
    if names.is_empty() {
        return token;
    }
    for (list, containers) in [
        ("containers", &spec.containers),
        ("initContainers", &spec.init_containers),
    ] {
        for (at, container) in containers.items().iter().enumerate() {
            for (mount, view) in container.volume_mounts.items().iter().enumerate() {
                if names.contains(&&*view.name) {
                    token.mounts.push((list, at, mount));
                }
            }
        }
    }
    token
}

/// Whether the mount shows a token, which is no place for transcripts.
pub(crate) fn shows_token(mount: &Mount<'_>) -> bool {
    mount.name.starts_with(VOLUME_PREFIX) || &*mount.mount_path == TOKEN_DIR
}

fn is_token(volume: &Volume<'_>) -> bool {
    volume.name.starts_with(VOLUME_PREFIX)
        && volume
            .projected
            .is_some_and(|source| source.get().contains("serviceAccountToken"))
}

/// Whether the volume is as the API server adds it, so that its name says it all.
pub(crate) fn is_standard_volume(volume: &Volume<'_>) -> bool {
    volume
        .projected
        .is_some_and(|source| source.get() == STANDARD_SOURCE)
}

/// Whether the mount is as the API server adds it.
pub(crate) fn is_standard_mount(mount: &Mount<'_>) -> bool {
    !mount.others
        && &*mount.mount_path == TOKEN_DIR
        && mount.read_only == Some(true)
        && mount.sub_path.is_none()
        && mount.sub_path_expr.is_none()
        && mount.mount_propagation.is_none()
}
