//! When the next record is due.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The speed of a session.
pub(super) struct Pace {
    due: Instant,
    sort: Sort,
    rng: SmallRng,
}

#[derive(Clone, Copy)]
enum Sort {
    Unlimited,
    /// The same pause each time.
    Every(Duration),
    /// A pause between half and one and a half of it.
    About(Duration),
}

impl Pace {
    /// Records per second, or milliseconds between them; neither: no limit.
    pub(super) fn new(rate: Option<f64>, pace: Option<u64>, seed: u64) -> Self {
        let every = rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        let sort = match (every, pace) {
            (Some(every), _) => Sort::Every(every),
            (None, Some(milliseconds)) => Sort::About(Duration::from_millis(milliseconds)),
            (None, None) => Sort::Unlimited,
        };
        Self {
            due: Instant::now(),
            sort,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn pause(&mut self) -> Duration {
        match self.sort {
            Sort::Unlimited => Duration::ZERO,
            Sort::Every(every) => every,
            Sort::About(about) => about.mul_f64(self.rng.random_range(0.5..1.5)),
        }
    }

    /// Waits for the next record's time. Lost time is made up for, so that the rate holds on average.
    pub(super) fn wait(&mut self) {
        if let Some(left) = self.due.checked_duration_since(Instant::now()) {
            sleep(left);
        }
        let pause = self.pause();
        self.due += pause;
    }

    /// A moment between two pieces of one record.
    pub(super) fn between_pieces(&self) {
        let moment = match self.sort {
            Sort::Unlimited => Duration::from_micros(200),
            Sort::Every(pause) | Sort::About(pause) => pause / 8,
        };
        sleep(moment);
    }
}
