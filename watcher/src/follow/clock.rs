//! Time: when we started, and which files were old then.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::options::FollowOptions;

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For pauses and ages of our own.
    pub instant: Instant,
    /// For files' times.
    pub wall: SystemTime,
}

impl Now {
    /// The moment of the call.
    pub fn real() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

/// When following began, here and ever.
pub(super) struct Clock {
    /// In this process.
    pub(super) started: Option<Instant>,
    /// In an earlier one, as its checkpoint says.
    first: Option<SystemTime>,
    /// The last moment we were told of.
    last: Option<Now>,
}

impl Clock {
    /// `first` in seconds since 1970.
    pub(super) fn new(first: Option<u64>) -> Self {
        let first = first.and_then(|first| UNIX_EPOCH.checked_add(Duration::from_secs(first)));
        Self {
            started: None,
            first,
            last: None,
        }
    }

    pub(super) fn tick(&mut self, now: Now) {
        self.started.get_or_insert(now.instant);
        self.last = Some(now);
    }

    /// When following began, on the wall clock as it goes now: when that was set back meanwhile, so was our start, or
    /// every new file would look old.
    fn start(&self, now: Now) -> SystemTime {
        let here = self.started.map_or(Duration::ZERO, |at| {
            now.instant.saturating_duration_since(at)
        });
        self.first
            .or_else(|| now.wall.checked_sub(here))
            .unwrap_or(UNIX_EPOCH)
    }

    /// Files last written before this are old sessions.
    pub(super) fn old_before(&self, now: Now, options: &FollowOptions) -> Option<SystemTime> {
        if options.once {
            None
        } else {
            self.start(now).checked_sub(options.lookback)
        }
    }

    /// For the checkpoint.
    pub(super) fn first_start(&self) -> u64 {
        let start = self.start(self.last.unwrap_or_else(Now::real));
        start
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    }
}
