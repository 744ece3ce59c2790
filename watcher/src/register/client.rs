//! The bot's routes, one attempt a call.

use super::error::{CallError, read};
use super::wire::{Figures, Finalize, Inputs, Item, Key, Registered, Status};
use crate::files;
use discord::SetupError;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest request; making a channel may queue at the bot for some of it.
const TIMEOUT: Duration = Duration::from_secs(40);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest last word: the end of a Pod waits for it.
const LAST_WORD: Duration = Duration::from_secs(4);
/// Most bytes of an answer: 16 inputs of 64 KiB, each byte escaped at worst.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Most bytes of the further certificate authorities.
const CA_BYTES: u64 = 1024 * 1024;

/// What a registration gave.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) channel: String,
    pub(super) token: SecretString,
}

/// Speaks to one bot.
#[derive(Debug)]
pub(super) struct BotClient {
    http: reqwest::Client,
    base: String,
    ca_file: Option<PathBuf>,
    pem: Option<Vec<u8>>,
}

impl BotClient {
    /// A client that has not connected yet. Further authorities that do not read are logged, not fatal.
    pub(super) fn new(base: String, ca_file: Option<PathBuf>) -> Result<Self, SetupError> {
        let pem = ca_file.as_deref().and_then(authorities);
        let http = match make(pem.as_deref()) {
            Err(SetupError::ExtraCa { .. }) => make(None)?,
            other => other?,
        };
        Ok(Self {
            http,
            base,
            ca_file,
            pem,
        })
    }

    /// Trusts what the file of further authorities holds now.
    pub(super) fn refresh(&mut self) {
        let pem = self.ca_file.as_deref().and_then(authorities);
        if pem.is_some()
            && pem != self.pem
            && let Ok(http) = make(pem.as_deref())
        {
            self.http = http;
            self.pem = pem;
        }
    }

    /// POST /runs.
    pub(super) async fn register(
        &self,
        token: &SecretString,
        key: &Key,
    ) -> Result<Registered, CallError> {
        let request = self.request(Method::POST, "/runs", token).json(key);
        let response = send(request, token).await?;
        let body = read(response, MAX_ANSWER)
            .await
            .map_err(CallError::Unreachable)?;
        // The body holds secrets: of what is wrong with it only the place is said.
        serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            CallError::Unreachable(format!(
                "its answer does not read at {line}:{column}; is BOT_URL the bot's?"
            ))
        })
    }

    /// GET /runs/{channelId}/input; all up to `after` are acknowledged, `refused` among them as not delivered.
    pub(super) async fn inputs(
        &self,
        grant: &Grant,
        after: i64,
        refused: &[i64],
    ) -> Result<Vec<Item>, CallError> {
        let mut path = format!("/runs/{}/input?after={after}", grant.channel);
        if !refused.is_empty() {
            let refused: Vec<_> = refused.iter().map(ToString::to_string).collect();
            path = format!("{path}&refused={}", refused.join(","));
        }
        let request = self.request(Method::GET, &path, &grant.token);
        let response = send(request, &grant.token).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let body = read(response, MAX_ANSWER)
            .await
            .map_err(CallError::Unreachable)?;
        serde_json::from_slice::<Inputs>(&body)
            .map(|inputs| inputs.items)
            .map_err(|_| CallError::Unreachable("its answer does not read".to_owned()))
    }

    /// POST /runs/{channelId}/report.
    pub(super) async fn report(&self, grant: &Grant, figures: &Figures) -> Result<(), CallError> {
        let path = format!("/runs/{}/report", grant.channel);
        let request = self.request(Method::POST, &path, &grant.token);
        send(request.json(figures), &grant.token).await.map(drop)
    }

    /// POST /runs/{channelId}/finalize.
    pub(super) async fn finalize(
        &self,
        grant: &Grant,
        status: Status,
        summary: Option<&Figures>,
    ) -> Result<(), CallError> {
        let path = format!("/runs/{}/finalize", grant.channel);
        let request = self
            .request(Method::POST, &path, &grant.token)
            .timeout(LAST_WORD);
        send(request.json(&Finalize { status, summary }), &grant.token)
            .await
            .map(drop)
    }

    fn request(&self, method: Method, path: &str, token: &SecretString) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(token.expose_secret())
            .timeout(TIMEOUT)
    }
}

async fn send(request: RequestBuilder, token: &SecretString) -> Result<Response, CallError> {
    let response = request
        .send()
        .await
        .map_err(|error| CallError::transport(error, Some(token)))?;
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(CallError::answer(response, Some(token)).await)
    }
}

fn make(pem: Option<&[u8]>) -> Result<reqwest::Client, SetupError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(discord::tls_config(pem)?)
        .http1_only()
        .user_agent(concat!(
            "discord-monitoring-watcher/",
            env!("CARGO_PKG_VERSION")
        ))
        // A redirect would carry the token to whoever is named.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(2)
        // Between two words to the bot nothing is kept open: a thousand idle connections would cost it more than its runs.
        .pool_idle_timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(15))
        .build()
        .map_err(|error| SetupError::Client {
            reason: error.without_url().to_string(),
        })
}

fn authorities(path: &Path) -> Option<Vec<u8>> {
    files::read(path, CA_BYTES).ok()
}
