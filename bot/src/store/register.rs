//! Registration: the same key is the same run, whoever asks first owns it, and attempts are numbered without gaps.

use super::run::{COLUMNS, Final, Link, Run, State};
use super::{Store, StoreError};
use sqlx::{Any, Row as _, Transaction};

/// Runs that may wait for their channel at one time.
const MAX_CREATING: i64 = 2000;

/// A run to register.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub guild_id: String,
    pub namespace: String,
    pub task_id: String,
    /// Numbered by the store when there is none.
    pub attempt: Option<i64>,
    pub short_id: String,
    pub caller: String,
    pub title: Option<String>,
    pub links: Vec<Link>,
    pub input: bool,
    pub leased: bool,
    pub retention_ms: Option<i64>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Registered {
    pub run: Run,
    /// Whether this call made the row, or gave a finished one a new life.
    pub new: bool,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The key belongs to another caller.
    #[error("another caller registered this run")]
    Foreign,
    /// Its channel is just being removed.
    #[error("the run's old channel is being removed; ask again in a moment")]
    Busy,
    /// Too many runs wait for their channels.
    #[error("{MAX_CREATING} runs wait for their channels already; ask again later")]
    Queue,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Finds or makes the run of this key. `id_of` gives a run's id from its attempt.
    pub(crate) async fn register(
        &self,
        new: &NewRun,
        id_of: impl Fn(i64) -> String,
        now: i64,
    ) -> Result<Registered, Refusal> {
        let lock = format!("{}/{}", new.namespace, new.task_id);
        let mut transaction = self.backend.begin(&self.pool, &lock).await?;
        let registered = match find(&mut transaction, new).await? {
            Some(run) => again(&mut transaction, run, new, now).await?,
            None => insert(&mut transaction, new, id_of, now).await?,
        };
        transaction.commit().await?;
        if registered.run.state == State::Creating {
            self.wake_engine().await;
        }
        Ok(registered)
    }

    /// Puts back a run that Discord still shows and the store does not know. Whether it was not there.
    pub(crate) async fn restore(&self, run: &Run) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO runs (id, guild_id, namespace, task_id, attempt, short_id, caller, title, input, leased, \
             retention_ms, state, step, not_before, failures, channel_id, parent_id, status, by_lease, created_at, \
             seen_at, finished_at, delete_at, next_seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'doubt', 0, 0, $13, $14, $15, $16, $17, $18, $19, \
             $20, 1) ON CONFLICT DO NOTHING",
        )
        .bind(&run.id)
        .bind(&run.guild_id)
        .bind(&run.namespace)
        .bind(&run.task_id)
        .bind(run.attempt)
        .bind(&run.short_id)
        .bind(&run.caller)
        .bind(run.title.as_deref())
        .bind(i64::from(run.input))
        .bind(i64::from(run.leased))
        .bind(run.retention_ms)
        .bind(run.state.word())
        .bind(run.channel_id.as_deref())
        .bind(run.parent_id.as_deref())
        .bind(run.status.map(super::Final::word))
        .bind(i64::from(run.by_lease))
        .bind(run.created_at)
        .bind(run.seen_at)
        .bind(run.finished_at)
        .bind(run.delete_at)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// With an attempt the very key; without, the newest attempt this short id was seen in.
async fn find(
    transaction: &mut Transaction<'static, Any>,
    new: &NewRun,
) -> Result<Option<Run>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM runs WHERE namespace = $1 AND task_id = $2 AND short_id = $3 \
         AND (attempt = $4 OR $4 = 0) ORDER BY attempt DESC LIMIT 1"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(&new.namespace)
        .bind(&new.task_id)
        .bind(&new.short_id)
        .bind(new.attempt.unwrap_or(0))
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(Run::decode).transpose()
}

/// A run that is there already: seen again, taken up again, or begun anew when nothing of it is left.
async fn again(
    transaction: &mut Transaction<'static, Any>,
    run: Run,
    new: &NewRun,
    now: i64,
) -> Result<Registered, Refusal> {
    if run.caller != new.caller {
        return Err(Refusal::Foreign);
    }
    let (clear, new_life) = match run.state {
        // The bot gave it up for silence, or its watcher was ended without knowing how the run stood, and here it is again.
        State::Finishing | State::Finished | State::Archived
            if run.by_lease || (new.leased && run.status == Some(Final::Unknown)) =>
        {
            (
                ", state = 'creating', finished_at = NULL, delete_at = NULL, status = NULL, by_lease = 0, \
              summary = NULL, final_id = NULL, step = 'doubt', not_before = 0, failures = 0, problem = NULL",
                false,
            )
        }
        State::Creating | State::Live | State::Finishing | State::Finished | State::Archived => {
            ("", false)
        }
        State::Cleaning => return Err(Refusal::Busy),
        State::Refused => (
            ", state = 'creating', problem = NULL, not_before = 0, failures = 0",
            true,
        ),
        State::Deleted => (
            ", state = 'creating', step = '', finished_at = NULL, delete_at = NULL, ended_at = NULL, status = NULL, \
             by_lease = 0, summary = NULL, report = NULL, report_at = NULL, channel_id = NULL, parent_id = NULL, \
             webhook_id = NULL, header_id = NULL, final_id = NULL, not_before = 0, failures = 0, problem = NULL",
            true,
        ),
    };
    let sql = format!(
        "UPDATE runs SET seen_at = $2, input = $3, \
         leased = CASE WHEN $4 = 1 THEN 1 ELSE leased END{clear} WHERE id = $1 RETURNING {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(&run.id)
        .bind(now)
        .bind(i64::from(new.input))
        .bind(i64::from(new.leased))
        .fetch_one(&mut **transaction)
        .await?;
    Ok(Registered {
        run: Run::decode(&row)?,
        new: new_life,
    })
}

async fn insert(
    transaction: &mut Transaction<'static, Any>,
    new: &NewRun,
    id_of: impl Fn(i64) -> String,
    now: i64,
) -> Result<Registered, Refusal> {
    let waiting: i64 = sqlx::query("SELECT COUNT(*) AS waiting FROM runs WHERE state = 'creating'")
        .fetch_one(&mut **transaction)
        .await?
        .try_get("waiting")?;
    if waiting >= MAX_CREATING {
        return Err(Refusal::Queue);
    }
    let attempt = match new.attempt {
        Some(attempt) => attempt,
        None => sqlx::query(
            "SELECT COALESCE(MAX(attempt), 0) + 1 AS next FROM runs WHERE namespace = $1 AND task_id = $2",
        )
        .bind(&new.namespace)
        .bind(&new.task_id)
        .fetch_one(&mut **transaction)
        .await?
        .try_get("next")?,
    };
    let links = serde_json::to_string(&new.links).unwrap_or_default();
    let sql = format!(
        "INSERT INTO runs (id, guild_id, namespace, task_id, attempt, short_id, caller, title, links, input, leased, \
         retention_ms, state, step, not_before, failures, by_lease, created_at, seen_at, next_seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'creating', '', 0, 0, 0, $13, $13, 1) \
         RETURNING {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id_of(attempt))
        .bind(&new.guild_id)
        .bind(&new.namespace)
        .bind(&new.task_id)
        .bind(attempt)
        .bind(&new.short_id)
        .bind(&new.caller)
        .bind(new.title.as_deref())
        .bind((!new.links.is_empty()).then_some(links))
        .bind(i64::from(new.input))
        .bind(i64::from(new.leased))
        .bind(new.retention_ms)
        .bind(now)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(Registered {
        run: Run::decode(&row)?,
        new: true,
    })
}
