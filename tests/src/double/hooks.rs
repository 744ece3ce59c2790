//! Webhooks as the bot sees them: made, listed, changed and deleted with its token.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::Value;

use super::bot::{self, Ask, call, channel, snowflake};
use super::checker::{self, Checker, Text};
use super::error::ApiError;
use super::gate::App;
use super::permission as p;
use super::state::{Core, FORUM, TEXT, Webhook, token};
use super::webhooks::webhook_wire;

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/channels/{channel}/webhooks", get(of_channel).post(create))
        .route("/guilds/{guild}/webhooks", get(of_guild))
        .route("/webhooks/{id}", get(read).patch(change).delete(remove))
}

fn shown(core: &Core, ask: &Ask, keep: impl Fn(&Webhook) -> bool) -> Response {
    let guild = core.options.guild_id;
    let all = core.webhooks.values().filter(|one| keep(one));
    bot::ok(all.map(|one| wire(core, one, guild, &ask.base)).collect())
}

/// A bot sees the token of its own webhooks alone.
fn wire(core: &Core, hook: &Webhook, guild: u64, base: &str) -> Value {
    let mut body = webhook_wire(hook, guild, base);
    if hook.application_id != Some(core.options.bot.application_id)
        && let Some(map) = body.as_object_mut()
    {
        map.remove("token");
        map.remove("url");
    }
    body
}

async fn of_channel(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET channel webhooks", &id, request, |core, ask| {
        let found = channel(core, &id, p::MANAGE_WEBHOOKS)?;
        Ok(shown(core, ask, |one| one.channel_id == found.id))
    })
    .await
}

async fn of_guild(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET guild webhooks", &id, request, |core, ask| {
        bot::in_guild(core, &id)?;
        p::need_in_guild(core, p::MANAGE_WEBHOOKS)?;
        Ok(shown(core, ask, |_| true))
    })
    .await
}

/// 1 to 80 code points without the words Discord forbids; `None` when the body says nothing of it.
fn name(
    core: &mut Core,
    ask: &Ask,
    known: &[&str],
    required: bool,
) -> Result<Option<String>, ApiError> {
    let (mut checker, root) = (Checker::default(), checker::Path::new());
    let mut name = None;
    if let Some(map) = checker.object(&ask.form.json, &root, known) {
        let rule = Text {
            max: 80,
            required: required || map.contains_key("name"),
        };
        name = checker.text(map, &root, "name", rule);
    }
    let lower = name.as_deref().unwrap_or_default().to_lowercase();
    for word in ["clyde", "discord"]
        .into_iter()
        .filter(|word| lower.contains(word))
    {
        let message = format!("Username cannot contain \"{word}\"");
        checker.error(
            &checker::at(&root, "name"),
            "USERNAME_INVALID_CONTAINS",
            &message,
        );
    }
    let (error, violations) = checker.finish();
    for what in violations {
        core.violation(format!("webhook: {what}"));
    }
    error.map_or(Ok(name), Err)
}

async fn create(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "POST channel webhook", &id, request, |core, ask| {
        let place = channel(core, &id, p::MANAGE_WEBHOOKS)?;
        if !matches!(place.kind, TEXT | FORUM) {
            return Err(ApiError::wrong_channel_type());
        }
        let name = name(core, ask, &["name", "avatar"], true)?.unwrap_or_default();
        room(core, place.id)?;
        let id = core.next_id();
        let hook = Webhook {
            id,
            token: token(id),
            channel_id: place.id,
            name,
            application_id: Some(core.options.bot.application_id),
        };
        let body = webhook_wire(&hook, core.options.guild_id, &ask.base);
        core.webhooks.insert(id, hook);
        Ok(bot::ok(body))
    })
    .await
}

fn room(core: &Core, channel: u64) -> Result<(), ApiError> {
    let caps = core.options.caps;
    let here = core
        .webhooks
        .values()
        .filter(|one| one.channel_id == channel);
    if here.count() >= caps.channel_webhooks {
        let message = format!(
            "Maximum number of webhooks reached ({})",
            caps.channel_webhooks
        );
        return Err(ApiError::bad(30007, &message));
    }
    if core.webhooks.len() >= caps.guild_webhooks {
        let message = format!(
            "Maximum number of webhooks per guild reached ({})",
            caps.guild_webhooks
        );
        return Err(ApiError::bad(30058, &message));
    }
    Ok(())
}

/// The webhook of a path, when the bot may manage those of its channel.
fn managed(core: &Core, id: &str) -> Result<Webhook, ApiError> {
    let id = snowflake("webhook_id", id)?;
    let hook = core
        .webhooks
        .get(&id)
        .ok_or_else(ApiError::unknown_webhook)?;
    let place = core
        .channels
        .get(&hook.channel_id)
        .ok_or_else(ApiError::unknown_channel)?;
    p::need(core, place, p::MANAGE_WEBHOOKS)?;
    Ok(hook.clone())
}

async fn read(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET webhook by bot", &id, request, |core, ask| {
        let hook = managed(core, &id)?;
        Ok(bot::ok(wire(core, &hook, core.options.guild_id, &ask.base)))
    })
    .await
}

async fn change(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "PATCH webhook by bot", &id, request, |core, ask| {
        let mut hook = managed(core, &id)?;
        if let Some(name) = name(core, ask, &["name", "avatar", "channel_id"], false)? {
            hook.name = name;
        }
        if let Some(place) = ask.form.json.get("channel_id").and_then(Value::as_str) {
            let place = channel(core, place, p::MANAGE_WEBHOOKS)?;
            if place.id != hook.channel_id {
                room(core, place.id)?;
            }
            hook.channel_id = place.id;
        }
        core.webhooks.insert(hook.id, hook.clone());
        Ok(bot::ok(wire(core, &hook, core.options.guild_id, &ask.base)))
    })
    .await
}

async fn remove(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "DELETE webhook by bot", &id, request, |core, _| {
        let hook = managed(core, &id)?;
        core.webhooks.remove(&hook.id);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}
