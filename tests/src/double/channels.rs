//! Channels of the guild: listed, made, changed and deleted, within the caps.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::bot::{self, Ask, call, channel};
use super::checker::{self, Checker, Text};
use super::error::ApiError;
use super::gate::App;
use super::state::{CATEGORY, Channel, Core, FORUM, TEXT};
use super::{name, overwrites, permission as p, threads};

/// Topic of a text channel (resources/channel.mdx; the schema's 4096 is for forums).
const TEXT_TOPIC: usize = 1024;
const FORUM_TOPIC: usize = 4096;

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/guilds/{guild}/channels", get(list).post(create))
        .route(
            "/channels/{channel}",
            get(read).patch(change).delete(remove),
        )
}

/// A channel or thread as Discord shows it.
pub(super) fn wire(core: &Core, channel: &Channel) -> Value {
    if channel.is_thread() {
        return threads::wire(core, channel);
    }
    json!({
        "id": channel.id.to_string(), "type": channel.kind, "flags": 0, "guild_id": channel.guild_id.to_string(),
        "name": channel.name, "position": 0, "topic": channel.topic, "nsfw": false, "rate_limit_per_user": 0,
        "parent_id": channel.parent_id.map(|id| id.to_string()), "permission_overwrites": channel.overwrites,
    })
}

async fn list(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET guild channels", &id, request, |core, _| {
        bot::in_guild(core, &id)?;
        let all = core.channels.values().filter(|one| !one.is_thread());
        Ok(bot::ok(all.map(|one| wire(core, one)).collect()))
    })
    .await
}

async fn create(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "POST guild channel", &id, request, |core, ask| {
        bot::in_guild(core, &id)?;
        p::need_in_guild(core, p::MANAGE_CHANNELS)?;
        let wanted = asked(core, ask, None)?;
        if wanted.overwrites != json!([]) {
            p::need_in_guild(core, p::MANAGE_ROLES)?;
        }
        let cap = core.options.caps.guild_channels;
        if core
            .channels
            .values()
            .filter(|one| !one.is_thread())
            .count()
            >= cap
        {
            let message = format!("Maximum number of server channels reached ({cap})");
            return Err(ApiError::bad(30013, &message));
        }
        room_in_category(core, wanted.parent_id)?;
        let made = Channel {
            id: core.next_id(),
            ..wanted
        };
        let body = wire(core, &made);
        core.add_channel(made);
        Ok(bot::created(body))
    })
    .await
}

fn room_in_category(core: &Core, parent: Option<u64>) -> Result<(), ApiError> {
    let Some(parent) = parent else { return Ok(()) };
    let path = ["parent_id"];
    let found = core.channels.get(&parent);
    let Some(category) = found.filter(|one| one.kind == CATEGORY) else {
        let message = "Category does not exist";
        return Err(ApiError::form(&path, "CHANNEL_PARENT_INVALID", message));
    };
    // What its overwrites take from the bot it cannot do there either.
    p::need(core, category, p::MANAGE_CHANNELS)?;
    let cap = core.options.caps.category_channels;
    let children = core
        .channels
        .values()
        .filter(|one| one.parent_id == Some(parent));
    if children.count() >= cap {
        let message = format!("Maximum number of channels in category reached ({cap})");
        return Err(ApiError::form(
            &path,
            "CHANNEL_PARENT_MAX_CHANNELS",
            &message,
        ));
    }
    Ok(())
}

const CREATE: [&str; 19] = [
    "type",
    "name",
    "position",
    "topic",
    "bitrate",
    "user_limit",
    "nsfw",
    "rate_limit_per_user",
    "parent_id",
    "permission_overwrites",
    "rtc_region",
    "video_quality_mode",
    "default_auto_archive_duration",
    "default_reaction_emoji",
    "default_thread_rate_limit_per_user",
    "default_sort_order",
    "default_forum_layout",
    "default_tag_setting",
    "available_tags",
];
const CHANGE: [&str; 20] = [
    "type",
    "name",
    "position",
    "topic",
    "bitrate",
    "user_limit",
    "nsfw",
    "rate_limit_per_user",
    "parent_id",
    "permission_overwrites",
    "rtc_region",
    "video_quality_mode",
    "default_auto_archive_duration",
    "default_reaction_emoji",
    "default_thread_rate_limit_per_user",
    "default_sort_order",
    "default_forum_layout",
    "default_tag_setting",
    "available_tags",
    "flags",
];

/// The channel that a body asks for, over `old` or from nothing.
fn asked(core: &mut Core, ask: &Ask, old: Option<&Channel>) -> Result<Channel, ApiError> {
    let (mut checker, root) = (Checker::default(), checker::Path::new());
    let known: &[&str] = if old.is_some() { &CHANGE } else { &CREATE };
    let empty = Map::new();
    let map = checker
        .object(&ask.form.json, &root, known)
        .unwrap_or(&empty);
    let mut out = old
        .cloned()
        .unwrap_or_else(|| Channel::new(core.options.guild_id, TEXT, ""));
    let kind = checker.integer(map, &root, "type", 0, 16);
    match kind.map(u8::try_from) {
        None => {}
        Some(Ok(kind @ (TEXT | CATEGORY | FORUM))) => out.kind = kind,
        Some(_) => checker.error(
            &checker::at(&root, "type"),
            "BASE_TYPE_CHOICES",
            "Not a type of this guild.",
        ),
    }
    if old.is_none() || map.contains_key("name") {
        let text = checker
            .text(map, &root, "name", Text::required(100))
            .unwrap_or_default();
        out.name = if out.kind == CATEGORY {
            text.clone()
        } else {
            name::normal(&text)
        };
        if out.name.is_empty() && !text.is_empty() {
            checker.error(
                &checker::at(&root, "name"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            );
        }
    }
    if let Some(topic) = map.get("topic") {
        let max = if out.kind == FORUM {
            FORUM_TOPIC
        } else {
            TEXT_TOPIC
        };
        // Unlike a name a topic may be empty: that takes it away.
        let blank = topic.as_str().is_none_or(|text| text.trim().is_empty());
        out.topic = None;
        if !blank || !(topic.is_null() || topic.is_string()) {
            out.topic = checker.text(map, &root, "topic", Text::up_to(max));
        }
    }
    if let Some(parent) = map.get("parent_id") {
        out.parent_id = parent.as_str().and_then(|id| id.parse().ok());
        if !parent.is_null() && (out.parent_id.is_none() || out.kind == CATEGORY) {
            let message = "Not a category this channel can be in.";
            checker.error(
                &checker::at(&root, "parent_id"),
                "CHANNEL_PARENT_INVALID_TYPE",
                message,
            );
        }
    }
    if let Some(list) = checker.list(map, &root, "permission_overwrites", 100) {
        out.overwrites = overwrites::read_all(&mut checker, list);
    }
    let (error, violations) = checker.finish();
    for what in violations {
        core.violation(format!("channel: {what}"));
    }
    error.map_or(Ok(()), Err)?;
    if old.is_none_or(|old| old.overwrites != out.overwrites) {
        overwrites::may_write(core, &out.overwrites)?;
    }
    Ok(out)
}

async fn read(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET channel", &id, request, |core, _| {
        let found = channel(core, &id, 0)?;
        Ok(bot::ok(wire(core, &found)))
    })
    .await
}

async fn change(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "PATCH channel", &id, request, |core, ask| {
        let old = channel(core, &id, 0)?;
        if old.is_thread() {
            return threads::change(core, ask, &old);
        }
        p::need(core, &old, p::MANAGE_CHANNELS)?;
        let new = asked(core, ask, Some(&old))?;
        if new.overwrites != old.overwrites {
            p::need(core, &old, p::MANAGE_ROLES)?;
        }
        if new.parent_id != old.parent_id {
            room_in_category(core, new.parent_id)?;
        }
        let body = wire(core, &new);
        core.add_channel(new);
        Ok(bot::ok(body))
    })
    .await
}

async fn remove(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "DELETE channel", &id, request, |core, _| {
        let old = channel(core, &id, 0)?;
        let needed = if old.is_thread() {
            p::MANAGE_THREADS
        } else {
            p::MANAGE_CHANNELS
        };
        p::need(core, &old, needed)?;
        let body = wire(core, &old);
        core.remove_channel(old.id);
        Ok(bot::ok(body))
    })
    .await
}
