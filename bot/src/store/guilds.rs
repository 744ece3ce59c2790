//! Guilds as the store knows them: which runs are in, and which were read since the store was made.

use super::run::{COLUMNS, Run};
use super::{Store, StoreError};
use sqlx::Row as _;

impl Store {
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

    /// What Discord shows of this guild stands in the store.
    pub(crate) async fn compared(&self, guild: &str, now: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO guilds (id, compared_at) VALUES ($1, $2) \
             ON CONFLICT (id) DO UPDATE SET compared_at = $2",
        )
        .bind(guild)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether this guild was ever compared with the store, by whichever replica.
    pub(crate) async fn was_compared(&self, guild: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS count FROM guilds WHERE id = $1")
            .bind(guild)
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>("count")? > 0)
    }

    /// All runs of a guild but the refused: what has, or may have, something in Discord, and those that ended lately.
    pub(crate) async fn of_guild(&self, guild: &str) -> Result<Vec<Run>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE guild_id = $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(guild)
            .fetch_all(&self.pool)
            .await?;
        Run::decode_all(&rows)
    }

    /// Runs of a guild whose channels are being deleted, or may be as soon as their end is shown. One that Discord does
    /// not let go is not waited for.
    pub(crate) async fn leaving(&self, guild: &str) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS count FROM runs WHERE guild_id = $1 AND failures = 0 AND (state = 'cleaning' \
             OR (state = 'finishing' AND delete_at IS NOT NULL))",
        )
        .bind(guild)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get("count")?)
    }
}
