//! `inject`: what the webhook would do, on manifests.

use super::documents::{Documents, Format};
use crate::places::{Place, misplaced, places};
use crate::plan::{Circumstances, Decision, Outcome, inject};
use crate::template::{DEFAULT, Template};
use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use sidecar::names::INJECT;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments shared by the commands that work on manifests.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// Manifests in YAML or JSON; - reads standard input.
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub(super) filename: Vec<PathBuf>,
    /// Sidecar definition, as the chart renders it; the chart's defaults when absent.
    #[arg(long, value_name = "FILE", env = "INJECTOR_SIDECAR")]
    pub(super) sidecar: Option<PathBuf>,
    /// Treat every Pod as one in a namespace labelled discord-monitoring.io/inject=enabled.
    #[arg(long)]
    pub(super) namespace_opted_in: bool,
}

impl Input {
    pub(super) fn template(&self) -> anyhow::Result<Template> {
        sidecar_definition(self.sidecar.as_deref())
    }
}

/// The definition in a file, or the embedded one.
pub(super) fn sidecar_definition(path: Option<&Path>) -> anyhow::Result<Template> {
    let Some(path) = path else {
        return Template::parse(DEFAULT).context("the embedded sidecar definition is broken");
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Template::parse(&text).with_context(|| path.display().to_string())
}

/// Arguments of `inject`.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    #[command(flatten)]
    input: Input,
    /// Format of what is printed; that of the input when absent.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

impl InjectArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let template = self.input.template()?;
        for note in &template.notes {
            eprintln!("note: sidecar definition: {note}");
        }
        let mut all = Documents::read_all(&self.input.filename)?;
        for document in &mut all.values {
            for place in places(document) {
                let outcome =
                    inject_at(document, &place, self.input.namespace_opted_in, &template)?;
                report(&place, &outcome);
            }
        }
        all.format = self.output.unwrap_or(all.format);
        print!("{}", all.render()?);
        Ok(ExitCode::SUCCESS)
    }
}

/// Injects into one Pod template of a document.
pub(super) fn inject_at(
    document: &mut Value,
    place: &Place,
    namespace_opted_in: bool,
    template: &Template,
) -> anyhow::Result<Outcome> {
    let namespace = document
        .pointer(&format!("{}/metadata/namespace", place.workload))
        .and_then(Value::as_str)
        .map(str::to_owned);
    for wrong in misplaced(document, place) {
        eprintln!(
            "warning: {}: {} stands on {}; only its template's annotations reach the Pods",
            place.owner, wrong.key, wrong.on
        );
    }
    let Some(pod) = document.pointer_mut(&place.pointer) else {
        anyhow::bail!("{} has no Pod template", place.owner);
    };
    let around = Circumstances {
        namespace: namespace.as_deref(),
        namespace_opted_in,
    };
    let outcome = inject(&serde_json::to_vec(pod)?, around, template);
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch)?;
        json_patch::patch(pod, &patch)
            .with_context(|| format!("{} cannot be patched", place.owner))?;
    }
    Ok(outcome)
}

fn report(place: &Place, outcome: &Outcome) {
    for warning in &outcome.warnings {
        eprintln!("warning: {}: {warning}", place.owner);
    }
    match outcome.decision {
        Decision::Injected => eprintln!(
            "{}: injected ({})",
            place.owner,
            outcome.mode.unwrap_or_default()
        ),
        Decision::Unchanged => eprintln!("{}: injected already", place.owner),
        Decision::Skipped(crate::plan::Reason::NotAsked) => {
            eprintln!(
                "{}: not injected; annotate its template with {INJECT}: \"true\"",
                place.owner
            );
        }
        Decision::Skipped(reason) => {
            eprintln!("{}: not injected ({})", place.owner, reason.label());
        }
        Decision::Failed => eprintln!("{}: not injected (unreadable)", place.owner),
    }
}
