//! One thing that happened in a session.

use super::{Answer, Call};
use std::sync::Arc;

/// Something worth telling, with where and when.
#[derive(Debug, Clone)]
pub struct Event {
    /// When the record was written, as it says.
    pub at: Option<jiff::Timestamp>,
    /// The session's id.
    pub session: Arc<str>,
    /// Who did it when it was a subagent: its task and id.
    pub agent: Option<Arc<str>>,
    /// The agent's working directory at that moment.
    pub cwd: Option<Arc<str>>,
    /// What it was.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A person (or the parent agent) asked for something.
    Prompt {
        /// What was asked.
        text: String,
        /// Images sent along.
        images: usize,
        /// Typed while the agent was still busy.
        queued: bool,
    },
    /// A slash command or shell command of the person at the agent's terminal.
    Command {
        /// Name with arguments.
        text: String,
    },
    /// What such a command printed.
    CommandOutput {
        /// The output.
        text: String,
    },
    /// The assistant's text.
    Said {
        /// Markdown.
        text: String,
    },
    /// The assistant's thinking, where asked for.
    Thought {
        /// Plain text.
        text: String,
    },
    /// A tool was called.
    Tool(Box<ToolEvent>),
    /// The model's API failed for good.
    ApiError {
        /// HTTP status.
        status: Option<u64>,
        /// What the client says.
        text: String,
    },
    /// The model's API failed and is asked again.
    Retry {
        /// Which attempt failed, from 1; 0 when not said.
        attempt: u64,
        /// Attempts before giving up; 0 when not said.
        most: u64,
        /// Milliseconds until the next one.
        wait_ms: u64,
        /// HTTP status or code of the failure.
        reason: String,
    },
    /// A person stopped the agent.
    Interrupted {
        /// While a tool was running.
        tool: bool,
    },
    /// The conversation was replaced by a summary.
    Compacted {
        /// `auto` or `manual`.
        trigger: String,
        /// Tokens before; 0 when not said.
        tokens: u64,
    },
    /// A pull request was opened.
    PullRequest {
        /// Its address.
        url: String,
        /// Its repository.
        repository: String,
        /// Its number; 0 when not said.
        number: u64,
    },
    /// A background task ended or changed.
    Background {
        /// Its id.
        id: String,
        /// `completed`, `failed`, `killed` and others.
        status: String,
        /// What it was or said.
        text: String,
    },
    /// A stop hook failed or kept the agent going.
    Hook {
        /// Its errors.
        text: String,
        /// Whether it kept the agent going.
        prevented: bool,
    },
    /// Something the client wanted its user to know.
    Notice {
        /// What.
        text: String,
    },
    /// A stream-json session began.
    Began {
        /// The model.
        model: String,
        /// The client's version.
        version: String,
    },
    /// A stream-json run ended: the authoritative figures.
    Finished(Finish),
}

/// The end of a stream-json run.
#[derive(Debug, Clone)]
pub struct Finish {
    /// `success`, `error_max_turns` and others.
    pub subtype: String,
    /// Whether it failed.
    pub failed: bool,
    /// The last answer.
    pub text: String,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Turns.
    pub turns: u64,
    /// US dollars.
    pub cost: Option<f64>,
    /// Refused permissions.
    pub denials: usize,
}

/// A tool call, with its result unless it still runs.
#[derive(Debug, Clone)]
pub struct ToolEvent {
    /// Identity of the call.
    pub id: String,
    /// The tool's name as the client says it.
    pub name: String,
    /// What it was asked to do; unknown when the result came without its call.
    pub call: Call,
    /// How it went.
    pub outcome: Outcome,
}

/// How a call went.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// No result yet, after waiting for it.
    Running,
    /// Nobody waits for the result any more: too many calls are open.
    Unknown,
    /// The result. `late`: the call was told before, as running.
    Answered {
        /// What came back.
        answer: Box<Answer>,
        /// Whether the call itself was an event of its own before.
        late: bool,
    },
}

impl ToolEvent {
    /// Whether the call failed.
    pub fn failed(&self) -> bool {
        matches!(&self.outcome, Outcome::Answered { answer, .. } if answer.failed)
    }
}
