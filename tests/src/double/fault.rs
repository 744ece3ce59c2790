//! What can go wrong with Discord, ordered by a test: which requests, what happens, how often, how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::Scope;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Action {
    /// Answers with a status.
    Status {
        /// The status.
        status: u16,
        /// An HTML page, as a proxy before Discord answers, instead of JSON.
        #[serde(default)]
        html: bool,
        /// A body of one's own.
        #[serde(default)]
        body: Option<String>,
        /// Retry-After in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Takes the request and never answers.
    Hang,
    /// Answers as always, but later.
    Slow {
        /// Delay in milliseconds.
        delay_ms: u64,
    },
    /// Does what was asked, then drops the connection instead of answering.
    ResetAfterSave,
    /// Drops the connection and does nothing.
    Reset,
    /// 404, code 10015: the webhook was deleted.
    UnknownWebhook,
    /// 401, code 50027: the token is wrong.
    BadToken,
    /// 429 whatever the buckets say.
    RateLimited {
        /// Seconds in the JSON body; `None` leaves the body without it.
        #[serde(default)]
        retry_after: Option<f64>,
        /// Seconds of the Retry-After header; `None` leaves the header out.
        #[serde(default)]
        header: Option<u64>,
        /// The scope; `None` leaves X-RateLimit-Scope out.
        #[serde(default)]
        scope: Option<Scope>,
        /// A Cloudflare page instead of JSON.
        #[serde(default)]
        html: bool,
    },
    /// wait=true is answered with 204 and no message, though the message is saved.
    NoContent,
    /// 200 with a body that is no JSON, though the message is saved.
    GarbledAnswer,
}

/// An action with the requests it is meant for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub action: Action,
    /// Only requests of this webhook id.
    #[serde(default)]
    pub webhook: Option<String>,
    /// Only requests of this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests of this route, as the request log names it: `POST channel webhook`.
    #[serde(default)]
    pub route: Option<String>,
    /// Only the next so many matching requests.
    #[serde(default)]
    pub times: Option<u32>,
    /// Lets so many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// Only for so long after it was set, in milliseconds.
    #[serde(default)]
    pub for_ms: Option<u64>,
    /// When it was set, on the double's clock; filled in by the double.
    #[serde(skip)]
    pub since: Duration,
}

impl Fault {
    /// A fault for all requests until it is cleared.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            webhook: None,
            method: None,
            route: None,
            times: None,
            skip: 0,
            for_ms: None,
            since: Duration::ZERO,
        }
    }

    /// Every request answers with this status and a JSON body.
    pub fn status(status: u16) -> Self {
        Self::new(Action::Status {
            status,
            html: false,
            body: None,
            retry_after: None,
        })
    }

    /// Only the next `times` requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets `skip` requests pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests of this route, as the request log names it.
    #[must_use]
    pub fn route(mut self, route: &str) -> Self {
        self.route = Some(route.to_owned());
        self
    }

    /// Only for so long.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        self.for_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    fn over(&self, now: Duration) -> bool {
        self.times == Some(0)
            || self
                .for_ms
                .is_some_and(|ms| now >= self.since + Duration::from_millis(ms))
    }

    fn fits(&self, webhook: Option<&str>, method: &str, route: &str) -> bool {
        self.webhook.as_deref().is_none_or(|id| Some(id) == webhook)
            && self.route.as_deref().is_none_or(|wanted| wanted == route)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}

/// The faults in force, first set first used.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, mut fault: Fault, now: Duration) {
        fault.since = now;
        self.list.push(fault);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Those in force.
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// What happens to this request, counting it.
    pub fn take(
        &mut self,
        webhook: Option<&str>,
        (method, route): (&str, &str),
        now: Duration,
    ) -> Option<Action> {
        self.list.retain(|fault| !fault.over(now));
        for fault in &mut self.list {
            if !fault.fits(webhook, method, route) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times = times.saturating_sub(1);
            }
            return Some(fault.action.clone());
        }
        None
    }
}
