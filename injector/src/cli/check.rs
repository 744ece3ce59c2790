//! `check`: whether an installation works, and what of a cluster or of manifests would get no watcher.

use super::documents::Documents;
use super::durations;
use super::inject::sidecar_definition;
use super::namespaces::NamespaceArgs;
use super::report::{Format, print, say};
use crate::check::{self, Api, Report, Wanted};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Exit code when something was found.
const FOUND: u8 = 1;
/// Exit code when nothing was found, but not all could be looked at.
const NOT_SEEN: u8 = 2;

/// Arguments of `check`. Exit codes: 0 nothing found, 1 something found, 2 nothing found but not all could be looked at.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Manifests to look at instead of a cluster; - reads standard input.
    #[arg(short, long = "filename", value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// In a cluster: this namespace alone. With manifests: namespace of what names none.
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// With manifests: labels of every namespace they do not define; may be given more than once.
    #[arg(long = "namespace-label", visible_alias = "namespace-labels", value_name = "KEY=VALUE", value_delimiter = ',',
          value_parser = super::namespaces::label)]
    labels: Vec<(String, String)>,
    /// Sidecar definition where the cluster's cannot be read; the chart's defaults when absent.
    #[arg(long, value_name = "FILE", env = "INJECTOR_SIDECAR")]
    sidecar: Option<PathBuf>,
    /// A certificate that ends sooner is a finding; self-managed ones count from their own renewal.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = durations::parse)]
    expires_within: Duration,
    /// Format of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl CheckArgs {
    /// Looks, prints, and gives the exit code.
    pub(super) fn run(self) -> ExitCode {
        let output = self.output;
        let answer = self.look().and_then(|report| {
            match output {
                Format::Text => print(&text(&report))?,
                Format::Json => print(&(serde_json::to_string_pretty(&report)? + "\n"))?,
            }
            Ok(code(&report))
        });
        answer.unwrap_or_else(|error| {
            say(&format!("injector: {error:#}"));
            ExitCode::from(NOT_SEEN)
        })
    }

    fn look(self) -> anyhow::Result<Report> {
        let template = sidecar_definition(self.sidecar.as_deref())?;
        if !self.filename.is_empty() {
            let documents = Documents::read_all(&self.filename)?.values;
            let default = self.namespace.unwrap_or_else(|| "default".to_owned());
            let namespaces = NamespaceArgs::new(default.clone(), self.labels).with(&documents);
            let opted_in = |name: &str| namespaces.opted_in(name);
            return Ok(check::manifests(&documents, &template, opted_in, &default));
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let wanted = Wanted {
            namespace: self.namespace,
            expires_within: self.expires_within,
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let api = Api::connect().await?;
            Ok(check::cluster(&api, &wanted, &template).await)
        })
    }
}

fn code(report: &Report) -> ExitCode {
    if !report.findings.is_empty() {
        ExitCode::from(FOUND)
    } else if report.not_seen.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_SEEN)
    }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for one in &report.findings {
        let _ = writeln!(out, "{:<13} {}: {}", one.check, one.object, one.problem);
        let _ = writeln!(out, "{:<13}   cure: {}", "", one.cure);
    }
    for one in &report.not_seen {
        let _ = writeln!(out, "{:<13} {}: {}", "not looked at", one.what, one.why);
    }
    let looked = &report.looked;
    let _ = writeln!(
        out,
        "{} found, {} not looked at; {} Pods and {} workloads in {} namespaces, {} of them ask for a watcher",
        report.findings.len() + report.further_findings,
        report.not_seen.len(),
        looked.pods,
        looked.workloads,
        looked.namespaces,
        looked.asking
    );
    out
}
