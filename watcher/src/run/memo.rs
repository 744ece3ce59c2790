//! What the checkpoint keeps beside the offsets.

use discord::WebhookUrl;
use serde::{Deserialize, Serialize};

/// Opaque to the follower. Whatever of it does not read is forgotten, never fatal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memo {
    /// What was seen, of a checkpoint made before that had a file of its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) seen: String,
    /// Calls that were told as running, acknowledged.
    pub(super) told: String,
    /// The live summary message.
    pub(super) live: Option<LiveMessage>,
    /// Whether the final summary was posted and nothing came after it.
    pub(super) ended: bool,
    /// Whether it was posted that transcripts cannot be read.
    pub(super) unreadable_said: bool,
}

/// A message of ours and where it stands: only the webhook that made it can edit it, and only by its thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LiveMessage {
    /// A [`place`].
    pub(super) webhook: String,
    pub(super) id: String,
}

/// Where a webhook posts: its id, and the thread it names.
pub(super) fn place(webhook: &WebhookUrl) -> String {
    match webhook.thread_id() {
        Some(thread) => format!("{}/{thread}", webhook.id()),
        None => webhook.id().to_owned(),
    }
}

impl Memo {
    pub(super) fn read(value: serde_json::Value) -> Self {
        serde_json::from_value(value).unwrap_or_default()
    }

    pub(super) fn to_value(&self) -> serde_json::Value {
        // Texts and switches always serialise.
        serde_json::to_value(self).unwrap_or_default()
    }
}
