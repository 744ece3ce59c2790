//! Whether a Pod gets a watcher at all, and why.

use super::warnings::Warnings;
use crate::json;
use crate::pod::{Annotations, MIRROR, Pod};
use serde::Deserialize;
use sidecar::names::{INJECT, ON_ERROR};

/// Namespaces that keep a cluster alive; the webhook's selector leaves them out, and so do we.
const SYSTEM: &[&str] = &["kube-system", "kube-public", "kube-node-lease"];

/// Why a Pod is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Neither Pod nor namespace asked.
    NotAsked,
    /// The Pod's annotation says "false".
    OptedOut,
    /// It stands for a static Pod, which the API server cannot change.
    Mirror,
    /// Our images run on Linux.
    Windows,
    /// Its namespace keeps the cluster alive.
    SystemNamespace,
    /// It has no container that could be the agent.
    NoAgent,
    /// A plain watcher would keep a Pod that ends by itself from ending.
    PlainWithoutEnd,
    /// The transcripts can never be seen by another container.
    Unseen,
    /// The Pod as a whole says what it takes, and nothing is left for a watcher.
    NoRoom,
}

impl Reason {
    /// One word for metrics and audit annotations.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::OptedOut => "opted_out",
            Self::Mirror => "mirror",
            Self::Windows => "windows",
            Self::SystemNamespace => "system_namespace",
            Self::NoAgent => "no_agent",
            Self::PlainWithoutEnd => "plain_without_end",
            Self::Unseen => "unseen",
            Self::NoRoom => "no_room",
        }
    }
}

/// Which rule asked for the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The Pod's annotation.
    Pod,
    /// The namespace's label.
    Namespace,
}

/// The Pod's "false" wins over its "true" over the namespace's label.
pub(crate) fn wanted(
    pod: &Pod<'_>,
    namespace: Option<&str>,
    namespace_opted_in: bool,
    warnings: &mut Warnings,
) -> Result<Rule, Reason> {
    let annotations = &pod.metadata.annotations;
    let rule = match annotations.get(INJECT) {
        Some("false") => return Err(Reason::OptedOut),
        Some("true") => Some(Rule::Pod),
        Some(other) => {
            warnings.show(other, 20, |shown| {
                format!("{INJECT}: {shown:?} is neither true nor false; ignored")
            });
            None
        }
        None => None,
    };
    let rule = rule
        .or(namespace_opted_in.then_some(Rule::Namespace))
        .ok_or(Reason::NotAsked)?;
    if annotations.get(MIRROR).is_some() {
        return Err(Reason::Mirror);
    }
    if pod.spec.os.as_ref().and_then(|os| os.name.as_deref()) == Some("windows") {
        warnings.add("not injected: the Pod runs on Windows");
        return Err(Reason::Windows);
    }
    let namespace = namespace
        .or(pod.metadata.namespace.as_deref())
        .unwrap_or_default();
    if SYSTEM.contains(&namespace) {
        warnings.add(&format!(
            "not injected: {namespace} is a namespace of the system"
        ));
        return Err(Reason::SystemNamespace);
    }
    Ok(rule)
}

/// Whether the Pod asks to be refused when the injector itself fails; warns of a word that says neither.
pub(crate) fn asks_deny(annotations: &Annotations<'_>, warnings: &mut Warnings) -> bool {
    match annotations.get(ON_ERROR) {
        Some("deny") => true,
        None | Some("admit") => false,
        Some(other) => {
            warnings.show(other, 20, |shown| {
                format!("{ON_ERROR}: {shown:?} is neither admit nor deny; taken as admit")
            });
            false
        }
    }
}

/// The same of a Pod that could not be read as a whole, so nothing but its annotations is looked at.
pub(crate) fn deny_on_error(json: &[u8], warnings: &mut Warnings) -> bool {
    #[derive(Default, Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        metadata: Inner<'a>,
    }
    #[derive(Default, Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        annotations: Annotations<'a>,
    }
    let outer: Outer<'_> = json::read(json).unwrap_or_default();
    asks_deny(&outer.metadata.annotations, warnings)
}
