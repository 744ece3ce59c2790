//! The truth about a generated session, noted down as it is generated and never read back from its bytes.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Tokens of a model, by message id: each id counts once, with its line of the most output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens that no cache held.
    pub input: u64,
    /// Tokens of the answers. With clients that never write the real number: the placeholders' sum.
    pub output: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Prompt tokens written to the five-minute cache.
    pub write_5m: u64,
    /// Prompt tokens written to the one-hour cache.
    pub write_1h: u64,
    /// Distinct message ids.
    pub messages: u64,
}

impl Usage {
    /// Adds one message, or another sum.
    pub fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.write_5m += other.write_5m;
        self.write_1h += other.write_1h;
        self.messages += other.messages;
    }
}

/// A Bash call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bash {
    /// Its number, which stands in the command; rising from 1 in the order of writing.
    pub serial: u32,
    /// The command in full.
    pub command: String,
    /// Whether a subagent ran it.
    pub side: bool,
}

/// How a command carries its serial: found in it by searching, printed by the player's `--list-steps`.
pub fn step(serial: u32) -> String {
    format!("step {serial:06}")
}

/// What was done to the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Records cut in the middle: they cannot be got back, and nothing else in this report counts them.
    pub cut: u64,
    /// Pairs of whole records on one line; both are to be read.
    pub glued: u64,
    /// Runs of NUL bytes, before or between records.
    pub nul_runs: u64,
    /// Records that end with CR LF.
    pub crlf: u64,
    /// Files that begin with a byte order mark.
    pub bom: u64,
    /// Records with bytes that are not UTF-8 inside a string.
    pub invalid_utf8: u64,
    /// Empty lines.
    pub empty: u64,
    /// Records written a second time: by a resume, a fork or a replay in a sidechain.
    pub copies: u64,
}

/// The truth about a session. Errors, prompts and tools are those of the agent itself; what a subagent did
/// stands apart, and its tokens are in `models`, for they cost the same money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Tokens by the model's name as the records have it. `<synthetic>` is not among them.
    pub models: BTreeMap<String, Usage>,
    /// Calls by the name of the tool.
    pub tools: BTreeMap<String, u64>,
    /// Calls of subagents, as far as they stand in records of their own (and not in progress records only).
    pub side_tools: BTreeMap<String, u64>,
    /// The Bash calls in the order of writing.
    pub bash: Vec<Bash>,
    /// Tool results that say `is_error: true`.
    pub errors: u64,
    /// Answers that are errors of the API (`isApiErrorMessage`).
    pub api_errors: u64,
    /// What a person asked for: no slash commands, no output of them, no interruptions, nothing injected, nothing
    /// typed ahead.
    pub prompts: u64,
    /// Distinct `uuid`s of whole records.
    pub uuids: u64,
    /// Records written, copies and cut ones included, over all JSONL files.
    pub records: u64,
    /// Bytes written, over all files.
    pub bytes: u64,
    /// Bytes of the longest line.
    pub longest: u64,
    /// What was done to the bytes.
    pub damage: Damage,
    /// Strings of the shape of secrets that occur: none of them may be shown to anybody.
    pub secrets: Vec<String>,
    /// The shapes that occur: record types, subtypes, tools and traps, e.g. `system/turn_duration`, `trap/glued`.
    pub shapes: BTreeSet<String>,
    /// The files, relative to the project's folder.
    pub files: BTreeSet<String>,
}

impl Expected {
    /// The tokens of all models together.
    pub fn total(&self) -> Usage {
        self.models.values().fold(Usage::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }

    /// The serials of the agent's own Bash calls, in order.
    pub fn steps(&self) -> impl Iterator<Item = u32> + '_ {
        self.bash
            .iter()
            .filter(|one| !one.side)
            .map(|one| one.serial)
    }
}
