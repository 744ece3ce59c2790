//! How long to wait before the next try.

use crate::error::Error;
use rand::Rng as _;
use std::time::Duration;

/// First wait's upper end.
const BASE: Duration = Duration::from_millis(250);
/// Upper end of every later wait.
const CAP: Duration = Duration::from_secs(30);
/// Upper end for what does not mend in seconds.
const SLOW_CAP: Duration = Duration::from_mins(5);
/// Least wait for what does not mend in seconds, and for a 429 that does not say how long.
const SLOW_FLOOR: Duration = Duration::from_secs(5);

/// Waits for one request that is tried again and again: what a 429 asks for, else exponential with full jitter, so
/// that many watchers do not come back in step.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after this error; `None` when the same request must not be sent again.
    pub fn after(&mut self, error: &Error) -> Option<Duration> {
        match error {
            Error::RateLimited {
                after: Some(after), ..
            } => Some(*after),
            Error::RateLimited { after: None, .. } | Error::Retry { slow: true, .. } => {
                Some(SLOW_FLOOR + self.jitter(SLOW_CAP.saturating_sub(SLOW_FLOOR)))
            }
            Error::Retry { .. } => Some(self.jitter(CAP)),
            _ => None,
        }
    }

    fn jitter(&mut self, cap: Duration) -> Duration {
        let top = BASE.saturating_mul(1_u32 << self.failures.min(20)).min(cap);
        self.failures = self.failures.saturating_add(1);
        top.mul_f64(rand::rng().random_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Scope;

    fn retry(slow: bool) -> Error {
        Error::Retry {
            reason: "r".into(),
            maybe_saved: false,
            slow,
        }
    }

    #[test]
    fn waits_grow_to_the_cap_and_stay() {
        let mut backoff = Backoff::default();
        for failure in 0..100 {
            let wait = backoff.after(&retry(false)).unwrap();
            let top = BASE.saturating_mul(1 << failure.min(20)).min(CAP);
            assert!(wait <= top, "{failure}: {wait:?}");
        }
        let late: Duration = (0..50).map(|_| backoff.after(&retry(false)).unwrap()).sum();
        assert!(late > CAP, "full jitter over 30 s averages 15 s");
    }

    #[test]
    fn what_a_429_says_is_obeyed_exactly() {
        let after = Some(Duration::from_millis(1337));
        let error = Error::RateLimited {
            after,
            global: false,
            scope: Scope::User,
        };
        assert_eq!(Backoff::default().after(&error), after);
    }

    #[test]
    fn what_must_not_be_repeated_is_not() {
        let last = Error::Final {
            status: 404,
            code: Some(10015),
            reason: "r".into(),
        };
        for error in [last, Error::TooLarge, Error::MessageGone] {
            assert_eq!(Backoff::default().after(&error), None);
        }
    }

    #[test]
    fn what_does_not_mend_is_asked_seldom() {
        assert!(Backoff::default().after(&retry(true)).unwrap() >= SLOW_FLOOR);
    }
}
