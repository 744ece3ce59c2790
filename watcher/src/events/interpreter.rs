//! Reads lines, keeps what must be known between them, says what happened.

use super::pairing::{Open, Pairing};
use super::{Activity, Event, Journal, Kind, Memory, Outcome, ToolEvent, hash};
use crate::record::{self, Entry, Losses};
use crate::usage::{Ledger, Limits};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct InterpretOptions {
    /// A call without a result for so long is told as running.
    pub running_after: Duration,
    /// Whether thinking is an event.
    pub thinking: bool,
    /// Hashes of records, texts and calls remembered against copies.
    pub memory: usize,
    /// How much the ledger remembers.
    pub ledger: Limits,
}

impl Default for InterpretOptions {
    fn default() -> Self {
        Self {
            running_after: Duration::from_secs(10),
            thinking: false,
            memory: 262_144,
            ledger: Limits::default(),
        }
    }
}

/// Turns lines into events. One for all files of a Pod, since copies stand in other files.
#[derive(Debug)]
pub struct Interpreter {
    pub(super) options: InterpretOptions,
    pub(super) seen: Memory,
    pub(super) calls: Pairing,
    pub(super) ledger: Ledger,
    pub(super) losses: Losses,
    pub(super) activity: Activity,
    pub(super) sessions: VecDeque<Arc<str>>,
    /// Texts typed ahead and told then, by session; they come again as prompts when their turn comes.
    pub(super) queue: VecDeque<(Arc<str>, u64)>,
    pub(super) folders: VecDeque<Arc<str>>,
    /// Subagent id and what it was sent for, newest last.
    pub(super) agents: VecDeque<(Box<str>, Arc<str>)>,
}

/// Names kept for sharing; a run has few sessions and folders.
pub(super) const NAMES: usize = 64;

impl Interpreter {
    /// Nothing read, nothing seen.
    pub fn new(options: InterpretOptions) -> Self {
        Self {
            options,
            seen: Memory::new(options.memory),
            calls: Pairing::default(),
            ledger: Ledger::new(options.ledger),
            losses: Losses::default(),
            activity: Activity::default(),
            sessions: VecDeque::new(),
            queue: VecDeque::new(),
            folders: VecDeque::new(),
            agents: VecDeque::new(),
        }
    }

    /// Reads one line (without its newline) of the file of `session`, or of its `subagent`, and appends what happened.
    pub fn read(
        &mut self,
        session: &str,
        subagent: Option<&str>,
        line: &[u8],
        out: &mut Vec<Event>,
    ) {
        let mut losses = self.losses;
        record::read(line, &mut losses, |entry, text| {
            self.entry(session, subagent, entry, text, out);
        });
        losses.unknown = self.losses.unknown;
        self.losses = losses;
    }

    /// Appends the calls that have waited too long to be kept back, as running.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Event>) {
        let patience = self.options.running_after;
        for call in self.calls.iter_mut() {
            if call.told || call.copy || now.saturating_duration_since(call.read) < patience {
                continue;
            }
            call.told = true;
            self.seen.insert(hash(&[b"told", call.id.as_bytes()]));
            out.push(tool_event(call, Outcome::Running));
        }
    }

    /// When [`Self::tick`] has something to say at the earliest.
    pub fn next_tick(&self) -> Option<Instant> {
        let waiting = self.calls.iter().filter(|call| !call.told && !call.copy);
        waiting
            .map(|call| call.read + self.options.running_after)
            .min()
    }

    /// Learns what was seen before, and from now on keeps note of what is new for [`Self::keep`]; how many hashes there
    /// were.
    pub fn learn(&mut self, journal: &Journal) -> usize {
        journal.teach(&mut self.seen)
    }

    /// Writes down what was seen since the last time.
    pub fn keep(&mut self, journal: &mut Journal) -> std::io::Result<()> {
        journal.keep(&mut self.seen)
    }

    /// Learns what [`Memory::export`] wrote; how many hashes it held.
    pub fn import(&mut self, exported: &str) -> usize {
        self.seen.import(exported)
    }

    /// Tokens so far.
    pub fn usage(&self) -> &Ledger {
        &self.ledger
    }

    /// Notes lines that somebody had to leave out before they came here.
    pub fn left_out(&mut self, lines: u64) {
        self.losses.cut += lines;
    }

    /// What lines lost so far.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// What the agents do.
    pub fn activity(&self) -> Activity {
        let open = || self.calls.iter().filter(|call| !call.copy);
        Activity {
            tool: open().next_back().map(|call| call.name.clone()),
            open_calls: open().count(),
            ..self.activity.clone()
        }
    }

    fn entry(
        &mut self,
        session: &str,
        subagent: Option<&str>,
        entry: &Entry<'_>,
        text: &str,
        out: &mut Vec<Event>,
    ) {
        match entry.kind.as_str() {
            "progress" => return self.progress(session, entry),
            "file-history-snapshot"
            | "stream_event"
            | "rate_limit_event"
            | "last-prompt"
            | "permission-mode"
            | "mode"
            | "custom-title"
            | "ai-title"
            | "agent-name"
            | "agent-setting"
            | "bridge-session"
            | "worktree-state"
            | "summary" => return,
            _ => {}
        }
        let context = self.context(session, subagent, entry, text);
        match entry.kind.as_str() {
            "assistant" => self.assistant(entry, &context, out),
            "user" => self.user(entry, &context, out),
            "system" => self.system(entry, &context, out),
            "result" => self.result(entry, &context, out),
            "queue-operation" => self.queued(entry, &context, out),
            "attachment" => self.attachment(entry, &context, out),
            "pr-link" => {
                if context.fresh {
                    out.push(context.event(Kind::PullRequest {
                        url: entry.pr_url.owned(),
                        repository: entry.pr_repository.owned(),
                        number: entry.pr_number.count(),
                    }));
                }
            }
            _ => self.losses.unknown += 1,
        }
    }
}

pub(super) fn tool_event(call: &Open, outcome: Outcome) -> Event {
    Event {
        at: call.at,
        session: call.session.clone(),
        agent: call.agent.clone(),
        cwd: call.cwd.clone(),
        kind: Kind::Tool(Box::new(ToolEvent {
            id: call.id.clone(),
            name: call.name.clone(),
            call: call.call.clone(),
            outcome,
        })),
    }
}
