//! What time alone brings about: silent runs end, input expires, retention passes, old rows go; and the figures of it.

use super::Engine;
use crate::clock::now;
use crate::store::StoreError;
use std::sync::atomic::Ordering;

/// How long the row of a deleted run is kept: its attempt's number stays taken that long.
const KEEP_ROWS_MS: i64 = 7 * 24 * 3_600_000;
/// How long a registration without a channel is kept for whoever asks again.
const KEEP_WISHES_MS: i64 = 600_000;

impl Engine {
    /// How long a watcher may be silent, in milliseconds.
    pub(super) fn lease(&self) -> i64 {
        i64::try_from(self.app.config.lease.as_millis()).unwrap_or(i64::MAX / 2)
    }

    /// When every watcher can have been heard: a lease after this process began to lead, or the store to answer again.
    /// While nobody could hear them, watchers were not silent.
    pub(super) fn heard_by(&self) -> i64 {
        let since = self.hearing_since.load(Ordering::Relaxed);
        since
            .max(self.app.store_failed_at())
            .saturating_add(self.lease())
    }

    /// All that is due by `at`.
    pub(super) async fn sweep(&self, at: i64) -> Result<(), StoreError> {
        if at >= self.heard_by() {
            let silent_since = at.saturating_sub(self.lease());
            let retention = |own| self.app.retention(own);
            let silent = self.store.end_silent(silent_since, at, retention).await?;
            if silent > 0 {
                self.app.metrics.silent.inc_by(silent);
                tracing::warn!(runs = silent, "ended: nothing was heard of their watchers");
            }
        }
        self.store
            .drop_unwanted(at.saturating_sub(KEEP_WISHES_MS.max(self.lease())))
            .await?;
        self.store.expire_inputs(at).await?;
        self.store.begin_cleaning(at).await?;
        self.store.purge(at.saturating_sub(KEEP_ROWS_MS)).await?;
        let counts = self.store.counts().await?;
        let metrics = &self.app.metrics;
        metrics.live.set(counts.live);
        metrics.creating.set(counts.creating);
        metrics.finished.set(counts.finished);
        metrics.input_waiting.set(counts.waiting);
        #[expect(clippy::cast_precision_loss, reason = "an age for people")]
        metrics.input_age.set(
            counts
                .oldest
                .map_or(0.0, |oldest| (now() - oldest) as f64 / 1000.0),
        );
        Ok(())
    }
}
