//! From a Pod to a patch. Pure: bytes, a request's circumstances and a sidecar definition in; a decision out.
//!
//! The Pod is judged by its structure: what of ours stands there already is kept when it is right and mended when it is
//! not, so that injecting twice is injecting once.

mod additions;
mod agent;
mod apply;
mod bridge;
mod compare;
mod container;
mod decide;
mod env;
mod explain;
mod legal;
mod mounts;
mod ours;
mod patch;
mod paths;
mod probes;
mod quantity;
mod resources;
mod settings;
mod standing;
pub(crate) mod status;
mod survey;
pub(crate) mod token;
mod transcript;
mod volumes;
mod warnings;
mod whole;

pub use decide::{Reason, Rule};
pub(crate) use explain::{Explanation, explain};
pub(crate) use ours::{Original, is_container};
pub(crate) use quantity::nano;
pub(crate) use standing::{Standing, standing};

use crate::pod::Pod;
use crate::template::{Changes, Template};
use agent::Identity;
use survey::Survey;
use warnings::Warnings;

/// What is known of a Pod besides its own fields.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// The namespace of the request; Pods on their way to creation may not name it themselves.
    pub namespace: Option<&'a str>,
    /// The namespace carries the label `discord-monitoring.io/inject: enabled`.
    pub namespace_opted_in: bool,
}

/// What becomes of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A patch adds or mends the watcher.
    Injected,
    /// The watcher stands there already, as it should.
    Unchanged,
    /// Left alone, for this reason.
    Skipped(Reason),
    /// The Pod could not be read. It is admitted unchanged, unless it asks for the contrary.
    Failed,
}

/// The answer to one Pod.
#[derive(Debug)]
pub struct Outcome {
    /// What becomes of it.
    pub decision: Decision,
    /// Which rule asked for the watcher.
    pub rule: Option<Rule>,
    /// `native` or `plain`, when a watcher is there.
    pub mode: Option<&'static str>,
    /// An RFC 6902 patch against the Pod, when there is something to change.
    pub patch: Option<String>,
    /// For the person who creates the Pod; at most 120 characters each.
    pub warnings: Vec<String>,
    /// The Pod is to be refused: the reason.
    pub deny: Option<String>,
    /// Name of the Pod, for logs.
    pub name: String,
}

/// How the watcher stands in the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An init container that is restarted always: it starts before the agent and ends after it.
    Native,
    /// One container among the others.
    Plain,
}

impl Mode {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Plain => "plain",
        }
    }
}

/// Decides about the Pod (or Pod template) in `json` and builds its patch.
pub fn inject(json: &[u8], around: Circumstances<'_>, template: &Template) -> Outcome {
    match Pod::read(json) {
        Ok(pod) => inject_read(&pod, Original::Pod(json), around, template),
        Err(error) => unreadable(json, &error),
    }
}

/// The same for a Pod that was read already, with its own bytes at hand.
pub(crate) fn inject_read(
    pod: &Pod<'_>,
    original: Original<'_>,
    around: Circumstances<'_>,
    template: &Template,
) -> Outcome {
    let mut warnings = Warnings::default();
    let mut outcome = Outcome {
        decision: Decision::Unchanged,
        rule: None,
        mode: None,
        patch: None,
        warnings: Vec::new(),
        deny: None,
        name: pod.display_name().to_owned(),
    };
    match decide::wanted(
        pod,
        around.namespace,
        around.namespace_opted_in,
        &mut warnings,
    ) {
        Err(reason) => outcome.decision = Decision::Skipped(reason),
        Ok(rule) => {
            outcome.rule = Some(rule);
            // Nothing failed; but a misspelt word is better told now than then.
            decide::asks_deny(&pod.metadata.annotations, &mut warnings);
            match build(original, pod, template, &mut warnings) {
                Err(reason) => outcome.decision = Decision::Skipped(reason),
                Ok((mode, patch)) => {
                    outcome.mode = Some(mode.label());
                    if !patch.is_empty() {
                        outcome.decision = Decision::Injected;
                        outcome.patch = Some(patch.finish());
                    }
                }
            }
        }
    }
    outcome.warnings = warnings.into_vec();
    outcome
}

/// A Pod whose fields have types we do not expect. The API server has checked it, so the fault is ours.
fn unreadable(json: &[u8], error: &serde_json::Error) -> Outcome {
    failed(json, &format!("the injector cannot read this Pod: {error}"))
}

/// What becomes of the Pod in `json` when the injector itself fails: `why` says what failed.
pub(crate) fn failed(json: &[u8], why: &str) -> Outcome {
    let mut warnings = Warnings::default();
    let deny = decide::deny_on_error(json, &mut warnings);
    failure(deny, why, warnings)
}

/// The same of a Pod that was read, and that there is no sidecar definition for.
pub(crate) fn without_definition(pod: &Pod<'_>, around: Circumstances<'_>, why: &str) -> Outcome {
    let mut warnings = Warnings::default();
    let opted_in = around.namespace_opted_in;
    let wanted = decide::wanted(pod, around.namespace, opted_in, &mut warnings);
    let mut outcome = match wanted {
        Ok(_) => {
            let deny = decide::asks_deny(&pod.metadata.annotations, &mut warnings);
            failure(deny, why, warnings)
        }
        Err(reason) => Outcome {
            decision: Decision::Skipped(reason),
            warnings: warnings.into_vec(),
            ..failed_for(false, why)
        },
    };
    pod.display_name().clone_into(&mut outcome.name);
    outcome
}

/// The same of a Pod that nothing is known of but whether it asks to be refused then.
pub(crate) fn failed_for(deny: bool, why: &str) -> Outcome {
    failure(deny, why, Warnings::default())
}

fn failure(deny: bool, why: &str, mut warnings: Warnings) -> Outcome {
    warnings.quote(&format!("not injected: {why}"));
    Outcome {
        decision: Decision::Failed,
        rule: None,
        mode: None,
        patch: None,
        warnings: warnings.into_vec(),
        deny: deny.then(|| format!("discord-monitoring: {why}; the Pod asks on-error: deny")),
        name: String::new(),
    }
}

/// Plans everything that is added, then writes what is not there yet.
fn build(
    original: Original<'_>,
    pod: &Pod<'_>,
    template: &Template,
    warnings: &mut Warnings,
) -> Result<(Mode, patch::Patch), Reason> {
    let survey = Survey::of(pod, template, warnings)?;
    let settings = &survey.settings;
    let mut changes = Changes::default();
    let mut wanted: Vec<volumes::Wanted<'_>> = template
        .volumes
        .iter()
        .filter(|volume| volume.name != sidecar::names::BRIDGE_VOLUME)
        .map(|volume| volumes::Wanted {
            base: &volume.name,
            json: volume.json.as_str().into(),
            empty_dir: volume.empty_dir,
            shared_at: None,
        })
        .collect();
    container::apply(template, &survey, &mut changes, &mut wanted, warnings);
    container::run(pod, settings, &mut changes);
    survey.probes.apply(&template.watcher, &mut changes);
    let plan = apply::Plan {
        original,
        pod,
        template,
        survey: &survey,
    };
    Ok((survey.mode, plan.write(changes, wanted, warnings)))
}

/// The user and group of one of our containers.
fn run_as(identity: &Identity, changes: &mut Changes<'_>) {
    if let Some(user) = identity.user {
        let user_id = Some(user.to_string().into());
        changes.security.push(("runAsUser", user_id));
        if user == 0 {
            changes
                .security
                .push(("runAsNonRoot", Some("false".into())));
        }
    }
    if let Some(group) = identity.group {
        changes
            .security
            .push(("runAsGroup", Some(group.to_string().into())));
    }
}
