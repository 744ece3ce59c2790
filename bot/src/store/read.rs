//! Questions that change nothing.

use super::run::{COLUMNS, Run, State};
use super::{Store, StoreError};
use sqlx::Row as _;
use std::fmt::Write as _;

/// What to list, and where to go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// The caller's namespaces; none means all.
    pub namespaces: Option<Vec<String>>,
    /// Only these states; empty means all but the refused.
    pub states: Vec<State>,
    /// Only runs after this place.
    pub after: Option<(i64, String)>,
    /// At most so many.
    pub limit: i64,
}

/// Figures for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Runs that go on.
    pub live: i64,
    /// Runs that wait for their channel.
    pub creating: i64,
    /// Runs that ended and still have one.
    pub finished: i64,
    /// Inputs that wait.
    pub waiting: i64,
    /// When the oldest of them came, in milliseconds since 1970.
    pub oldest: Option<i64>,
}

impl Store {
    /// Runs by age, oldest first.
    pub(crate) async fn list(&self, page: &Page) -> Result<Vec<Run>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM runs WHERE state <> 'refused'");
        let mut next = 0;
        let mut marks = |count: usize| {
            let from = next + 1;
            next += count;
            (from..=next)
                .map(|at| format!("${at}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(namespaces) = &page.namespaces {
            if namespaces.is_empty() {
                return Ok(Vec::new());
            }
            let _ = write!(sql, " AND namespace IN ({})", marks(namespaces.len()));
        }
        if !page.states.is_empty() {
            let _ = write!(sql, " AND state IN ({})", marks(page.states.len()));
        }
        if page.after.is_some() {
            let at = marks(1);
            let _ = write!(
                sql,
                " AND (created_at > {at} OR (created_at = {at} AND id > {}))",
                marks(1)
            );
        }
        let _ = write!(sql, " ORDER BY created_at, id LIMIT {}", marks(1));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for namespace in page.namespaces.iter().flatten() {
            query = query.bind(namespace);
        }
        for state in &page.states {
            query = query.bind(state.word());
        }
        if let Some((created_at, id)) = &page.after {
            query = query.bind(*created_at).bind(id);
        }
        Run::decode_all(&query.bind(page.limit).fetch_all(&self.pool).await?)
    }

    /// A run by its id.
    pub(crate) async fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        self.one(format!("SELECT {COLUMNS} FROM runs WHERE id = $1"), id)
            .await
    }

    /// A run by its channel or thread.
    pub(crate) async fn run_of_channel(&self, channel: &str) -> Result<Option<Run>, StoreError> {
        self.one(
            format!("SELECT {COLUMNS} FROM runs WHERE channel_id = $1"),
            channel,
        )
        .await
    }

    /// A run by what its caller calls it, whatever its id: ids follow from a key that may have changed.
    pub(crate) async fn run_of_key(&self, run: &Run) -> Result<Option<Run>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE namespace = $1 AND task_id = $2 AND attempt = $3 AND short_id = $4"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&run.namespace)
            .bind(&run.task_id)
            .bind(run.attempt)
            .bind(&run.short_id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(Run::decode).transpose()
    }

    async fn one(&self, sql: String, key: &str) -> Result<Option<Run>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(Run::decode).transpose()
    }

    /// Live runs of a guild whose label or title starts with `prefix`, newest first.
    pub(crate) async fn live(
        &self,
        guild: &str,
        prefix: &str,
        limit: i64,
    ) -> Result<Vec<Run>, StoreError> {
        let pattern = prefix
            .to_lowercase()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
            + "%";
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE state = 'live' AND guild_id = $1 \
             AND (LOWER(task_id || '-' || CAST(attempt AS TEXT) || '-' || short_id) LIKE $2 ESCAPE '\\' \
                  OR LOWER(COALESCE(title, '')) LIKE $2 ESCAPE '\\') \
             ORDER BY created_at DESC, id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(guild)
            .bind(pattern)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        Run::decode_all(&rows)
    }

    /// Work whose time has come, oldest first: `(runs, when the next comes due)`.
    pub(crate) async fn due(&self, now: i64, limit: i64) -> Result<Vec<Run>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE state IN ('creating', 'finishing', 'cleaning') AND not_before <= $1 \
             ORDER BY created_at, id LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(now)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        Run::decode_all(&rows)
    }

    /// The finished run that ended first among those whose channel may go.
    pub(crate) async fn oldest_finished(
        &self,
        guild: &str,
        with_webhook: bool,
    ) -> Result<Option<Run>, StoreError> {
        let own = if with_webhook {
            " AND webhook_id IS NOT NULL"
        } else {
            ""
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE state IN ('finished', 'archived') AND guild_id = $1 \
             AND delete_at IS NOT NULL{own} ORDER BY finished_at, id LIMIT 1"
        );
        self.one(sql, guild).await
    }

    /// The ended run whose thread is still active and that ended first.
    pub(crate) async fn oldest_active_thread(
        &self,
        guild: &str,
    ) -> Result<Option<Run>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE state = 'finished' AND guild_id = $1 AND channel_id = header_id \
             ORDER BY finished_at, id LIMIT 1"
        );
        self.one(sql, guild).await
    }

    /// Figures for metrics.
    pub(crate) async fn counts(&self) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for row in sqlx::query("SELECT state, COUNT(*) AS count FROM runs GROUP BY state")
            .fetch_all(&self.pool)
            .await?
        {
            let count: i64 = row.try_get("count")?;
            match row.try_get::<String, _>("state")?.as_str() {
                "live" => counts.live += count,
                "creating" => counts.creating += count,
                "finishing" | "finished" | "archived" | "cleaning" => counts.finished += count,
                _ => {}
            }
        }
        let row = sqlx::query(
            "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM inputs WHERE state = 'queued'",
        )
        .fetch_one(&self.pool)
        .await?;
        counts.waiting = row.try_get("waiting")?;
        counts.oldest = row.try_get("oldest")?;
        Ok(counts)
    }
}
