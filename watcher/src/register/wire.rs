//! The bodies of the bot's routes, as its /openapi.json describes them. Unknown fields are let pass: watchers and bots of
//! different versions meet.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// POST /runs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub task_id: String,
    pub short_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_hours: Option<u32>,
    /// Whether a bridge takes input here.
    pub input: bool,
}

/// Its answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    pub channel_id: String,
    pub webhook_url: SecretString,
    pub run_token: SecretString,
}

/// GET /runs/{channelId}/input.
#[derive(Debug, Deserialize)]
pub(super) struct Inputs {
    pub items: Vec<Item>,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Item {
    pub seq: i64,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub text: String,
}

/// What an input asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Text for the agent to read.
    #[default]
    Text,
    /// To stop what it does.
    Interrupt,
    /// What a newer bot may ask for.
    #[serde(other)]
    Unknown,
}

/// What the agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Activity {
    /// It does something.
    Working,
    /// Nothing was heard of it yet.
    Waiting,
    /// Its turn is over.
    Idle,
}

/// POST /runs/{channelId}/report: the run in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// What the agent does.
    pub state: Activity,
    /// The tool that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Tool calls so far.
    pub tools: u64,
    /// Errors so far.
    pub errors: u64,
    /// Tokens so far.
    pub tokens: Tokens,
    /// US dollars; none when nothing of it has a known price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Whether it can only be more.
    pub cost_is_lower_bound: bool,
    /// From the first record to the last, in seconds.
    pub duration_seconds: f64,
}

/// Tokens by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tokens {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It did what it was asked.
    Succeeded,
    /// It did not.
    Failed,
    /// A person stopped it.
    Stopped,
    /// It ended in the middle of its work; whether it failed or was stopped is not in a transcript.
    Unknown,
}

/// POST /runs/{channelId}/finalize.
#[derive(Debug, Serialize)]
pub(super) struct Finalize<'a> {
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<&'a Figures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_bots_answers_are_read() {
        let inputs: Inputs = serde_json::from_str(
            r#"{"items":[{"seq":1,"text":"hi"},{"seq":2,"kind":"interrupt"},{"seq":3,"kind":"dance","how":"well"}]}"#,
        )
        .unwrap();
        let kinds: Vec<_> = inputs.items.iter().map(|item| item.kind).collect();
        assert_eq!(kinds, [Kind::Text, Kind::Interrupt, Kind::Unknown]);
    }

    #[test]
    fn neither_webhook_nor_token_shows_in_debug() {
        let registered: Registered = serde_json::from_str(
            r#"{"channelId":"1","webhookUrl":"http://d/api/webhooks/1/s3cr3t","runToken":"s3cr3t","attempt":1}"#,
        )
        .unwrap();
        assert!(!format!("{registered:?}").contains("s3cr3t"));
    }
}
