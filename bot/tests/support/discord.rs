//! One guild with the routes the bot uses, its caps, codes, permissions and rate limits. It lives on a thread of its own,
//! so that a killed bot leaves it as it was.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The guild.
pub const GUILD: &str = "900";
/// The bot's own user and application.
pub const BOT: &str = "800";
/// The bot's token.
pub const TOKEN: &str = "s3cr3t-bot-token_never-to-be-seen";
/// What the bot needs, with archiving.
pub const ALL: u64 = 1 << 4
    | 1 << 10
    | 1 << 11
    | 1 << 14
    | 1 << 16
    | 1 << 28
    | 1 << 29
    | 1 << 34
    | 1 << 35
    | 1 << 38;

/// A channel, category or thread.
#[derive(Clone, Debug)]
pub struct Channel {
    pub name: String,
    pub kind: u64,
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
    pub channel: String,
    pub token: String,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    pub channel: String,
    pub webhook: Option<String>,
    pub body: Value,
}

/// What stands in the guild, and what was asked.
pub struct State {
    next: u64,
    pub permissions: u64,
    pub member: bool,
    pub token: &'static str,
    pub channels: BTreeMap<String, Channel>,
    pub webhooks: BTreeMap<String, Webhook>,
    pub messages: BTreeMap<u64, Message>,
    /// Method, path and status of each request.
    pub calls: Vec<(String, String, u16)>,
    /// Requests of one bucket in so long a time.
    pub limit: Option<(u32, Duration)>,
    buckets: HashMap<String, (Instant, u32)>,
    /// Answers instead of doing: start of `METHOD PATH`, status, how often.
    pub faults: Vec<(String, u16, usize)>,
    /// Does it, and answers 502: start of `METHOD PATH`, how often.
    pub deaf: Vec<(String, usize)>,
}

impl State {
    /// Channels with a topic of ours.
    pub fn runs(&self) -> Vec<(String, Channel)> {
        let ours = |channel: &&Channel| {
            channel.kind == 0
                && channel
                    .topic
                    .as_deref()
                    .is_some_and(|topic| topic.contains("dm1:"))
        };
        self.channels
            .iter()
            .filter(|(_, channel)| ours(channel))
            .map(|(id, channel)| (id.clone(), channel.clone()))
            .collect()
    }

    /// How often requests starting with this were answered with that.
    pub fn count(&self, start: &str, status: Option<u16>) -> usize {
        self.calls
            .iter()
            .filter(|(method, path, got)| {
                format!("{method} {path}").starts_with(start)
                    && status.is_none_or(|status| status == *got)
            })
            .count()
    }

    /// Answers of 401, 403 and 429.
    pub fn refusals(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| matches!(call.2, 401 | 403 | 429))
            .count()
    }

    /// Titles and descriptions of the messages in a channel.
    pub fn texts(&self, channel: &str) -> Vec<String> {
        self.messages
            .values()
            .filter(|message| message.channel == channel)
            .map(|message| message.body["embeds"].to_string())
            .collect()
    }

    pub fn id(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    /// A channel of somebody else's.
    pub fn add(&mut self, name: &str, kind: u64, parent: Option<&str>) -> String {
        let id = self.id();
        self.channels.insert(
            id.clone(),
            Channel {
                name: name.to_owned(),
                kind,
                topic: None,
                parent: parent.map(ToOwned::to_owned),
                overwrites: json!([]),
                archived: false,
                locked: false,
            },
        );
        id
    }
}

/// A running Discord.
#[derive(Clone)]
pub struct Discord {
    pub base: String,
    state: Arc<Mutex<State>>,
}

impl Discord {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            next: 1000,
            permissions: ALL,
            member: true,
            token: TOKEN,
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            messages: BTreeMap::new(),
            calls: Vec::new(),
            limit: None,
            buckets: HashMap::new(),
            faults: Vec::new(),
            deaf: Vec::new(),
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("http://{}/api/v10", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&state));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { base, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

type Answer = (u16, Value);

fn error(status: u16, code: u64, message: &str) -> Answer {
    (status, json!({ "code": code, "message": message }))
}

async fn handle(
    Extract(state): Extract<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = state.lock().unwrap();
    let path = uri.path().trim_start_matches("/api/v10").to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let bucket = format!("{method} {} {}", parts[0], parts.get(1).unwrap_or(&""));
    let mut limits = None;
    if let Some((most, time)) = state.limit {
        let now = Instant::now();
        let entry = state.buckets.entry(bucket.clone()).or_insert((now, 0));
        if now.duration_since(entry.0) >= time {
            *entry = (now, 0);
        }
        entry.1 += 1;
        let reset = time
            .saturating_sub(now.duration_since(entry.0))
            .as_secs_f64();
        limits = Some((most.saturating_sub(entry.1), reset, entry.1 > most));
    }
    let asked = format!("{method} {path}");
    let (status, answer) = if let Some((_, reset, true)) = limits {
        (
            429,
            json!({ "message": "slow down", "retry_after": reset, "global": false }),
        )
    } else if let Some(at) = state
        .faults
        .iter()
        .position(|(start, _, _)| asked.starts_with(start))
    {
        let status = state.faults[at].1;
        state.faults[at].2 -= 1;
        if state.faults[at].2 == 0 {
            state.faults.remove(at);
        }
        error(status, 0, "on order")
    } else {
        let deaf = state
            .deaf
            .iter()
            .position(|(start, _)| asked.starts_with(start));
        let answer = route(
            &mut state,
            &method,
            &parts,
            uri.query().unwrap_or(""),
            &headers,
            &body,
        );
        if let Some(at) = deaf {
            state.deaf[at].1 -= 1;
            if state.deaf[at].1 == 0 {
                state.deaf.remove(at);
            }
            error(502, 0, "the answer got lost")
        } else {
            answer
        }
    };
    state.calls.push((method.to_string(), path, status));
    let code = StatusCode::from_u16(status).unwrap();
    let mut response = if answer.is_null() {
        code.into_response()
    } else {
        (code, Json(answer)).into_response()
    };
    if let Some((remaining, reset, _)) = limits {
        let headers = response.headers_mut();
        headers.insert(
            "x-ratelimit-bucket",
            bucket.replace(' ', "-").parse().unwrap(),
        );
        headers.insert("x-ratelimit-remaining", remaining.into());
        headers.insert(
            "x-ratelimit-reset-after",
            format!("{reset:.3}").parse().unwrap(),
        );
    }
    response
}

fn route(
    state: &mut State,
    method: &Method,
    parts: &[&str],
    query: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Answer {
    if let ["webhooks", id, token, rest @ ..] = parts {
        return by_webhook(state, method, (id, token), rest, query, body);
    }
    let authorization = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bot {}", state.token)) {
        return error(401, 0, "401: Unauthorized");
    }
    match (method.as_str(), parts) {
        ("GET", ["applications", "@me"]) => (
            200,
            json!({ "id": BOT, "verify_key": "ab".repeat(32), "bot": { "id": BOT } }),
        ),
        (_, ["guilds", ..]) if !state.member => error(404, 10004, "Unknown Guild"),
        ("GET", ["guilds", guild]) => (
            200,
            json!({
                "id": guild, "name": "g", "owner_id": "1",
                "roles": [{ "id": guild, "permissions": "0" }, { "id": "5", "permissions": state.permissions.to_string() }],
            }),
        ),
        ("GET", ["guilds", _, "members", _]) => (200, json!({ "roles": ["5"] })),
        ("GET", ["guilds", _, "channels"]) => {
            let list: Vec<Value> = state
                .channels
                .iter()
                .filter(|(_, channel)| channel.kind != 11)
                .map(|(id, channel)| shown(id, channel))
                .collect();
            (200, json!(list))
        }
        ("GET", ["guilds", _, "threads", "active"]) => {
            let list: Vec<Value> = state
                .channels
                .iter()
                .filter(|(_, channel)| channel.kind == 11 && !channel.archived)
                .map(|(id, channel)| shown(id, channel))
                .collect();
            (200, json!({ "threads": list }))
        }
        ("POST", ["guilds", _, "channels"]) => create_channel(state, body),
        (_, ["channels", id, rest @ ..]) => by_channel(state, method, id, rest, query, body),
        (_, ["webhooks", id]) => {
            let Some(webhook) = state.webhooks.get(*id).cloned() else {
                return error(404, 10015, "Unknown Webhook");
            };
            if state.permissions & 1 << 29 == 0 {
                return error(403, 50013, "Missing Permissions");
            }
            if method == Method::DELETE {
                state.webhooks.remove(*id);
                return (204, Value::Null);
            }
            (200, webhook_json(id, &webhook))
        }
        _ => error(404, 0, "404: Not Found"),
    }
}

fn shown(id: &str, channel: &Channel) -> Value {
    json!({
        "id": id, "type": channel.kind, "name": channel.name, "topic": channel.topic, "parent_id": channel.parent,
        "guild_id": GUILD, "permission_overwrites": channel.overwrites,
        "thread_metadata": { "archived": channel.archived, "locked": channel.locked },
    })
}

fn webhook_json(id: &str, webhook: &Webhook) -> Value {
    json!({
        "id": id, "name": webhook.name, "channel_id": webhook.channel, "token": webhook.token, "application_id": BOT,
    })
}

fn create_channel(state: &mut State, body: &Value) -> Answer {
    if state.permissions & 1 << 4 == 0 {
        return error(403, 50013, "Missing Permissions");
    }
    if state
        .channels
        .values()
        .filter(|channel| channel.kind != 11)
        .count()
        >= 500
    {
        return error(400, 30013, "Maximum number of guild channels reached (500)");
    }
    let parent = body["parent_id"].as_str().map(ToOwned::to_owned);
    if let Some(parent) = &parent {
        let children = state
            .channels
            .values()
            .filter(|one| one.parent.as_ref() == Some(parent))
            .count();
        if children >= 50 || !state.channels.contains_key(parent) {
            return (
                400,
                json!({ "code": 50035, "message": "Invalid Form Body", "errors": { "parent_id": {
                "_errors": [{ "code": "CHANNEL_PARENT_MAX_CHANNELS", "message": "Maximum number of channels in category reached (50)" }] } } }),
            );
        }
    }
    let name = body["name"].as_str().unwrap_or("");
    let topic = body["topic"].as_str();
    assert!(
        (1..=100).contains(&name.chars().count()),
        "name of {} code points",
        name.chars().count()
    );
    assert!(topic.is_none_or(|topic| topic.chars().count() <= 1024));
    let kind = body["type"].as_u64().unwrap();
    let id = state.add(
        &if kind == 0 {
            name.to_lowercase().replace(' ', "-")
        } else {
            name.to_owned()
        },
        kind,
        None,
    );
    let channel = state.channels.get_mut(&id).unwrap();
    channel.topic = topic.map(ToOwned::to_owned);
    channel.parent = parent;
    (201, shown(&id, channel))
}

#[allow(clippy::too_many_lines, reason = "a table of routes")]
fn by_channel(
    state: &mut State,
    method: &Method,
    id: &str,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Answer {
    let Some(channel) = state.channels.get(id).cloned() else {
        return error(404, 10003, "Unknown Channel");
    };
    match (method.as_str(), rest) {
        ("GET", []) => (200, shown(id, &channel)),
        ("PATCH", []) => {
            if state.permissions & (1 << 4 | 1 << 34) == 0
                || (body["permission_overwrites"].is_array() && state.permissions & 1 << 28 == 0)
            {
                return error(403, 50013, "Missing Permissions");
            }
            let channel = state.channels.get_mut(id).unwrap();
            if let Some(topic) = body["topic"].as_str() {
                assert!(topic.chars().count() <= 1024);
                channel.topic = Some(topic.to_owned());
            }
            if let Some(parent) = body["parent_id"].as_str() {
                channel.parent = Some(parent.to_owned());
            }
            if body["permission_overwrites"].is_array() {
                channel.overwrites = body["permission_overwrites"].clone();
            }
            channel.archived = body["archived"].as_bool().unwrap_or(channel.archived);
            channel.locked = body["locked"].as_bool().unwrap_or(channel.locked);
            (200, shown(id, channel))
        }
        ("DELETE", []) => {
            state.channels.remove(id);
            state.webhooks.retain(|_, webhook| webhook.channel != id);
            state.messages.retain(|_, message| message.channel != id);
            (200, shown(id, &channel))
        }
        ("GET", ["webhooks"]) => {
            let ours = state
                .webhooks
                .iter()
                .filter(|(_, webhook)| webhook.channel == id);
            (
                200,
                json!(
                    ours.map(|(id, webhook)| webhook_json(id, webhook))
                        .collect::<Vec<_>>()
                ),
            )
        }
        ("POST", ["webhooks"]) => {
            if state.permissions & 1 << 29 == 0 {
                return error(403, 50013, "Missing Permissions");
            }
            let name = body["name"].as_str().unwrap().to_owned();
            let lower = name.to_lowercase();
            assert!(
                !lower.contains("discord") && !lower.contains("clyde"),
                "{name}"
            );
            if state
                .webhooks
                .values()
                .filter(|webhook| webhook.channel == id)
                .count()
                >= 15
            {
                return error(400, 30007, "Maximum number of webhooks reached (15)");
            }
            let webhook = state.id();
            let made = Webhook {
                name,
                channel: id.to_owned(),
                token: format!("s3cr3t-webhook-token-{webhook}"),
            };
            let answer = webhook_json(&webhook, &made);
            state.webhooks.insert(webhook, made);
            (200, answer)
        }
        ("GET", ["messages"]) => {
            if state.permissions & 1 << 16 == 0 {
                return error(403, 50001, "Missing Access");
            }
            let limit = query
                .split("limit=")
                .nth(1)
                .and_then(|text| text.split('&').next()?.parse().ok())
                .unwrap_or(50);
            let list = state
                .messages
                .iter()
                .rev()
                .filter(|(_, message)| message.channel == id);
            (
                200,
                json!(
                    list.take(limit)
                        .map(|(id, message)| message_json(*id, message))
                        .collect::<Vec<_>>()
                ),
            )
        }
        ("POST", ["messages"]) => saved(state, id, None, body),
        ("PATCH", ["messages", message]) => edited(state, message, body),
        ("DELETE", ["messages", message]) => {
            state.messages.remove(&message.parse().unwrap());
            (204, Value::Null)
        }
        ("POST", ["messages", message, "threads"]) => {
            if state.channels.contains_key(*message) {
                return error(
                    400,
                    160_004,
                    "A thread has already been created for this message",
                );
            }
            thread(state, message, id, body)
        }
        ("POST", ["threads"]) => {
            let id_of = state.id();
            let answer = thread(state, &id_of, id, body);
            state.messages.insert(
                id_of.parse().unwrap(),
                Message {
                    channel: id_of.clone(),
                    webhook: None,
                    body: body["message"].clone(),
                },
            );
            answer
        }
        _ => error(404, 0, "404: Not Found"),
    }
}

fn thread(state: &mut State, id: &str, parent: &str, body: &Value) -> Answer {
    let channel = Channel {
        name: body["name"].as_str().unwrap().to_owned(),
        kind: 11,
        topic: None,
        parent: Some(parent.to_owned()),
        overwrites: json!([]),
        archived: false,
        locked: false,
    };
    let answer = shown(id, &channel);
    state.channels.insert(id.to_owned(), channel);
    (201, answer)
}

fn by_webhook(
    state: &mut State,
    method: &Method,
    (id, token): (&str, &str),
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Answer {
    let Some(webhook) = state.webhooks.get(id).cloned() else {
        return error(404, 10015, "Unknown Webhook");
    };
    if webhook.token != token {
        return error(401, 50027, "Invalid Webhook Token");
    }
    let thread = query
        .split("thread_id=")
        .nth(1)
        .map(|text| text.split('&').next().unwrap().to_owned());
    let channel = thread.unwrap_or(webhook.channel);
    match (method.as_str(), rest) {
        ("POST", []) if !state.channels.contains_key(&channel) => {
            error(404, 10003, "Unknown Channel")
        }
        ("POST", []) => saved(state, &channel, Some(id), body),
        ("PATCH", ["messages", message]) => edited(state, message, body),
        _ => error(404, 0, "404: Not Found"),
    }
}

fn saved(state: &mut State, channel: &str, webhook: Option<&str>, body: &Value) -> Answer {
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    let id: u64 = state.id().parse().unwrap();
    let message = Message {
        channel: channel.to_owned(),
        webhook: webhook.map(ToOwned::to_owned),
        body: body.clone(),
    };
    let answer = message_json(id, &message);
    state.messages.insert(id, message);
    (200, answer)
}

fn edited(state: &mut State, id: &str, body: &Value) -> Answer {
    let id: u64 = id.parse().unwrap_or(0);
    let Some(message) = state.messages.get_mut(&id) else {
        return error(404, 10008, "Unknown Message");
    };
    message.body = body.clone();
    (200, message_json(id, message))
}

fn message_json(id: u64, message: &Message) -> Value {
    json!({
        "id": id.to_string(), "channel_id": message.channel, "webhook_id": message.webhook,
        "author": { "id": BOT }, "embeds": message.body["embeds"],
    })
}
