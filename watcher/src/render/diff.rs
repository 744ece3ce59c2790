//! Changes of files as unified diffs.

use super::card::{Card, Part, Room};
use super::style;
use crate::events::{Answer, Change, Detail, Hunk};
use std::fmt::Write as _;

/// A diff is shown up to 60 lines; a longer one is attached.
const DIFF: Room = Room {
    chars: 3400,
    lines: 60,
    part: Part::Head,
};
const NEW_FILE: Room = Room {
    chars: 2000,
    lines: 40,
    part: Part::Head,
};

/// An edit, from the client's own diff where there is one, else from what was asked for.
pub(super) fn edit(
    card: &mut Card<'_>,
    name: &str,
    path: &str,
    changes: &[Change],
    answer: Option<&Answer>,
) {
    heading(card, name, path);
    match patch(answer).filter(|(hunks, _)| !hunks.is_empty()) {
        Some((hunks, by_user)) => {
            show(card, path, &unified(path, hunks));
            counts(card, hunks);
            if by_user {
                card.detail("changed by a person before it was taken");
            }
        }
        None => show(card, path, &asked(path, changes)),
    }
}

/// A written file: a diff where it replaced one, else its beginning.
pub(super) fn write(
    card: &mut Card<'_>,
    name: &str,
    path: &str,
    content: &str,
    answer: Option<&Answer>,
) {
    heading(card, name, path);
    if let Some((hunks, _)) = patch(answer).filter(|(hunks, _)| !hunks.is_empty()) {
        show(card, path, &unified(path, hunks));
        counts(card, hunks);
    } else {
        let text = card.clean(content);
        card.code(
            style::language(path),
            &text,
            NEW_FILE,
            &file_name(card, path, ""),
        );
        card.detail(&format!("{} lines", content.lines().count()));
    }
    if matches!(
        answer.map(|answer| &answer.detail),
        Some(Detail::Patch { created: true, .. })
    ) {
        card.detail("new file");
    }
}

/// A notebook's cell.
pub(super) fn notebook(card: &mut Card<'_>, path: &str, cell: &str, mode: &str, source: &str) {
    heading(card, "NotebookEdit", path);
    let mode = if mode.is_empty() { "replace" } else { mode };
    card.detail(format!("{mode} cell {cell}").trim());
    let sign = if mode == "delete" { '-' } else { '+' };
    let text = prefixed(source, sign);
    show(card, path, &text);
}

fn heading(card: &mut Card<'_>, name: &str, path: &str) {
    card.title(style::tool(name), &format!("{name} {}", file_tail(path)));
    card.detail(path);
}

fn patch(answer: Option<&Answer>) -> Option<(&[Hunk], bool)> {
    match &answer?.detail {
        Detail::Patch { hunks, by_user, .. } => Some((hunks, *by_user)),
        _ => None,
    }
}

fn show(card: &mut Card<'_>, path: &str, text: &str) {
    let text = card.clean(text);
    card.code("diff", &text, DIFF, &file_name(card, path, ".diff"));
}

fn counts(card: &mut Card<'_>, hunks: &[Hunk]) {
    let count = |sign: char| {
        hunks
            .iter()
            .flat_map(|hunk| &hunk.lines)
            .filter(|line| line.starts_with(sign))
            .count()
    };
    card.detail(&format!("+{} −{}", count('+'), count('-')));
}

/// A unified diff of the client's hunks.
pub(super) fn unified(path: &str, hunks: &[Hunk]) -> String {
    let mut text = format!("--- {path}\n+++ {path}\n");
    for hunk in hunks {
        let ((old, old_lines), (new, new_lines)) = (hunk.old, hunk.new);
        let _ = writeln!(text, "@@ -{old},{old_lines} +{new},{new_lines} @@");
        for line in &hunk.lines {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// What was asked for, where the client noted no diff: whole old against whole new text.
fn asked(path: &str, changes: &[Change]) -> String {
    let mut text = format!("--- {path}\n+++ {path}\n");
    for change in changes {
        let note = if change.all { " everywhere" } else { "" };
        let _ = writeln!(text, "@@{note} @@");
        text.push_str(&prefixed(&change.old, '-'));
        text.push_str(&prefixed(&change.new, '+'));
    }
    text
}

fn prefixed(text: &str, sign: char) -> String {
    text.lines()
        .fold(String::with_capacity(text.len() + 64), |mut all, line| {
            let _ = writeln!(all, "{sign}{line}");
            all
        })
}

/// The last part of a path.
pub(super) fn file_tail(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// A name Discord takes for an attachment. It is washed as long as it is whole: no cut secret is known for one.
fn file_name(card: &Card<'_>, path: &str, extension: &str) -> String {
    let path = card.clean(path);
    let mut name: String = file_tail(path.as_str())
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    if name.trim_matches('.').is_empty() {
        name = "file.txt".into();
    }
    name.push_str(extension);
    name
}
