//! The strict double as the bot's tests look at it. It lives on a thread of its own, so that a killed bot leaves it as it
//! was; and at the end of each test it tells what Discord would have swallowed in silence, and which body of the bot's is
//! none by Discord's own document.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tests::double::fault::{Action, Fault};
use tests::double::permission as p;
use tests::double::rate::{RateLimits, Window};
use tests::double::settings::Bot;
use tests::double::state::{Channel as Stored, Core, RequestLog, Webhook as Hook};
use tests::double::{Double, DoubleOptions};

/// The guild.
pub const GUILD: &str = "81384788765712384";
/// The bot's token.
pub const TOKEN: &str = "s3cr3t-bot-token_never-to-be-seen";
/// Seed of the key that signs interactions.
pub const SEED: [u8; 32] = [9; 32];
/// What docs/bot.md asks for, with channels and archiving.
pub const CHANNELS: u64 = p::VIEW_CHANNEL
    | p::MANAGE_CHANNELS
    | p::MANAGE_WEBHOOKS
    | p::READ_MESSAGE_HISTORY
    | p::SEND_MESSAGES
    | p::MANAGE_ROLES;
/// What docs/bot.md asks for, with threads; and with channels.
pub const ALL: u64 = CHANNELS
    | p::EMBED_LINKS
    | p::MANAGE_THREADS
    | p::CREATE_PUBLIC_THREADS
    | p::SEND_MESSAGES_IN_THREADS;

/// A channel, category or thread.
#[derive(Clone, Debug)]
pub struct Channel {
    pub name: String,
    pub kind: u8,
    pub topic: Option<String>,
    pub parent: Option<String>,
    pub overwrites: Value,
    pub archived: bool,
    pub locked: bool,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub name: String,
    pub token: String,
}

/// A message that was not deleted.
#[derive(Clone, Debug)]
pub struct Message {
    pub channel: String,
    pub embeds: String,
    pub edits: usize,
}

/// What stands in the guild, and what was asked, at one moment.
pub struct State {
    pub channels: BTreeMap<String, Channel>,
    pub webhooks: BTreeMap<String, Webhook>,
    pub messages: Vec<Message>,
    pub calls: Vec<RequestLog>,
}

impl State {
    fn of(core: &Core) -> Self {
        let channel = |one: &Stored| Channel {
            name: one.name.clone(),
            kind: one.kind,
            topic: one.topic.clone(),
            parent: one.parent_id.map(|id| id.to_string()),
            overwrites: one.overwrites.clone(),
            archived: one.archived,
            locked: one.locked,
        };
        Self {
            channels: core
                .channels
                .iter()
                .map(|(id, one)| (id.to_string(), channel(one)))
                .collect(),
            webhooks: core
                .webhooks
                .iter()
                .map(|(id, one)| {
                    let (name, token) = (one.name.clone(), one.token.clone());
                    (id.to_string(), Webhook { name, token })
                })
                .collect(),
            messages: core
                .messages
                .values()
                .filter(|one| !one.deleted)
                .map(|one| Message {
                    channel: one.channel_id.to_string(),
                    embeds: Value::Array(one.embeds.clone()).to_string(),
                    edits: one.edits.len(),
                })
                .collect(),
            calls: core.requests.iter().cloned().collect(),
        }
    }

    /// Channels with a topic of ours.
    pub fn runs(&self) -> Vec<(String, Channel)> {
        let ours = |channel: &&Channel| {
            let topic = channel.topic.as_deref();
            channel.kind == 0 && topic.is_some_and(|topic| topic.contains("dm1:"))
        };
        self.channels
            .iter()
            .filter(|(_, channel)| ours(channel))
            .map(|(id, channel)| (id.clone(), channel.clone()))
            .collect()
    }

    /// How often this route, as the double names it, was answered with that status.
    pub fn count(&self, route: &str, status: Option<u16>) -> usize {
        self.calls
            .iter()
            .filter(|call| call.route == route && status.is_none_or(|status| status == call.status))
            .count()
    }

    /// Answers of this status.
    pub fn answers(&self, status: u16) -> usize {
        self.calls
            .iter()
            .filter(|call| call.status == status)
            .count()
    }

    /// Answers that count towards a ban.
    pub fn refusals(&self) -> usize {
        [401, 403, 429]
            .map(|status| self.answers(status))
            .iter()
            .sum()
    }

    /// The embeds of each message in a channel, as JSON.
    pub fn texts(&self, channel: &str) -> Vec<String> {
        self.messages
            .iter()
            .filter(|message| message.channel == channel)
            .map(|message| message.embeds.clone())
            .collect()
    }

    /// The names of all categories.
    pub fn categories(&self) -> Vec<&str> {
        self.channels
            .values()
            .filter(|channel| channel.kind == 4)
            .map(|channel| channel.name.as_str())
            .collect()
    }
}

/// A running Discord.
pub struct Discord {
    pub base: String,
    pub double: Double,
}

impl Discord {
    /// Without limits of rate, so that tests are quick.
    pub fn start() -> Self {
        Self::limited(RateLimits::off())
    }

    pub fn limited(limits: RateLimits) -> Self {
        let bot = Bot {
            token: TOKEN.to_owned(),
            permissions: ALL,
            seed: SEED,
            ..Bot::default()
        };
        let options = DoubleOptions {
            limits,
            bot,
            ..DoubleOptions::default()
        };
        assert_eq!(options.guild_id.to_string(), GUILD);
        let double = Double::start(options).unwrap();
        let base = format!("{}/api/v10", double.base_url());
        Self { base, double }
    }

    /// The key that interactions are signed with, as an operator sets it.
    pub fn public_key() -> String {
        let key = ed25519_dalek::SigningKey::from_bytes(&SEED).verifying_key();
        hex(key.as_bytes())
    }

    pub fn state(&self) -> State {
        self.double.with(|core| State::of(core))
    }

    /// Changes the bot's place in the guild.
    pub fn bot(&self, change: impl FnOnce(&mut Bot)) {
        self.double.with(|core| change(&mut core.options.bot));
    }

    /// What the bot may do from now on.
    pub fn allow(&self, permissions: u64) {
        self.bot(|bot| bot.permissions = permissions);
    }

    /// A channel of somebody else's.
    pub fn add(&self, name: &str, kind: u8) -> String {
        let made = self.double.with(|core| {
            let (id, guild) = (core.next_id(), core.options.guild_id);
            core.add_channel(Stored {
                id,
                ..Stored::new(guild, kind, name)
            })
        });
        made.to_string()
    }

    /// Fills the guild with channels of others.
    pub fn fill(&self, count: usize) -> Vec<String> {
        (0..count)
            .map(|at| self.add(&format!("others-{at}"), 0))
            .collect()
    }

    /// Webhooks of others, all in one channel of theirs.
    pub fn fill_webhooks(&self, count: usize) {
        let channel_id = self.add("hooks", 0).parse().unwrap();
        self.double.with(|core| {
            for _ in 0..count {
                let hook = Hook {
                    id: core.next_id(),
                    token: "s3cr3t".to_owned(),
                    channel_id,
                    name: "another's".to_owned(),
                    application_id: None,
                };
                core.webhooks.insert(hook.id, hook);
            }
        });
    }

    /// Somebody deletes a channel.
    pub fn delete(&self, channel: &str) {
        let id = channel.parse().unwrap();
        self.double.with(|core| core.remove_channel(id));
    }

    /// The next calls of a route are done, and their answers get lost.
    pub fn lose_answers(&self, route: &str, times: u32) {
        let fault = Fault::new(Action::ResetAfterSave).route(route);
        self.double.fault(fault.times(times));
    }
}

/// Bytes as Discord writes keys and signatures.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// A bucket for each route of the bot, and Discord's own global limit.
pub fn buckets(requests: u32, per: Duration) -> RateLimits {
    let per_ms = u64::try_from(per.as_millis()).unwrap();
    RateLimits {
        bot: Some(Window { requests, per_ms }),
        ..RateLimits::default()
    }
}

impl Drop for Discord {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.double.violations(), Vec::<String>::new());
            let faults = self
                .double
                .with(|core| super::oracle::faults(core.bodies.all()));
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}
