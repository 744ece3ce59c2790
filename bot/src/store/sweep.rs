//! What time alone brings about.

use super::run::{COLUMNS, Run, State};
use super::{Store, StoreError};
use sqlx::Row as _;

impl Store {
    /// Ends runs whose watcher has been silent since `silent_since`, and drops registrations that nobody asked for
    /// again before a channel was begun. How many ended.
    pub(crate) async fn end_silent(
        &self,
        silent_since: i64,
        now: i64,
        default_retention: i64,
    ) -> Result<u64, StoreError> {
        sqlx::query(
            "DELETE FROM runs WHERE state IN ('creating', 'refused') AND channel_id IS NULL AND step = '' \
             AND seen_at < $1",
        )
        .bind(silent_since.min(now - 600_000))
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query(
            "UPDATE runs SET state = 'finishing', status = 'unknown', by_lease = 1, finished_at = $2, \
             delete_at = CASE WHEN COALESCE(retention_ms, $3) = 0 THEN NULL ELSE $2 + COALESCE(retention_ms, $3) END, \
             not_before = 0, failures = 0 \
             WHERE state IN ('creating', 'live') AND leased = 1 AND seen_at < $1 AND channel_id IS NOT NULL RETURNING id",
        )
        .bind(silent_since)
        .bind(now)
        .bind(default_retention)
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let id: String = row.try_get("id")?;
            self.drop_inputs(&id).await?;
            self.wake_run(&id).await;
        }
        Ok(rows.len() as u64)
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

    /// When the next thing is due by time alone: a postponed step, an end of retention, of a lease or of an input's life.
    pub(crate) async fn next_due(&self, lease: i64) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(due) AS due FROM ( \
             SELECT MIN(not_before) AS due FROM runs WHERE state IN ('creating', 'finishing', 'cleaning') \
             UNION ALL SELECT MIN(delete_at) AS due FROM runs WHERE state IN ('finished', 'archived') \
             UNION ALL SELECT MIN(seen_at) + $1 AS due FROM runs WHERE state IN ('creating', 'live') AND leased = 1 \
             UNION ALL SELECT MIN(expires_at) AS due FROM inputs WHERE state = 'queued') AS times",
        )
        .bind(lease)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get("due")?)
    }

    /// The guilds that runs are in.
    pub(crate) async fn guilds(&self) -> Result<Vec<String>, StoreError> {
        let rows =
            sqlx::query("SELECT DISTINCT guild_id FROM runs WHERE state <> 'deleted' LIMIT 100")
                .fetch_all(&self.pool)
                .await?;
        rows.iter()
            .map(|row| Ok(row.try_get("guild_id")?))
            .collect()
    }

    /// All runs of a guild that have, or may have, something in Discord; and those that ended lately.
    pub(crate) async fn of_guild(&self, guild: &str) -> Result<Vec<Run>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE guild_id = $1 AND state <> 'refused'");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(guild)
            .fetch_all(&self.pool)
            .await?;
        Run::decode_all(&rows)
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

    /// Runs of a guild whose channels are being deleted, or may be as soon as their end is shown.
    pub(crate) async fn leaving(&self, guild: &str) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS count FROM runs WHERE guild_id = $1 AND (state = 'cleaning' \
             OR (state = 'finishing' AND failures = 0 AND delete_at IS NOT NULL))",
        )
        .bind(guild)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get("count")?)
    }
}
