//! What time alone brings about.

use super::inputs::GRACE_MS;
use super::run::{Run, State};
use super::{Store, StoreError};
use sqlx::Row as _;

impl Store {
    /// Drops registrations that nobody asked for again before a channel was begun, and refusals that nobody came for:
    /// what a refused one may have begun stands in no row, and is read back from Discord as a run.
    pub(crate) async fn drop_unwanted(&self, seen_before: i64) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM runs WHERE channel_id IS NULL AND seen_at < $1 \
             AND (state = 'refused' OR (state = 'creating' AND step = ''))",
        )
        .bind(seen_before)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends runs whose watcher has been silent since `silent_since`; `retention` makes what counts of a run's own. How
    /// many ended.
    pub(crate) async fn end_silent(
        &self,
        silent_since: i64,
        now: i64,
        retention: impl Fn(Option<i64>) -> Option<i64>,
    ) -> Result<u64, StoreError> {
        let rows = sqlx::query(
            "SELECT id, retention_ms FROM runs WHERE state IN ('creating', 'live') AND leased = 1 AND seen_at <= $1 \
             AND channel_id IS NOT NULL",
        )
        .bind(silent_since)
        .fetch_all(&self.pool)
        .await?;
        let mut ended = 0;
        for row in &rows {
            let id: String = row.try_get("id")?;
            let delete_at =
                retention(row.try_get("retention_ms")?).map(|time| now.saturating_add(time));
            // Heard of again since the list was read: it goes on.
            let done = sqlx::query(
                "UPDATE runs SET state = 'finishing', status = 'unknown', by_lease = 1, finished_at = $3, \
                 delete_at = $4, not_before = 0, failures = 0 \
                 WHERE id = $1 AND state IN ('creating', 'live') AND leased = 1 AND seen_at <= $2",
            )
            .bind(&id)
            .bind(silent_since)
            .bind(now)
            .bind(delete_at)
            .execute(&self.pool)
            .await?;
            if done.rows_affected() > 0 {
                ended += 1;
                self.drop_inputs(&id).await?;
                self.wake_run(&id).await;
            }
        }
        Ok(ended)
    }

    /// Marks finished runs whose time has come.
    pub(crate) async fn begin_cleaning(&self, now: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET state = 'cleaning', not_before = 0, failures = 0, step = '' \
             WHERE state IN ('finished', 'archived') AND delete_at <= $1",
        )
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets runs that ended before `before`, with their input.
    pub(crate) async fn purge(&self, before: i64) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM inputs WHERE run_id IN (SELECT id FROM runs WHERE state = 'deleted' \
             AND ended_at < $1)",
        )
        .bind(before)
        .execute(&self.pool)
        .await?;
        sqlx::query("DELETE FROM runs WHERE state = 'deleted' AND ended_at < $1")
            .bind(before)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// When the next thing after `now` is due by time alone: a postponed step, an end of retention, of a lease or of an
    /// input's life, feedback that waits. What was due by `now` is under way, or waits for what is.
    pub(crate) async fn next_due(&self, now: i64, lease: i64) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(due) AS due FROM ( \
             SELECT MIN(not_before) AS due FROM runs WHERE state IN ('creating', 'finishing', 'cleaning') \
             AND not_before > $1 \
             UNION ALL SELECT MIN(delete_at) AS due FROM runs WHERE state IN ('finished', 'archived') \
             AND delete_at > $1 \
             UNION ALL SELECT MIN(seen_at) + $2 AS due FROM runs WHERE state IN ('creating', 'live') AND leased = 1 \
             AND seen_at > $1 - $2 \
             UNION ALL SELECT MIN(show_at) AS due FROM inputs WHERE shown <> state AND show_at > $1 \
             UNION ALL SELECT MIN(expires_at) AS due FROM inputs WHERE state = 'queued' AND expires_at > $1 \
             UNION ALL SELECT MIN(offered_at) + $3 AS due FROM inputs WHERE state = 'queued' \
             AND expires_at <= $1 AND offered_at > $1 - $3) AS times",
        )
        .bind(now)
        .bind(lease)
        .bind(GRACE_MS)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get("due")?)
    }

    /// The run's channel is not there any more; somebody deleted it.
    pub(crate) async fn channel_gone(&self, run: &Run, now: i64) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET state = 'deleted', step = '', ended_at = $2, finished_at = COALESCE(finished_at, $2), \
             problem = NULL WHERE id = $1 AND channel_id = $3",
        )
        .bind(&run.id)
        .bind(now)
        .bind(run.channel_id.as_deref())
        .execute(&self.pool)
        .await?;
        if done.rows_affected() > 0 {
            self.drop_inputs(&run.id).await?;
            self.wake_run(&run.id).await;
        }
        Ok(())
    }

    /// Begins to clean one ended run before its time, to make room. Whether it was still there.
    pub(crate) async fn clean_early(
        &self,
        id: &str,
        state: State,
        now: i64,
    ) -> Result<bool, StoreError> {
        self.settle(id, state, State::Cleaning, now).await
    }
}
