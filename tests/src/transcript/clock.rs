//! The time of the records.

use super::options;
use jiff::Timestamp;

/// 2026-11-02T08:30:00Z, in milliseconds.
const START: i64 = 1_793_608_200_000;

/// Moves on as the generator says, or with the wall clock.
pub(crate) struct Clock {
    now: i64,
    wall: bool,
}

impl Clock {
    /// At the beginning of the session.
    pub(crate) fn new(sort: options::Clock) -> Self {
        Self {
            now: START,
            wall: sort == options::Clock::Wall,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, milliseconds: i64) {
        self.now += milliseconds;
    }

    /// The time as records have it: UTC, milliseconds.
    pub(crate) fn text(&self) -> String {
        self.text_at(0)
    }

    /// The time so many milliseconds from now.
    pub(crate) fn text_at(&self, offset: i64) -> String {
        let now = if self.wall {
            Timestamp::now().as_millisecond()
        } else {
            self.now
        };
        let at = Timestamp::from_millisecond(now + offset).unwrap_or(Timestamp::UNIX_EPOCH);
        at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}
