//! Interactions that were sent: their tokens' lives, their first answers, and the rules these must keep.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::gate::{App, Asked};
use super::rate::Keys;
use super::reply;
use super::sent::take;
use super::state::{Core, Webhook, token};

/// One interaction.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Snowflake.
    pub id: u64,
    /// Its secret, good for the webhook routes of the application.
    pub token: String,
    /// 1 ping, 2 command, 3 component, 4 autocomplete, 5 modal.
    pub kind: u8,
    /// Where it was used.
    pub channel_id: u64,
    /// When, on the double's clock.
    pub at: Duration,
    /// Type of the first answer.
    pub answered: Option<u64>,
    /// No answer within three seconds, or one that breaks the rules: the token is dead.
    pub dead: bool,
    /// The first answer's message.
    pub original: Option<u64>,
}

/// Interactions remembered.
const KEEP: usize = 10_000;

impl Core {
    /// A new interaction in a channel.
    pub(super) fn interaction(&mut self, kind: u8, channel_id: u64) -> Interaction {
        let id = self.next_id();
        let new = Interaction {
            id,
            token: token(id ^ 0xA5A5),
            kind,
            channel_id,
            at: self.clock().now(),
            answered: None,
            dead: false,
            original: None,
        };
        self.interactions.insert(id, new.clone());
        while self.interactions.len() > KEEP {
            self.interactions.pop_first();
        }
        new
    }

    /// The webhook that an interaction's token stands for, while it lives.
    pub(super) fn interaction_webhook(&self, token: &str) -> Result<Webhook, ApiError> {
        let found = self.interactions.values().find(|one| one.token == token);
        let found = found.ok_or_else(ApiError::unknown_webhook)?;
        let life = Duration::from_millis(self.options.bot.token_ms);
        if found.dead || self.clock().now() >= found.at + life {
            return Err(ApiError::bad_token());
        }
        // Before the first answer there is nothing to follow up.
        if found.answered.is_none() {
            return Err(ApiError::unknown_webhook());
        }
        let application = self.options.bot.application_id;
        Ok(Webhook {
            id: application,
            token: token.to_owned(),
            channel_id: found.channel_id,
            name: "agent-runs".to_owned(),
            application_id: Some(application),
        })
    }

    /// The message that `@original` names.
    pub(super) fn original(&self, token: &str) -> Option<u64> {
        self.interactions
            .values()
            .find(|one| one.token == token)?
            .original
    }
}

/// The route, relative to /api/v10.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/interactions/{id}/{token}/callback", post(callback))
}

/// The first answer by a request of its own; it needs no token but the interaction's.
async fn callback(
    State(app): State<App>,
    Path((id, token)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = format!("/interactions/{id}/token/callback");
    let form = take(&app, ("POST", &path), &parts.headers, body).await;
    let asked = Asked {
        route: "POST interaction callback",
        method: "POST",
        subject: id.parse().unwrap_or(0),
        keys: Keys {
            bucket: format!("callback {id}"),
            shown: "0d1c2b3a49586776".into(),
            free: true,
            ..Keys::default()
        },
        webhook: false,
        headers: &parts.headers,
    };
    let gate = match app.enter(asked).await {
        Ok(gate) => gate,
        Err(response) => return response,
    };
    let answer = app.shared.change(|core| {
        let unknown = || ApiError::new(StatusCode::NOT_FOUND, 10062, "Unknown interaction");
        let (form, _) = form?;
        let id = id.parse::<u64>().map_err(|_| unknown())?;
        let late = core.clock().now();
        let found = core
            .interactions
            .get(&id)
            .filter(|one| one.token == token && !one.dead);
        let found = found
            .filter(|one| late < one.at + Duration::from_secs(3))
            .ok_or_else(unknown)?;
        if found.answered.is_some() {
            return Err(ApiError::bad(
                40060,
                "Interaction has already been acknowledged.",
            ));
        }
        let broken = reply::accept(core, id, &form.json);
        if broken.is_empty() {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(ApiError::form(
                &["data"],
                "INTERACTION_RESPONSE_INVALID",
                &broken.join("; "),
            ))
        }
    });
    app.leave(&gate, answer.unwrap_or_else(IntoResponse::into_response), 0)
}

/// The interaction's body as Discord sends it.
pub(super) fn body(core: &Core, one: &Interaction, asked: &super::interact::Interact) -> Value {
    let bot = &core.options.bot;
    let mut body = json!({
        "id": one.id.to_string(), "application_id": bot.application_id.to_string(), "type": one.kind,
        "token": one.token, "version": 1, "entitlements": [], "authorizing_integration_owners": {},
        "app_permissions": asked.app_permissions.clone().unwrap_or_else(|| bot.permissions.to_string()),
        "context": u8::from(asked.direct), "attachment_size_limit": 10_485_760,
    });
    let user = super::guild::user(asked.user, "person", false);
    let Some(map) = body.as_object_mut() else {
        return body;
    };
    if one.kind != 1 {
        map.insert("channel_id".to_owned(), json!(one.channel_id.to_string()));
        map.insert("locale".to_owned(), json!("en-US"));
        map.insert("data".to_owned(), asked.data.clone());
    }
    if asked.direct || one.kind == 1 {
        map.insert("user".to_owned(), user);
    } else {
        let roles: Vec<String> = asked.roles.iter().map(ToString::to_string).collect();
        map.insert(
            "guild_id".to_owned(),
            json!(core.options.guild_id.to_string()),
        );
        map.insert("guild_locale".to_owned(), json!("en-US"));
        let permissions = asked.permissions.clone().unwrap_or_else(|| "0".to_owned());
        map.insert("member".to_owned(), json!({
            "user": user, "roles": roles, "permissions": permissions, "nick": null, "avatar": null, "flags": 0,
            "joined_at": super::clock::iso(1_600_000_000_000), "deaf": false, "mute": false, "pending": false,
        }));
    }
    body
}
