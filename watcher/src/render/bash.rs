//! Shell commands.

use super::card::{Card, Part, Room};
use super::style;
use super::tool::unwrapped;
use crate::events::{Answer, Detail};
use crate::filter::Filters;

const COMMAND: Room = Room {
    chars: 1200,
    lines: 30,
    part: Part::Head,
};
const STDOUT: Room = Room {
    chars: 1500,
    lines: 40,
    part: Part::Ends,
};
const STDERR: Room = Room {
    chars: 900,
    lines: 20,
    part: Part::Ends,
};

/// A command as it was asked for.
pub(super) struct Command<'a> {
    pub(super) text: &'a str,
    pub(super) description: &'a str,
    pub(super) background: bool,
    /// It was shown before, as running.
    pub(super) late: bool,
}

/// Command, output, exit code.
pub(super) fn render(
    card: &mut Card<'_>,
    asked: &Command<'_>,
    answer: Option<&Answer>,
    filters: &Filters,
) {
    let fallback = asked.text.lines().next().unwrap_or_default();
    let title = if asked.description.is_empty() {
        fallback
    } else {
        asked.description
    };
    card.title(
        style::tool("Bash"),
        &if asked.late {
            format!("{title} (ended)")
        } else {
            title.to_owned()
        },
    );
    if !asked.late {
        let command = card.clean(asked.text);
        card.code("bash", &command, COMMAND, "command.sh");
    }
    let Some(answer) = answer else {
        if asked.background {
            card.detail("in the background");
        }
        return;
    };
    if let Some(code) = answer.exit_code {
        card.detail(&format!("exit code {code}"));
    }
    if answer.refused {
        return;
    }
    match &answer.detail {
        Detail::Bash {
            stdout,
            stderr,
            interrupted,
            meaning,
            background,
            persisted,
        } => {
            if stdout.trim().chars().count() >= filters.min_stdout {
                output(card, stdout, STDOUT, "stdout.txt");
            }
            if !stderr.trim().is_empty() {
                card.say("**stderr**");
                output(card, stderr, STDERR, "stderr.txt");
            }
            card.detail(meaning);
            if *interrupted {
                card.color(style::INTERRUPTED.color);
                card.detail("interrupted");
            }
            if !background.is_empty() {
                card.detail(&format!("runs on in the background as {background}"));
            }
            if !persisted.is_empty() {
                card.say("The output is too long for the transcript; the agent kept it in a file of its own.");
            }
        }
        _ if answer.failed => {
            let text = unwrapped(&answer.text);
            // The first line of a failure is its exit code, which the footer shows.
            let text = match (answer.exit_code, text.split_once('\n')) {
                (Some(_), Some((_, rest))) => rest,
                (Some(_), None) => "",
                (None, _) => text,
            };
            output(card, text, STDOUT, "output.txt");
        }
        _ => {
            if answer.text.trim().chars().count() >= filters.min_stdout {
                output(card, &answer.text, STDOUT, "stdout.txt");
            }
        }
    }
}

fn output(card: &mut Card<'_>, text: &str, room: Room, name: &str) {
    let text = card.clean(&super::lookup::pointer(text));
    card.code("", &text, room, name);
}
