//! What was counted, by session.

use crate::events::{Identity, hash};
use crate::record::{Blocks, Entry, Losses, Progress, lenient};
use crate::usage::{Ledger, Limits, Sample, Tariff, Tokens};
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;

/// Tools told apart in one session.
const TOOLS: usize = 512;

/// One session's figures besides tokens.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) cwd: String,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) tools: BTreeMap<String, u64>,
    pub(super) errors: u64,
}

/// Everything counted.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) ledger: Ledger,
    pub(super) sessions: Vec<Session>,
    pub(super) losses: Losses,
    pub(super) files: u64,
    pub(super) unreadable: u64,
    pub(super) lines: u64,
    /// Calls, results and errors counted, by hash: copies of sessions repeat them.
    seen: HashSet<u64, BuildHasherDefault<Identity>>,
}

impl Book {
    pub(super) fn new() -> Self {
        // A report is right or useless: what the live ledger forgets after long is remembered here.
        let limits = Limits {
            open: usize::MAX,
            remembered: 2,
            models: 4096,
            sessions: usize::MAX,
        };
        Self {
            ledger: Ledger::new(limits),
            sessions: Vec::new(),
            losses: Losses::default(),
            files: 0,
            unreadable: 0,
            lines: 0,
            seen: HashSet::default(),
        }
    }

    /// Counts a record of the file of `session`.
    pub(super) fn entry(&mut self, session: &str, entry: &Entry<'_>) {
        let session = entry.session.some().unwrap_or(session);
        if let Some(time) = entry.timestamp.some() {
            self.moment(session, time);
        }
        match entry.kind.as_str() {
            "assistant" => self.assistant(session, entry),
            "progress" => {
                let progress: Progress<'_> = lenient(entry.data);
                let inner: Entry<'_> = lenient(progress.message);
                match inner.kind.as_str() {
                    "assistant" => self.assistant(session, &inner),
                    "user" => self.user(session, &inner),
                    _ => {}
                }
            }
            "user" => self.user(session, entry),
            "result" => {
                if let Some(cost) = entry.total_cost.0 {
                    self.ledger.exact_cost(session, cost);
                }
                let costs = lenient(entry.model_usage);
                self.ledger.exact_model_costs(session, &costs);
            }
            _ => {}
        }
        if let Some(cwd) = entry.cwd.some() {
            let session = self.session(session);
            if session.cwd.is_empty() {
                cwd.clone_into(&mut session.cwd);
            }
        }
    }

    /// Notes that something happened in `session` at `time`, ISO 8601 in UTC, which sorts as text.
    pub(super) fn moment(&mut self, session: &str, time: &str) {
        let session = self.session(session);
        if session.first.as_deref().is_none_or(|first| time < first) {
            session.first = Some(time.to_owned());
        }
        if session.last.as_deref().is_none_or(|last| time > last) {
            session.last = Some(time.to_owned());
        }
    }

    fn assistant(&mut self, session: &str, entry: &Entry<'_>) {
        let message = &entry.message;
        if entry.api_error.is_true()
            && self
                .seen
                .insert(hash(&[b"error", entry.uuid.as_str().as_bytes()]))
        {
            self.session(session).errors += 1;
        }
        if let Some(usage) = &message.usage {
            let tokens = Tokens::of(usage);
            self.ledger.count(&Sample {
                message: message.id.as_str(),
                model: message.model.as_str(),
                session,
                ended: message.stop_reason.some().is_some(),
                tokens,
                tariff: Tariff::of(usage, &tokens),
            });
        }
        let Blocks::List(blocks) = &message.content else {
            return;
        };
        for block in blocks
            .iter()
            .filter(|block| block.kind.as_str().ends_with("tool_use"))
        {
            if !self
                .seen
                .insert(hash(&[b"call", block.id.as_str().as_bytes()]))
            {
                continue;
            }
            let tools = &mut self.session(session).tools;
            let name = block.name.as_str();
            if let Some(count) = tools.get_mut(name) {
                *count += 1;
            } else if tools.len() < TOOLS {
                tools.insert(name.to_owned(), 1);
            }
        }
    }

    fn user(&mut self, session: &str, entry: &Entry<'_>) {
        let message = &entry.message;
        let Blocks::List(blocks) = &message.content else {
            return;
        };
        for block in blocks.iter().filter(|block| block.is_error.is_true()) {
            if self
                .seen
                .insert(hash(&[b"result", block.tool.as_str().as_bytes()]))
            {
                self.session(session).errors += 1;
            }
        }
    }

    fn session(&mut self, id: &str) -> &mut Session {
        // The session in use is nearly always the newest.
        let at = self
            .sessions
            .iter()
            .rposition(|session| session.id == id)
            .unwrap_or_else(|| {
                self.sessions.push(Session {
                    id: id.to_owned(),
                    ..Session::default()
                });
                self.sessions.len() - 1
            });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.sessions[at]
    }
}
