//! What the double knows: guilds' channels, webhooks, messages, and a journal of what happened.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::DoubleOptions;
use super::clock::Clock;
use super::fault::Faults;
use super::rate::Limiter;
use super::sent::Bodies;

pub use super::stored::{
    Attachment, CATEGORY, Channel, Edit, FORUM, Message, TEXT, THREAD, Webhook,
};

/// 2015-01-01, where Discord's ids begin to count, in milliseconds since the Unix epoch.
pub(super) const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

/// Something that happened, for the event stream.
#[derive(Clone, Debug)]
pub struct Event {
    /// message, edit, delete, violation or channel.
    pub kind: &'static str,
    /// Order of the message, id of the channel, or index of the violation.
    pub subject: u64,
}

/// One answered request, without its secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestLog {
    /// Number in order of arrival, from 1.
    pub number: u64,
    /// Arrival in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Method and route, like `POST webhook`.
    pub route: String,
    /// The webhook or channel.
    pub subject: u64,
    /// Status of the answer; 0 when the connection was dropped.
    pub status: u16,
    /// Bytes of the body that came.
    pub bytes: usize,
}

const KEEP_EVENTS: usize = 200_000;
const KEEP_REQUESTS: usize = 20_000;

/// Plain counts since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Requests to the API.
    pub requests: u64,
    /// Messages stored.
    pub messages: u64,
    /// Edits stored.
    pub edits: u64,
    /// Deletions.
    pub deletes: u64,
    /// Answers of 429.
    pub limited: u64,
    /// Requests that came while an earlier answer had told the sender to wait.
    pub while_limited: u64,
    /// Answers of 429 that no header had announced (the hidden limit of a channel).
    pub hidden_limited: u64,
    /// Answers of 401, 403 and 429 that count towards a ban.
    pub invalid: u64,
    /// Answers made by a fault.
    pub faulted: u64,
    /// Requests refused because the address is banned.
    pub banned: u64,
    /// Sends with wait=false.
    pub unwaited: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests by method and route.
    pub routes: BTreeMap<String, u64>,
}

/// All state, behind one lock.
#[derive(Debug)]
pub struct Core {
    /// Options as set now.
    pub options: DoubleOptions,
    /// Rate limits in force.
    pub limiter: Limiter,
    /// Faults in force.
    pub faults: Faults,
    /// Channels by id.
    pub channels: BTreeMap<u64, Channel>,
    /// Webhooks by id.
    pub webhooks: BTreeMap<u64, Webhook>,
    /// Messages by order of arrival.
    pub messages: BTreeMap<u64, Message>,
    /// Order by message id.
    pub orders: HashMap<u64, u64>,
    /// Breaches that real Discord would have let pass, as sentences.
    pub violations: Vec<String>,
    /// The last things that happened, for the event stream.
    events: VecDeque<Event>,
    /// Number of the first event still held.
    first_event: u64,
    /// The last requests.
    pub requests: VecDeque<RequestLog>,
    /// The last JSON bodies.
    pub bodies: Bodies,
    /// Counts.
    pub counters: Counters,
    /// Interactions sent, by id.
    pub interactions: BTreeMap<u64, super::interaction::Interaction>,
    /// The application's commands in the guild, as stored.
    pub commands: Vec<serde_json::Value>,
    /// When commands were made, within the last day.
    pub commands_made: Vec<std::time::Duration>,
    last_id: u64,
    last_order: u64,
}

impl Core {
    fn new(options: DoubleOptions) -> Self {
        Self {
            options,
            limiter: Limiter::default(),
            faults: Faults::default(),
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            messages: BTreeMap::new(),
            orders: HashMap::new(),
            violations: Vec::new(),
            events: VecDeque::new(),
            first_event: 0,
            requests: VecDeque::new(),
            bodies: Bodies::default(),
            counters: Counters::default(),
            interactions: BTreeMap::new(),
            commands: Vec::new(),
            commands_made: Vec::new(),
            last_id: 0,
            last_order: 0,
        }
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// A new snowflake, larger than every one before.
    pub fn next_id(&mut self) -> u64 {
        let ms = self.clock().wall_ms().saturating_sub(DISCORD_EPOCH_MS);
        self.last_id = (ms << 22).max(self.last_id + 1);
        self.last_id
    }

    /// Stores a message and tells the event stream.
    pub fn store(&mut self, mut message: Message) -> u64 {
        self.last_order += 1;
        let order = self.last_order;
        message.order = order;
        self.orders.insert(message.id, order);
        self.messages.insert(order, message);
        self.counters.messages += 1;
        while self.messages.len() > self.options.keep_messages {
            if let Some((_, gone)) = self.messages.pop_first() {
                self.orders.remove(&gone.id);
            }
        }
        self.event("message", order);
        order
    }

    /// A message by its id.
    pub fn message_mut(&mut self, id: u64) -> Option<&mut Message> {
        let order = self.orders.get(&id)?;
        self.messages.get_mut(order)
    }

    /// Notes something for the event stream.
    pub fn event(&mut self, kind: &'static str, subject: u64) {
        self.events.push_back(Event { kind, subject });
        if self.events.len() > KEEP_EVENTS {
            self.events.pop_front();
            self.first_event += 1;
        }
    }

    /// Events from number `from` on, with the number that follows the last of them.
    pub fn events_since(&self, from: u64) -> (Vec<Event>, u64) {
        let skip = usize::try_from(from.saturating_sub(self.first_event)).unwrap_or(usize::MAX);
        let next = self.first_event + self.events.len() as u64;
        (
            self.events.iter().skip(skip).cloned().collect(),
            next.max(from),
        )
    }

    /// Notes an answered request.
    pub fn log_request(&mut self, request: RequestLog) {
        self.requests.push_back(request);
        if self.requests.len() > KEEP_REQUESTS {
            self.requests.pop_front();
        }
    }

    /// Notes a breach.
    pub fn violation(&mut self, what: String) {
        let subject = self.violations.len() as u64;
        // A broken sender in a loop must not fill the memory: the first ones say it all.
        if self.violations.len() < 10_000 {
            self.violations.push(what);
            self.event("violation", subject);
        }
    }

    /// The channel of that name, made when it is not there.
    pub fn channel(&mut self, name: &str, kind: u8) -> u64 {
        if let Some(channel) = self.channels.values().find(|channel| channel.name == name) {
            return channel.id;
        }
        let id = self.next_id();
        let guild_id = self.options.guild_id;
        self.add_channel(Channel {
            id,
            ..Channel::new(guild_id, kind, name)
        })
    }

    /// Takes a channel away with its webhooks, threads and messages; a category's channels stay, without it.
    pub fn remove_channel(&mut self, id: u64) {
        let Some(gone) = self.channels.remove(&id) else {
            return;
        };
        let mut orphans = Vec::new();
        for (id, channel) in &mut self.channels {
            if channel.parent_id == Some(gone.id) {
                orphans.push((*id, channel.is_thread()));
                if !channel.is_thread() {
                    channel.parent_id = None;
                }
            }
        }
        for (id, thread) in orphans {
            if thread {
                self.remove_channel(id);
            } else {
                self.event("channel", id);
            }
        }
        self.webhooks.retain(|_, hook| hook.channel_id != id);
        for message in self.messages.values_mut() {
            message.deleted |= message.channel_id == id;
        }
        self.event("gone", id);
    }

    /// Adds or changes a channel and tells the event stream.
    pub fn add_channel(&mut self, channel: Channel) -> u64 {
        let id = channel.id;
        self.channels.insert(id, channel);
        self.event("channel", id);
        id
    }

    /// A webhook of the channel with that name; made when it is not there.
    pub fn webhook(&mut self, name: &str) -> Webhook {
        let channel_id = self.channel(name, TEXT);
        if let Some(webhook) = self
            .webhooks
            .values()
            .find(|hook| hook.channel_id == channel_id)
        {
            return webhook.clone();
        }
        let id = self.next_id();
        let webhook = Webhook {
            id,
            token: token(id),
            channel_id,
            name: name.to_owned(),
            application_id: None,
        };
        self.webhooks.insert(id, webhook.clone());
        webhook
    }

    /// Forgets messages, counts, violations, faults and buckets; channels and webhooks stay.
    pub fn reset(&mut self) {
        self.messages.clear();
        self.orders.clear();
        self.violations.clear();
        self.counters = Counters::default();
        self.faults = Faults::default();
        self.limiter.reset();
        self.event("reset", 0);
    }
}

/// A token in the form of Discord's (68 characters), always the same for one id.
pub fn token(id: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = id ^ 0x9E37_79B9_7F4A_7C15;
    (0..68)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let letter = LETTERS
                .get(usize::try_from(state >> 58).unwrap_or(0))
                .unwrap_or(&b'A');
            char::from(*letter)
        })
        .collect()
}

/// The state with the means to wait for a change of it.
#[derive(Clone, Debug)]
pub struct Shared {
    core: Arc<Mutex<Core>>,
    version: watch::Sender<u64>,
}

impl Shared {
    /// Empty state under the given options.
    pub fn new(options: DoubleOptions) -> Self {
        Self {
            core: Arc::new(Mutex::new(Core::new(options))),
            version: watch::Sender::new(0),
        }
    }

    /// The state, to read it.
    pub fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for it.
    pub fn change<T>(&self, with: impl FnOnce(&mut Core) -> T) -> T {
        let out = with(&mut self.lock());
        self.version.send_modify(|version| *version += 1);
        out
    }

    /// Wakes at each change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
