//! What a tool gave back.

use super::Call;
use super::returned::{HunkRecord, Returned, TodoRecord};
use crate::record::{Block, Blocks, Number, Text, lenient, text_of};
use serde_json::value::RawValue;
use std::mem::take;

/// A result.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Whether the call failed.
    pub failed: bool,
    /// Whether a person refused it, which is no error of anything.
    pub refused: bool,
    /// The text the model got, where no detail says it better.
    pub text: String,
    /// Images it got.
    pub images: usize,
    /// Exit code of a command, where it is known.
    pub exit_code: Option<i64>,
    /// Milliseconds from call to result.
    pub duration_ms: Option<u64>,
    /// What else the client noted, by tool.
    pub detail: Detail,
}

/// What the client noted besides the text.
#[derive(Debug, Clone, Default)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// A shell command.
    Bash {
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
        /// Stopped by a person or by its time limit.
        interrupted: bool,
        /// What the exit code means, when it is not 0 and yet no failure.
        meaning: String,
        /// Id of the background task it became.
        background: String,
        /// Where output too long for the transcript went.
        persisted: String,
    },
    /// A file changed.
    Patch {
        /// The changes.
        hunks: Vec<Hunk>,
        /// Whether the file is new.
        created: bool,
        /// Whether a person changed the proposal.
        by_user: bool,
    },
    /// A file was read.
    Read {
        /// Lines read.
        lines: u64,
        /// First line.
        start: u64,
        /// Lines of the file.
        total: u64,
        /// `text`, `image`, `pdf`, `notebook` and others.
        kind: String,
    },
    /// Files were found.
    Found {
        /// Their names, the first ones.
        files: Vec<String>,
        /// How many.
        count: u64,
        /// Matching lines.
        content: String,
        /// Whether there were more.
        truncated: bool,
    },
    /// A page was fetched.
    Fetched {
        /// HTTP status.
        status: u64,
        /// Bytes of the page.
        bytes: u64,
        /// What was made of it.
        text: String,
    },
    /// The web was searched.
    Searched {
        /// Titles and addresses.
        links: Vec<(String, String)>,
    },
    /// A subagent ended or was sent off.
    Agent {
        /// Its id.
        id: String,
        /// `completed`, `async_launched` and others.
        status: String,
        /// Milliseconds.
        duration_ms: u64,
        /// Tokens, as the client counts them.
        tokens: u64,
        /// Tool calls.
        tools: u64,
        /// What it reported.
        text: String,
    },
    /// The list of things to do as it is now.
    Todos(Vec<Todo>),
    /// One thing to do.
    Task {
        /// Its number.
        id: String,
        /// What.
        subject: String,
        /// Status before.
        from: String,
        /// Status now.
        to: String,
    },
    /// What the person answered.
    Replies(Vec<(String, String)>),
}

/// A run of changed lines with its context.
#[derive(Debug, Clone, Default)]
pub struct Hunk {
    /// First line and lines before.
    pub old: (u64, u64),
    /// First line and lines after.
    pub new: (u64, u64),
    /// Lines, each with its `+`, `-` or blank.
    pub lines: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, Default)]
pub struct Todo {
    /// What.
    pub text: String,
    /// `pending`, `in_progress`, `completed`.
    pub status: String,
}

impl Answer {
    /// Reads a result block and what the client noted beside it.
    pub fn of(call: &Call, block: &Block<'_>, noted: Option<&RawValue>) -> Self {
        let failed = block.is_error.is_true();
        // On failure the note is a string that repeats the text; only an object says more.
        let noted = noted.filter(|raw| raw.get().starts_with('{'));
        let mut returned: Returned<'_> = lenient(noted);
        let detail = if noted.is_some() && !failed {
            detail(call, &mut returned)
        } else {
            Detail::None
        };
        let (text, images) = match detail {
            Detail::None | Detail::Task { .. } => body(block.content),
            _ => (String::new(), 0),
        };
        let duration = [returned.duration, returned.total_duration]
            .into_iter()
            .find_map(|number| number.0);
        let duration = duration.or(returned.seconds.0.map(|seconds| seconds * 1000.0));
        let exit_code = exit_code(call, failed, &detail, &text);
        Self {
            failed,
            refused: failed && is_refusal(&text),
            text,
            images: images + usize::from(returned.is_image.is_true()),
            exit_code,
            duration_ms: duration.map(|millis| Number(Some(millis)).count()),
            detail,
        }
    }
}

/// What may be long is taken out of `returned` and not copied.
fn detail(call: &Call, returned: &mut Returned<'_>) -> Detail {
    match call {
        Call::Bash { .. } => Detail::Bash {
            // An image on standard output is a data URL, which nobody can read.
            stdout: if returned.is_image.is_true() {
                String::new()
            } else {
                take(&mut returned.stdout).into_owned()
            },
            stderr: take(&mut returned.stderr).into_owned(),
            interrupted: returned.interrupted.is_true(),
            meaning: returned.meaning.owned(),
            background: returned.background.owned(),
            persisted: returned.persisted.owned(),
        },
        Call::Edit { .. } | Call::Write { .. } => Detail::Patch {
            hunks: returned.hunks.0.iter().map(hunk).collect(),
            created: returned.kind.as_str() == "create",
            by_user: returned.by_user.is_true(),
        },
        Call::Read { .. } => Detail::Read {
            lines: returned.file.lines.count(),
            start: returned.file.start.count(),
            total: returned.file.total.count(),
            kind: returned.kind.owned(),
        },
        Call::Search { .. } => Detail::Found {
            files: returned.files.0.iter().take(200).map(Text::owned).collect(),
            count: returned.count.count().max(returned.files.0.len() as u64),
            content: Text(returned.content.and_then(text_of)).into_owned(),
            truncated: returned.truncated.is_true(),
        },
        Call::WebFetch { .. } => Detail::Fetched {
            status: returned.code.count(),
            bytes: returned.bytes.count(),
            text: take(&mut returned.result).into_owned(),
        },
        Call::WebSearch { .. } => Detail::Searched {
            links: returned
                .results
                .0
                .iter()
                .flat_map(|group| &group.links.0)
                .map(|link| (link.title.owned(), link.url.owned()))
                .collect(),
        },
        Call::Agent { .. } => Detail::Agent {
            id: returned.agent.owned(),
            status: returned.status.owned(),
            duration_ms: returned.total_duration.count(),
            tokens: returned.tokens.count(),
            tools: returned.tools.count(),
            text: body(returned.content).0,
        },
        Call::Todos(_) => Detail::Todos(returned.todos.0.iter().map(TodoRecord::owned).collect()),
        Call::Task { .. } => Detail::Task {
            id: returned
                .task_id
                .some()
                .unwrap_or(returned.task.id.as_str())
                .to_owned(),
            subject: returned.task.subject.owned(),
            from: returned.change.from.owned(),
            to: returned
                .change
                .to
                .some()
                .unwrap_or(returned.task.status.as_str())
                .to_owned(),
        },
        Call::Ask(_) => Detail::Replies(returned.answers.0.clone()),
        _ => Detail::None,
    }
}

fn hunk(record: &HunkRecord<'_>) -> Hunk {
    Hunk {
        old: (record.old_start.count(), record.old_lines.count()),
        new: (record.new_start.count(), record.new_lines.count()),
        lines: record.lines.0.iter().map(Text::owned).collect(),
    }
}

/// The text of a result's content and how many images stand in it.
fn body(content: Option<&RawValue>) -> (String, usize) {
    if let Some(text) = content.and_then(text_of) {
        return (Text(Some(text)).into_owned(), 0);
    }
    match lenient::<Blocks<'_>>(content) {
        Blocks::None | Blocks::Text(_) => (String::new(), 0),
        Blocks::List(blocks) => {
            let texts: Vec<_> = blocks
                .iter()
                .filter_map(|block| block.text.and_then(text_of))
                .collect();
            let images = blocks
                .iter()
                .filter(|block| block.kind.as_str() == "image")
                .count();
            (texts.join("\n"), images)
        }
    }
}

/// Exit codes exist only as the text "Exit code N" of a failure.
fn exit_code(call: &Call, failed: bool, detail: &Detail, text: &str) -> Option<i64> {
    if !matches!(call, Call::Bash { .. }) {
        return None;
    }
    if failed {
        let digits = text.trim_start().strip_prefix("Exit code ")?;
        let end = digits
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(digits.len());
        return digits.get(..end)?.parse().ok();
    }
    match detail {
        // Started, not ended; or ended with another code that is no failure.
        Detail::Bash {
            background,
            meaning,
            interrupted,
            ..
        } if !background.is_empty() || !meaning.is_empty() || *interrupted => None,
        _ => Some(0),
    }
}

fn is_refusal(text: &str) -> bool {
    text.starts_with("The user doesn't want to") || text.starts_with("User rejected")
}
