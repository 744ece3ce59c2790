//! Who the bot is, what it may do, and how full a guild may get: the bot-token side's options.

use serde::{Deserialize, Serialize};

use super::permission;

/// The application, its bot user and its place in the guild.
#[derive(Clone, Debug)]
pub struct Bot {
    /// What `Authorization: Bot ...` must hold.
    pub token: String,
    /// The application's id; the bot user has the same one, as Discord gives both since 2017.
    pub application_id: u64,
    /// Bits of the bot's role in the guild.
    pub permissions: u64,
    /// Whether the bot is in the guild at all.
    pub member: bool,
    /// Seed of the Ed25519 key that signs interactions. It protects nothing: it is public by being here.
    pub seed: [u8; 32],
    /// How long an interaction's token lives after the interaction, in milliseconds. Discord: 15 minutes.
    pub token_ms: u64,
}

impl Default for Bot {
    fn default() -> Self {
        Self {
            token: "double-bot-token".to_owned(),
            application_id: 846_216_354_971_451_392,
            permissions: permission::ALL,
            member: true,
            seed: [7; 32],
            token_ms: 900_000,
        }
    }
}

/// Most of each kind (resources/guild.mdx and the JSON error codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Caps {
    /// Channels and categories of a guild; threads do not count.
    pub guild_channels: usize,
    /// Channels of a category.
    pub category_channels: usize,
    /// Webhooks of a channel.
    pub channel_webhooks: usize,
    /// Webhooks of a guild.
    pub guild_webhooks: usize,
    /// Threads of a guild that are not archived.
    pub active_threads: usize,
    /// Commands made anew in a guild in one day.
    pub daily_commands: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            guild_channels: 500,
            category_channels: 50,
            channel_webhooks: 15,
            guild_webhooks: 1000,
            active_threads: 1000,
            daily_commands: 200,
        }
    }
}
