//! Discord's rate limits as they bite, not only as they are documented.
//!
//! Four layers: a visible bucket for each webhook and route, a hidden one for each channel that no header
//! announces, a global one, and the ban that follows too many refused requests. Pure state over a given time:
//! nothing here waits.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many requests in so long a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Requests that pass in one window.
    pub requests: u32,
    /// Length of the window in milliseconds.
    pub per_ms: u64,
}

impl Window {
    const fn new(requests: u32, per_ms: u64) -> Self {
        Self { requests, per_ms }
    }

    fn length(self) -> Duration {
        Duration::from_millis(self.per_ms)
    }
}

/// Every limit; an absent one is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimits {
    /// Per webhook and route, announced in headers. Discord: 5 per 2 s.
    #[serde(default)]
    pub webhook: Option<Window>,
    /// Per channel route of a bot, announced in headers. Discord: 5 per 5 s for messages.
    #[serde(default)]
    pub bot: Option<Window>,
    /// Per channel over all its webhooks, in no header (discord-api-docs 367). Discord: 30 per 60 s.
    #[serde(default)]
    pub channel: Option<Window>,
    /// Per channel, for changes of name or topic, in no header (discord-api-docs 1900). Discord: 2 per 10 minutes.
    #[serde(default)]
    pub rename: Option<Window>,
    /// Over everything of one sender. Discord: 50 per second.
    #[serde(default)]
    pub global: Option<Window>,
    /// Answers of 401, 403 and 429 after which the address is banned. Discord: 10,000 in 10 minutes.
    #[serde(default)]
    pub ban: Option<Window>,
    /// How long a ban lasts, in milliseconds.
    #[serde(default)]
    pub ban_ms: u64,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            webhook: Some(Window::new(5, 2_000)),
            bot: Some(Window::new(5, 5_000)),
            channel: Some(Window::new(30, 60_000)),
            rename: Some(Window::new(2, 600_000)),
            global: Some(Window::new(50, 1_000)),
            ban: Some(Window::new(10_000, 600_000)),
            ban_ms: 3_600_000,
        }
    }
}

impl RateLimits {
    /// No limit at all: for tests of throughput.
    pub fn off() -> Self {
        Self {
            webhook: None,
            bot: None,
            channel: None,
            rename: None,
            global: None,
            ban: None,
            ban_ms: 0,
        }
    }
}

/// What one request counts against.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The visible bucket: route and top-level resource.
    pub bucket: String,
    /// The value of X-RateLimit-Bucket. Discord shows the same one for all webhooks (discord-api-docs 6753).
    pub shown: Cow<'static, str>,
    /// The key of the hidden limit that counts: of a channel's sends, or of a bot's renames.
    pub hidden: Option<String>,
    /// Whether a bot's window rather than a webhook's applies.
    pub bot: bool,
    /// The global limit does not count it: interactions are exempt.
    pub free: bool,
}

/// The figures of the X-RateLimit headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// X-RateLimit-Limit.
    pub limit: u32,
    /// X-RateLimit-Remaining.
    pub remaining: u32,
    /// X-RateLimit-Reset-After.
    pub reset_after: Duration,
    /// X-RateLimit-Bucket.
    pub bucket: Cow<'static, str>,
}

/// Which limit was hit, in the words of X-RateLimit-Scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The sender's own bucket.
    User,
    /// The sender's global limit.
    Global,
    /// A resource's limit that others share; does not count towards a ban.
    Shared,
}

impl Scope {
    /// The header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Global => "global",
            Self::Shared => "shared",
        }
    }
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `None`: the request passes.
    pub limited: Option<Limited>,
    /// What the headers say; `None` where the bucket has no limit.
    pub shown: Option<Shown>,
    /// The request came while an earlier answer had told the sender to wait.
    pub disobeyed: bool,
    /// The limit was one that no header announces.
    pub hidden: bool,
}

/// Why and for how long a request is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Limited {
    /// Which limit.
    pub scope: Scope,
    /// How long to wait.
    pub retry_after: Duration,
}

#[derive(Debug)]
struct Bucket {
    since: Duration,
    used: u32,
}

/// All buckets of one double.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: HashMap<String, Bucket>,
    /// Until when the holder of a key was told to stay silent.
    told: HashMap<String, Duration>,
    refused: VecDeque<Duration>,
    banned_until: Option<Duration>,
}

/// Without a token Discord counts by address, with one by bot.
const GLOBAL: &str = "global";
const GLOBAL_BOT: &str = "global bot";

impl Limiter {
    /// Counts one request at `now` and says whether it passes.
    pub fn check(&mut self, limits: &RateLimits, now: Duration, keys: &Keys) -> Verdict {
        let global = if keys.bot { GLOBAL_BOT } else { GLOBAL };
        let disobeyed = [
            Some(global).filter(|_| !keys.free),
            Some(keys.bucket.as_str()),
            keys.hidden.as_deref(),
        ]
        .into_iter()
        .flatten()
        .any(|key| self.told.get(key).is_some_and(|until| now < *until));

        let most = limits.global.filter(|_| !keys.free);
        if let Some(wait) = self.take(global, most, now).2 {
            self.told.insert(global.to_owned(), now + wait);
            return Verdict {
                limited: Some(Limited {
                    scope: Scope::Global,
                    retry_after: wait,
                }),
                shown: None,
                disobeyed,
                hidden: false,
            };
        }

        let window = if keys.bot { limits.bot } else { limits.webhook };
        let (remaining, reset_after, wait) = self.take(&keys.bucket, window, now);
        let shown = window.map(|window| Shown {
            limit: window.requests,
            remaining,
            reset_after,
            bucket: keys.shown.clone(),
        });
        if window.is_some() && remaining == 0 {
            self.told.insert(keys.bucket.clone(), now + reset_after);
        }
        let mut limited = wait.map(|retry_after| Limited {
            scope: Scope::User,
            retry_after,
        });
        let unseen = if keys.bot {
            limits.rename
        } else {
            limits.channel
        };
        let mut by_hidden = false;
        if limited.is_none()
            && let Some(hidden) = &keys.hidden
            && let Some(retry_after) = self.take(hidden, unseen, now).2
        {
            by_hidden = true;
            self.told.insert(hidden.clone(), now + retry_after);
            limited = Some(Limited {
                // A bot's renames are its own and count towards a ban; a webhook shares its channel's limit.
                scope: if keys.bot { Scope::User } else { Scope::Shared },
                retry_after,
            });
        }
        Verdict {
            limited,
            shown,
            disobeyed,
            hidden: by_hidden,
        }
    }

    /// Takes one from a bucket: what remains, time to its reset, and how long to wait when it was empty.
    fn take(
        &mut self,
        key: &str,
        window: Option<Window>,
        now: Duration,
    ) -> (u32, Duration, Option<Duration>) {
        let Some(window) = window else {
            return (u32::MAX, Duration::ZERO, None);
        };
        let bucket = self.buckets.entry(key.to_owned()).or_insert(Bucket {
            since: now,
            used: 0,
        });
        if now >= bucket.since + window.length() {
            *bucket = Bucket {
                since: now,
                used: 0,
            };
        }
        let reset = (bucket.since + window.length()).saturating_sub(now);
        if bucket.used >= window.requests {
            return (0, reset, Some(reset));
        }
        bucket.used += 1;
        (window.requests - bucket.used, reset, None)
    }

    /// Whether the sender is banned at `now`, and for how long still.
    pub fn banned(&self, now: Duration) -> Option<Duration> {
        let until = self.banned_until?;
        (now < until).then(|| until.saturating_sub(now))
    }

    /// Counts an answer of 401, 403 or 429 (not scope shared) towards the ban.
    pub fn refused(&mut self, limits: &RateLimits, now: Duration) {
        let Some(window) = limits.ban else { return };
        self.refused.push_back(now);
        while self
            .refused
            .front()
            .is_some_and(|at| *at + window.length() <= now)
        {
            self.refused.pop_front();
        }
        if self.refused.len() >= usize::try_from(window.requests).unwrap_or(usize::MAX) {
            self.refused.clear();
            self.banned_until = Some(now + Duration::from_millis(limits.ban_ms));
        }
    }

    /// Bans at once, as a fault asks for it.
    pub fn ban(&mut self, now: Duration, lasting: Duration) {
        self.banned_until = Some(now + lasting);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests;
