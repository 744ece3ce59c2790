//! What the agents do at the moment, for a live summary.

use jiff::Timestamp;
use std::time::Duration;

/// What the agents do at the moment.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// The earliest and the latest time of a record that was no copy.
    pub between: Option<(Timestamp, Timestamp)>,
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
    /// Whether a person stopped the last turn, and nothing came after it.
    pub interrupted: bool,
    /// Whether a stream-json run ended, and whether it failed.
    pub finished: Option<bool>,
    /// Whether the agent's last word is an error of the API.
    pub api_failed: bool,
}

impl Activity {
    /// From the first record to the last.
    pub fn lasted(&self) -> Option<Duration> {
        let (first, last) = self.between?;
        Duration::try_from(last.duration_since(first)).ok()
    }

    /// Whether the run failed, once a `result` record says how it ended and no other turn began after it.
    pub fn outcome(&self) -> Option<bool> {
        self.finished.filter(|_| self.idle)
    }
}
