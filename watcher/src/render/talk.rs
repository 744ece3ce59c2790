//! What is said: prompts, answers, commands of the person at the terminal.

use super::card::{Card, Part, Room};
use super::{PostKind, around, style, summary, tool};
use crate::events::{Event, Kind};
use crate::filter::Filters;

/// A person reads this much of a text in passing; the rest is attached.
const TEXT: Room = Room {
    chars: 2000,
    lines: 60,
    part: Part::Head,
};
/// What is of less interest.
pub(super) const SHORT: Room = Room {
    chars: 1000,
    lines: 20,
    part: Part::Ends,
};

/// Fills `card` with `event`.
pub(super) fn render(card: &mut Card<'_>, event: &Event, filters: &Filters) -> PostKind {
    match &event.kind {
        Kind::Tool(call) => return tool::render(card, event, call, filters),
        Kind::Finished(finish) => return summary::finished(card, finish),
        Kind::Prompt {
            text,
            images,
            queued,
        } => {
            let who = match (&event.agent, queued) {
                (Some(_), _) => "Task",
                (None, true) => "Prompt, waiting for its turn",
                (None, false) => "Prompt",
            };
            card.title(style::PROMPT, who);
            card.prose(text, TEXT, "prompt.md");
            match images {
                0 => {}
                1 => card.say("*with an image or document*"),
                _ => card.say(&format!("*with {images} images or documents*")),
            }
        }
        Kind::Said { text } => {
            card.title(style::SAID, "Assistant");
            card.prose(text, TEXT, "answer.md");
        }
        Kind::Thought { text } => {
            card.title(style::THOUGHT, "Thinking");
            card.prose(text, TEXT, "thinking.md");
        }
        Kind::Command { text } => {
            card.title(style::COMMAND, "Command");
            let text = card.clean(text);
            card.code("", &text, SHORT, "command.txt");
        }
        Kind::CommandOutput { text } => {
            card.title(style::COMMAND, "Output of the command");
            let text = card.clean(text);
            card.code("", &text, SHORT, "output.txt");
        }
        _ => return around::render(card, event),
    }
    PostKind::Ordinary
}
