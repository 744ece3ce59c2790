//! Messages of the bot itself, and what it may read.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::Value;

use super::bot::{self, Ask, call, channel};
use super::draft::{self, Kind};
use super::error::ApiError;
use super::form::Form;
use super::gate::App;
use super::message;
use super::permission as p;
use super::state::{CATEGORY, Channel, Core, FORUM};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/channels/{channel}/messages", get(list).post(create))
        .route(
            "/channels/{channel}/messages/{message}",
            get(read).patch(change).delete(remove),
        )
}

async fn list(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET channel messages", &id, request, |core, ask| {
        let place = channel(core, &id, 0)?;
        // Without the permission Discord answers with nothing, not with an error.
        if p::of_channel(core, &place) & p::READ_MESSAGE_HISTORY == 0 {
            return Ok(bot::ok(Value::Array(Vec::new())));
        }
        let limit = ask
            .query("limit")
            .map_or(Some(50), |text| text.parse::<usize>().ok());
        let limit = limit
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| {
                ApiError::form(
                    &["limit"],
                    "NUMBER_TYPE_MAX",
                    "int value should be between 1 and 100.",
                )
            })?;
        let bound = |key: &str| ask.query(key).and_then(|id| id.parse::<u64>().ok());
        let (before, after) = (
            bound("before").unwrap_or(u64::MAX),
            bound("after").unwrap_or(0),
        );
        let found = core.messages.values().rev().filter(|one| {
            one.channel_id == place.id
                && !one.deleted
                && !one.ephemeral()
                && one.id < before
                && one.id > after
        });
        Ok(bot::ok(
            found.take(limit).map(|one| one.wire(&ask.base)).collect(),
        ))
    })
    .await
}

/// Checks a body and stores it as the bot's own message in `place`.
pub(super) fn say(
    core: &mut Core,
    ask: &Ask,
    form: &Form,
    place: &Channel,
    id: Option<u64>,
) -> Result<Value, ApiError> {
    let (draft, violations) = draft::check(Kind::Create, &form.json, &form.files);
    for what in violations {
        core.violation(format!("create message: {what}"));
    }
    let draft = draft?;
    let bits = p::of_channel(core, place);
    if !form.files.is_empty() && bits & p::ATTACH_FILES == 0 {
        return Err(ApiError::missing_permissions());
    }
    if draft.embeds.as_ref().is_some_and(|list| !list.is_empty()) && bits & p::EMBED_LINKS == 0 {
        core.violation("create message: embeds are not shown without EMBED_LINKS".to_owned());
    }
    let mut new = message::build(core, &draft, &form.files)?;
    new.id = id.unwrap_or(new.id);
    new.channel_id = place.id;
    new.author_id = Some(core.options.bot.application_id);
    "agent-runs".clone_into(&mut new.username);
    new.request = ask.request;
    let wire = new.wire(&ask.base);
    core.store(new);
    Ok(wire)
}

async fn create(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "POST channel message", &id, request, |core, ask| {
        let mut place = channel(core, &id, 0)?;
        if matches!(place.kind, CATEGORY | FORUM) {
            return Err(ApiError::wrong_channel_type());
        }
        if place.is_thread() {
            p::need(core, &place, p::SEND_MESSAGES_IN_THREADS)?;
            if place.locked {
                p::need(core, &place, p::MANAGE_THREADS)?;
            }
            if place.archived {
                place.archived = false;
                core.add_channel(place.clone());
            }
        } else {
            p::need(core, &place, p::SEND_MESSAGES)?;
        }
        say(core, ask, &ask.form, &place, None).map(bot::ok)
    })
    .await
}

/// A message of that channel, not deleted.
pub(super) fn message_in(core: &mut Core, place: &Channel, id: &str) -> Result<u64, ApiError> {
    let id = bot::snowflake("message_id", id)?;
    core.message_mut(id)
        .filter(|one| one.channel_id == place.id && !one.deleted && !one.ephemeral())
        .map(|one| one.id)
        .ok_or_else(ApiError::unknown_message)
}

async fn read(
    State(app): State<App>,
    Path((id, which)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "GET channel message", &id, request, |core, ask| {
        let place = channel(core, &id, p::READ_MESSAGE_HISTORY)?;
        let id = message_in(core, &place, &which)?;
        let found = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
        Ok(bot::ok(found.wire(&ask.base)))
    })
    .await
}

async fn change(
    State(app): State<App>,
    Path((id, which)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "PATCH channel message", &id, request, |core, ask| {
        let place = channel(core, &id, 0)?;
        let id = message_in(core, &place, &which)?;
        let me = core.options.bot.application_id;
        let old = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
        if old.author_id != Some(me) {
            let message = "Cannot edit a message authored by another user";
            return Err(ApiError::new(StatusCode::FORBIDDEN, 50005, message));
        }
        if place.archived {
            return Err(ApiError::bad(50083, "Thread is archived"));
        }
        let (draft, violations) = draft::check(Kind::Edit, &ask.form.json, &ask.form.files);
        for what in violations {
            core.violation(format!("edit message: {what}"));
        }
        message::edit(core, id, &draft?, &ask.form.files)?;
        let found = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
        Ok(bot::ok(found.wire(&ask.base)))
    })
    .await
}

async fn remove(
    State(app): State<App>,
    Path((id, which)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "DELETE channel message", &id, request, |core, _| {
        let place = channel(core, &id, 0)?;
        let id = message_in(core, &place, &which)?;
        let me = core.options.bot.application_id;
        if core
            .message_mut(id)
            .is_some_and(|one| one.author_id != Some(me))
        {
            p::need(core, &place, p::MANAGE_MESSAGES)?;
        }
        message::delete(core, id);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}
