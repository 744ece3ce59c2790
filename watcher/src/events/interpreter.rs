//! Reads lines, keeps what must be known between them, says what happened.

use super::pairing::{Open, Pairing};
use super::{Answer, Call, Event, Kind, Memory, Outcome, ToolEvent, hash, prompt};
use crate::record::{
    self, Block, Blocks, Compaction, Entry, List, Losses, Message, ModelCosts, Progress, Text,
    lenient, text_of,
};
use crate::usage::{Ledger, Limits, Sample, Tokens};
use serde_json::value::RawValue;
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

/// What the agents do at the moment.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// Time of the last record, ISO 8601.
    pub last: Option<Box<str>>,
    /// Time of the first record, ISO 8601.
    pub first: Option<Box<str>>,
    /// The model of the last answer.
    pub model: Option<Box<str>>,
    /// The client's version.
    pub version: Option<Box<str>>,
    /// The newest open call: the tool's name.
    pub tool: Option<String>,
    /// Calls without a result yet.
    pub open_calls: usize,
    /// Calls so far.
    pub calls: u64,
    /// Calls so far that failed, and errors of the API.
    pub errors: u64,
    /// Whether the last turn is over: nothing runs and the assistant waits.
    pub idle: bool,
    /// Whether a stream-json run ended, and whether it failed.
    pub finished: Option<bool>,
}

/// Turns lines into events. One for all files of a Pod, since copies stand in other files.
#[derive(Debug)]
pub struct Interpreter {
    options: InterpretOptions,
    seen: Memory,
    calls: Pairing,
    ledger: Ledger,
    losses: Losses,
    activity: Activity,
    sessions: VecDeque<Arc<str>>,
    folders: VecDeque<Arc<str>>,
    /// Subagent id and what it was sent for, newest last.
    agents: VecDeque<(Box<str>, Arc<str>)>,
}

/// Names kept for sharing; a run has few sessions and folders.
const NAMES: usize = 64;

/// What all events of one record share.
struct Context {
    at: Option<Box<str>>,
    session: Arc<str>,
    agent: Option<Arc<str>>,
    cwd: Option<Arc<str>>,
    fresh: bool,
}

impl Context {
    fn event(&self, kind: Kind) -> Event {
        Event {
            at: self.at.clone(),
            session: self.session.clone(),
            agent: self.agent.clone(),
            cwd: self.cwd.clone(),
            kind,
        }
    }
}

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
            self.entry(session, subagent, entry, text, out)
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

    /// What was seen, for the checkpoint.
    pub fn export(&self) -> String {
        self.seen.export()
    }

    /// Learns what [`Self::export`] wrote; how many hashes it held.
    pub fn import(&mut self, exported: &str) -> usize {
        self.seen.import(exported)
    }

    /// Tokens so far.
    pub fn usage(&self) -> &Ledger {
        &self.ledger
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
            "queue-operation" => queued(entry, &context, out),
            "attachment" => attachment(entry, &context, out),
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

    fn context(
        &mut self,
        session: &str,
        subagent: Option<&str>,
        entry: &Entry<'_>,
        text: &str,
    ) -> Context {
        let key = match (entry.kind.as_str(), entry.uuid.some()) {
            (_, Some(uuid)) => hash(&[b"uuid", uuid.as_bytes()]),
            ("pr-link", None) => hash(&[b"pr-link", entry.pr_url.as_str().as_bytes()]),
            ("queue-operation", None) => {
                let content = entry.content.map(RawValue::get).unwrap_or_default();
                hash(&[
                    b"queue",
                    entry.timestamp.as_str().as_bytes(),
                    content.as_bytes(),
                ])
            }
            (_, None) => hash(&[b"text", text.as_bytes()]),
        };
        let hidden = [entry.agent.as_str(), subagent.unwrap_or_default()]
            .iter()
            .any(|id| is_internal(id));
        let fresh = self.seen.insert(key) && !hidden;
        let at = checked_time(&entry.timestamp);
        if let Some(at) = &at {
            self.activity.last = Some(at.clone());
            if self.activity.first.is_none() {
                self.activity.first = Some(at.clone());
            }
        }
        if let Some(version) = entry.version.some() {
            if self.activity.version.as_deref() != Some(version) {
                self.activity.version = Some(version.into());
            }
        }
        let session = share(&mut self.sessions, entry.session.some().unwrap_or(session));
        let cwd = entry.cwd.some().map(|cwd| share(&mut self.folders, cwd));
        let agent = self.agent(subagent, entry);
        Context {
            at,
            session,
            agent,
            cwd,
            fresh,
        }
    }

    /// Who wrote the record, when it was not the session's own agent.
    fn agent(&mut self, subagent: Option<&str>, entry: &Entry<'_>) -> Option<Arc<str>> {
        if let Some(parent) = entry.parent_tool.some() {
            return Some(self.task(parent).unwrap_or_else(|| "Subagent".into()));
        }
        let id = subagent.filter(|id| !id.is_empty()).or(entry.agent.some());
        match id {
            Some(id) => {
                let known = self.agents.iter().find(|(known, _)| &**known == id);
                Some(known.map_or_else(
                    || format!("Subagent {id}").into(),
                    |(_, label)| label.clone(),
                ))
            }
            None => entry.sidechain.is_true().then(|| "Subagent".into()),
        }
    }

    fn task(&self, call: &str) -> Option<Arc<str>> {
        match &self.calls.find(call)?.call {
            Call::Agent {
                kind, description, ..
            } => {
                let label: Vec<&str> = ["Subagent", kind, description]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect();
                Some(label.join(" · ").into())
            }
            _ => None,
        }
    }

    fn progress(&mut self, session: &str, entry: &Entry<'_>) {
        let progress: Progress<'_> = lenient(entry.data);
        if progress.kind.as_str() != "agent_progress" {
            return;
        }
        if let Some(id) = progress.agent.some() {
            if !self.agents.iter().any(|(known, _)| &**known == id) {
                if let Some(label) = self.task(entry.parent_tool_use.as_str()) {
                    if self.agents.len() >= NAMES {
                        self.agents.pop_front();
                    }
                    self.agents
                        .push_back((id.into(), format!("{label} · {id}").into()));
                }
            }
        }
        // The subagent's own file may not be there; its message ids make the repeat harmless where it is.
        let inner: Entry<'_> = lenient(progress.message);
        if inner.kind.as_str() == "assistant" {
            let message: Message<'_> = lenient(inner.message);
            let session = entry.session.some().unwrap_or(session);
            self.count(&inner, &message, session, true);
        }
    }

    fn count(&mut self, entry: &Entry<'_>, message: &Message<'_>, session: &str, sidechain: bool) {
        let Some(usage) = &message.usage else { return };
        self.ledger.count(&Sample {
            message: message.id.as_str(),
            request: entry.request.as_str(),
            model: message.model.as_str(),
            session,
            sidechain,
            ended: message.stop_reason.some().is_some(),
            tokens: Tokens::of(usage),
        });
    }

    fn assistant(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let message: Message<'_> = lenient(entry.message);
        let sidechain = context.agent.is_some() || entry.sidechain.is_true();
        self.count(entry, &message, &context.session, sidechain);
        let synthetic = message.model.as_str() == "<synthetic>";
        if let Some(model) = message.model.some().filter(|_| !synthetic && !sidechain) {
            if self.activity.model.as_deref() != Some(model) {
                self.activity.model = Some(model.into());
            }
        }
        self.activity.idle = false;
        self.activity.finished = None;
        if entry.api_error.is_true() {
            if context.fresh {
                self.activity.errors += 1;
                out.push(context.event(Kind::ApiError {
                    status: entry.api_status.0.map(|_| entry.api_status.count()),
                    text: plain(&message.content),
                }));
            }
            return;
        }
        if synthetic {
            return;
        }
        let id = message.id.as_str();
        match &message.content {
            Blocks::None => {}
            Blocks::Text(text) => self.said(id, text, context, out),
            Blocks::List(blocks) => {
                for block in blocks {
                    match block.kind.as_str() {
                        "text" => {
                            if let Some(text) = block.text.and_then(text_of) {
                                self.said(id, &text, context, out);
                            }
                        }
                        "thinking" if self.options.thinking => {
                            let text = block.thinking.and_then(text_of).unwrap_or_default();
                            if context.fresh && !text.trim().is_empty() {
                                out.push(context.event(Kind::Thought {
                                    text: text.into_owned(),
                                }));
                            }
                        }
                        "tool_use" | "mcp_tool_use" => self.call(block, context, out),
                        _ => {}
                    }
                }
            }
        }
    }

    fn said(&mut self, message: &str, text: &str, context: &Context, out: &mut Vec<Event>) {
        let text = prompt::without_reminders(text);
        if text.trim().is_empty() {
            return;
        }
        // A copy of a session may have new uuids; message ids are kept.
        let new = message.is_empty()
            || self
                .seen
                .insert(hash(&[b"said", message.as_bytes(), text.as_bytes()]));
        if new && context.fresh {
            out.push(context.event(Kind::Said {
                text: text.into_owned(),
            }));
        }
    }

    fn call(&mut self, block: &Block<'_>, context: &Context, out: &mut Vec<Event>) {
        let new = self
            .seen
            .insert(hash(&[b"call", block.id.as_str().as_bytes()]));
        let fresh = new && context.fresh;
        if fresh {
            self.activity.calls += 1;
        }
        let gone = self.calls.open(Open {
            id: block.id.owned(),
            name: block.name.owned(),
            call: Call::of(block.name.as_str(), block.input),
            at: context.at.clone(),
            session: context.session.clone(),
            agent: context.agent.clone(),
            cwd: context.cwd.clone(),
            read: Instant::now(),
            copy: !fresh,
            told: self
                .seen
                .contains(hash(&[b"told", block.id.as_str().as_bytes()])),
        });
        out.extend(
            gone.iter()
                .filter(|call| !call.told && !call.copy)
                .map(|call| tool_event(call, Outcome::Unknown)),
        );
    }

    fn user(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let message: Message<'_> = lenient(entry.message);
        self.activity.idle = false;
        match &message.content {
            Blocks::None => {}
            Blocks::Text(text) => prompted(text, 0, entry, context, out),
            Blocks::List(blocks) => {
                let mut texts = Vec::new();
                let mut images = 0;
                for block in blocks {
                    match block.kind.as_str() {
                        "tool_result" | "mcp_tool_result" => {
                            self.answer(block, entry, context, out)
                        }
                        "text" => texts.extend(block.text.and_then(text_of)),
                        "image" | "document" => images += 1,
                        _ => {}
                    }
                }
                prompted(&texts.join("\n"), images, entry, context, out);
            }
        }
    }

    fn answer(
        &mut self,
        block: &Block<'_>,
        entry: &Entry<'_>,
        context: &Context,
        out: &mut Vec<Event>,
    ) {
        let id = block.tool.as_str();
        let call = self.calls.close(id);
        let new = self.seen.insert(hash(&[b"result", id.as_bytes()]));
        if !new || !context.fresh {
            return;
        }
        let known = call.as_ref().map_or(&Call::Missing, |call| &call.call);
        let mut answer = Answer::of(known, block, entry.tool_result);
        if answer.duration_ms.is_none() {
            answer.duration_ms = call
                .as_ref()
                .and_then(|call| between(call.at.as_deref(), context.at.as_deref()));
        }
        if answer.failed && !answer.refused {
            self.activity.errors += 1;
        }
        let (name, call, late) = call.map_or_else(
            || (String::new(), Call::Missing, false),
            |open| (open.name, open.call, open.told),
        );
        let tool = ToolEvent {
            id: id.to_owned(),
            name,
            call,
            outcome: Outcome::Answered { answer, late },
        };
        out.push(context.event(Kind::Tool(Box::new(tool))));
    }

    fn system(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let content = || entry.content.and_then(text_of).unwrap_or_default();
        let kind = match entry.subtype.as_str() {
            "turn_duration" => {
                self.activity.idle = context.agent.is_none();
                None
            }
            "stop_hook_summary" => {
                self.activity.idle = context.agent.is_none() && !entry.prevented.is_true();
                let errors: List<Text<'_>> = lenient(entry.hook_errors);
                let texts: Vec<_> = errors.0.iter().filter_map(Text::some).collect();
                (!texts.is_empty() || entry.prevented.is_true()).then(|| Kind::Hook {
                    text: texts.join("\n"),
                    prevented: entry.prevented.is_true(),
                })
            }
            "local_command" => {
                prompt::classify(&content(), 0).filter(|kind| !matches!(kind, Kind::Prompt { .. }))
            }
            "api_error" | "api_retry" => Some(Kind::Retry {
                attempt: entry.retry_attempt.count(),
                most: entry.max_retries.count(),
                wait_ms: entry.retry_in.count(),
                reason: retry_reason(entry),
            }),
            "compact_boundary" => {
                let compaction: Compaction<'_> = lenient(entry.compact);
                Some(Kind::Compacted {
                    trigger: compaction.trigger.owned(),
                    tokens: compaction.tokens.count(),
                })
            }
            "init" => {
                if let Some(model) = entry.model.some() {
                    self.activity.model = Some(model.into());
                }
                Some(Kind::Began {
                    model: entry.model.owned(),
                    version: entry.version.owned(),
                })
            }
            "informational" | "scheduled_task_fire" | "away_summary" => Some(Kind::Notice {
                text: content().into_owned(),
            })
            .filter(|_| !content().trim().is_empty()),
            _ => None,
        };
        out.extend(
            kind.filter(|_| context.fresh)
                .map(|kind| context.event(kind)),
        );
    }

    fn result(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let cost = entry.total_cost.0;
        if let Some(cost) = cost {
            self.ledger.exact_cost(&context.session, cost);
        }
        let _: ModelCosts = lenient(entry.model_usage);
        self.activity.idle = true;
        self.activity.finished = Some(entry.is_error.is_true());
        if !context.fresh {
            return;
        }
        let errors: List<Text<'_>> = lenient(entry.errors);
        let errors: Vec<_> = errors.0.iter().filter_map(Text::some).collect();
        let text = entry
            .result
            .some()
            .map_or_else(|| errors.join("\n"), str::to_owned);
        out.push(
            context.event(Kind::Finished {
                subtype: entry.subtype.owned(),
                failed: entry.is_error.is_true() || entry.subtype.as_str().starts_with("error"),
                text,
                duration_ms: entry.duration.count(),
                turns: entry.turns.count(),
                cost,
                denials: lenient::<List<serde::de::IgnoredAny>>(entry.denials)
                    .0
                    .len(),
            }),
        );
    }
}

/// Subagents that are the client's own machinery: their tokens cost money, their text is for nobody.
fn is_internal(agent: &str) -> bool {
    let id = agent.strip_prefix("agent-").unwrap_or(agent);
    id.starts_with("acompact") || id.starts_with("aprompt_suggestion")
}

fn prompted(text: &str, images: usize, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
    let for_the_model =
        entry.meta.is_true() || entry.compact_summary.is_true() || entry.transcript_only.is_true();
    if !context.fresh || for_the_model || (text.is_empty() && images == 0) {
        return;
    }
    out.extend(prompt::classify(text, images).map(|kind| context.event(kind)));
}

fn queued(entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
    if entry.operation.as_str() != "enqueue" || !context.fresh {
        return;
    }
    let text = entry.content.and_then(text_of).unwrap_or_default();
    let kind = match prompt::classify(&text, 0) {
        Some(Kind::Prompt { text, images, .. }) => Some(Kind::Prompt {
            text,
            images,
            queued: true,
        }),
        other => other,
    };
    out.extend(kind.map(|kind| context.event(kind)));
}

fn attachment(entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
    crate::record::loose! {
        /// The attachments that say something to a person.
        struct Attached<'de> {
            kind: Text<'de> = "type",
            id: Text<'de> = "taskId",
            status: Text<'de> = "status",
            description: Text<'de> = "description",
            summary: Text<'de> = "deltaSummary",
            blocking: Text<'de> = "blockingError",
            most: crate::record::Number = "maxTurns",
        }
    }
    let attached: Attached<'_> = lenient(entry.attachment);
    let kind = match attached.kind.as_str() {
        "task_status" => Some(Kind::Background {
            id: attached.id.owned(),
            status: attached.status.owned(),
            text: attached
                .description
                .some()
                .or(attached.summary.some())
                .unwrap_or_default()
                .to_owned(),
        }),
        "hook_blocking_error" => Some(Kind::Hook {
            text: attached.blocking.owned(),
            prevented: true,
        }),
        "max_turns_reached" => Some(Kind::Notice {
            text: format!("The limit of {} turns is reached.", attached.most.count()),
        }),
        _ => None,
    };
    out.extend(
        kind.filter(|_| context.fresh)
            .map(|kind| context.event(kind)),
    );
}

fn retry_reason(entry: &Entry<'_>) -> String {
    crate::record::loose! {
        /// An error object of the client.
        struct Failure<'de> {
            status: crate::record::Number = "status",
            message: Text<'de> = "message",
            code: Text<'de> = "code",
        }
    }
    if entry.error_status.0.is_some() {
        return entry.error_status.count().to_string();
    }
    if let Some(text) = entry.error.and_then(text_of) {
        return text.into_owned();
    }
    let failure: Failure<'_> = lenient(entry.error);
    if failure.status.0.is_some() {
        return failure.status.count().to_string();
    }
    failure
        .code
        .some()
        .or(failure.message.some())
        .unwrap_or_default()
        .to_owned()
}

fn plain(content: &Blocks<'_>) -> String {
    match content {
        Blocks::None => String::new(),
        Blocks::Text(text) => text.to_string(),
        Blocks::List(blocks) => {
            let texts: Vec<_> = blocks
                .iter()
                .filter_map(|block| block.text.and_then(text_of))
                .collect();
            texts.join("\n")
        }
    }
}

fn tool_event(call: &Open, outcome: Outcome) -> Event {
    Event {
        at: call.at.clone(),
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

fn share(names: &mut VecDeque<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.iter().rev().find(|known| &***known == name) {
        return known.clone();
    }
    if names.len() >= NAMES {
        names.pop_front();
    }
    let shared: Arc<str> = name.into();
    names.push_back(shared.clone());
    shared
}

/// The record's time when it is one; Discord refuses a whole message for a bad timestamp.
fn checked_time(text: &Text<'_>) -> Option<Box<str>> {
    let text = text.some()?;
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|time| time.to_string().into())
}

fn between(from: Option<&str>, to: Option<&str>) -> Option<u64> {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let passed = parse(to?)?.duration_since(parse(from?)?).as_millis();
    u64::try_from(passed).ok()
}
