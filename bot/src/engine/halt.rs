//! Why a step stopped, and when it is tried again.

use crate::store::StoreError;
use discord::ApiError;
use std::time::Duration;

/// Longest wait between two tries of a step.
const LONGEST: Duration = Duration::from_mins(2);
/// The same of a step that a permission would let go on: given back, it is noticed within a minute.
const FORBIDDEN: Duration = Duration::from_mins(1);

/// Whom a refusal concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concerns {
    /// The run alone.
    One,
    /// The run, or its guild: a look tells.
    Unclear,
    /// Every run of the guild.
    Guild,
    /// Every run: the token is wrong, or too much was refused.
    All,
}

/// Why a step stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// Discord refused, or did not answer.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// A webhook's message was not taken.
    #[error("{0}")]
    Post(#[from] discord::Error),
    /// The store did not answer; nothing was lost.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The guild is full, and nothing in it may go.
    #[error("{0}")]
    NoRoom(String),
    /// Not now.
    #[error("{why}")]
    Wait {
        /// What is waited for.
        why: String,
        /// How long.
        time: Duration,
    },
}

impl Halt {
    pub(crate) fn wait(why: impl Into<String>, time: Duration) -> Self {
        Self::Wait {
            why: why.into(),
            time,
        }
    }

    /// Whom it concerns besides the run it happened to.
    pub(crate) fn concerns(&self) -> Concerns {
        match self {
            Self::Api(ApiError::Unauthorized | ApiError::TooManyRefusals { .. }) => Concerns::All,
            // The guild itself, or the bot is not in it.
            Self::Api(ApiError::NotFound { code: 10004, .. }) => Concerns::Guild,
            Self::Api(ApiError::Forbidden { .. }) => Concerns::Unclear,
            _ => Concerns::One,
        }
    }

    /// How long to leave the run alone after this many failures before.
    pub(crate) fn pause(&self, failures: i64) -> Duration {
        let doubling = |first: Duration| {
            let times = u32::try_from(failures.clamp(0, 10)).unwrap_or(0);
            first.saturating_mul(1 << times).min(LONGEST)
        };
        match self {
            Self::Wait { time, .. } => *time,
            Self::Api(
                ApiError::Later(discord::Error::RateLimited {
                    after: Some(after), ..
                })
                | ApiError::TooManyRefusals { after },
            )
            | Self::Post(discord::Error::RateLimited {
                after: Some(after), ..
            }) => *after,
            Self::Api(ApiError::Later(_)) | Self::Post(_) | Self::Store(_) => {
                doubling(Duration::from_millis(500)).mul_f64(jitter())
            }
            Self::Api(ApiError::Forbidden { .. }) => doubling(Duration::from_secs(10))
                .min(FORBIDDEN)
                .mul_f64(jitter()),
            Self::Api(_) | Self::NoRoom(_) => doubling(Duration::from_secs(10)).mul_f64(jitter()),
        }
    }
}

/// 0.5 to 1.0, so that many runs do not come back in step.
fn jitter() -> f64 {
    let mut byte = [0];
    let random = ring::rand::SystemRandom::new();
    match ring::rand::SecureRandom::fill(&random, &mut byte) {
        Ok(()) => 0.5 + f64::from(byte[0]) / 510.0,
        Err(_) => 1.0,
    }
}
