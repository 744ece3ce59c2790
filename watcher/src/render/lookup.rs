//! What the agent looked at: files, searches, the web.

use super::card::{Card, Part, Room};
use super::style;
use crate::events::{Answer, Call, Detail};
use std::borrow::Cow;

const FOUND: Room = Room {
    chars: 1000,
    lines: 20,
    part: Part::Head,
};
const PAGE: Room = Room {
    chars: 1200,
    lines: 30,
    part: Part::Head,
};

/// Reads and searches.
pub(super) fn render(card: &mut Card<'_>, name: &str, call: &Call, answer: Option<&Answer>) {
    let detail = answer.map(|answer| &answer.detail);
    match call {
        Call::Read {
            path,
            offset,
            limit,
        } => {
            card.title(
                style::tool(name),
                &format!("{name} {}", super::diff::file_tail(path)),
            );
            card.detail(path);
            match detail {
                Some(Detail::Read {
                    lines,
                    start,
                    total,
                    kind,
                }) if *lines > 0 => {
                    let last = start + lines.saturating_sub(1);
                    card.detail(&format!("lines {start}-{last} of {total}"));
                    if kind != "text" {
                        card.detail(kind);
                    }
                }
                Some(Detail::Read { kind, .. }) if kind != "text" => card.detail(kind),
                _ => {
                    let from = offset.map(|line| format!("from line {line}"));
                    let most = limit.map(|lines| format!("{lines} lines"));
                    card.detail(
                        &[most, from]
                            .into_iter()
                            .flatten()
                            .collect::<Vec<_>>()
                            .join(" "),
                    );
                }
            }
        }
        Call::Search {
            pattern,
            path,
            glob,
        } => {
            card.title(style::tool(name), &format!("{name} {pattern}"));
            card.detail(path);
            card.detail(glob);
            match detail {
                Some(Detail::Found {
                    files,
                    count,
                    content,
                    truncated,
                }) => found(card, files, *count, content, *truncated),
                _ => plain(card, answer),
            }
        }
        Call::WebSearch { query } => {
            card.title(style::tool(name), &format!("{name} {query}"));
            match detail {
                Some(Detail::Searched { links }) if !links.is_empty() => {
                    let lines: Vec<_> = links
                        .iter()
                        .take(8)
                        .map(|(title, url)| format!("{title}\n{url}"))
                        .collect();
                    let text = card.clean(&lines.join("\n"));
                    card.code("", &text, FOUND, "results.txt");
                    card.detail(&format!("{} results", links.len()));
                }
                _ => plain(card, answer),
            }
        }
        Call::WebFetch { url, prompt } => {
            card.title(style::tool(name), "WebFetch");
            card.say(url);
            if card.parity() {
                card.say(prompt);
            }
            match detail {
                Some(Detail::Fetched {
                    status,
                    bytes,
                    text,
                }) => {
                    card.detail(&format!("HTTP {status}"));
                    card.detail(&format!("{} bytes", super::summary::number(*bytes)));
                    card.prose(text, PAGE, "page.md");
                }
                _ => plain(card, answer),
            }
        }
        _ => {}
    }
}

fn plain(card: &mut Card<'_>, answer: Option<&Answer>) {
    if let Some(answer) = answer.filter(|answer| !answer.failed) {
        let text = card.clean(&pointer(&answer.text));
        card.code("", &text, FOUND, "result.txt");
    }
}

fn found(card: &mut Card<'_>, files: &[String], count: u64, content: &str, truncated: bool) {
    if content.trim().is_empty() {
        let text = card.clean(&files.join("\n"));
        card.code("", &text, FOUND, "files.txt");
        card.detail(&format!("{count} files"));
    } else {
        let text = card.clean(content);
        card.code("", &text, FOUND, "matches.txt");
        card.detail(&format!("{} lines", content.lines().count()));
    }
    if truncated {
        card.detail("there were more");
    }
}

/// Output too large for the transcript is replaced by a note to the model; a person is told in plain words.
pub(super) fn pointer(text: &str) -> Cow<'_, str> {
    const OPEN: &str = "<persisted-output>";
    if !text.trim_start().starts_with(OPEN) {
        return text.into();
    }
    let inner = text.trim_start().strip_prefix(OPEN).unwrap_or(text);
    inner.replacen("</persisted-output>", "", 1).into()
}
