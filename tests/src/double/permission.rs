//! The bot's bits in a channel (topics/permissions.mdx): its role's, then the overwrites of everyone, role and member.

use serde_json::Value;

use super::error::ApiError;
use super::state::{Channel, Core};

/// Passes every check.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Makes, changes and deletes channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// Sees a channel; without it nothing else counts there.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Writes into channels, and opens a forum's posts.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Deletes what others wrote.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Without it embeds of the bot's own are dropped in silence.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Sends files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Reads what was written before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Writes overwrites.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// Makes, reads and deletes webhooks.
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
/// Archives, locks and deletes threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Opens threads in text channels.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Writes into threads.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
/// Everything the routes here ask for, and not one bit more.
pub const ALL: u64 = MANAGE_CHANNELS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | MANAGE_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | MANAGE_ROLES
    | MANAGE_WEBHOOKS
    | MANAGE_THREADS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS;

/// Id of the role Discord makes for the bot.
pub(super) fn role_id(core: &Core) -> u64 {
    core.options.bot.application_id + 1
}

/// The bot's bits in the guild.
pub fn of_guild(core: &Core) -> u64 {
    let bits = core.options.bot.permissions;
    if bits & ADMINISTRATOR == 0 {
        bits
    } else {
        u64::MAX
    }
}

/// The bot's bits in a channel; a thread has those of its parent.
pub fn of_channel(core: &Core, channel: &Channel) -> u64 {
    let base = of_guild(core);
    if base == u64::MAX {
        return base;
    }
    let parent = channel
        .is_thread()
        .then(|| channel.parent_id.and_then(|id| core.channels.get(&id)));
    let channel = parent.flatten().unwrap_or(channel);
    let bot = &core.options.bot;
    let order = [core.options.guild_id, role_id(core), bot.application_id];
    order.iter().fold(base, |bits, id| {
        let (allow, deny) = overwrite(channel, *id);
        bits & !deny | allow
    })
}

fn overwrite(channel: &Channel, id: u64) -> (u64, u64) {
    let id = id.to_string();
    let mut list = channel.overwrites.as_array().into_iter().flatten();
    let found = list.find(|one| one.get("id").and_then(Value::as_str) == Some(&id));
    let bits = |key: &str| {
        let value = found.and_then(|one| one.get(key));
        value.and_then(bits).unwrap_or(0)
    };
    (bits("allow"), bits("deny"))
}

/// Bits as Discord writes them (a decimal string) or as its schema has them (a number).
pub(super) fn bits(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// 50013 unless the bot has `needed` in the guild.
pub(super) fn need_in_guild(core: &Core, needed: u64) -> Result<(), ApiError> {
    if of_guild(core) & needed == needed {
        Ok(())
    } else {
        Err(ApiError::missing_permissions())
    }
}

/// 50001 when the bot cannot see the channel, 50013 when it may not do that there.
pub(super) fn need(core: &Core, channel: &Channel, needed: u64) -> Result<(), ApiError> {
    let bits = of_channel(core, channel);
    if !core.options.bot.member || bits & VIEW_CHANNEL == 0 {
        return Err(ApiError::missing_access());
    }
    if bits & needed == needed {
        Ok(())
    } else {
        Err(ApiError::missing_permissions())
    }
}
