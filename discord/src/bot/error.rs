//! What a failed call of the bot means: wait, give it up, or tell a person.

use crate::answer::{Problem, faults};
use crate::client::Answer;
use crate::error::Error;
use std::time::Duration;

/// Why a call failed. No variant holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 401: the bot's token is not one. Calls rest for a while after it.
    #[error(
        "Discord does not know the bot's token; put the application's bot token into DISCORD_BOT_TOKEN"
    )]
    Unauthorized,
    /// 403: the bot may not.
    #[error("Discord forbids it ({code}): {reason}; check the bot's permissions")]
    Forbidden {
        /// 50001 (no access), 50013 (no permission), ...
        code: u64,
        /// Discord's words.
        reason: String,
    },
    /// 404: what the call is about is not there.
    #[error("Discord does not know it ({code}): {reason}")]
    NotFound {
        /// 10003 (channel), 10004 (guild), 10015 (webhook), ...
        code: u64,
        /// Discord's words.
        reason: String,
    },
    /// Any other refusal: the same call will be refused again.
    #[error("Discord refused the call ({code}): {reason}")]
    Rejected {
        /// 30013 (channels of a guild), 30007 and 30058 (webhooks), 50035 (a field), ...
        code: u64,
        /// The parts refused and why, shortened.
        reason: String,
    },
    /// Too many calls were refused; nothing is asked before the time has passed.
    #[error("too many calls were refused; the next is made in {after:?}")]
    TooManyRefusals {
        /// How long.
        after: Duration,
    },
    /// A rate limit, an outage or a broken connection: it may work later.
    #[error(transparent)]
    Later(Error),
}

impl ApiError {
    /// Discord's own code, 0 when there is none.
    pub fn code(&self) -> u64 {
        match self {
            Self::Forbidden { code, .. }
            | Self::NotFound { code, .. }
            | Self::Rejected { code, .. } => *code,
            Self::Unauthorized | Self::TooManyRefusals { .. } | Self::Later(_) => 0,
        }
    }

    /// Whether Discord may have done it although the call failed.
    pub fn maybe_done(&self) -> bool {
        matches!(self, Self::Later(error) if error.maybe_saved())
    }

    /// Whether what the call is about is not there.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// Reads an answer that is no success.
pub(super) fn classify(answer: &Answer, clean: impl Fn(Error) -> Error) -> ApiError {
    let parsed = serde_json::from_slice::<Problem>(&answer.body).ok();
    let status = answer.status.as_u16();
    let Some(problem) = parsed.filter(|_| !matches!(status, 429 | 500..)) else {
        // A network in front of Discord may answer 401, 403 or 404 of its own, in HTML: no word about the token.
        return match status {
            429 | 408 | 500.. => ApiError::Later(clean(answer.error())),
            _ => not_discord(false),
        };
    };
    let code = problem.code();
    let text = faults(&problem.errors).unwrap_or_else(|| problem.said());
    let reason = match clean(Error::Rejected {
        code: None,
        reason: text,
    }) {
        Error::Rejected { reason, .. } => reason,
        other => other.to_string(),
    };
    match status {
        401 => ApiError::Unauthorized,
        403 => ApiError::Forbidden { code, reason },
        404 => ApiError::NotFound { code, reason },
        _ => ApiError::Rejected { code, reason },
    }
}

/// An answer that Discord's API does not give.
pub(super) fn not_discord(maybe_saved: bool) -> ApiError {
    ApiError::Later(Error::Retry {
        reason: "the answer was not from Discord's API; is a proxy in between, or DISCORD_API_URL wrong?".to_owned(),
        maybe_saved,
        slow: true,
    })
}
