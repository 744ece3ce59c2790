//! Input for agents: stored, handed out in order until it is acknowledged, given up after its time.

use super::{Store, StoreError};
use crate::desk::{InputKind, MAX_WAITING, NewInput, Outcome, Queued};
use sqlx::Row as _;

/// Most items of one answer to a poll.
const MAX_ITEMS: i64 = 16;
/// How long after it was handed out an input may be acknowledged although its time is over: it may have reached the
/// agent, and nobody is told otherwise before.
pub(super) const GRACE_MS: i64 = 60_000;

/// An item as its watcher gets it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Item {
    pub seq: i64,
    pub kind: InputKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What a poll finds.
#[derive(Debug, Default)]
pub(crate) struct Poll {
    pub items: Vec<Item>,
    /// Whether the acknowledgement changed anything.
    pub acknowledged: bool,
}

pub(super) fn kind(word: &str) -> InputKind {
    if word == "interrupt" {
        InputKind::Interrupt
    } else {
        InputKind::Text
    }
}

fn word(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Text => "text",
        InputKind::Interrupt => "interrupt",
    }
}

impl Store {
    /// Leaves an input for a live run with a bridge; the caller has checked both. The same source is the same input.
    pub(crate) async fn queue(
        &self,
        run_id: &str,
        input: &NewInput,
        now: i64,
        ttl: i64,
    ) -> Result<Queued, StoreError> {
        let mut transaction = self.backend.begin(&self.pool, run_id).await?;
        let known = sqlx::query("SELECT seq FROM inputs WHERE run_id = $1 AND source = $2")
            .bind(run_id)
            .bind(&input.source)
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(row) = known {
            let seq = row.try_get("seq")?;
            return Ok(Queued::Queued { seq });
        }
        let waiting: i64 = sqlx::query(
            "SELECT COUNT(*) AS waiting FROM inputs WHERE run_id = $1 AND state = 'queued'",
        )
        .bind(run_id)
        .fetch_one(&mut *transaction)
        .await?
        .try_get("waiting")?;
        if waiting >= MAX_WAITING {
            return Ok(Queued::QueueFull);
        }
        // Ended meanwhile: nothing is left behind.
        let row = sqlx::query(
            "UPDATE runs SET next_seq = next_seq + 1 WHERE id = $1 AND state IN ('creating', 'live') \
             RETURNING next_seq - 1 AS seq",
        )
        .bind(run_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(Queued::Finished);
        };
        let seq: i64 = row.try_get("seq")?;
        sqlx::query(
            "INSERT INTO inputs (run_id, seq, source, kind, text, author, state, created_at, expires_at, shown) \
             VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, '')",
        )
        .bind(run_id)
        .bind(seq)
        .bind(&input.source)
        .bind(word(input.kind))
        .bind(&input.text)
        .bind(&input.author)
        .bind(now)
        .bind(now + ttl)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.wake_run(run_id).await;
        self.wake_engine().await;
        Ok(Queued::Queued { seq })
    }

    /// Notes that the bridge will never take these, all of them at most `after`.
    pub(crate) async fn refuse_inputs(
        &self,
        run_id: &str,
        after: i64,
        refused: &[i64],
    ) -> Result<(), StoreError> {
        for seq in refused.iter().filter(|seq| **seq <= after) {
            sqlx::query(
                "UPDATE inputs SET state = 'refused', text = '' WHERE run_id = $1 AND seq = $2 AND state = 'queued'",
            )
            .bind(run_id)
            .bind(seq)
            .execute(&self.pool)
            .await?;
        }
        if !refused.is_empty() {
            self.wake_engine().await;
            self.wake_run(run_id).await;
        }
        Ok(())
    }

    /// Acknowledges all up to `after`, and gives what comes next.
    pub(crate) async fn poll(
        &self,
        run_id: &str,
        after: i64,
        now: i64,
    ) -> Result<Poll, StoreError> {
        let mut poll = Poll::default();
        if after > 0 {
            // The text has done its work; it is not kept.
            let done = sqlx::query(
                "UPDATE inputs SET state = 'delivered', text = '' WHERE run_id = $1 AND seq <= $2 AND state = 'queued'",
            )
            .bind(run_id)
            .bind(after)
            .execute(&self.pool)
            .await?;
            poll.acknowledged = done.rows_affected() > 0;
            if poll.acknowledged {
                self.wake_engine().await;
                self.wake_run(run_id).await;
            }
        }
        let rows = sqlx::query(
            "SELECT seq, kind, text FROM inputs WHERE run_id = $1 AND seq > $2 AND state = 'queued' \
             AND expires_at > $3 ORDER BY seq LIMIT $4",
        )
        .bind(run_id)
        .bind(after)
        .bind(now)
        .bind(MAX_ITEMS)
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let kind = kind(&row.try_get::<String, _>("kind")?);
            poll.items.push(Item {
                seq: row.try_get("seq")?,
                kind,
                text: (kind == InputKind::Text)
                    .then(|| row.try_get("text"))
                    .transpose()?,
            });
        }
        if let Some(last) = poll.items.last() {
            sqlx::query(
                "UPDATE inputs SET offered_at = $4 WHERE run_id = $1 AND seq > $2 AND seq <= $3 AND state = 'queued' \
                 AND expires_at > $4",
            )
            .bind(run_id)
            .bind(after)
            .bind(last.seq)
            .bind(now)
            .execute(&self.pool)
            .await?;
        }
        Ok(poll)
    }

    /// What became of an input; `None` while it waits. An input that is not known any more was dropped.
    pub(crate) async fn outcome(
        &self,
        run_id: &str,
        seq: i64,
    ) -> Result<Option<Outcome>, StoreError> {
        let row = sqlx::query("SELECT state FROM inputs WHERE run_id = $1 AND seq = $2")
            .bind(run_id)
            .bind(seq)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else {
            return Ok(Some(Outcome::Dropped));
        };
        Ok(match row.try_get::<String, _>("state")?.as_str() {
            "queued" => None,
            "delivered" => Some(Outcome::Delivered),
            "refused" => Some(Outcome::Refused),
            "expired" => Some(Outcome::Expired),
            _ => Some(Outcome::Dropped),
        })
    }

    /// Gives up what nobody fetched in time; what was handed out shortly before waits for its acknowledgement.
    pub(crate) async fn expire_inputs(&self, now: i64) -> Result<u64, StoreError> {
        let rows = sqlx::query(
            "UPDATE inputs SET state = 'expired', text = '' WHERE state = 'queued' AND expires_at <= $1 \
             AND (offered_at IS NULL OR offered_at <= $2) RETURNING run_id",
        )
        .bind(now)
        .bind(now.saturating_sub(GRACE_MS))
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            self.wake_run(&row.try_get::<String, _>("run_id")?).await;
        }
        Ok(rows.len() as u64)
    }

    /// The run ended: nobody will fetch its input.
    pub(super) async fn drop_inputs(&self, run_id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE inputs SET state = 'dropped', text = '' WHERE run_id = $1 AND state = 'queued'",
        )
        .bind(run_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
