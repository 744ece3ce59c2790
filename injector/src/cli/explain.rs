//! `explain`: whether manifests would be injected, by which rule, and where every value comes from.

use super::asked::{EARLY, never_asked};
use super::documents::Documents;
use super::inject::Input;
use super::namespaces::{NamespaceArgs, Namespaces};
use super::report::{Format, WITHOUT, print};
use crate::places::{Place, misplaced, places};
use crate::plan::{Circumstances, Explanation, explain};
use crate::template::Template;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Arguments of `explain`. Exit codes: 0; 2 when a Pod that asks for a watcher would get none.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    namespaces: NamespaceArgs,
    /// Format of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// The story of one Pod or Pod template.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    /// `Kind/name`.
    owner: String,
    namespace: String,
    /// The webhook's entry that would ask us, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'static str>,
    #[serde(flatten)]
    told: Explanation,
    /// Keys of ours that reach no Pod.
    misplaced: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Stories {
    template: String,
    pods: Vec<Story>,
}

impl ExplainArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            input,
            namespaces,
            output,
        } = self;
        let template = input.template()?;
        let all = Documents::read_all(&input.filename)?.values;
        let namespaces = namespaces.with(&all);
        let mut pods = Vec::new();
        for document in &all {
            for place in places(document) {
                let opted_in = input.namespace_opted_in;
                pods.push(story(document, place, &namespaces, opted_in, &template)?);
            }
        }
        let stories = Stories {
            template: template.hash().to_owned(),
            pods,
        };
        match output {
            Format::Json => print(&(serde_json::to_string_pretty(&stories)? + "\n"))?,
            Format::Text => print(&text(&stories))?,
        }
        Ok(if stories.pods.iter().any(Story::goes_without) {
            ExitCode::from(WITHOUT)
        } else {
            ExitCode::SUCCESS
        })
    }
}

impl Story {
    /// Whether the Pod asks for a watcher and gets none.
    fn goes_without(&self) -> bool {
        let unasked = matches!(self.told.reason, Some("not_asked" | "opted_out"));
        !unasked && matches!(self.told.decision, "skip" | "fail")
    }
}

fn story(
    document: &Value,
    place: Place,
    namespaces: &Namespaces,
    all_opted_in: bool,
    template: &Template,
) -> anyhow::Result<Story> {
    let metadata = document.pointer(&format!("{}/metadata", place.workload));
    let namespace = namespaces.of(metadata).to_owned();
    let Some(pod) = document.pointer(&place.pointer) else {
        anyhow::bail!("{} has no Pod template", place.owner);
    };
    let opted_in = all_opted_in || namespaces.opted_in(&namespace);
    let around = Circumstances {
        namespace: Some(&namespace),
        namespace_opted_in: opted_in,
    };
    let mut told = explain(&serde_json::to_vec(pod)?, around, template);
    let mut entry = Some(if opted_in {
        "namespaces.discord-monitoring.io"
    } else {
        "pods.discord-monitoring.io"
    });
    if told.decision == "skip" && told.reason.is_some_and(|reason| EARLY.contains(&reason)) {
        entry = None;
    }
    if let Some(why) = never_asked(pod).filter(|_| matches!(told.decision, "inject" | "unchanged"))
    {
        (told.decision, told.reason, told.why) = ("skip", Some("never_asked"), why.to_owned());
        (told.sidecar, entry) = (None, None);
        told.settings.clear();
        told.warnings.clear();
    }
    let misplaced = misplaced(document, &place)
        .into_iter()
        .map(|wrong| format!("{} stands on {}", wrong.key, wrong.on))
        .collect();
    Ok(Story {
        owner: place.owner,
        namespace,
        entry,
        told,
        misplaced,
    })
}

fn text(stories: &Stories) -> String {
    let mut out = String::new();
    for (at, story) in stories.pods.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        one(&mut out, story);
    }
    if stories.pods.is_empty() {
        out.push_str("nothing here is a Pod or has a Pod template\n");
    }
    out
}

fn one(out: &mut String, story: &Story) {
    let told = &story.told;
    let verdict = match told.decision {
        "inject" => "would be injected",
        "unchanged" => "is injected already",
        "skip" => "would not be injected",
        _ => "would be admitted unchanged",
    };
    let _ = writeln!(out, "{} in {}: {verdict}", story.owner, story.namespace);
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<18} {text}");
    };
    line("why", &told.why);
    if let Some(entry) = story.entry {
        line("asked through", entry);
    }
    if let Some(sidecar) = &told.sidecar {
        let container = format!(
            "{}, {}, {} probes",
            sidecar.container, sidecar.image, sidecar.probes
        );
        line("container", &container);
        line("mode", &format!("{} ({})", sidecar.mode, sidecar.mode_from));
        line(
            "agent",
            &format!("{} ({})", sidecar.agent, sidecar.agent_from),
        );
        line(
            "config directory",
            &format!(
                "{} ({})",
                sidecar.config_directory, sidecar.config_directory_from
            ),
        );
        line("follows", &sidecar.transcript_path);
        line("sees it through", &sidecar.transcript_mount);
        let number = |id: Option<i64>| id.map_or("unset".to_owned(), |id| id.to_string());
        let user = format!(
            "{}, group {} ({})",
            number(sidecar.user),
            number(sidecar.group),
            sidecar.user_from
        );
        line("user", &user);
        line("account token", sidecar.token);
        match sidecar.bridge_port {
            Some(port) => line("bridge", &format!("on 127.0.0.1:{port}")),
            None => line("bridge", "none"),
        }
    }
    for wrong in &story.misplaced {
        line(
            "misplaced",
            &format!("{wrong}; only its template's annotations reach the Pods"),
        );
    }
    for warning in &told.warnings {
        line("warning", warning);
    }
    if !told.settings.is_empty() {
        let _ = writeln!(out, "  settings");
    }
    for setting in &told.settings {
        let value = setting.value.to_string();
        let _ = writeln!(out, "    {:<34} {value} ({})", setting.path, setting.from);
    }
}
