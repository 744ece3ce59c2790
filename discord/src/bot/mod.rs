//! Discord with a bot's token: what is not a webhook's own.
//!
//! Promises: calls on one top-level resource (a guild, a channel) go one after the other, so that no burst of ours
//! outruns what the last answer said of its bucket; all calls together keep below the global limit; a wrong token, or
//! too many refusals in a row, stop the calls here, long before Discord bans the address; webhook calls of its client are
//! told and counted with them. Each call is one attempt; what a bucket would hold up for long is told instead of waited for.

mod budget;
mod error;
mod lanes;
pub mod permissions;
mod routes;
mod types;
mod watch;

pub use error::ApiError;
pub use types::{
    Application, Channel, ChannelKind, Guild, Member, Message as ChannelMessage, NewChannel,
    NewThread, Overwrite, Role, Thread, Webhook,
};

use crate::client::{Client, scrub};
use crate::error::Scope;
use crate::limiter::Route;
use budget::Budget;
use http::Method;
use lanes::Lanes;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
pub(crate) use watch::Watch;

/// Most bytes of an answer: 500 channels with a full topic each are below 1 MiB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Longest wait for a bucket to fill again. A channel's topic may be edited twice in ten minutes: who would wait longer is
/// told so.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest reason in the audit log, in code points.
const MAX_REASON: usize = 512;

/// One call as it went, for metrics.
#[derive(Debug, Clone, Copy)]
pub struct CallReport {
    /// Method and path template, e.g. `POST /guilds/{guild}/channels`.
    pub route: &'static str,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// How long it waited for its turn and for its rate limit.
    pub waited: Duration,
}

/// Who is told of each call.
pub type Observer = Arc<dyn Fn(CallReport) + Send + Sync>;

/// One request to Discord.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// HTTP method.
    pub method: Method,
    /// Method and path template: what a rate limit belongs to, and what metrics show.
    pub route: &'static str,
    /// The top-level resource (guild, channel, webhook, application): its id.
    pub major: &'a str,
    /// The path below the API's base, segment by segment.
    pub path: &'a [&'a str],
    /// The query.
    pub query: &'a [(&'a str, &'a str)],
    /// The JSON body.
    pub body: Option<&'a Value>,
    /// For the guild's audit log.
    pub reason: Option<&'a str>,
}

/// Discord's API with a bot's token.
pub struct Bot {
    client: Client,
    base: Url,
    token: SecretString,
    lanes: Lanes,
    budget: Arc<Budget>,
    observer: Option<Observer>,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bot").finish_non_exhaustive()
    }
}

/// Why an address is no base of Discord's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of Discord's API is not an http(s) URL; it should look like https://discord.com/api/v10"
)]
pub struct BaseError;

impl Bot {
    /// A bot that has not called yet. `base` is an address like `https://discord.com/api/v10`; without a path,
    /// `/api/v10` is meant.
    pub fn new(
        mut client: Client,
        base: &str,
        token: SecretString,
        observer: Option<Observer>,
    ) -> Result<Self, BaseError> {
        let mut base = Url::parse(base.trim()).map_err(|_| BaseError)?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(BaseError);
        }
        if base.path() == "/" {
            base.set_path("/api/v10");
        }
        base.set_query(None);
        base.set_fragment(None);
        let budget = Arc::<Budget>::default();
        client.watch = Some(Watch::new(observer.clone(), Arc::clone(&budget)));
        Ok(Self {
            client,
            base,
            token,
            lanes: Lanes::default(),
            budget,
            observer,
        })
    }

    /// The webhook client of the same connection, limits and trust.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The address of a webhook by its id and token, below the base's own host.
    pub fn webhook_url(
        &self,
        id: &str,
        token: &SecretString,
        thread_id: Option<&str>,
    ) -> Result<crate::WebhookUrl, crate::WebhookUrlError> {
        crate::WebhookUrl::parse(self.webhook_text(id, token, thread_id).expose_secret())
    }

    /// The same as text, to hand out. It holds the token.
    pub fn webhook_text(
        &self,
        id: &str,
        token: &SecretString,
        thread_id: Option<&str>,
    ) -> SecretString {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["webhooks", id, token.expose_secret()]);
        }
        if let Some(thread) = thread_id {
            url.query_pairs_mut().append_pair("thread_id", thread);
        }
        url.to_string().into()
    }

    /// Sends one request, once, and returns the JSON of its success (`null` for an empty body).
    pub async fn call(&self, call: Call<'_>) -> Result<Value, ApiError> {
        let route = Route {
            name: call.route,
            major: hash(call.major),
        };
        self.budget.check()?;
        let start = Instant::now();
        let _turn = self.lanes.turn(route.major).await;
        if let Err(after) = self.client.acquire_within(route, LONGEST_WAIT).await {
            // Other calls on this resource have buckets of their own, and whoever asks may have others to serve.
            return Err(ApiError::Later(crate::error::Error::RateLimited {
                after: Some(after),
                global: false,
                scope: Scope::Unknown,
            }));
        }
        self.lanes.pace().await;
        // A wait may have been long, and what others were told in it holds for us.
        self.budget.check()?;
        let waited = start.elapsed();
        let answer = self
            .client
            .exchange(route, self.request(&call), MAX_ANSWER, &self.token)
            .await;
        let report = |status| {
            if let Some(observer) = &self.observer {
                observer(CallReport {
                    route: call.route,
                    status,
                    waited,
                });
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                report(None);
                return Err(ApiError::Later(error));
            }
        };
        report(Some(answer.status.as_u16()));
        self.budget.learn(answer.status.as_u16());
        if !answer.is_success() {
            return Err(error::classify(&answer, |error| scrub(error, &self.token)));
        }
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|_| error::not_discord(true))
    }

    fn request(&self, call: &Call<'_>) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = self
            .client
            .http
            .request(call.method.clone(), url)
            .timeout(self.client.time_for(0))
            .header("authorization", self.authorization());
        if let Some(reason) = call.reason {
            request = request.header("x-audit-log-reason", audit(reason));
        }
        match call.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn authorization(&self) -> http::HeaderValue {
        let text = format!("Bot {}", self.token.expose_secret());
        // A token that is no header value is as wrong as any other, and Discord says so.
        let mut value = http::HeaderValue::from_str(&text)
            .unwrap_or_else(|_| http::HeaderValue::from_static("Bot invalid"));
        value.set_sensitive(true);
        value
    }
}

fn hash(major: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    ("bot", major).hash(&mut hasher);
    hasher.finish()
}

/// Audit log reasons are URL-encoded (reference.mdx); what is plain ASCII stays readable.
fn audit(reason: &str) -> String {
    let short = crate::limits::cut(reason, MAX_REASON / 4);
    let mut text = String::with_capacity(short.len());
    for byte in short.bytes() {
        if byte == b' ' || (byte.is_ascii_graphic() && byte != b'%') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
