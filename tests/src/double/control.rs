//! The control API under /_double: what a test orders and asks.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::gate::App;
use super::rate::RateLimits;
use super::settings::Caps;
use super::state::{Core, FORUM, Message, TEXT, Webhook};
use super::{events, threads, webhooks};
use super::{interact, signing};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/_double/health", get(async || "ok\n"))
        .route("/_double/state", get(state))
        .route("/_double/counters", get(counters))
        .route("/_double/violations", get(violations))
        .route("/_double/requests", get(requests))
        .route("/_double/channels", get(channels))
        .route("/_double/webhooks", get(list_webhooks))
        .route("/_double/webhooks/{id}/{token}", put(put_webhook))
        .route("/_double/messages", get(messages))
        .route(
            "/_double/faults",
            get(faults).post(add_faults).delete(clear_faults),
        )
        .route("/_double/options", put(options))
        .route("/_double/interact", post(interact::interact))
        .route("/_double/public-key", get(public_key))
        .route("/_double/commands", get(commands))
        .route("/_double/clock", post(advance))
        .route("/_double/reset", post(reset))
        .route("/_double/ca.crt", get(ca))
        .route("/_double/events", get(events::stream))
        // A webhook's path may have no underscore.
        .route("/mutate", post(super::mutator::mutate))
}

async fn state(State(app): State<App>) -> Json<Value> {
    let core = app.shared.lock();
    Json(json!({
        "counters": core.counters,
        "violations": core.violations,
        "faults": core.faults.list(),
        "channels": channel_list(&core),
        "webhooks": webhook_list(&core, &app.base),
    }))
}

async fn counters(State(app): State<App>) -> Json<Value> {
    Json(json!(app.shared.lock().counters))
}

async fn violations(State(app): State<App>) -> Json<Value> {
    Json(json!(app.shared.lock().violations))
}

async fn requests(State(app): State<App>) -> Json<Value> {
    Json(json!(app.shared.lock().requests))
}

async fn channels(State(app): State<App>) -> Json<Value> {
    Json(channel_list(&app.shared.lock()))
}

async fn list_webhooks(State(app): State<App>) -> Json<Value> {
    Json(webhook_list(&app.shared.lock(), &app.base))
}

fn channel_list(core: &Core) -> Value {
    let list = core.channels.values().map(|channel| {
        let messages = core
            .messages
            .values()
            .filter(|message| message.channel_id == channel.id);
        json!({
            "id": channel.id.to_string(), "name": channel.name, "kind": channel.kind,
            "topic": channel.topic, "parentId": channel.parent_id.map(|id| id.to_string()),
            "archived": channel.archived, "locked": channel.locked, "messages": messages.count(),
        })
    });
    Value::Array(list.collect())
}

fn webhook_list(core: &Core, base: &str) -> Value {
    let guild = core.options.guild_id;
    let list = core.webhooks.values();
    Value::Array(
        list.map(|webhook| webhooks::webhook_wire(webhook, guild, base))
            .collect(),
    )
}

/// A message as the control API shows it: the stored form, ids as strings.
pub(super) fn message_json(message: &Message) -> Value {
    let mut value = json!(message);
    if let Some(map) = value.as_object_mut() {
        // A browser would round 64 bits.
        map.insert("id".to_owned(), json!(message.id.to_string()));
        map.insert(
            "channelId".to_owned(),
            json!(message.channel_id.to_string()),
        );
        let webhook = message.webhook_id.map(|id| id.to_string());
        map.insert("webhookId".to_owned(), json!(webhook));
        if let Some(Value::Array(files)) = map.get_mut("attachments") {
            for (file, stored) in files.iter_mut().zip(&message.attachments) {
                if let Some(file) = file.as_object_mut() {
                    file.insert("id".to_owned(), json!(stored.id.to_string()));
                }
            }
        }
    }
    value
}

async fn messages(State(app): State<App>, RawQuery(query): RawQuery) -> Json<Value> {
    let query = query.unwrap_or_default();
    let ask = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let after = ask("after")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0_u64);
    let limit = ask("limit")
        .and_then(|value| value.parse().ok())
        .unwrap_or(usize::MAX);
    let core = app.shared.lock();
    // A channel goes by its id or its name.
    let channel = ask("channel").map(|wanted| {
        let named = core
            .channels
            .values()
            .find(|channel| channel.name == wanted);
        named.map_or_else(|| wanted.parse().unwrap_or(0), |channel| channel.id)
    });
    let webhook = ask("webhook").map(|id| id.parse().unwrap_or(0));
    let list = core
        .messages
        .range(after.saturating_add(1)..)
        .map(|(_, message)| message)
        .filter(|message| channel.is_none_or(|id| id == message.channel_id))
        .filter(|message| webhook.is_none_or(|id| Some(id) == message.webhook_id))
        .take(limit)
        .map(message_json);
    Json(Value::Array(list.collect()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewWebhook {
    channel: String,
    #[serde(default)]
    forum: bool,
    /// Threads to open in the channel; the answer tells their ids.
    #[serde(default)]
    threads: Vec<String>,
}

async fn put_webhook(
    State(app): State<App>,
    Path((id, token)): Path<(u64, String)>,
    Json(new): Json<NewWebhook>,
) -> Json<Value> {
    app.shared.change(|core| {
        let kind = if new.forum { FORUM } else { TEXT };
        let channel_id = core.channel(&new.channel, kind);
        let threads: Vec<String> = new
            .threads
            .iter()
            .map(|name| threads::open_thread(core, channel_id, name).to_string())
            .collect();
        let webhook = Webhook {
            id,
            token,
            channel_id,
            name: new.channel.clone(),
            application_id: None,
        };
        let guild = core.options.guild_id;
        let mut wire = webhooks::webhook_wire(&webhook, guild, &app.base);
        core.webhooks.insert(id, webhook);
        if let Some(map) = wire.as_object_mut() {
            map.insert("threads".to_owned(), json!(threads));
        }
        Json(wire)
    })
}

async fn faults(State(app): State<App>) -> Json<Value> {
    Json(json!(app.shared.lock().faults.list()))
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Fault>),
    One(Box<Fault>),
}

async fn add_faults(State(app): State<App>, Json(new): Json<OneOrMany>) -> StatusCode {
    let new = match new {
        OneOrMany::Many(list) => list,
        OneOrMany::One(fault) => vec![*fault],
    };
    app.shared.change(|core| {
        let now = core.clock().now();
        for fault in new {
            core.faults.add(fault, now);
        }
    });
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.shared.change(|core| core.faults.clear());
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewOptions {
    limits: Option<RateLimits>,
    guild_id: Option<u64>,
    application_id: Option<u64>,
    bot_token: Option<String>,
    permissions: Option<u64>,
    member: Option<bool>,
    caps: Option<Caps>,
    token_ms: Option<u64>,
    auto_create: Option<bool>,
    save_unwaited: Option<bool>,
}

async fn options(State(app): State<App>, Json(new): Json<NewOptions>) -> StatusCode {
    app.shared.change(|core| {
        if let Some(limits) = new.limits {
            core.options.limits = limits;
            core.limiter.reset();
        }
        let bot = &mut core.options.bot;
        bot.application_id = new.application_id.unwrap_or(bot.application_id);
        bot.permissions = new.permissions.unwrap_or(bot.permissions);
        bot.member = new.member.unwrap_or(bot.member);
        bot.token_ms = new.token_ms.unwrap_or(bot.token_ms);
        if let Some(token) = new.bot_token {
            bot.token = token;
        }
        core.options.guild_id = new.guild_id.unwrap_or(core.options.guild_id);
        core.options.caps = new.caps.unwrap_or(core.options.caps);
        if let Some(auto_create) = new.auto_create {
            core.options.auto_create = auto_create;
        }
        if let Some(save_unwaited) = new.save_unwaited {
            core.options.save_unwaited = save_unwaited;
        }
    });
    StatusCode::NO_CONTENT
}

/// What the bot is to verify with.
async fn public_key(State(app): State<App>) -> String {
    signing::public_hex(&app.shared.lock())
}

async fn commands(State(app): State<App>) -> Json<Value> {
    Json(Value::Array(app.shared.lock().commands.clone()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

/// Moves a clock that stands by hand; the machine's does not listen.
async fn advance(State(app): State<App>, Json(by): Json<Advance>) -> StatusCode {
    let by = Duration::from_millis(by.advance_ms);
    app.shared.change(|core| core.clock().advance(by));
    StatusCode::NO_CONTENT
}

async fn reset(State(app): State<App>) -> StatusCode {
    app.shared.change(Core::reset);
    StatusCode::NO_CONTENT
}

async fn ca(State(app): State<App>) -> Response {
    match app.ca_pem {
        Some(pem) => pem.into_response(),
        None => (StatusCode::NOT_FOUND, "the double has no CA of its own\n").into_response(),
    }
}
