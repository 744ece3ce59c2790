//! How a Pod that exists stands to us: whether it asks for a watcher, whether it has one, and of which definition.

use super::Circumstances;
use super::decide;
use super::ours;
use super::status::Status;
use super::warnings::Warnings;
use crate::pod::Pod;
use crate::template::Template;
use sidecar::names::{STATUS, WATCHER};

/// One Pod's standing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// It asks, and nothing of the Pod itself (mirror, Windows, a system namespace) forbids it.
    pub(crate) asks: bool,
    /// A container of ours stands in it.
    pub(crate) has_watcher: bool,
    /// Hash of the definition it was injected with, as its status annotation says.
    pub(crate) definition: Option<String>,
}

/// Looks at a Pod; `None` when it cannot be read.
pub(crate) fn standing(
    json: &[u8],
    around: Circumstances<'_>,
    template: &Template,
) -> Option<Standing> {
    let pod = Pod::read(json).ok()?;
    let wanted = decide::wanted(
        &pod,
        around.namespace,
        around.namespace_opted_in,
        &mut Warnings::default(),
    );
    let watcher = ours::container(&pod, WATCHER, Some(&template.watcher));
    Some(Standing {
        asks: wanted.is_ok(),
        has_watcher: !watcher.found.is_empty(),
        definition: Status::read(pod.metadata.annotations.get(STATUS))
            .map(|status| status.template.into_owned()),
    })
}
