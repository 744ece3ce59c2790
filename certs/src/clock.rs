//! The API server's clock, as its answers tell it.
//!
//! It is the API server that verifies what we serve, so its time decides what is valid. The clock of a replica's node may
//! be hours off; two replicas that each went by their own would undo each other's authorities.

use crate::state::Seconds;
use http::{HeaderMap, header};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A smaller difference than this, in seconds, is the answer's way and not a clock's fault.
const TOLERATED: Seconds = 60;

/// How far the API server's clock is ahead of ours; nothing before its first answer, or from one without a date.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    ahead: AtomicI64,
}

impl ServerClock {
    /// Takes the time from an answer's headers.
    pub(crate) fn hear(&self, headers: &HeaderMap, here: Seconds) {
        let date = headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        let Some(there) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
            return;
        };
        let ahead = there.timestamp().as_second().saturating_sub(here);
        let ahead = if ahead.abs() < TOLERATED { 0 } else { ahead };
        if self.ahead.swap(ahead, Ordering::Relaxed) != ahead {
            tracing::warn!(
                ahead,
                "the API server's clock differs from this node's by so many seconds; certificates follow it"
            );
        }
    }

    /// Seconds to add to ours.
    pub(crate) fn ahead(&self) -> Seconds {
        self.ahead.load(Ordering::Relaxed)
    }
}

/// Seconds since 1970 by the node's clock.
pub(crate) fn here() -> Seconds {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Seconds::try_from(since.as_secs()).unwrap_or(Seconds::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const THEN: Seconds = 784_111_777;

    fn heard(date: &str, here: Seconds) -> Seconds {
        let clock = ServerClock::default();
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, date.parse().unwrap());
        clock.hear(&headers, here);
        clock.ahead()
    }

    #[test]
    fn a_clock_that_differs_is_known_by_how_much() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(heard(date, THEN - 7_200), 7_200);
        assert_eq!(heard(date, THEN + 7_200), -7_200);
    }

    #[test]
    fn the_way_of_an_answer_and_what_is_no_date_change_nothing() {
        assert_eq!(heard("Sun, 06 Nov 1994 08:49:37 GMT", THEN + 20), 0);
        assert_eq!(heard("yesterday", THEN), 0);
        let clock = ServerClock::default();
        clock.hear(&HeaderMap::new(), THEN);
        assert_eq!(clock.ahead(), 0);
    }
}
