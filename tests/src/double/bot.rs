//! What every route of a bot shares: its token, the body, buckets by route and top-level resource.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::error::ApiError;
use super::form::Form;
use super::gate::{App, Asked};
use super::rate::Keys;
use super::sent::take;
use super::state::{Channel, Core};
use super::{channels, commands, guild, hooks, overwrites, posts, threads};

/// A request past the gate.
pub(super) struct Ask {
    /// The body; an empty object where there was none.
    pub form: Form,
    /// The query as sent.
    pub query: String,
    /// Where the double is reached.
    pub base: String,
    /// Number of the request.
    pub request: u64,
}

impl Ask {
    /// One parameter of the query.
    pub(super) fn query(&self, key: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

/// What a route answers.
pub(super) type Answer = Result<Response, ApiError>;

/// All routes of a bot, relative to /api/v10.
pub(super) fn routes() -> Router<App> {
    guild::routes()
        .merge(channels::routes())
        .merge(overwrites::routes())
        .merge(hooks::routes())
        .merge(posts::routes())
        .merge(threads::routes())
        .merge(commands::routes())
}

/// Lets a request of the bot through the gate, checks its token, reads its body, then acts.
/// `top` is the guild or channel that has a bucket of its own; a webhook's id without its token is none.
pub(super) async fn call<F>(app: App, route: &str, top: &str, request: Request, act: F) -> Response
where
    F: FnOnce(&mut Core, &Ask) -> Answer,
{
    let (parts, body) = request.into_parts();
    let mut bytes = 0;
    let mut form = Ok(Form {
        json: json!({}),
        files: Vec::new(),
        violations: Vec::new(),
    });
    if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        let asked = (parts.method.as_str(), parts.uri.path());
        form = take(&app, asked, &parts.headers, body)
            .await
            .map(|(form, size)| {
                bytes = size;
                form
            });
    }
    // The one limit that depends on the body: no header announces it (discord-api-docs 1900).
    let renames = route == "PATCH channel"
        && form
            .as_ref()
            .is_ok_and(|form| form.json.get("name").or(form.json.get("topic")).is_some());
    let keys = Keys {
        bucket: format!("{route} {top}"),
        shown: bucket_name(route).into(),
        hidden: renames.then(|| format!("rename {top}")),
        bot: true,
        free: false,
    };
    let asked = Asked {
        route,
        method: parts.method.as_str(),
        subject: top.parse().unwrap_or(0),
        keys,
        webhook: false,
        headers: &parts.headers,
    };
    let gate = match app.enter(asked).await {
        Ok(gate) => gate,
        Err(response) => return response,
    };
    let answer = app.shared.change(|core| {
        let sent = parts.headers.get(AUTHORIZATION);
        let wanted = format!("Bot {}", core.options.bot.token);
        if sent.is_none_or(|sent| sent.as_bytes() != wanted.as_bytes()) {
            return Err(ApiError::unauthorized());
        }
        let ask = Ask {
            form: form?,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            base: app.base.clone(),
            request: gate.request,
        };
        for what in &ask.form.violations {
            core.violation(format!("{route}: {what}"));
        }
        act(core, &ask)
    });
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    app.leave(&gate, response, bytes)
}

/// Sixteen hex digits that say nothing, as Discord's do; the same for a route in every run.
fn bucket_name(route: &str) -> String {
    let hash = route.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut name = String::new();
    let _ = write!(name, "{hash:016x}");
    name
}

/// A snowflake of a path, or Discord's refusal.
pub(super) fn snowflake(field: &str, text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let message = format!("Value \"{text}\" is not snowflake.");
        ApiError::form(&[field], "NUMBER_TYPE_COERCE", &message)
    })
}

/// The guild must be the one there is, and the bot in it.
pub(super) fn in_guild(core: &Core, id: &str) -> Result<(), ApiError> {
    let id = snowflake("guild_id", id)?;
    if id == core.options.guild_id && core.options.bot.member {
        Ok(())
    } else {
        Err(ApiError::unknown_guild())
    }
}

/// The channel of a path, when the bot may do `needed` there.
pub(super) fn channel(core: &Core, id: &str, needed: u64) -> Result<Channel, ApiError> {
    let id = snowflake("channel_id", id)?;
    let found = core
        .channels
        .get(&id)
        .ok_or_else(ApiError::unknown_channel)?;
    super::permission::need(core, found, needed)?;
    Ok(found.clone())
}

/// 200 with JSON.
pub(super) fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

/// 201 with JSON.
pub(super) fn created(body: Value) -> Response {
    (StatusCode::CREATED, axum::Json(body)).into_response()
}
