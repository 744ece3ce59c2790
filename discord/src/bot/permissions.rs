//! Permission bits, and what a member has of them (topics/permissions.mdx).

use super::types::{Channel, Guild, Member};

/// All others at once.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Make, change and delete channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// See a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Write messages.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Show embeds.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Read messages that were there before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Write permission overwrites.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// Make, read and delete webhooks.
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
/// Archive, lock and delete threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Make threads.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Write in threads.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// The names Discord's settings show.
const NAMES: [(u64, &str); 10] = [
    (VIEW_CHANNEL, "View Channels"),
    (MANAGE_CHANNELS, "Manage Channels"),
    (MANAGE_WEBHOOKS, "Manage Webhooks"),
    (SEND_MESSAGES, "Send Messages"),
    (EMBED_LINKS, "Embed Links"),
    (READ_MESSAGE_HISTORY, "Read Message History"),
    (MANAGE_ROLES, "Manage Roles"),
    (MANAGE_THREADS, "Manage Threads"),
    (CREATE_PUBLIC_THREADS, "Create Public Threads"),
    (SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
];

/// The names of these bits, as far as there are names.
pub fn names(bits: u64) -> Vec<&'static str> {
    NAMES
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

/// What the member `id` may in the whole guild.
pub fn of_member(guild: &Guild, member: &Member, id: &str) -> u64 {
    if guild.owner_id.as_deref() == Some(id) {
        return u64::MAX;
    }
    let granted = guild
        .roles
        .iter()
        .filter(|role| role.id == guild.id || member.roles.contains(&role.id))
        .fold(0, |bits, role| bits | parse(&role.permissions));
    if granted & ADMINISTRATOR != 0 {
        u64::MAX
    } else {
        granted
    }
}

/// What is left of `base` in one channel or category.
pub fn in_channel(base: u64, guild: &Guild, member: &Member, id: &str, channel: &Channel) -> u64 {
    if base & ADMINISTRATOR != 0 {
        return base;
    }
    let mut bits = base;
    let mut apply = |allow: u64, deny: u64| bits = (bits & !deny) | allow;
    let everyone = |overwrite: &&super::Overwrite| overwrite.id == guild.id;
    if let Some(overwrite) = channel.permission_overwrites.iter().find(everyone) {
        apply(parse(&overwrite.allow), parse(&overwrite.deny));
    }
    let (mut allow, mut deny) = (0, 0);
    for overwrite in &channel.permission_overwrites {
        if overwrite.id != guild.id && member.roles.contains(&overwrite.id) {
            allow |= parse(&overwrite.allow);
            deny |= parse(&overwrite.deny);
        }
    }
    apply(allow, deny);
    if let Some(overwrite) = channel
        .permission_overwrites
        .iter()
        .find(|overwrite| overwrite.id == id)
    {
        apply(parse(&overwrite.allow), parse(&overwrite.deny));
    }
    bits
}

fn parse(bits: &str) -> u64 {
    bits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn guild(everyone: u64, role: u64) -> Guild {
        from_value(json!({"id": "1", "owner_id": "9", "roles": [
            {"id": "1", "permissions": everyone.to_string()},
            {"id": "2", "permissions": role.to_string()},
            {"id": "3", "permissions": u64::MAX.to_string()},
        ]}))
        .unwrap()
    }

    #[test]
    fn a_member_has_what_everyone_and_its_roles_have() {
        let guild = guild(VIEW_CHANNEL, MANAGE_CHANNELS);
        let member = from_value(json!({"roles": ["2"]})).unwrap();
        assert_eq!(
            of_member(&guild, &member, "7"),
            VIEW_CHANNEL | MANAGE_CHANNELS
        );
        assert_eq!(of_member(&guild, &member, "9"), u64::MAX, "the owner");
    }

    #[test]
    fn overwrites_count_in_discords_order() {
        let guild = guild(VIEW_CHANNEL | SEND_MESSAGES, 0);
        let member = from_value(json!({"roles": ["2"]})).unwrap();
        let channel: Channel = from_value(json!({"id": "5", "type": 4, "permission_overwrites": [
            {"id": "7", "type": 1, "allow": SEND_MESSAGES.to_string(), "deny": "0"},
            {"id": "2", "type": 0, "allow": "0", "deny": SEND_MESSAGES.to_string()},
            {"id": "1", "type": 0, "allow": MANAGE_WEBHOOKS.to_string(), "deny": VIEW_CHANNEL.to_string()},
        ]}))
        .unwrap();
        let base = of_member(&guild, &member, "7");
        assert_eq!(
            in_channel(base, &guild, &member, "7", &channel),
            SEND_MESSAGES | MANAGE_WEBHOOKS
        );
        assert_eq!(
            in_channel(base, &guild, &member, "8", &channel),
            MANAGE_WEBHOOKS
        );
    }

    #[test]
    fn names_are_those_of_discords_settings() {
        assert_eq!(
            names(MANAGE_WEBHOOKS | MANAGE_CHANNELS),
            ["Manage Channels", "Manage Webhooks"]
        );
    }
}
