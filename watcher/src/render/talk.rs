//! What is said and what happens around the tools.

use super::card::{Card, Part, Room};
use super::{PostKind, style, tool};
use crate::events::{Event, Kind};
use crate::filter::Filters;

/// A person reads this much of a text in passing; the rest is attached.
const TEXT: Room = Room {
    chars: 2000,
    lines: 60,
    part: Part::Head,
};
const SHORT: Room = Room {
    chars: 1000,
    lines: 20,
    part: Part::Ends,
};

/// Fills `card` with `event`; `None` when there is nothing to show.
pub(super) fn render(card: &mut Card<'_>, event: &Event, filters: &Filters) -> Option<PostKind> {
    let mut kind = PostKind::Ordinary;
    match &event.kind {
        Kind::Tool(call) => return tool::render(card, event, call, filters),
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
            if *images > 0 {
                card.say(&format!(
                    "*with {images} image{} or documents*",
                    if *images == 1 { "" } else { "s" }
                ));
            }
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
        Kind::Said { text } => {
            card.title(style::SAID, "Assistant");
            card.prose(text, TEXT, "answer.md");
        }
        Kind::Thought { text } => {
            card.title(style::THOUGHT, "Thinking");
            card.prose(text, TEXT, "thinking.md");
        }
        Kind::ApiError { status, text } => {
            kind = PostKind::Error;
            let status = status.map_or_else(String::new, |status| format!(" {status}"));
            card.title(style::ERROR, &format!("API error{status}"));
            let text = card.clean(text);
            card.code("", &text, SHORT, "error.txt");
        }
        Kind::Retry {
            attempt,
            most,
            wait_ms,
            reason,
        } => {
            card.title(style::RETRY, "The API is asked again");
            let of = if *most > 0 {
                format!(" of {most}")
            } else {
                String::new()
            };
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(" after {reason}")
            };
            card.say(&format!(
                "Attempt {attempt}{of}{reason}, in {}.",
                super::summary::duration(*wait_ms)
            ));
        }
        Kind::Interrupted { tool } => {
            card.title(style::INTERRUPTED, "Interrupted");
            card.say(if *tool {
                "A person stopped a running tool."
            } else {
                "A person stopped the agent."
            });
        }
        Kind::Compacted { trigger, tokens } => {
            card.title(style::COMPACTED, "Conversation compacted");
            let how = if trigger == "auto" {
                "because it was full"
            } else {
                "on request"
            };
            let before = if *tokens > 0 {
                format!(" It had {} tokens.", super::summary::number(*tokens))
            } else {
                String::new()
            };
            card.say(&format!("A summary replaces it, {how}.{before}"));
        }
        Kind::PullRequest {
            url,
            repository,
            number,
        } => {
            let number = if *number > 0 {
                format!(" #{number}")
            } else {
                String::new()
            };
            card.title(
                style::PULL_REQUEST,
                &format!("Pull request {repository}{number}"),
            );
            card.say(url);
        }
        Kind::Background { id, status, text } => {
            if status == "failed" {
                kind = PostKind::Error;
            }
            card.title(style::BACKGROUND, &format!("Background task {status}"));
            if kind == PostKind::Error {
                card.color(style::RED);
            }
            card.prose(text, SHORT, "task.md");
            card.detail(id);
        }
        Kind::Hook { text, prevented } => {
            kind = PostKind::Error;
            card.title(
                style::HOOK,
                if *prevented {
                    "A hook stopped the agent from ending"
                } else {
                    "A hook failed"
                },
            );
            let text = card.clean(text);
            card.code("", &text, SHORT, "hook.txt");
        }
        Kind::Notice { text } => {
            card.title(style::NOTICE, "Notice");
            card.prose(text, SHORT, "notice.md");
        }
        Kind::Began { model, version } => {
            card.title(style::BEGAN, "Session started");
            card.detail(model);
            card.detail(version);
            card.detail(event.cwd.as_deref().unwrap_or_default());
        }
        Kind::Finished { .. } => return super::summary::finished(card, &event.kind),
    }
    Some(kind)
}
