//! What the bot itself shows in a run's channel: a header, the end, and what became of an input.

use crate::clock::rfc3339;
use crate::desk::InputKind;
use crate::engine::topic;
use crate::signer::Signer;
use crate::store::{Final, Run, Shown};
use discord::limits::cut;
use discord::{Embed, Field, Footer, Message};

const BLUE: u32 = 0x0034_98DB;
const GREEN: u32 = 0x002E_CC71;
const RED: u32 = 0x00E7_4C3C;
const GREY: u32 = 0x0095_A5A6;

/// How a message of ours for this run is found again: the last words of its footer.
pub(crate) fn mark(run: &Run, what: &str) -> String {
    format!("{what} {}", run.id.get(..12).unwrap_or(&run.id))
}

/// The first message of a run; changed in place at its end.
pub(crate) fn header(run: &Run, signer: Option<&Signer>) -> Embed {
    let title = run
        .title
        .clone()
        .unwrap_or_else(|| format!("{} · attempt {}", run.task_id, run.attempt));
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        value: cut(value, discord::limits::FIELD_VALUE).into_owned(),
        inline: true,
    };
    let mut fields = vec![
        field("Task", &run.task_id),
        field("Namespace", &run.namespace),
        field("Attempt", &run.attempt.to_string()),
    ];
    if let Some(status) = run.status {
        fields.push(field("Status", status.word()));
    }
    let links: Vec<String> = run
        .links
        .iter()
        .map(|link| match &link.label {
            Some(label) => format!("[{}]({})", plain(label), link.url),
            None => link.url.clone(),
        })
        .collect();
    let key = signer.map_or(String::new(), |signer| {
        format!("{} ", topic::key(signer, run))
    });
    Embed {
        title: Some(cut(&title, discord::limits::TITLE).into_owned()),
        description: (!links.is_empty()).then(|| cut(&links.join("\n"), 2000).into_owned()),
        color: Some(run.status.map_or(BLUE, color)),
        timestamp: Some(rfc3339(run.created_at)),
        footer: Some(Footer {
            text: format!("{key}{}", mark(run, "run")),
        }),
        fields,
        ..Embed::default()
    }
}

/// The end in a word of a title's.
fn outcome(status: Final) -> &'static str {
    match status {
        Final::Unknown => "ended",
        known => known.word(),
    }
}

/// The last message of a run.
pub(crate) fn end(run: &Run, keeps: Option<i64>, archived: bool) -> Embed {
    let status = run.status.unwrap_or(Final::Unknown);
    let why = match status {
        Final::Succeeded => "The run has ended.",
        Final::Failed => "The run has failed.",
        Final::Stopped => "The run was stopped.",
        Final::Unknown if run.by_lease => {
            "Nothing was heard of the run's watcher any more; the run is taken for ended."
        }
        Final::Unknown => "The run has ended; nobody said how.",
    };
    let then = match (keeps, archived) {
        (Some(at), _) => format!(" This channel is deleted <t:{}:R>.", at / 1000),
        (None, true) => " This channel is kept.".to_owned(),
        (None, false) => String::new(),
    };
    let mut fields = Vec::new();
    if let Some(summary) = run.summary.as_ref().or(run.report.as_ref()) {
        let mut figure = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                fields.push(Field {
                    name: name.to_owned(),
                    value,
                    inline: true,
                });
            }
        };
        figure("Tool calls", summary.tools.map(|count| count.to_string()));
        figure("Errors", summary.errors.map(|count| count.to_string()));
        figure(
            "Cost",
            summary.cost_usd.map(|cost| {
                let bound = if summary.cost_is_lower_bound == Some(true) {
                    "at least "
                } else {
                    ""
                };
                format!("{bound}${cost:.2}")
            }),
        );
        figure(
            "Duration",
            summary
                .duration_seconds
                .map(|seconds| format!("{seconds:.0} s")),
        );
    }
    Embed {
        title: Some(format!("Run {}", outcome(status))),
        description: Some(format!("{why}{then}")),
        color: Some(color(status)),
        timestamp: run.finished_at.map(rfc3339),
        footer: Some(Footer {
            text: mark(run, "end of run"),
        }),
        fields,
        ..Embed::default()
    }
}

/// What became of an input.
pub(crate) fn input(input: &Shown) -> Embed {
    let what = match input.kind {
        InputKind::Text => "Input",
        InputKind::Interrupt => "Stop",
    };
    let (text, color) = match input.state.as_str() {
        "queued" => ("queued for the agent", BLUE),
        "delivered" => ("delivered", GREEN),
        "refused" => ("not delivered: the agent's input does not take it", RED),
        "expired" => ("not delivered: nobody fetched it in time", RED),
        _ => ("not delivered: the run ended first", RED),
    };
    Embed {
        description: Some(format!(
            "{what} {} from {}: {text}",
            input.seq,
            plain(&cut(&input.author, 100))
        )),
        color: Some(color),
        ..Embed::default()
    }
}

/// A message of one embed.
pub(crate) fn message(embed: Embed) -> Message {
    Message {
        embeds: vec![embed],
        ..Message::default()
    }
}

/// Text of others without Discord's markdown.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(
            character,
            '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '(' | ')' | '<' | '>' | '#'
        ) {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

fn color(status: Final) -> u32 {
    match status {
        Final::Succeeded => GREEN,
        Final::Failed => RED,
        Final::Stopped | Final::Unknown => GREY,
    }
}
