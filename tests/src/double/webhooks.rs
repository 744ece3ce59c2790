//! The webhook routes: what a watcher with nothing but a webhook URL may do.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::draft::{self, Kind};
use super::error::ApiError;
use super::form::Form;
use super::gate::{self, App, Asked, Gate};
use super::message;
use super::rate::Keys;
use super::sent::take;
use super::state::{Core, THREAD, Webhook};

/// The routes, relative to /api/v10.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/webhooks/{id}/{token}",
            get(read).post(execute).delete(remove),
        )
        .route(
            "/webhooks/{id}/{token}/messages/{message}",
            get(message_get).patch(message_edit).delete(message_delete),
        )
}

/// The query of a webhook route.
#[derive(Debug, Default)]
struct Query {
    wait: bool,
    with_components: bool,
    thread_id: Option<u64>,
    violations: Vec<String>,
}

impl Query {
    fn parse(raw: Option<&str>, known: &[&str]) -> Self {
        let mut query = Self::default();
        for pair in raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let yes = matches!(value, "true" | "True" | "1");
            if !known.contains(&key) {
                query
                    .violations
                    .push(format!("query {key}: not a parameter of this route"));
                continue;
            }
            match key {
                "wait" => query.wait = yes,
                "with_components" => query.with_components = yes,
                _ => query.thread_id = value.parse().ok(),
            }
        }
        query
    }
}

/// A request with its credentials checked.
struct Entered {
    gate: Gate,
    webhook: Webhook,
}

async fn enter(
    app: &App,
    method: &str,
    route: &str,
    (id, token): (&str, &str),
    headers: &HeaderMap,
) -> Result<Entered, Response> {
    let found = app.shared.change(|core| gate::webhook(core, id, token));
    let sends = method == "POST";
    let keys = Keys {
        bucket: format!("{route} {id}"),
        shown: Cow::Borrowed(if sends {
            "4f1e2b7a9c0d8e6f"
        } else {
            "9a7c3d5e1f2b4c6d"
        }),
        hidden: found
            .as_ref()
            .ok()
            .filter(|_| sends)
            .map(|webhook| format!("channel {}", webhook.channel_id)),
        bot: false,
        free: found
            .as_ref()
            .is_ok_and(|hook| hook.application_id == Some(hook.id)),
    };
    let asked = Asked {
        route,
        method,
        subject: id.parse().unwrap_or(0),
        keys,
        webhook: true,
        headers,
    };
    let gate = app.enter(asked).await?;
    match found {
        Ok(webhook) => Ok(Entered { gate, webhook }),
        Err(error) => Err(app.leave(&gate, error.into_response(), 0)),
    }
}

async fn read(
    State(app): State<App>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match enter(&app, "GET", "GET webhook", (&id, &token), &headers).await {
        Ok(entered) => {
            let guild = app.shared.lock().options.guild_id;
            let body = Json(webhook_wire(&entered.webhook, guild, &app.base));
            app.leave(&entered.gate, body.into_response(), 0)
        }
        Err(response) => response,
    }
}

/// Discord's webhook object.
pub(super) fn webhook_wire(webhook: &Webhook, guild: u64, base: &str) -> Value {
    json!({
        "id": webhook.id.to_string(), "type": 1, "token": webhook.token,
        "channel_id": webhook.channel_id.to_string(), "guild_id": guild.to_string(),
        "name": webhook.name, "avatar": null,
        "application_id": webhook.application_id.map(|id| id.to_string()),
        "url": format!("{base}/api/webhooks/{}/{}", webhook.id, webhook.token),
    })
}

async fn remove(
    State(app): State<App>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match enter(&app, "DELETE", "DELETE webhook", (&id, &token), &headers).await {
        Ok(entered) => {
            app.shared
                .change(|core| core.webhooks.remove(&entered.webhook.id));
            app.leave(&entered.gate, StatusCode::NO_CONTENT.into_response(), 0)
        }
        Err(response) => response,
    }
}

async fn execute(
    State(app): State<App>,
    Path((id, token)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let entered = match enter(&app, "POST", "POST webhook", (&id, &token), &headers).await {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    let known = ["wait", "thread_id", "with_components"];
    let query = Query::parse(query.as_deref(), &known);
    let path = format!("/webhooks/{id}/token");
    let (form, bytes) = match take(&app, ("POST", &path), &headers, body).await {
        Ok(read) => read,
        Err(error) => return app.leave(&entered.gate, error.into_response(), 0),
    };
    let answer = app
        .shared
        .change(|core| send(core, &app.base, &entered, &query, &form));
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    app.leave(&entered.gate, response, bytes)
}

fn send(
    core: &mut Core,
    base: &str,
    entered: &Entered,
    query: &Query,
    form: &Form,
) -> Result<Response, ApiError> {
    let route = "execute webhook";
    let answers = entered.webhook.id == core.options.bot.application_id;
    let kind = if answers { Kind::Reply } else { Kind::Execute };
    let (draft, violations) = draft::check(kind, &form.json, &form.files);
    for what in violations
        .iter()
        .chain(&form.violations)
        .chain(&query.violations)
    {
        core.violation(format!("{route}: {what}"));
    }
    let mut draft = draft?;
    let webhook = &entered.webhook;
    if draft.components.is_some() && webhook.application_id.is_none() && !query.with_components {
        core.violation(format!(
            "{route}: components are ignored without with_components=true"
        ));
        draft.components = None;
    }
    let channel_id = target(core, webhook, query.thread_id, draft.thread_name.as_deref())?;
    let mut new = message::build(core, &draft, &form.files)?;
    new.channel_id = channel_id;
    new.webhook_id = Some(webhook.id);
    new.username = draft.username.unwrap_or_else(|| webhook.name.clone());
    new.avatar_url = draft.avatar_url;
    new.request = entered.gate.request;
    new.waited = query.wait;
    if !query.wait {
        core.counters.unwaited += 1;
        if !core.options.save_unwaited {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let wire = new.wire(base);
    core.store(new);
    if query.wait {
        Ok(Json(wire).into_response())
    } else {
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// The channel or thread a send goes to.
fn target(
    core: &mut Core,
    webhook: &Webhook,
    thread_id: Option<u64>,
    thread_name: Option<&str>,
) -> Result<u64, ApiError> {
    let channel = core
        .channels
        .get(&webhook.channel_id)
        .ok_or_else(ApiError::unknown_channel)?;
    let forum = channel.kind == super::state::FORUM;
    match (thread_id, thread_name) {
        (Some(_), Some(_)) => Err(ApiError::bad(
            220_002,
            "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
        )),
        (None, None) if forum => Err(ApiError::bad(
            220_001,
            "Webhooks posted to forum channels must have a thread_name or thread_id",
        )),
        (None, None) => Ok(webhook.channel_id),
        (None, Some(_)) if !forum => Err(ApiError::bad(
            220_003,
            "Webhooks can only create threads in forum channels",
        )),
        (None, Some(name)) => Ok(super::threads::open_thread(core, webhook.channel_id, name)),
        (Some(id), None) => {
            let thread = core.channels.get_mut(&id).filter(|thread| {
                thread.kind == THREAD && thread.parent_id == Some(webhook.channel_id)
            });
            let thread = thread.ok_or_else(ApiError::unknown_channel)?;
            thread.archived = false;
            Ok(id)
        }
    }
}

/// What the three routes of one message share: the message must be this webhook's and in the place asked.
async fn on_message<F>(
    app: App,
    (method, route): (&str, &str),
    (id, token, message): (String, String, String),
    query: Option<String>,
    headers: HeaderMap,
    body: Option<Body>,
    act: F,
) -> Response
where
    F: FnOnce(&mut Core, &str, u64, Option<Form>) -> Result<Response, ApiError>,
{
    let entered = match enter(&app, method, route, (&id, &token), &headers).await {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    let query = Query::parse(query.as_deref(), &["thread_id", "with_components"]);
    let mut bytes = 0;
    let mut form = None;
    if let Some(body) = body {
        let path = format!("/webhooks/{id}/token/messages/{message}");
        match take(&app, (method, &path), &headers, body).await {
            Ok((read, size)) => (form, bytes) = (Some(read), size),
            Err(error) => return app.leave(&entered.gate, error.into_response(), 0),
        }
    }
    let answer = app.shared.change(|core| {
        for what in &query.violations {
            core.violation(format!("{route}: {what}"));
        }
        let message = match message.as_str() {
            "@original" => core
                .original(&token)
                .ok_or_else(ApiError::unknown_message)?,
            text => text.parse().map_err(|_| ApiError::unknown_message())?,
        };
        let place = query.thread_id.unwrap_or(entered.webhook.channel_id);
        let found = core.message_mut(message).filter(|found| {
            !found.deleted
                && found.webhook_id == Some(entered.webhook.id)
                && found.channel_id == place
        });
        if found.is_none() {
            return Err(ApiError::unknown_message());
        }
        // Code 50083 is documented with this very example, the editing of a message in an archived thread.
        let archived = core.channels.get(&place).is_some_and(|one| one.archived);
        if archived && method == "PATCH" {
            return Err(ApiError::bad(50083, "Thread is archived"));
        }
        act(core, &app.base, message, form)
    });
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    app.leave(&entered.gate, response, bytes)
}

async fn message_get(
    State(app): State<App>,
    Path(path): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let route = ("GET", "GET webhook message");
    on_message(
        app,
        route,
        path,
        query,
        headers,
        None,
        |core, base, id, _| {
            let found = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
            Ok(Json(found.wire(base)).into_response())
        },
    )
    .await
}

async fn message_edit(
    State(app): State<App>,
    Path(path): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let route = ("PATCH", "PATCH webhook message");
    on_message(
        app,
        route,
        path,
        query,
        headers,
        Some(body),
        |core, base, id, form| {
            let form = form.ok_or_else(ApiError::empty_message)?;
            let (draft, violations) = draft::check(Kind::Edit, &form.json, &form.files);
            for what in violations.iter().chain(&form.violations) {
                core.violation(format!("edit message: {what}"));
            }
            message::edit(core, id, &draft?, &form.files)?;
            let found = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
            Ok(Json(found.wire(base)).into_response())
        },
    )
    .await
}

async fn message_delete(
    State(app): State<App>,
    Path(path): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let route = ("DELETE", "DELETE webhook message");
    on_message(app, route, path, query, headers, None, |core, _, id, _| {
        message::delete(core, id);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}
