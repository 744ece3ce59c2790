//! What is stored: channels, webhooks, messages with the story of their arrival.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::clock::iso;

/// A channel, category, forum or thread.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Snowflake.
    pub id: u64,
    /// Guild it belongs to.
    pub guild_id: u64,
    /// Discord's channel type: 0 text, 4 category, 11 thread, 15 forum.
    pub kind: u8,
    /// Name as Discord keeps it.
    pub name: String,
    /// Topic.
    pub topic: Option<String>,
    /// Category, or the channel of a thread.
    pub parent_id: Option<u64>,
    /// Permission overwrites as sent.
    pub overwrites: Value,
    /// For threads.
    pub archived: bool,
    /// For threads.
    pub locked: bool,
    /// For threads: minutes of silence after which Discord archives it.
    pub auto_archive_minutes: u32,
    /// For threads: when the archived state last changed, milliseconds since the Unix epoch.
    pub archived_ms: u64,
}

impl Channel {
    /// A channel with nothing but a name; its id is still to be given.
    pub fn new(guild_id: u64, kind: u8, name: &str) -> Self {
        Self {
            id: 0,
            guild_id,
            kind,
            name: name.to_owned(),
            topic: None,
            parent_id: None,
            overwrites: json!([]),
            archived: false,
            locked: false,
            auto_archive_minutes: 4320,
            archived_ms: 0,
        }
    }

    /// Whether it is a thread or a forum's post.
    pub fn is_thread(&self) -> bool {
        self.kind == THREAD
    }
}

/// Channel type of a text channel.
pub const TEXT: u8 = 0;
/// Channel type of a category.
pub const CATEGORY: u8 = 4;
/// Channel type of a public thread.
pub const THREAD: u8 = 11;
/// Channel type of a forum.
pub const FORUM: u8 = 15;

/// An incoming webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Snowflake.
    pub id: u64,
    /// Its secret.
    pub token: String,
    /// Where it posts.
    pub channel_id: u64,
    /// Name shown on its messages.
    pub name: String,
    /// Set when a bot made it: it may send components then.
    pub application_id: Option<u64>,
}

/// A stored file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Snowflake.
    pub id: u64,
    /// Filename.
    pub filename: String,
    /// Alternative text.
    pub description: Option<String>,
    /// Content type of the part.
    pub content_type: String,
    /// Bytes.
    pub size: usize,
    /// The whole as text where it is UTF-8.
    pub text: Option<String>,
    /// The file itself.
    #[serde(skip)]
    pub bytes: Bytes,
}

/// A message before an edit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// When the edit came, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Content before.
    pub content: String,
    /// Embeds before.
    pub embeds: Vec<Value>,
}

/// A stored message with the story of its arrival.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Place in the order of arrival over the whole double, from 1.
    pub order: u64,
    /// Snowflake.
    pub id: u64,
    /// Channel or thread.
    pub channel_id: u64,
    /// Webhook that sent it.
    pub webhook_id: Option<u64>,
    /// Set when the bot itself wrote it.
    pub author_id: Option<u64>,
    /// Name shown.
    pub username: String,
    /// Picture shown.
    pub avatar_url: Option<String>,
    /// Content.
    pub content: String,
    /// Embeds as stored.
    pub embeds: Vec<Value>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Components as sent.
    pub components: Value,
    /// Flags.
    pub flags: i64,
    /// When it came, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// When it was last edited.
    pub edited_ms: Option<u64>,
    /// What it was before each edit, oldest first.
    pub edits: Vec<Edit>,
    /// Deleted since.
    pub deleted: bool,
    /// Number of the request that brought it.
    pub request: u64,
    /// Whether the sender waited for the answer.
    pub waited: bool,
}

impl Message {
    /// Everything a reader sees, for tests that look for a word: content, titles, texts, fields, files.
    pub fn text(&self) -> String {
        let mut out = self.content.clone();
        let mut add = |value: &Value| {
            if let Some(text) = value.as_str() {
                out.push('\n');
                out.push_str(text);
            }
        };
        for embed in &self.embeds {
            for pointer in ["/author/name", "/title", "/description"] {
                if let Some(value) = embed.pointer(pointer) {
                    add(value);
                }
            }
            for field in embed
                .get("fields")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                for key in ["name", "value"] {
                    if let Some(value) = field.get(key) {
                        add(value);
                    }
                }
            }
            if let Some(value) = embed.pointer("/footer/text") {
                add(value);
            }
        }
        for attachment in &self.attachments {
            out.push('\n');
            out.push_str(attachment.text.as_deref().unwrap_or(&attachment.filename));
        }
        out
    }

    /// Whether only one user sees it, so that no route of a channel shows it.
    pub fn ephemeral(&self) -> bool {
        self.flags & super::draft::EPHEMERAL != 0
    }

    /// Discord's message object.
    pub fn wire(&self, base: &str) -> Value {
        let attachments: Vec<Value> = self
            .attachments
            .iter()
            .map(|file| {
                let channel = self.channel_id;
                let url = format!("{base}/attachments/{channel}/{}/{}", file.id, file.filename);
                json!({
                    "id": file.id.to_string(), "filename": file.filename, "size": file.size,
                    "description": file.description, "content_type": file.content_type,
                    "url": url, "proxy_url": url,
                })
            })
            .collect();
        let mut body = json!({
            "id": self.id.to_string(),
            "type": 0,
            "channel_id": self.channel_id.to_string(),
            "author": {
                "id": self.author_id.or(self.webhook_id).unwrap_or(1).to_string(), "bot": true,
                "public_flags": 0, "flags": 0, "global_name": null, "primary_guild": null,
                "username": self.username, "discriminator": "0000", "avatar": null,
            },
            "content": self.content,
            "embeds": self.embeds,
            "attachments": attachments,
            "components": self.components,
            "mentions": [], "mention_roles": [], "mention_everyone": false,
            "pinned": false, "tts": false, "flags": self.flags,
            "timestamp": iso(self.at_ms),
            "edited_timestamp": self.edited_ms.map(iso),
        });
        // Absent, not null, where no webhook wrote it.
        if let (Some(id), Some(map)) = (self.webhook_id, body.as_object_mut()) {
            map.insert("webhook_id".to_owned(), json!(id.to_string()));
        }
        body
    }
}
