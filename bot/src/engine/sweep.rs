//! What time alone brings about: silent runs end, input expires, retention passes, old rows go; and the figures of it.

use super::Engine;
use super::halt::Halt;
use crate::clock::now;

/// How long the row of a deleted run is kept: its attempt's number stays taken that long.
const KEEP_ROWS_MS: i64 = 7 * 24 * 3_600_000;

impl Engine {
    pub(super) async fn sweep(&self) -> Result<(), Halt> {
        let (now, config) = (now(), &self.app.config);
        let lease = i64::try_from(config.lease.as_millis()).unwrap_or(i64::MAX / 2);
        let silent = self
            .store
            .end_silent(
                now.saturating_sub(lease),
                now,
                self.app.default_retention.current(),
            )
            .await?;
        if silent > 0 {
            self.app.metrics.silent.inc_by(silent);
            tracing::warn!(runs = silent, "ended: nothing was heard of their watchers");
        }
        self.store.expire_inputs(now).await?;
        self.store.begin_cleaning(now).await?;
        self.store.purge(now.saturating_sub(KEEP_ROWS_MS)).await?;
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
                .map_or(0.0, |oldest| (now - oldest) as f64 / 1000.0),
        );
        Ok(())
    }
}
