//! What the agents do at the moment, for a live summary.

/// What the agents do at the moment.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// The latest time of a record, ISO 8601.
    pub last: Option<Box<str>>,
    /// The earliest time of a record, ISO 8601.
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
    /// Whether a person stopped the last turn, and nothing came after it.
    pub interrupted: bool,
    /// Whether a stream-json run ended, and whether it failed.
    pub finished: Option<bool>,
    /// Whether the agent's last word is an error of the API.
    pub api_failed: bool,
}

impl Activity {
    /// Whether the run failed, once a `result` record says how it ended and no other turn began after it.
    pub fn outcome(&self) -> Option<bool> {
        self.finished.filter(|_| self.idle)
    }
}
