//! Tool calls: which part of the house renders which tool.

use super::card::{Card, Part, Room};
use super::{PostKind, bash, diff, lookup, style, work};
use crate::events::{Answer, Call, Event, Outcome, ToolEvent};
use crate::filter::Filters;

/// Room for a failure's text.
const FAILURE: Room = Room {
    chars: 1500,
    lines: 40,
    part: Part::Ends,
};
/// Room for what an unknown tool was given and gave back.
const OTHER: Room = Room {
    chars: 900,
    lines: 20,
    part: Part::Head,
};

/// Fills `card` with a call.
pub(super) fn render(
    card: &mut Card<'_>,
    event: &Event,
    tool: &ToolEvent,
    filters: &Filters,
) -> PostKind {
    let name = if tool.name.is_empty() {
        "Tool"
    } else {
        &tool.name
    };
    let answer = match &tool.outcome {
        Outcome::Answered { answer, .. } => Some(answer.as_ref()),
        Outcome::Running | Outcome::Unknown => None,
    };
    let late = matches!(tool.outcome, Outcome::Answered { late: true, .. });
    match &tool.call {
        Call::Bash {
            command,
            description,
            background,
        } => {
            bash::render(
                card,
                &bash::Command {
                    text: command,
                    description,
                    background: *background,
                    late,
                },
                answer,
                filters,
            );
        }
        Call::Edit { path, changes } => diff::edit(card, name, path, changes, answer),
        Call::Write { path, content } => diff::write(card, name, path, content, answer),
        Call::Notebook {
            path,
            cell,
            mode,
            source,
        } => diff::notebook(card, path, cell, mode, source),
        Call::Read { .. }
        | Call::Search { .. }
        | Call::WebSearch { .. }
        | Call::WebFetch { .. } => {
            lookup::render(card, name, &tool.call, answer);
        }
        Call::Agent { .. }
        | Call::Todos(_)
        | Call::Task { .. }
        | Call::Ask(_)
        | Call::Plan(_)
        | Call::Skill { .. }
        | Call::Job { .. } => work::render(card, name, &tool.call, answer, late),
        Call::Other(arguments) => other(card, name, arguments, answer, late),
        Call::Missing => {
            card.title(style::tool(name), "Result of a call that was not seen");
            if let Some(answer) = answer {
                shown(card, answer);
            }
        }
    }
    outcome(card, tool);
    card.detail(event.cwd.as_deref().unwrap_or_default());
    if answer.is_some_and(|answer| answer.failed && !answer.refused) {
        PostKind::Error
    } else {
        PostKind::Ordinary
    }
}

/// What all tools have in common: how long it took, and whether it failed.
fn outcome(card: &mut Card<'_>, tool: &ToolEvent) {
    let answer = match &tool.outcome {
        Outcome::Running => return card.detail("still running"),
        Outcome::Unknown => return card.detail("no result seen"),
        Outcome::Answered { answer, .. } => answer,
    };
    if let Some(millis) = answer.duration_ms.filter(|millis| *millis >= 100) {
        card.detail(&super::summary::duration(millis));
    }
    match answer.images {
        0 => {}
        1 => card.detail("an image, not shown"),
        images => card.detail(&format!("{images} images, not shown")),
    }
    if answer.refused {
        card.color(style::INTERRUPTED.color);
        refused(card, answer);
    } else if answer.failed {
        card.color(style::RED);
        // These showed the text already.
        if !matches!(
            tool.call,
            Call::Bash { .. } | Call::Missing | Call::Other(_)
        ) {
            failure(card, answer);
        }
    }
}

/// The text of a failed call.
pub(super) fn failure(card: &mut Card<'_>, answer: &Answer) {
    let text = card.clean(unwrapped(&answer.text));
    card.code("", &text, FAILURE, "error.txt");
}

fn refused(card: &mut Card<'_>, answer: &Answer) {
    let reason = answer
        .text
        .split_once("the user said:")
        .map(|(_, reason)| reason.trim());
    match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => card.say(&format!("Refused by a person: {reason}")),
        None => card.say("Refused by a person."),
    }
}

/// A failure's text without the tags the model gets it in.
pub(super) fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("<tool_use_error>").unwrap_or(text);
    text.strip_suffix("</tool_use_error>").unwrap_or(text)
}

/// What an answer says in text.
pub(super) fn shown(card: &mut Card<'_>, answer: &Answer) {
    let text = card.clean(unwrapped(&answer.text));
    card.code("", &text, OTHER, "result.txt");
}

fn other(card: &mut Card<'_>, name: &str, arguments: &str, answer: Option<&Answer>, late: bool) {
    // mcp__server__tool: both names may hold two underscores, the last pair is the best guess.
    let title = match name
        .strip_prefix("mcp__")
        .and_then(|rest| rest.rsplit_once("__"))
    {
        Some((server, tool)) => format!("{tool} ({server})"),
        None => name.to_owned(),
    };
    card.title(style::tool(name), &title);
    if !late && !arguments.is_empty() {
        let text = card.clean(arguments);
        card.code("yaml", &text, OTHER, "arguments.txt");
    }
    if let Some(answer) = answer.filter(|answer| !answer.refused) {
        shown(card, answer);
    }
}
