//! What a failed call means for the caller: wait, retry, change the message, or stop for good.

use std::time::Duration;

/// Why a call failed. No variant ever holds an address or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The webhook, its channel or its token is gone. Using it again brings a restriction, so nothing more may be sent.
    #[error("Discord refused the webhook for good ({status}{}): {reason}", code_text(*code))]
    Final {
        /// HTTP status.
        status: u16,
        /// Discord's own code, e.g. 10015.
        code: Option<u64>,
        /// Discord's words, and what to do.
        reason: String,
    },
    /// Too many requests.
    #[error("Discord asks to wait ({}){}", wait_text(*after), if *global { ", for all requests" } else { "" })]
    RateLimited {
        /// How long, when the answer says so; else the caller backs off.
        after: Option<Duration>,
        /// Whether it concerns every route.
        global: bool,
        /// Whose limit it is.
        scope: Scope,
    },
    /// It may work later.
    #[error("{reason}; it is tried again")]
    Retry {
        /// What happened.
        reason: String,
        /// Discord may have saved the message although no answer came: sending it again may show it twice.
        maybe_saved: bool,
        /// Nothing that mends itself in seconds; ask seldom.
        slow: bool,
    },
    /// Discord does not take this message; another one it may take.
    #[error("Discord refused the message{}: {reason}", code_text(*code))]
    Rejected {
        /// Discord's own code, e.g. 50035; none when it was refused before it was sent.
        code: Option<u64>,
        /// The parts refused and why, shortened.
        reason: String,
    },
    /// The message to edit is gone.
    #[error("the message to edit no longer exists; a new one can be sent")]
    MessageGone,
    /// Discord takes no request of this size.
    #[error("Discord refused the message as too large; send it without its files")]
    TooLarge,
}

/// Whose rate limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// This webhook's or bot's own.
    User,
    /// All requests of this address or bot.
    Global,
    /// A resource's that others use too; it does not count as an invalid request.
    Shared,
    /// Not said, as in answers of the network in front of Discord.
    #[default]
    Unknown,
}

impl Error {
    /// Whether nothing more may be sent to this webhook.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Final { .. })
    }

    /// Whether the very same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Retry { .. })
    }

    /// Whether Discord may have saved the message although the call failed.
    pub fn maybe_saved(&self) -> bool {
        matches!(
            self,
            Self::Retry {
                maybe_saved: true,
                ..
            }
        )
    }
}

fn code_text(code: Option<u64>) -> String {
    code.map_or_else(String::new, |code| format!(", code {code}"))
}

fn wait_text(after: Option<Duration>) -> String {
    after.map_or_else(
        || "it does not say how long".to_owned(),
        |after| format!("{after:?}"),
    )
}
