//! One call at a time on one resource, and all of them below the global limit.
//!
//! An answer tells how much of its bucket is left after itself; calls that were sent meanwhile are not in it. One lane a
//! resource keeps that figure true, so a burst of ours meets no 429. Lanes of different resources run side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as Lane, OwnedMutexGuard};
use tokio::time::Instant;

/// Least time between two calls: 40 a second, where Discord allows 50 (rate-limits.mdx).
const PACE: Duration = Duration::from_millis(25);
/// Lanes kept before idle ones are forgotten.
const MANY: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Mutex<HashMap<u64, Weak<Lane<()>>>>,
    next: Mutex<Option<Instant>>,
}

impl Lanes {
    /// Waits for the resource's lane; the lane is free again when the guard is dropped. First come, first served.
    pub(super) async fn turn(&self, major: u64) -> OwnedMutexGuard<()> {
        let lane = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if lanes.len() >= MANY {
                lanes.retain(|_, lane| lane.strong_count() > 0);
            }
            let known = lanes.get(&major).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lane = Arc::new(Lane::new(()));
                lanes.insert(major, Arc::downgrade(&lane));
                lane
            })
        };
        lane.lock_owned().await
    }

    /// Waits for the next place in the global pace.
    pub(super) async fn pace(&self) {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
            *next = Some(at + PACE);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_resource_is_served_in_turn_and_another_at_once() {
        let lanes = Arc::new(Lanes::default());
        let held = lanes.turn(1).await;
        let waiting = tokio::spawn({
            let lanes = Arc::clone(&lanes);
            async move { drop(lanes.turn(1).await) }
        });
        drop(lanes.turn(2).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        drop(held);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn calls_keep_below_fifty_a_second() {
        let lanes = Lanes::default();
        let start = Instant::now();
        for _ in 0..401 {
            lanes.pace().await;
        }
        assert!(start.elapsed() >= Duration::from_secs(10));
    }

    #[tokio::test]
    async fn idle_lanes_are_forgotten() {
        let lanes = Lanes::default();
        for major in 0..10_000 {
            drop(lanes.turn(major).await);
        }
        assert!(lanes.lanes.lock().unwrap().len() <= MANY);
    }
}
