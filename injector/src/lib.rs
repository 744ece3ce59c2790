//! The injector: a mutating admission webhook that adds the watcher to an agent's Pod.
//!
//! Promises: a Pod that did not ask is not touched; a field that is not ours survives byte for byte, in its order;
//! injecting twice is injecting once; a failure of ours admits the Pod unchanged and says so. Refuses to know: what an
//! image, a probe or a security context of the sidecar looks like (the chart's definition says), Discord, and the
//! cluster: no answer waits for an API call.

#![allow(
    clippy::similar_names,
    reason = "patch and path, own and owner: the domain's words"
)]

#[cfg(test)]
mod answers;
mod body;
mod check;
mod cli;
#[cfg(test)]
mod fuzz;
mod json;
mod metrics;
mod places;
mod plan;
mod pod;
mod review;
mod scan;
mod server;
mod source;
mod template;
mod uninject;

pub use cli::Cli;
pub use plan::{Circumstances, Decision, Outcome, Reason, Rule, inject};
pub use server::{NAMESPACES_PATH, PODS_PATH};
pub use template::{DEFAULT, Template, TemplateError};
pub use uninject::uninject;
