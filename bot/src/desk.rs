//! What the interactions need of the runs: who is live, what they cost, and a place to leave input.
//!
//! The desk never waits for Discord: it reads and writes the store, and the engine does the rest. Feedback in the run's
//! own channel (queued, delivered, failed) is the desk's work, so an interaction answers its author and nobody else.

use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Most bytes of one input. A watcher hands it on in one request of at most 1 MiB.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;
/// Most inputs of one run that wait for their watcher.
pub const MAX_WAITING: i64 = 64;

/// A future that a `dyn Desk` returns.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, DeskError>> + Send + 'a>>;

/// Why the desk could not answer.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The store does not answer. Nothing was changed.
    #[error("the store does not answer; try again in a moment")]
    Unavailable,
}

/// Where a run stands, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Its channel is being made.
    Creating,
    /// It goes on.
    Live,
    /// It ended; its channel still stands as it was.
    Finished,
    /// Its channel was moved and locked.
    Archived,
    /// Its channel is gone.
    Deleted,
}

/// What an agent did last, in the words of its watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// It does something.
    Working,
    /// It waits for a person.
    Waiting,
    /// It does nothing.
    Idle,
}

/// Tokens of a run, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

/// The watcher's last figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// What the agent does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Activity>,
    /// The tool used last; at most 100 code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Tool calls so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<u64>,
    /// Failed ones among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// Tokens so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// US dollars so far; none when no model of the run has a known price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Whether some of the cost is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_is_lower_bound: Option<bool>,
    /// Seconds since the run's first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
}

/// One run, as interactions show it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// Its channel; in threads mode its thread. A snowflake.
    pub channel_id: String,
    /// Kubernetes namespace, or whatever the caller calls one.
    pub namespace: String,
    /// What it works on.
    pub task_id: String,
    /// Counted from 1.
    pub attempt: i64,
    /// Tells runs of one attempt apart.
    pub short_id: String,
    /// For people.
    pub title: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// Whether a bridge can take input.
    pub input: bool,
    /// When it was registered, in milliseconds since 1970.
    pub created_at: i64,
    /// When it ended, in milliseconds since 1970.
    pub finished_at: Option<i64>,
    /// The watcher's last figures.
    pub report: Option<Report>,
    /// When they came, in milliseconds since 1970.
    pub report_at: Option<i64>,
}

impl RunView {
    /// `taskId-attempt-shortId`, which people see in the channel's name.
    pub fn label(&self) -> String {
        format!("{}-{}-{}", self.task_id, self.attempt, self.short_id)
    }
}

/// What an input asks of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Text for it to read.
    Text,
    /// Stop what it does; no text.
    Interrupt,
}

/// An input as it comes in.
#[derive(Debug, Clone)]
pub struct NewInput {
    /// Text or interrupt.
    pub kind: InputKind,
    /// At most [`MAX_INPUT_BYTES`]; empty for an interrupt.
    pub text: String,
    /// Display name of who sent it, for the feedback in the channel.
    pub author: String,
    /// Id of what brought it, e.g. of the interaction: the same id queues nothing twice.
    pub source: String,
}

/// What became of an input at the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It waits for the run's watcher; numbers of one run grow.
    Queued {
        /// Its number.
        seq: i64,
    },
    /// No run has this channel.
    Unknown,
    /// The run has no bridge.
    NoBridge,
    /// The run has ended.
    Finished,
    /// [`MAX_WAITING`] inputs wait already.
    QueueFull,
    /// The text is above [`MAX_INPUT_BYTES`].
    TooLong,
}

/// What became of a queued input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The watcher has acknowledged it.
    Delivered,
    /// The bridge will never take it.
    Refused,
    /// Nobody fetched it in time.
    Expired,
    /// The run ended first.
    Dropped,
}

/// The runs, as interactions see them.
pub trait Desk: Send + Sync {
    /// Live runs of this guild whose [`RunView::label`] or title starts with `prefix` (any case), newest first, at
    /// most `limit`.
    fn live<'a>(
        &'a self,
        guild_id: &'a str,
        prefix: &'a str,
        limit: usize,
    ) -> Reply<'a, Vec<RunView>>;

    /// The run of this channel or thread, whatever its state.
    fn run<'a>(&'a self, guild_id: &'a str, channel_id: &'a str) -> Reply<'a, Option<RunView>>;

    /// Leaves an input for the run of this channel.
    fn queue<'a>(
        &'a self,
        guild_id: &'a str,
        channel_id: &'a str,
        input: NewInput,
    ) -> Reply<'a, Queued>;

    /// Waits until the input has come to its end, at most `patience`; `None` when it still waits.
    fn outcome<'a>(
        &'a self,
        channel_id: &'a str,
        seq: i64,
        patience: Duration,
    ) -> Reply<'a, Option<Outcome>>;
}
