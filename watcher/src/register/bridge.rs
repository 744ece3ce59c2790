//! The bridge beside us, which hands input to the agent.

use super::error::{CallError, read};
use super::wire::{Item, Kind};
use crate::bridge::sign;
use crate::config::SecretSource;
use discord::SetupError;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// Longest hand-over; the bridge answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of a success that are read.
const ANSWER_BYTES: usize = 1024;

/// Speaks to the bridge.
#[derive(Debug)]
pub(super) struct Bridge {
    http: reqwest::Client,
    base: String,
    secret: SecretSource,
}

/// What became of an input at the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Handed {
    /// The agent gets it, whatever becomes of the bridge.
    Taken,
    /// It waits in the bridge's memory for a slow agent, and would be lost with the bridge: ask again.
    Waits,
    /// Not now: nobody reads yet, or the bridge is not there.
    NotYet(String),
    /// The bridge will never take this one.
    Never(String),
}

impl Bridge {
    /// A client for the bridge at `base`. No proxy is asked: the bridge is on 127.0.0.1.
    pub(super) fn new(base: String, secret: SecretSource) -> Result<Self, SetupError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(discord::tls_config(None)?)
            .no_proxy()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(2))
            .timeout(TIMEOUT)
            // A bridge that restarts closes what was open: a fresh connection costs nothing here.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| SetupError::Client {
                reason: error.without_url().to_string(),
            })?;
        Ok(Self { http, base, secret })
    }

    /// Hands one input of a run's channel over, or asks what became of it: by its name the bridge takes it once.
    pub(super) async fn hand(&self, channel: &str, item: &Item) -> Handed {
        let (path, body) = match item.kind {
            Kind::Text => (
                "/input",
                serde_json::json!({ "text": item.text }).to_string(),
            ),
            Kind::Interrupt => ("/interrupt", String::new()),
            Kind::Unknown => {
                return Handed::Never("this watcher does not know its kind".to_owned());
            }
        };
        let mut request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .header("x-input-id", name(channel, item));
        // A secret that is set and does not read: the bridge then refuses, and says so.
        if let Ok(secret) = self.secret.read() {
            request = request.header("x-input-signature", sign(&secret, body.as_bytes()));
        }
        let error = match request.body(body).send().await {
            Ok(response) if response.status().is_success() => return taken(response).await,
            Ok(response) => CallError::answer(response, None).await,
            Err(error) => CallError::transport(error, None),
        };
        match error {
            CallError::Refused { status, detail } => Handed::Never(format!("{status}: {detail}")),
            CallError::NotFound => Handed::Never("it has no such route".to_owned()),
            CallError::NotNow {
                status: 501,
                detail,
                ..
            } => Handed::Never(detail),
            CallError::NotNow { detail, .. } | CallError::Unauthorized(detail) => {
                Handed::NotYet(detail)
            }
            CallError::Unreachable(reason) => Handed::NotYet(reason),
            CallError::Ended => Handed::NotYet("it is ending".to_owned()),
        }
    }
}

/// What names an input. A bot that lost its store counts from the start again, so its number alone does not.
fn name(channel: &str, item: &Item) -> String {
    let mut hasher = DefaultHasher::new();
    item.text.hash(&mut hasher);
    format!("{channel}-{}-{:016x}", item.seq, hasher.finish())
}

/// What a success means: one that says nothing of the FIFO comes from a bridge that cannot say more.
async fn taken(response: reqwest::Response) -> Handed {
    #[derive(serde::Deserialize)]
    struct Answer {
        written: bool,
    }
    let body = read(response, ANSWER_BYTES).await.unwrap_or_default();
    match serde_json::from_slice(&body) {
        Ok(Answer { written: false }) => Handed::Waits,
        _ => Handed::Taken,
    }
}
