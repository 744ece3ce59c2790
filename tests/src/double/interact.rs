//! POST `/_double/interact`: does what Discord does when a person uses a command: signs, sends, waits three seconds,
//! judges the answer, and waits for what a deferral promised.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::message_json;
use super::draft::LOADING;
use super::gate::App;
use super::state::{Core, TEXT};
use super::{interaction, reply, signing};

/// What to send, and how to spoil it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Interact {
    /// Where the bot takes interactions.
    pub url: String,
    /// 1 ping, 2 command, 3 component, 4 autocomplete, 5 modal.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Who uses it.
    #[serde(default = "somebody")]
    pub user: u64,
    /// The person's roles.
    #[serde(default)]
    pub roles: Vec<u64>,
    /// The person's bits in the channel, as a decimal string.
    pub permissions: Option<String>,
    /// The application's bits there; its role's when absent.
    pub app_permissions: Option<String>,
    /// Name or id of the channel.
    #[serde(default = "general")]
    pub channel: String,
    /// In a direct message rather than in the guild.
    #[serde(default)]
    pub direct: bool,
    /// `data` as Discord has it for the type.
    #[serde(default)]
    pub data: Value,
    /// A signature that does not fit.
    #[serde(default)]
    pub corrupt: bool,
    /// Seconds by which the timestamp is off.
    #[serde(default)]
    pub skew_s: i64,
    /// Id of an earlier interaction, to send again as it was but with a new timestamp.
    pub replay: Option<u64>,
    /// How long a deferred answer is waited for, in milliseconds.
    #[serde(default = "five_seconds")]
    pub wait_ms: u64,
}

fn somebody() -> u64 {
    4242
}

fn general() -> String {
    "general".to_owned()
}

fn five_seconds() -> u64 {
    5000
}

const DEADLINE: Duration = Duration::from_secs(3);

struct Sent {
    id: u64,
    body: Vec<u8>,
    timestamp: String,
    signature: String,
}

fn prepare(core: &mut Core, asked: &Interact) -> Option<Sent> {
    let one = if let Some(id) = asked.replay {
        core.interactions.get(&id)?.clone()
    } else {
        let known = asked
            .channel
            .parse()
            .ok()
            .filter(|id| core.channels.contains_key(id));
        let channel = known.unwrap_or_else(|| core.channel(&asked.channel, TEXT));
        core.interaction(asked.kind, channel)
    };
    let body = interaction::body(core, &one, asked)
        .to_string()
        .into_bytes();
    let now = i64::try_from(core.clock().wall().as_secs()).unwrap_or(0);
    let timestamp = (now + asked.skew_s).to_string();
    let mut signature = signing::sign(core, &timestamp, &body);
    if asked.corrupt {
        let first = if signature.starts_with('0') { "1" } else { "0" };
        signature.replace_range(..1, first);
    }
    Some(Sent {
        id: one.id,
        body,
        timestamp,
        signature,
    })
}

/// A client for bots over plain HTTP: an image without files has no authorities that it could trust.
fn client() -> reqwest::Result<reqwest::Client> {
    // Without a provider no TLS settings are made, and the process that serves has none of its own. A second one is refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(DEADLINE)
        .build()
}

/// Status, content type and body of an answer; an error without one in time.
async fn send(url: &str, sent: &Sent) -> reqwest::Result<(u16, String, Vec<u8>)> {
    let client = client()?;
    let response = client
        .post(url)
        .header("content-type", "application/json")
        .header(
            "user-agent",
            "Discord-Interactions/1.0 (+https://discord.com)",
        )
        .header("x-signature-ed25519", &sent.signature)
        .header("x-signature-timestamp", &sent.timestamp)
        .body(sent.body.clone())
        .send()
        .await?;
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    Ok((status, kind, response.bytes().await?.to_vec()))
}

/// What was really wrong.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The route.
pub(super) async fn interact(State(app): State<App>, Json(asked): Json<Interact>) -> Response {
    let Some(sent) = app.shared.change(|core| prepare(core, &asked)) else {
        return (StatusCode::NOT_FOUND, "no such interaction to replay\n").into_response();
    };
    let started = Instant::now();
    let answer = send(&asked.url, &sent).await.map_err(|error| cause(&error));
    let latency = started.elapsed();
    // A day's skew or a second use must be refused: only a service that looks is safe.
    let foul = asked.corrupt || asked.skew_s.abs() > 300 || asked.replay.is_some();
    let broken = app.shared.change(|core| {
        let broken = judge(core, &sent, answer.as_ref(), foul);
        for what in &broken {
            core.violation(format!("interaction of type {}: {what}", asked.kind));
        }
        if let Some(one) = core.interactions.get_mut(&sent.id) {
            one.dead |= !foul && !broken.is_empty();
        }
        broken
    });
    let message = follow(&app, sent.id, Duration::from_millis(asked.wait_ms)).await;
    let json = answer
        .as_ref()
        .ok()
        .and_then(|(_, _, body)| serde_json::from_slice::<Value>(body).ok());
    Json(json!({
        "id": sent.id.to_string(), "status": answer.as_ref().ok().map(|answer| answer.0), "answer": json,
        "latencyMs": latency.as_secs_f64() * 1000.0, "violations": broken, "message": message,
    }))
    .into_response()
}

fn judge(
    core: &mut Core,
    sent: &Sent,
    answer: Result<&(u16, String, Vec<u8>), &String>,
    foul: bool,
) -> Vec<String> {
    let (status, kind, body) = match answer {
        Ok(answer) => answer,
        Err(cause) => return vec![format!("no answer within 3 s: {cause}")],
    };
    if foul {
        return if *status == 401 {
            Vec::new()
        } else {
            vec![format!(
                "answered {status} instead of 401 to what must not be trusted"
            )]
        };
    }
    let called_back = core
        .interactions
        .get(&sent.id)
        .is_some_and(|one| one.answered.is_some());
    if called_back {
        return match (*status, body.is_empty()) {
            (202, true) => Vec::new(),
            _ => vec![format!(
                "answered {status} after a callback, not 202 without a body"
            )],
        };
    }
    if *status != 200 {
        return vec![format!("answered {status}, not 200")];
    }
    if !kind.starts_with("application/json") {
        return vec![format!("content type {kind:?}, not application/json")];
    }
    match serde_json::from_slice(body) {
        Ok(answer) => reply::accept(core, sent.id, &answer),
        Err(error) => vec![format!("the answer is no JSON: {error}")],
    }
}

/// The first answer's message, when it is there or a deferral kept its word in time.
async fn follow(app: &App, id: u64, limit: Duration) -> Option<Value> {
    let mut changes = app.shared.subscribe();
    let look = || {
        let mut core = app.shared.lock();
        let original = core.interactions.get(&id)?.original?;
        core.message_mut(original)
            .map(|found| (found.flags & LOADING == 0, message_json(found)))
    };
    let waiting = async {
        loop {
            changes.borrow_and_update();
            if look().is_none_or(|(done, _)| done) || changes.changed().await.is_err() {
                return;
            }
        }
    };
    // What is there at the end is told either way: a message still loading shows it.
    let _ = tokio::time::timeout(limit, waiting).await;
    look().map(|(_, message)| message)
}
