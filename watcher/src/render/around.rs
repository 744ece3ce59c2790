//! What happens around the conversation: errors, retries, interruptions, compaction, background tasks.

use super::card::Card;
use super::summary::{duration, number};
use super::talk::SHORT;
use super::{PostKind, style};
use crate::events::{Event, Kind};

/// Fills `card` with `event`.
pub(super) fn render(card: &mut Card<'_>, event: &Event) -> PostKind {
    match &event.kind {
        Kind::ApiError { status, text } => {
            let status = status.map_or_else(String::new, |status| format!(" {status}"));
            card.title(style::ERROR, &format!("API error{status}"));
            block(card, text, "error.txt");
            return PostKind::Error;
        }
        Kind::Retry {
            attempt,
            most,
            wait_ms,
            reason,
        } => retry(card, *attempt, *most, *wait_ms, reason),
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
            card.say(if trigger == "auto" {
                "It was full; a summary replaces it."
            } else {
                "A summary replaces it, on request."
            });
            if *tokens > 0 {
                card.detail(&format!("{} tokens before", number(*tokens)));
            }
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
            card.title(style::BACKGROUND, &format!("Background task {status}"));
            card.prose(text, SHORT, "task.md");
            card.detail(id);
            if status == "failed" {
                card.color(style::RED);
                return PostKind::Error;
            }
        }
        Kind::Hook { text, prevented } => {
            card.title(
                style::HOOK,
                if *prevented {
                    "A hook kept the agent going"
                } else {
                    "A hook failed"
                },
            );
            block(card, text, "hook.txt");
            return PostKind::Error;
        }
        Kind::Began { model, version } => {
            card.title(style::BEGAN, "Session started");
            card.detail(model);
            card.detail(version);
            card.detail(event.cwd.as_deref().unwrap_or_default());
        }
        Kind::Notice { text } => {
            card.title(style::NOTICE, "Notice");
            card.prose(text, SHORT, "notice.md");
        }
        // The conversation itself is rendered elsewhere.
        _ => {}
    }
    PostKind::Ordinary
}

fn block(card: &mut Card<'_>, text: &str, name: &str) {
    let text = card.clean(text);
    card.code("", &text, SHORT, name);
}

fn retry(card: &mut Card<'_>, attempt: u64, most: u64, wait_ms: u64, reason: &str) {
    card.title(style::RETRY, "The API is asked again");
    let of = if most > 0 {
        format!(" of {most}")
    } else {
        String::new()
    };
    let after = if reason.is_empty() {
        String::new()
    } else {
        format!(" after {reason}")
    };
    card.say(&format!(
        "Attempt {attempt}{of}{after}, in {}.",
        duration(wait_ms)
    ));
}
