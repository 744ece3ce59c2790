//! Which inputs the channels do not show as they stand, and when that is tried again.

use super::inputs::kind;
use super::{Store, StoreError};
use crate::desk::InputKind;
use sqlx::Row as _;

/// An input whose feedback in the channel is not up to date.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub run_id: String,
    pub seq: i64,
    pub kind: InputKind,
    pub author: String,
    /// queued, delivered, refused, expired or dropped.
    pub state: String,
    pub message_id: Option<String>,
    /// Times it could not be shown.
    pub tries: i64,
}

impl Store {
    /// Runs with feedback that is out of date and due, the longest waiting first.
    pub(crate) async fn unshown_runs(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT run_id, MIN(created_at) AS oldest FROM inputs WHERE shown <> state AND show_at <= $1 \
             GROUP BY run_id ORDER BY oldest, run_id LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("run_id")?)).collect()
    }

    /// Inputs of a run whose feedback is out of date, due or not, in their order.
    pub(crate) async fn unshown(&self, run: &str, limit: i64) -> Result<Vec<Shown>, StoreError> {
        let rows = sqlx::query(
            "SELECT run_id, seq, kind, author, state, message_id, show_tries FROM inputs WHERE shown <> state \
             AND run_id = $1 ORDER BY seq LIMIT $2",
        )
        .bind(run)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Shown {
                    run_id: row.try_get("run_id")?,
                    seq: row.try_get("seq")?,
                    kind: kind(&row.try_get::<String, _>("kind")?),
                    author: row.try_get("author")?,
                    state: row.try_get("state")?,
                    message_id: row.try_get("message_id")?,
                    tries: row.try_get("show_tries")?,
                })
            })
            .collect()
    }

    /// The feedback in the channel shows this state now.
    pub(crate) async fn shown(
        &self,
        input: &Shown,
        message_id: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE inputs SET shown = $3, message_id = $4, show_at = 0, show_tries = 0 WHERE run_id = $1 AND seq = $2",
        )
        .bind(&input.run_id)
        .bind(input.seq)
        .bind(&input.state)
        .bind(message_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The run's channel takes no feedback now. Other runs' feedback does not wait for it.
    pub(crate) async fn show_later(
        &self,
        run: &str,
        until: i64,
        failed: bool,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE inputs SET show_at = $2, show_tries = show_tries + $3 WHERE run_id = $1 AND shown <> state",
        )
        .bind(run)
        .bind(until)
        .bind(i64::from(failed))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
