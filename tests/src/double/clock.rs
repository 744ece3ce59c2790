//! The double's clock: the machine's, or one that a test moves by hand.
//!
//! Rate limits are the only thing that reads it for a decision, so a test of a 60 s window takes no time at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the double takes the time from. Clones share the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    /// Wall time at the start, since the Unix epoch.
    epoch: Duration,
    /// Microseconds since the start when a test moves the clock; `None` follows the machine.
    manual: Option<Arc<AtomicU64>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            epoch: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            manual: None,
        }
    }
}

impl Clock {
    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual() -> Self {
        Self {
            manual: Some(Arc::default()),
            ..Self::default()
        }
    }

    /// Moves a manual clock forward; the machine's clock does not listen.
    pub fn advance(&self, by: Duration) {
        if let Some(micros) = &self.manual {
            let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            micros.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Time since the clock was made.
    pub fn now(&self) -> Duration {
        match &self.manual {
            Some(micros) => Duration::from_micros(micros.load(Ordering::SeqCst)),
            None => self.started.elapsed(),
        }
    }

    /// Wall time since the Unix epoch.
    pub fn wall(&self) -> Duration {
        self.epoch + self.now()
    }

    /// Wall time in milliseconds since the Unix epoch.
    pub fn wall_ms(&self) -> u64 {
        u64::try_from(self.wall().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since the Unix epoch in the form Discord writes timestamps.
pub fn iso(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
        Err(_) => "1970-01-01T00:00:00.000000+00:00".to_owned(),
    }
}
