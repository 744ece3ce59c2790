//! The bridge beside us, which hands input to the agent.

use super::error::CallError;
use super::wire::{Item, Kind};
use crate::bridge::sign;
use crate::config::SecretSource;
use discord::SetupError;
use std::time::Duration;

/// Longest hand-over; the bridge answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

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
    /// The agent gets it.
    Taken,
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

    /// Hands one input over.
    pub(super) async fn hand(&self, item: &Item) -> Handed {
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
            .header("content-type", "application/json");
        // A secret that is set and does not read: the bridge then refuses, and says so.
        if let Ok(secret) = self.secret.read() {
            request = request.header("x-input-signature", sign(&secret, body.as_bytes()));
        }
        let error = match request.body(body).send().await {
            Ok(response) if response.status().is_success() => return Handed::Taken,
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
