//! What is read of Discord's objects, leniently: unknown fields and kinds arrive without warning.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The kinds of channels that are met (resources/channel.mdx).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// 0.
    Text,
    /// 4.
    Category,
    /// 11, a public thread.
    Thread,
    /// 15.
    Forum,
    /// Anything else.
    Other(u64),
}

impl ChannelKind {
    /// Discord's number.
    pub fn number(self) -> u64 {
        match self {
            Self::Text => 0,
            Self::Category => 4,
            Self::Thread => 11,
            Self::Forum => 15,
            Self::Other(number) => number,
        }
    }
}

impl From<u64> for ChannelKind {
    fn from(number: u64) -> Self {
        match number {
            0 => Self::Text,
            4 => Self::Category,
            11 => Self::Thread,
            15 => Self::Forum,
            other => Self::Other(other),
        }
    }
}

impl<'de> Deserialize<'de> for ChannelKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from)
    }
}

/// A channel, category or thread.
#[derive(Debug, Clone, Deserialize)]
pub struct Channel {
    /// Snowflake.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    /// In Discord's normal form.
    #[serde(default)]
    pub name: Option<String>,
    /// What members read at its top; they can edit it.
    #[serde(default)]
    pub topic: Option<String>,
    /// The category, or a thread's channel.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// Of a thread: who made it.
    #[serde(default)]
    pub owner_id: Option<String>,
    /// Of a thread: whether it is archived.
    #[serde(default)]
    pub thread_metadata: Option<Thread>,
    /// Who may what here, beside the guild's roles.
    #[serde(default)]
    pub permission_overwrites: Vec<Overwrite>,
}

/// A thread's own fields.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Thread {
    /// Whether it is archived.
    #[serde(default)]
    pub archived: bool,
    /// Whether only moderators can unarchive it.
    #[serde(default)]
    pub locked: bool,
}

/// What one role or member may and may not do in one channel.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Overwrite {
    /// Of the role or member.
    pub id: String,
    /// 0 a role, 1 a member.
    #[serde(rename = "type")]
    pub kind: u64,
    /// Bits, in decimal.
    pub allow: String,
    /// Bits, in decimal.
    pub deny: String,
}

/// A channel to make.
#[derive(Debug, Clone, Serialize)]
pub struct NewChannel {
    /// 1 to 100 code points; Discord gives text channels its own normal form.
    pub name: String,
    /// Discord's number of the kind.
    #[serde(rename = "type")]
    pub kind: u64,
    /// At most 1024 code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
}

/// A thread to make.
#[derive(Debug, Clone, Serialize)]
pub struct NewThread {
    /// 1 to 100 code points.
    pub name: String,
    /// Minutes of silence until Discord archives it: 60, 1440, 4320 or 10080.
    pub auto_archive_duration: u32,
}

/// A webhook as the bot sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    /// Snowflake.
    pub id: String,
    /// What it posts as.
    #[serde(default)]
    pub name: Option<String>,
    /// Where it posts.
    #[serde(default)]
    pub channel_id: Option<String>,
    /// The password of its address; only of webhooks the bot may use.
    #[serde(default)]
    pub token: Option<SecretString>,
    /// Who made it.
    #[serde(default)]
    pub application_id: Option<String>,
}

/// A message, as far as the bot reads one.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Snowflake.
    pub id: String,
    /// The webhook that wrote it.
    #[serde(default)]
    pub webhook_id: Option<String>,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<Author>,
    /// Its embeds.
    #[serde(default)]
    pub embeds: Vec<Embed>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Deserialize)]
pub struct Author {
    /// Snowflake.
    pub id: String,
}

/// An embed of a message that is read.
#[derive(Debug, Clone, Deserialize)]
pub struct Embed {
    /// The line below it.
    #[serde(default)]
    pub footer: Option<Footer>,
}

/// The line below an embed.
#[derive(Debug, Clone, Deserialize)]
pub struct Footer {
    /// Its text.
    #[serde(default)]
    pub text: String,
}

/// The application the token belongs to.
#[derive(Debug, Clone, Deserialize)]
pub struct Application {
    /// Snowflake.
    pub id: String,
    /// What interactions are signed with, hexadecimal.
    #[serde(default)]
    pub verify_key: Option<String>,
    /// Its bot.
    #[serde(default)]
    pub bot: Option<Author>,
}

/// A guild.
#[derive(Debug, Clone, Deserialize)]
pub struct Guild {
    /// Snowflake.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Who may everything.
    #[serde(default)]
    pub owner_id: Option<String>,
    /// All its roles; the one with the guild's own id is everyone's.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// A role.
#[derive(Debug, Clone, Deserialize)]
pub struct Role {
    /// Snowflake.
    pub id: String,
    /// Bits, in decimal.
    pub permissions: String,
}

/// A member.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// Ids of its roles, without everyone's.
    #[serde(default)]
    pub roles: Vec<String>,
}
