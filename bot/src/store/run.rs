//! One run as a row.

use super::StoreError;
use crate::desk::{Report, RunState, RunView};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// Every column, in the order `decode` names them.
pub(super) const COLUMNS: &str = "id, guild_id, namespace, task_id, attempt, short_id, caller, title, links, input, \
     leased, retention_ms, state, step, failures, problem, channel_id, parent_id, webhook_id, header_id, \
     final_id, status, by_lease, summary, report, report_at, created_at, seen_at, finished_at, delete_at, ended_at";

/// Where the engine stands with a run. Each state but the resting ones (live, finished, archived, deleted) is work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Channel, webhook and header are being made.
    Creating,
    /// Refused for lack of room; the row goes when its caller has been told.
    Refused,
    /// All is there.
    Live,
    /// The end is being shown.
    Finishing,
    /// Shown; the channel waits for its time.
    Finished,
    /// The channel is being deleted or archived.
    Cleaning,
    /// Shown; moved and locked, it waits for its time.
    Archived,
    /// Gone.
    Deleted,
}

const STATES: [(State, &str); 8] = [
    (State::Creating, "creating"),
    (State::Refused, "refused"),
    (State::Live, "live"),
    (State::Finishing, "finishing"),
    (State::Finished, "finished"),
    (State::Cleaning, "cleaning"),
    (State::Archived, "archived"),
    (State::Deleted, "deleted"),
];

impl State {
    /// As the store writes it.
    pub(crate) fn word(self) -> &'static str {
        STATES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, word)| word)
    }

    fn read(word: &str) -> Result<Self, StoreError> {
        STATES
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(state, _)| *state)
            .ok_or(StoreError::Unknown("state"))
    }

    /// As owners see it.
    pub(crate) fn shown(self) -> RunState {
        match self {
            Self::Creating | Self::Refused => RunState::Creating,
            Self::Live => RunState::Live,
            Self::Finishing | Self::Finished | Self::Cleaning => RunState::Finished,
            Self::Archived => RunState::Archived,
            Self::Deleted => RunState::Deleted,
        }
    }

    /// Whether the run goes on.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Creating | Self::Live)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Final {
    /// It did what it was asked.
    Succeeded,
    /// It did not.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// Nobody said.
    Unknown,
}

impl Final {
    /// As the store writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "stopped" => Self::Stopped,
            _ => Self::Unknown,
        }
    }
}

/// A link of a run, for its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    /// What it is called; the address itself when there is no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// http or https.
    pub url: String,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub id: String,
    pub guild_id: String,
    pub namespace: String,
    pub task_id: String,
    pub attempt: i64,
    pub short_id: String,
    /// Name of the API token that registered it.
    pub caller: String,
    pub title: Option<String>,
    pub links: Vec<Link>,
    /// Whether a bridge takes input.
    pub input: bool,
    /// Whether its watcher's silence ends it.
    pub leased: bool,
    /// Its own retention in milliseconds; 0 keeps, none takes the bot's.
    pub retention_ms: Option<i64>,
    pub state: State,
    /// The call that was begun last, empty before the first.
    pub step: String,
    pub failures: i64,
    /// Why it does not go on.
    pub problem: Option<String>,
    pub channel_id: Option<String>,
    /// Category, or in threads mode the channel.
    pub parent_id: Option<String>,
    pub webhook_id: Option<String>,
    pub header_id: Option<String>,
    pub final_id: Option<String>,
    pub status: Option<Final>,
    /// Whether the bot ended it because its watcher was silent.
    pub by_lease: bool,
    pub summary: Option<Report>,
    pub report: Option<Report>,
    pub report_at: Option<i64>,
    pub created_at: i64,
    pub seen_at: i64,
    pub finished_at: Option<i64>,
    pub delete_at: Option<i64>,
}

impl Run {
    pub(super) fn decode(row: &AnyRow) -> Result<Self, StoreError> {
        let text = |name| row.try_get::<String, _>(name);
        let number = |name| row.try_get::<i64, _>(name);
        let maybe = |name| row.try_get::<Option<String>, _>(name);
        let when = |name| row.try_get::<Option<i64>, _>(name);
        Ok(Self {
            id: text("id")?,
            guild_id: text("guild_id")?,
            namespace: text("namespace")?,
            task_id: text("task_id")?,
            attempt: number("attempt")?,
            short_id: text("short_id")?,
            caller: text("caller")?,
            title: maybe("title")?,
            links: json(maybe("links")?).unwrap_or_default(),
            input: number("input")? != 0,
            leased: number("leased")? != 0,
            retention_ms: when("retention_ms")?,
            state: State::read(&text("state")?)?,
            step: text("step")?,
            failures: number("failures")?,
            problem: maybe("problem")?,
            channel_id: maybe("channel_id")?,
            parent_id: maybe("parent_id")?,
            webhook_id: maybe("webhook_id")?,
            header_id: maybe("header_id")?,
            final_id: maybe("final_id")?,
            status: maybe("status")?.as_deref().map(Final::read),
            by_lease: number("by_lease")? != 0,
            summary: json(maybe("summary")?),
            report: json(maybe("report")?),
            report_at: when("report_at")?,
            created_at: number("created_at")?,
            seen_at: number("seen_at")?,
            finished_at: when("finished_at")?,
            delete_at: when("delete_at")?,
        })
    }

    pub(super) fn decode_all(rows: &[AnyRow]) -> Result<Vec<Self>, StoreError> {
        rows.iter().map(Self::decode).collect()
    }

    /// Whether it is a thread: a thread has the id of its first message.
    pub(crate) fn is_thread(&self) -> bool {
        self.channel_id.is_some() && self.channel_id == self.header_id
    }

    /// What its caller calls it: the same in every life of the store and under every signing key.
    pub(crate) fn key(&self) -> (&str, &str, i64, &str) {
        (&self.namespace, &self.task_id, self.attempt, &self.short_id)
    }

    /// As interactions show it; `None` before it has a channel.
    pub(crate) fn view(&self) -> Option<RunView> {
        Some(RunView {
            channel_id: self.channel_id.clone()?,
            namespace: self.namespace.clone(),
            task_id: self.task_id.clone(),
            attempt: self.attempt,
            short_id: self.short_id.clone(),
            title: self.title.clone(),
            state: self.state.shown(),
            input: self.input,
            created_at: self.created_at,
            finished_at: self.finished_at,
            report: self.report.clone(),
            report_at: self.report_at,
        })
    }
}

/// What an older version wrote and this one cannot read is as good as not there.
fn json<T: serde::de::DeserializeOwned>(text: Option<String>) -> Option<T> {
    serde_json::from_str(&text?).ok()
}
