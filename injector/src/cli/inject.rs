//! `inject`: what the webhook would do, on manifests.

use super::asked::never_asked;
use super::documents::{Documents, Format};
use super::namespaces::NamespaceArgs;
use super::report::{WITHOUT, print, say};
use crate::places::{Place, misplaced, places};
use crate::plan::{Circumstances, Decision, Reason, inject};
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

/// Arguments of `inject`. Exit codes: 0; 2 when a Pod that asks for a watcher gets none.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    namespaces: NamespaceArgs,
    /// Format of what is printed; that of the input when absent.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

impl InjectArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let template = self.input.template()?;
        for note in &template.notes {
            say(&format!("note: sidecar definition: {note}"));
        }
        let mut all = Documents::read_all(&self.input.filename)?;
        let namespaces = self.namespaces.with(&all.values);
        let mut without = false;
        for document in &mut all.values {
            for place in places(document) {
                let metadata = document.pointer(&format!("{}/metadata", place.workload));
                let namespace = namespaces.of(metadata).to_owned();
                let around = Circumstances {
                    namespace: Some(&namespace),
                    namespace_opted_in: self.input.namespace_opted_in
                        || namespaces.opted_in(&namespace),
                };
                without |= inject_at(document, &place, around, &template)?;
            }
        }
        all.format = self.output.unwrap_or(all.format);
        print(&all.render()?)?;
        Ok(if without {
            ExitCode::from(WITHOUT)
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Injects into one Pod template of a document, and says what came of it; true when it asks for a watcher and gets none.
fn inject_at(
    document: &mut Value,
    place: &Place,
    around: Circumstances<'_>,
    template: &Template,
) -> anyhow::Result<bool> {
    let owner = &place.owner;
    for wrong in misplaced(document, place) {
        say(&format!(
            "warning: {owner}: {} stands on {}; only its template's annotations reach the Pods",
            wrong.key, wrong.on
        ));
    }
    let Some(pod) = document.pointer_mut(&place.pointer) else {
        anyhow::bail!("{owner} has no Pod template");
    };
    let outcome = inject(&serde_json::to_vec(pod)?, around, template);
    let asked = matches!(outcome.decision, Decision::Injected | Decision::Unchanged);
    if let Some(why) = never_asked(pod).filter(|_| asked) {
        say(&format!("{owner}: not injected: {why}"));
        return Ok(true);
    }
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch)?;
        json_patch::patch(pod, &patch).with_context(|| format!("{owner} cannot be patched"))?;
    }
    for warning in &outcome.warnings {
        say(&format!("warning: {owner}: {warning}"));
    }
    let (what, without) = match outcome.decision {
        Decision::Injected => {
            let mode = outcome.mode.unwrap_or_default();
            (format!("injected ({mode})"), false)
        }
        Decision::Unchanged => ("injected already".to_owned(), false),
        Decision::Skipped(Reason::NotAsked) => {
            let cure = format!("not injected; annotate its template with {INJECT}: \"true\"");
            (cure, false)
        }
        Decision::Skipped(reason) => {
            let what = format!("not injected ({})", reason.label());
            (what, reason != Reason::OptedOut)
        }
        Decision::Failed => ("not injected (unreadable)".to_owned(), true),
    };
    say(&format!("{owner}: {what}"));
    Ok(without)
}
