//! When to stop asking. Discord bans an address after 10,000 answers of 401, 403 or 429 in ten minutes; a bot that loops
//! on a wrong token gets there within the hour. Two guards: a token that was refused rests, longer each time; and a
//! count of refusals, far below Discord's own, closes everything for the rest of its window. Webhook calls count in it,
//! for a ban is the address's; but their tokens are their own, and say nothing of the bot's.

use super::ApiError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Discord's own window.
const WINDOW: Duration = Duration::from_mins(10);
/// A twentieth of what Discord bans for.
const MAX_REFUSALS: u32 = 500;
/// Rest after the first refused token, doubled each time.
const FIRST_REST: Duration = Duration::from_secs(30);
/// Longest rest.
const LAST_REST: Duration = Duration::from_mins(30);

#[derive(Debug, Default)]
struct State {
    /// Calls rest until then, since the token was refused.
    rest: Option<Instant>,
    refused: u32,
    window: Option<Instant>,
    count: u32,
}

impl State {
    fn closed(&mut self, now: Instant) -> Option<Duration> {
        let end = self.window?;
        if end <= now {
            self.window = None;
            self.count = 0;
        }
        (end > now && self.count >= MAX_REFUSALS).then(|| end.duration_since(now))
    }

    fn count(&mut self, status: u16, now: Instant) {
        if matches!(status, 401 | 403 | 429) {
            self.window.get_or_insert(now + WINDOW);
            self.count = self.count.saturating_add(1);
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Budget {
    state: Mutex<State>,
}

impl Budget {
    /// Whether a call may go.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.rest.is_some_and(|until| until > now) {
            return Err(ApiError::Unauthorized);
        }
        match state.closed(now) {
            Some(after) => Err(ApiError::TooManyRefusals { after }),
            None => Ok(()),
        }
    }

    /// How long no call at all may go, a webhook's neither.
    pub(super) fn closed(&self) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed(Instant::now())
    }

    /// Counts an answer to a webhook's call.
    pub(super) fn count(&self, status: u16) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count(status, Instant::now());
    }

    /// Counts an answer to a call with the bot's token.
    pub(super) fn learn(&self, status: u16) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count(status, now);
        if status == 401 {
            let rest = FIRST_REST
                .saturating_mul(1 << state.refused.min(10))
                .min(LAST_REST);
            state.rest = Some(now + rest);
            state.refused = state.refused.saturating_add(1);
        } else if (200..300).contains(&status) {
            state.rest = None;
            state.refused = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_tried_fewer_than_60_times_a_day() {
        let budget = Budget::default();
        let end = Instant::now() + Duration::from_hours(24);
        let mut tries = 0;
        while Instant::now() < end {
            if budget.check().is_ok() {
                tries += 1;
                budget.learn(401);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((2..60).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_any_kind_stay_far_below_a_ban() {
        let budget = Budget::default();
        let end = Instant::now() + WINDOW;
        let mut refusals = 0;
        while Instant::now() < end {
            if budget.check().is_ok() {
                refusals += 1;
                budget.learn(403);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(refusals, MAX_REFUSALS);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(budget.check().is_ok(), "the next window is open again");
    }
}
