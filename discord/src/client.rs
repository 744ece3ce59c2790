//! One HTTP client: bounded in time and size, aware of rate limits, silent about addresses.

use crate::answer;
use crate::bot::Watch;
use crate::error::Error;
use crate::limiter::{Buckets, Limiter, Route};
use crate::tls::{self, SetupError};
use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use std::error::Error as _;
use std::time::Duration;
use tokio::time::Instant;

/// Most bytes of an answer that are read; a saved message with ten full embeds is below 100 KiB.
const MAX_ANSWER: usize = 256 * 1024;
/// What the product calls itself, as Discord asks clients to.
const USER_AGENT: &str = concat!(
    "DiscordBot (https://github.com/discord-monitoring/discord-monitoring, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// How a client reaches Discord. `HTTPS_PROXY` and `NO_PROXY` of the environment are honoured besides.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Certificate authorities trusted beside the compiled-in ones, in PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest request, its answer included; large uploads get more, see [`Client`].
    pub request_timeout: Duration,
    /// Idle connections kept open to one host.
    pub idle_connections: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            extra_ca_pem: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_connections: 1,
        }
    }
}

/// Sends requests to Discord. Each call is one attempt; [`crate::Backoff`] says when to try again. A request that
/// carries files has a second more per 256 KiB.
#[derive(Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    limiter: Limiter,
    request_timeout: Duration,
    /// Set where the client is a bot's.
    pub(crate) watch: Option<Watch>,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(options: &ClientOptions) -> Result<Self, SetupError> {
        let tls = tls::config(options.extra_ca_pem.as_deref())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.idle_connections)
            .pool_idle_timeout(Duration::from_secs(55))
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .build()
            .map_err(|error| SetupError::Client {
                reason: error.without_url().to_string(),
            })?;
        Ok(Self {
            http,
            limiter: Limiter::default(),
            request_timeout: options.request_timeout,
            watch: None,
        })
    }

    /// The rate limits that bind now, by route.
    pub fn buckets(&self) -> Vec<Buckets> {
        self.limiter.survey()
    }

    /// Waits until this route's limits have room, without taking any.
    pub(crate) async fn ready(&self, route: Route) {
        self.limiter.ready(route).await;
    }

    /// Sends one webhook request and returns the body of a success. `secret` is taken out of every error text.
    pub(crate) async fn call(
        &self,
        route: Route,
        request: RequestBuilder,
        upload: usize,
        secret: &SecretString,
    ) -> Result<Vec<u8>, Error> {
        let start = Instant::now();
        self.limiter.acquire(route).await;
        let waited = start.elapsed();
        if let Some(watch) = &self.watch {
            watch.check()?;
        }
        let request = request.timeout(self.time_for(upload));
        let answer = self.exchange(route, request, MAX_ANSWER, secret).await;
        if let Some(watch) = &self.watch {
            let status = answer.as_ref().ok().map(|answer| answer.status.as_u16());
            watch.learn(route.name, status, waited);
        }
        let answer = answer?;
        if answer.is_success() {
            return Ok(answer.body);
        }
        Err(scrub(answer.error(), secret))
    }

    /// Waits until this route may be called, and takes one call from its bucket; `Err` says how long it would be when
    /// that is longer than `most`.
    pub(crate) async fn acquire_within(
        &self,
        route: Route,
        most: Duration,
    ) -> Result<(), Duration> {
        self.limiter.acquire_within(route, most).await
    }

    /// How long one request may take.
    pub(crate) fn time_for(&self, upload: usize) -> Duration {
        self.request_timeout + Duration::from_secs((upload / (256 * 1024)) as u64)
    }

    /// Sends one request whose call was acquired, reads at most `max` bytes of its answer, and learns its limits.
    pub(crate) async fn exchange(
        &self,
        route: Route,
        request: RequestBuilder,
        max: usize,
        secret: &SecretString,
    ) -> Result<Answer, Error> {
        let response = request
            .send()
            .await
            .map_err(|error| transport(error, secret))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.limiter.learn(route, &headers);
        let body = match read(response, max).await {
            Ok(body) => body,
            // The status says all that matters of a failure.
            Err(_) if !status.is_success() => Vec::new(),
            Err(error) => return Err(transport(error, secret)),
        };
        let answer = Answer {
            status,
            headers,
            body,
        };
        if status == StatusCode::TOO_MANY_REQUESTS
            && let Error::RateLimited {
                after: Some(after),
                global,
                ..
            } = answer.error()
        {
            self.limiter.block(route, after, global);
        }
        Ok(answer)
    }
}

/// An answer as it came.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success() && self.status != StatusCode::RESET_CONTENT
    }

    /// What an answer that is no success means for a webhook.
    pub(crate) fn error(&self) -> Error {
        answer::classify(self.status, &self.headers, &self.body)
    }
}

/// The body, up to `max` bytes; what is beyond is not read.
async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= max {
            break;
        }
    }
    Ok(body)
}

/// A failure without an answer. `reqwest` puts the address, and with it the token, into its errors: it is taken out
/// first, and the text is searched besides.
fn transport(error: reqwest::Error, secret: &SecretString) -> Error {
    let error = error.without_url();
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = error.source();
    // The outermost text only says that sending failed; the innermost says why.
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    if reason.is_empty() {
        reason = error.to_string();
    }
    let what = if error.is_timeout() {
        "Discord did not answer in time"
    } else if error.is_connect() {
        "Discord cannot be reached"
    } else {
        "the connection to Discord broke"
    };
    let reason = crate::limits::cut(&reason, 200);
    let error = Error::Retry {
        reason: format!("{what} ({reason})"),
        maybe_saved: !error.is_connect() && !error.is_builder(),
        slow: error.is_builder(),
    };
    scrub(error, secret)
}

/// Takes the secret out of foreign text, wherever it may have come from.
pub(crate) fn scrub(error: Error, secret: &SecretString) -> Error {
    let clean = |text: String| text.replace(secret.expose_secret(), "[redacted]");
    match error {
        Error::Final {
            status,
            code,
            reason,
        } => Error::Final {
            status,
            code,
            reason: clean(reason),
        },
        Error::Rejected { code, reason } => Error::Rejected {
            code,
            reason: clean(reason),
        },
        Error::Retry {
            reason,
            maybe_saved,
            slow,
        } => Error::Retry {
            reason: clean(reason),
            maybe_saved,
            slow,
        },
        other => other,
    }
}
