//! What the engine writes: intents before calls to Discord, results after them.

use super::run::State;
use super::{Final, Store, StoreError};
use crate::desk::Report;

impl Store {
    /// Writes down which call is about to be made. A row that is gone halts the step: nothing is made for it.
    pub(crate) async fn intend(&self, id: &str, step: &str) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET step = CASE WHEN step = 'doubt' THEN step ELSE $2 END WHERE id = $1",
        )
        .bind(id)
        .bind(step)
        .execute(&self.pool)
        .await?;
        there(&done)
    }

    /// What stands of the run may have been made in a former life of the store: each part is looked for before it is
    /// made, until the run is settled.
    pub(crate) async fn doubt(&self, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET step = 'doubt', state = CASE WHEN state = 'refused' THEN 'creating' ELSE state END \
             WHERE id = $1",
        )
        .bind(id)
        .execute(&self.pool)
        .await?;
        there(&done)
    }

    /// The run's channel stands. A row that is gone, or has another channel by now, halts the step.
    pub(crate) async fn made_channel(
        &self,
        id: &str,
        channel: &str,
        parent: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET channel_id = $2, parent_id = $3, step = CASE WHEN step = 'doubt' THEN step ELSE '' END \
             WHERE id = $1 AND (channel_id IS NULL OR channel_id = $2)",
        )
        .bind(id)
        .bind(channel)
        .bind(parent)
        .execute(&self.pool)
        .await?;
        there(&done)
    }

    /// The run's thread stands; it has its first message's id.
    pub(crate) async fn made_thread(
        &self,
        id: &str,
        thread: &str,
        parent: &str,
        webhook: &str,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET channel_id = $2, header_id = $2, parent_id = $3, webhook_id = $4, \
             step = CASE WHEN step = 'doubt' THEN step ELSE '' END \
             WHERE id = $1 AND (channel_id IS NULL OR channel_id = $2)",
        )
        .bind(id)
        .bind(thread)
        .bind(parent)
        .bind(webhook)
        .execute(&self.pool)
        .await?;
        there(&done)
    }

    /// The message that the run's thread begins with was posted.
    pub(crate) async fn made_starter(
        &self,
        id: &str,
        message: &str,
        parent: &str,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET header_id = $2, parent_id = $3 WHERE id = $1 AND channel_id IS NULL",
        )
        .bind(id)
        .bind(message)
        .bind(parent)
        .execute(&self.pool)
        .await?;
        there(&done)
    }

    /// The run's webhook stands.
    pub(crate) async fn made_webhook(&self, id: &str, webhook: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET webhook_id = $2, step = CASE WHEN step = 'doubt' THEN step ELSE '' END WHERE id = $1")
            .bind(id)
            .bind(webhook)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The run's header was posted.
    pub(crate) async fn made_header(&self, id: &str, message: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET header_id = $2, step = CASE WHEN step = 'doubt' THEN step ELSE '' END WHERE id = $1")
            .bind(id)
            .bind(message)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The run's last message was posted.
    pub(crate) async fn made_final(&self, id: &str, message: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET final_id = $2, step = CASE WHEN step = 'doubt' THEN step ELSE '' END WHERE id = $1")
            .bind(id)
            .bind(message)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The run's channel is gone with all in it, and is made again.
    pub(crate) async fn forget(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET channel_id = NULL, parent_id = NULL, webhook_id = NULL, header_id = NULL, \
             final_id = NULL, step = '' WHERE id = $1",
        )
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The run's webhook is gone, and is made again.
    pub(crate) async fn forget_webhook(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET webhook_id = NULL, step = '', \
             state = CASE WHEN state = 'live' THEN 'creating' ELSE state END WHERE id = $1",
        )
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Moves a run from one state to the next, unless something else moved it meanwhile. Whether it moved.
    pub(crate) async fn settle(
        &self,
        id: &str,
        from: State,
        to: State,
        now: i64,
    ) -> Result<bool, StoreError> {
        let ended = (to == State::Deleted).then_some(now);
        let done = sqlx::query(
            "UPDATE runs SET state = $3, step = '', not_before = 0, failures = 0, problem = NULL, ended_at = $4 \
             WHERE id = $1 AND state = $2",
        )
        .bind(id)
        .bind(from.word())
        .bind(to.word())
        .bind(ended)
        .execute(&self.pool)
        .await?;
        self.wake_run(id).await;
        Ok(done.rows_affected() > 0)
    }

    /// It did not work this time.
    pub(crate) async fn postpone(
        &self,
        id: &str,
        until: i64,
        problem: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET not_before = $2, failures = failures + 1, problem = $3 WHERE id = $1",
        )
        .bind(id)
        .bind(until)
        .bind(problem)
        .execute(&self.pool)
        .await?;
        self.wake_run(id).await;
        Ok(())
    }

    /// Runs that wait for room need not wait any longer.
    pub(crate) async fn make_due(&self, guild: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET not_before = 0 WHERE state = 'creating' AND channel_id IS NULL AND guild_id = $1 \
             AND failures = 0",
        )
        .bind(guild)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Nothing went wrong; it is just not its turn.
    pub(crate) async fn wait(&self, id: &str, until: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET not_before = $2 WHERE id = $1")
            .bind(id)
            .bind(until)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// There is no room for the run.
    pub(crate) async fn refuse(&self, id: &str, problem: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE runs SET state = 'refused', problem = $2 WHERE id = $1 AND state = 'creating' \
             AND channel_id IS NULL",
        )
        .bind(id)
        .bind(problem)
        .execute(&self.pool)
        .await?;
        self.wake_run(id).await;
        Ok(done.rows_affected() > 0)
    }

    /// Removes a row that never had a channel, so that its attempt's number is free again.
    pub(crate) async fn remove_refused(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM runs WHERE id = $1 AND state = 'refused' AND channel_id IS NULL")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a run that goes on. Whether it did.
    pub(crate) async fn finalize(
        &self,
        id: &str,
        status: Final,
        summary: Option<&Report>,
        (now, delete_at, not_before): (i64, Option<i64>, i64),
    ) -> Result<bool, StoreError> {
        let summary = summary.and_then(|summary| serde_json::to_string(summary).ok());
        let done = sqlx::query(
            "UPDATE runs SET state = 'finishing', status = $2, summary = $3, finished_at = $4, delete_at = $5, \
             by_lease = 0, not_before = $6, failures = 0 WHERE id = $1 AND state IN ('creating', 'live')",
        )
        .bind(id)
        .bind(status.word())
        .bind(summary)
        .bind(now)
        .bind(delete_at)
        .bind(not_before)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.drop_inputs(id).await?;
        self.wake_engine().await;
        self.wake_run(id).await;
        Ok(true)
    }

    /// Keeps the watcher's last figures.
    pub(crate) async fn report(
        &self,
        id: &str,
        report: &Report,
        now: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET report = $2, report_at = $3, seen_at = $3, leased = 1 WHERE id = $1",
        )
        .bind(id)
        .bind(serde_json::to_string(report).unwrap_or_default())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The run's watcher is there.
    pub(crate) async fn seen(&self, id: &str, now: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET seen_at = $2, leased = 1 WHERE id = $1")
            .bind(id)
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Whether there was a row to change.
fn there(done: &sqlx::any::AnyQueryResult) -> Result<(), StoreError> {
    if done.rows_affected() == 0 {
        return Err(StoreError::Vanished);
    }
    Ok(())
}
