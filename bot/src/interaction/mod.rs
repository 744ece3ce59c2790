//! Discord's way to talk back: `POST /interactions`.
//!
//! Promises: nothing is read before its signature, its time and its id hold; every signed interaction is answered within
//! Discord's three seconds, for its asker alone, whatever the store or Discord do; only whom guild and allow-list admit
//! reaches a run. Refuses to know: how runs are kept ([`Desk`] does) and what becomes of an input in the run's channel,
//! which the engine shows there.

mod answer;
mod commands;
mod later;
mod parse;
mod register;
mod reply;
mod signature;
mod window;
mod words;
mod work;

pub use register::{Again, Registration, keep_registering, register};
pub use signature::{KeyError, Keys};

use crate::desk::Desk;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use discord::Bot;
use later::Later;
use parse::Interaction;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use window::Seen;

/// Most bytes of a request. An interaction with every option full is below 64 KiB.
const MAX_BODY: usize = 256 * 1024;
/// Longest wait for a request's body; Discord waits three seconds for the answer.
const BODY: Duration = Duration::from_secs(2);

/// One request as it went, for metrics.
#[derive(Debug, Clone, Copy)]
pub struct Handled {
    /// The command, or what else it was; a fixed word.
    pub kind: &'static str,
    /// What came of it; a fixed word.
    pub result: &'static str,
    /// From its headers to its answer.
    pub took: Duration,
}

/// Who is told of each request.
pub type Observer = Arc<dyn Fn(Handled) + Send + Sync>;

/// What the interactions are made of.
pub struct Options {
    /// The application's public keys; without one every request is refused.
    pub keys: Keys,
    /// The one guild that is served; all whose runs the desk has when there is none.
    pub guild_id: Option<String>,
    /// Users who may talk to agents; with no roles either, all whom Discord's permissions admit.
    pub allowed_users: Vec<String>,
    /// Roles whose members may.
    pub allowed_roles: Vec<String>,
    /// For later answers and attachments; without it there are none.
    pub discord: Option<Arc<Bot>>,
    /// Base of Discord's API, whose origin may hold attachments as well.
    pub api_url: String,
    /// The runs.
    pub desk: Arc<dyn Desk>,
    /// Told of each request.
    pub observer: Option<Observer>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Options").finish_non_exhaustive()
    }
}

/// Shared by all requests.
struct Inner {
    keys: Keys,
    seen: Seen,
    guild: Option<String>,
    users: Vec<String>,
    roles: Vec<String>,
    later: Later,
    api: String,
    desk: Arc<dyn Desk>,
    observer: Option<Observer>,
}

/// The route.
pub fn router(options: Options) -> Router {
    let inner = Arc::new(Inner {
        keys: options.keys,
        seen: Seen::default(),
        guild: options.guild_id,
        users: options.allowed_users,
        roles: options.allowed_roles,
        later: Later::new(options.discord),
        api: options.api_url,
        desk: options.desk,
        observer: options.observer,
    });
    Router::new()
        .route(
            "/interactions",
            post(receive).fallback(async || NO_METHOD.response()),
        )
        .with_state(inner)
}

async fn receive(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let start = Instant::now();
    let (kind, result, response) = match authentic(&inner, request).await {
        Ok(interaction) => {
            let id = interaction.id.clone();
            let answer = answer::answer(&inner, interaction).await;
            tracing::info!(
                id,
                kind = answer.kind,
                result = answer.result,
                took_ms = start.elapsed().as_millis(),
                "interaction"
            );
            let json = axum::Json(answer.reply.json());
            (answer.kind, answer.result, json.into_response())
        }
        Err(refusal) => ("none", refusal.word, refusal.response()),
    };
    if let Some(observer) = &inner.observer {
        observer(Handled {
            kind,
            result,
            took: start.elapsed(),
        });
    }
    response
}

/// Why a request is no interaction for us.
struct Refusal {
    status: StatusCode,
    word: &'static str,
    detail: &'static str,
}

const NO_METHOD: Refusal = Refusal {
    status: StatusCode::METHOD_NOT_ALLOWED,
    word: "no_method",
    detail: "the route takes POST alone; see /openapi.json",
};
const UNAUTHORIZED: Refusal = Refusal {
    status: StatusCode::UNAUTHORIZED,
    word: "unauthorized",
    detail: "the signature, its time or its key does not hold; only Discord calls this route",
};
const REPEATED: Refusal = Refusal {
    word: "repeated",
    ..UNAUTHORIZED
};
const TOO_LARGE: Refusal = Refusal {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    word: "too_large",
    detail: "the body is above 256 KiB",
};
const SLOW: Refusal = Refusal {
    status: StatusCode::REQUEST_TIMEOUT,
    word: "slow",
    detail: "the body did not come in time",
};
const MALFORMED: Refusal = Refusal {
    status: StatusCode::BAD_REQUEST,
    word: "malformed",
    detail: "the body is signed, but it is no interaction",
};

impl Refusal {
    fn response(&self) -> Response {
        tracing::debug!(result = self.word, "a request was refused");
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body.to_string(),
        )
            .into_response()
    }
}

/// The interaction, when it is one and Discord's.
async fn authentic(inner: &Inner, request: Request) -> Result<Interaction, Refusal> {
    let (parts, body) = request.into_parts();
    let signature = only(&parts.headers, "x-signature-ed25519").ok_or(UNAUTHORIZED)?;
    let timestamp = only(&parts.headers, "x-signature-timestamp").ok_or(UNAUTHORIZED)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    // What cannot hold is not worth reading.
    if inner.keys.is_empty() || !window::fresh(timestamp, now) {
        return Err(UNAUTHORIZED);
    }
    let body = read(body).await?;
    if !inner.keys.hold(timestamp, &body, signature) {
        return Err(UNAUTHORIZED);
    }
    let interaction = Interaction::parse(&body).ok_or(MALFORMED)?;
    match interaction.id.parse() {
        Ok(id) if !inner.seen.first(id, now) => Err(REPEATED),
        Ok(_) => Ok(interaction),
        // A ping may come without one, and it changes nothing.
        Err(_) if interaction.kind == parse::Kind::Ping => Ok(interaction),
        Err(_) => Err(MALFORMED),
    }
}

/// A header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY, axum::body::to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(TOO_LARGE),
        Err(_) => Err(SLOW),
    }
}
