//! What every API request passes through: ban, faults, credentials, rate limits; and back: headers and counts.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::fault::Action;
use super::form;
use super::rate::{Keys, Limited, Scope, Shown, Verdict};
use super::state::{Core, RequestLog, Shared, Webhook};

/// What handlers share.
#[derive(Clone, Debug)]
pub struct App {
    /// The state.
    pub shared: Shared,
    /// Where the double is reached, without a slash at the end.
    pub base: String,
    /// Ends hanging requests.
    pub stop: CancellationToken,
    /// The CA's certificate when the double serves HTTPS, as PEM.
    pub ca_pem: Option<String>,
}

/// Marks a response that must not be sent: the connection is dropped instead.
#[derive(Clone, Copy, Debug)]
pub struct DropConnection;

/// A request on its way.
#[derive(Debug)]
pub struct Gate {
    /// Number of the request, from 1.
    pub request: u64,
    route: String,
    subject: u64,
    at_ms: u64,
    shown: Option<Shown>,
    action: Option<Action>,
}

/// What is asked of the gate.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Method and route, like `POST webhook`.
    pub route: &'a str,
    /// Method alone.
    pub method: &'a str,
    /// Id of the webhook or channel.
    pub subject: u64,
    /// Rate limit keys, given the channel it is about.
    pub keys: Keys,
    /// Whether `subject` is a webhook id.
    pub webhook: bool,
    /// Headers of the request.
    pub headers: &'a HeaderMap,
}

impl App {
    /// Lets a request in, or answers it at once.
    pub async fn enter(&self, asked: Asked<'_>) -> Result<Gate, Response> {
        let (gate, early) = self.shared.change(|core| admit(core, &asked));
        if let Some(response) = early {
            return Err(self.leave(&gate, response, 0));
        }
        match &gate.action {
            Some(Action::Hang) => {
                self.stop.cancelled().await;
                Err(dropped())
            }
            Some(Action::Reset) => Err(self.leave(&gate, dropped(), 0)),
            Some(Action::Slow { delay_ms }) => {
                tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
                Ok(gate)
            }
            _ => Ok(gate),
        }
    }

    /// Reads a body of at most what Discord takes. More is read to its end and thrown away, up to a bound: answered
    /// earlier, a sender that still writes would see a broken connection instead of the refusal.
    pub async fn body(&self, mut body: Body) -> Result<Bytes, ApiError> {
        let (mut kept, mut read) = (BytesMut::new(), 0_usize);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| ApiError::too_large())?.into_data() else {
                continue;
            };
            read += data.len();
            if read <= form::REQUEST_BYTES {
                kept.extend_from_slice(&data);
            } else if read > 8 * form::REQUEST_BYTES {
                break;
            }
        }
        if read > form::REQUEST_BYTES {
            return Err(ApiError::too_large());
        }
        Ok(kept.freeze())
    }

    /// Sends a response out: fault, headers, counts.
    pub fn leave(&self, gate: &Gate, response: Response, bytes: usize) -> Response {
        let mut response = match &gate.action {
            Some(Action::ResetAfterSave) if response.status().is_success() => dropped(),
            Some(Action::NoContent) if response.status().is_success() => {
                StatusCode::NO_CONTENT.into_response()
            }
            Some(Action::GarbledAnswer) if response.status().is_success() => {
                (StatusCode::OK, "<html>not what you asked</html>").into_response()
            }
            _ => response,
        };
        if let Some(shown) = &gate.shown {
            show(
                response.headers_mut(),
                shown,
                self.shared.lock().clock().wall(),
            );
        }
        let status = response.status();
        let gone = response.extensions().get::<DropConnection>().is_some();
        self.shared.change(|core| {
            let status = if gone { 0 } else { status.as_u16() };
            *core.counters.statuses.entry(status).or_default() += 1;
            let shared = response.headers().get("x-ratelimit-scope");
            let shared = shared.is_some_and(|scope| scope == Scope::Shared.as_str());
            if matches!(status, 401 | 403 | 429) && !shared {
                let (limits, now) = (core.options.limits.clone(), core.clock().now());
                core.counters.invalid += 1;
                core.limiter.refused(&limits, now);
            }
            core.log_request(RequestLog {
                number: gate.request,
                at_ms: gate.at_ms,
                route: gate.route.clone(),
                subject: gate.subject,
                status,
                bytes,
            });
        });
        response
    }
}

fn admit(core: &mut Core, asked: &Asked<'_>) -> (Gate, Option<Response>) {
    core.counters.requests += 1;
    *core
        .counters
        .routes
        .entry(asked.route.to_owned())
        .or_default() += 1;
    let now = core.clock().now();
    let mut gate = Gate {
        request: core.counters.requests,
        route: asked.route.to_owned(),
        subject: asked.subject,
        at_ms: core.clock().wall_ms(),
        shown: None,
        action: None,
    };
    if asked
        .headers
        .get(USER_AGENT)
        .is_none_or(HeaderValue::is_empty)
    {
        core.violation(format!("{}: no User-Agent", asked.route));
    }
    if let Some(wait) = core.limiter.banned(now) {
        core.counters.banned += 1;
        return (
            gate,
            Some(cloudflare(
                StatusCode::TOO_MANY_REQUESTS,
                Some(ceil_s(wait)),
            )),
        );
    }
    let subject = asked.webhook.then(|| asked.subject.to_string());
    let named = (asked.method, asked.route);
    if let Some(action) = core.faults.take(subject.as_deref(), named, now) {
        core.counters.faulted += 1;
        let early = answer(&action);
        if early
            .as_ref()
            .is_some_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS)
        {
            core.counters.limited += 1;
        }
        gate.action = Some(action);
        if early.is_some() {
            return (gate, early);
        }
        if matches!(gate.action, Some(Action::Hang | Action::Reset)) {
            return (gate, None);
        }
    }
    let limits = core.options.limits.clone();
    let Verdict {
        limited,
        shown,
        disobeyed,
        hidden,
    } = core.limiter.check(&limits, now, &asked.keys);
    if disobeyed {
        core.counters.while_limited += 1;
    }
    gate.shown = shown;
    let early = limited.map(|limited| {
        core.counters.limited += 1;
        if hidden && !disobeyed {
            core.counters.hidden_limited += 1;
        }
        too_many(&limited)
    });
    (gate, early)
}

/// The answer of a fault that needs no handler.
fn answer(action: &Action) -> Option<Response> {
    match action {
        Action::Status {
            status,
            html,
            body,
            retry_after,
        } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = match body {
                Some(body) => (status, body.clone()).into_response(),
                None if *html => cloudflare(status, None),
                None => {
                    let message = format!(
                        "{}: {}",
                        status.as_u16(),
                        status.canonical_reason().unwrap_or("Unknown")
                    );
                    ApiError::new(status, 0, &message).into_response()
                }
            };
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(response)
        }
        Action::UnknownWebhook => Some(ApiError::unknown_webhook().into_response()),
        Action::BadToken => Some(ApiError::bad_token().into_response()),
        Action::RateLimited {
            retry_after,
            header,
            scope,
            html,
        } => {
            let mut response = if *html {
                cloudflare(StatusCode::TOO_MANY_REQUESTS, None)
            } else {
                let mut body = json!({"message": "You are being rate limited."});
                if let Some(map) = body.as_object_mut() {
                    map.insert("global".to_owned(), json!(*scope == Some(Scope::Global)));
                    if let Some(seconds) = retry_after {
                        map.insert("retry_after".to_owned(), json!(seconds));
                    }
                }
                (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response()
            };
            if let Some(seconds) = header {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            if let Some(scope) = scope {
                scope_headers(response.headers_mut(), *scope);
            }
            Some(response)
        }
        _ => None,
    }
}

fn too_many(limited: &Limited) -> Response {
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": ceil_ms(limited.retry_after),
        "global": limited.scope == Scope::Global,
    });
    let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(ceil_s(limited.retry_after)));
    scope_headers(headers, limited.scope);
    response
}

fn scope_headers(headers: &mut HeaderMap, scope: Scope) {
    let name = HeaderName::from_static("x-ratelimit-scope");
    headers.insert(name, HeaderValue::from_static(scope.as_str()));
    if scope == Scope::Global {
        let name = HeaderName::from_static("x-ratelimit-global");
        headers.insert(name, HeaderValue::from_static("true"));
    }
}

fn show(headers: &mut HeaderMap, shown: &Shown, wall: Duration) {
    let reset_after = ceil_ms(shown.reset_after);
    let values = [
        ("x-ratelimit-limit", shown.limit.to_string()),
        ("x-ratelimit-remaining", shown.remaining.to_string()),
        (
            "x-ratelimit-reset",
            format!("{:.3}", wall.as_secs_f64() + reset_after),
        ),
        ("x-ratelimit-reset-after", format!("{reset_after:.3}")),
        ("x-ratelimit-bucket", shown.bucket.to_string()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Seconds with three decimals, rounded up: who obeys never comes early.
fn ceil_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).ceil() / 1000.0
}

fn ceil_s(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn cloudflare(status: StatusCode, retry_after: Option<u64>) -> Response {
    let page = format!(
        "<!doctype html><html><head><title>Access denied | discord.com</title></head><body>\
         <h1>Error {}</h1><p>You are being rate limited by the owner of this site.</p></body></html>",
        if status == StatusCode::TOO_MANY_REQUESTS {
            1015
        } else {
            status.as_u16()
        }
    );
    let mut response = (status, page).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=UTF-8"),
    );
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A response that the accept loop turns into a dropped connection.
pub fn dropped() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(DropConnection);
    response
}

/// The webhook behind an id and token, or Discord's refusal.
pub fn webhook(core: &mut Core, id: &str, token: &str) -> Result<Webhook, ApiError> {
    let Ok(id) = id.parse::<u64>() else {
        let message = format!("Value \"{id}\" is not snowflake.");
        return Err(ApiError::form(
            &["webhook_id"],
            "NUMBER_TYPE_COERCE",
            &message,
        ));
    };
    if id == core.options.bot.application_id {
        return core.interaction_webhook(token);
    }
    if let Some(webhook) = core.webhooks.get(&id) {
        if webhook.token != token {
            return Err(ApiError::bad_token());
        }
        return Ok(webhook.clone());
    }
    if !core.options.auto_create || token.is_empty() {
        return Err(ApiError::unknown_webhook());
    }
    let channel_id = core.channel(&format!("webhook-{id}"), super::state::TEXT);
    let webhook = Webhook {
        id,
        token: token.to_owned(),
        channel_id,
        name: "Agent".to_owned(),
        application_id: None,
    };
    core.webhooks.insert(id, webhook.clone());
    Ok(webhook)
}
