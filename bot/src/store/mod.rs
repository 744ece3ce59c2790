//! What the bot remembers, in SQLite or PostgreSQL.
//!
//! One SQL for data on both; what differs (locks, wake-ups, who leads) stands behind [`backend::Backend`]. No token is
//! ever written here: webhooks' tokens are fetched from Discord, callers' tokens live in their Secret.

pub(crate) mod backend;
mod guilds;
mod inputs;
mod read;
mod register;
mod run;
mod schema;
mod shown;
mod steps;
mod sweep;
pub(crate) mod wakes;

pub(crate) use inputs::Item;
pub(crate) use read::Page;
pub(crate) use register::{NewRun, Refusal};
pub(crate) use run::{Final, Link, Run, State};
pub(crate) use shown::Shown;

use backend::Backend;
use sqlx::AnyPool;
use std::sync::Arc;
use wakes::Wakes;

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database does not answer, or refuses.
    #[error("the database did not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables are not ours, or newer than this binary.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The address names no database we know.
    #[error("DATABASE_URL is neither sqlite://FILE nor postgres://USER:PASSWORD@HOST/DATABASE")]
    Address,
    /// A row that this binary did not write.
    #[error("the database holds a {0} that this version does not know; was a newer bot here?")]
    Unknown(&'static str),
    /// The row went while a step for it was under way: nothing more is done for it.
    #[error("the run's row is not there any more, or names another channel")]
    Vanished,
}

/// A store whose tables are up to date.
#[derive(Clone)]
pub(crate) struct Store {
    pool: AnyPool,
    backend: Arc<dyn Backend>,
    wakes: Arc<Wakes>,
}

impl Store {
    /// Connects and migrates.
    pub(crate) async fn open(url: &secrecy::SecretString) -> Result<Self, StoreError> {
        let wakes = Arc::new(Wakes::default());
        let (pool, backend) = backend::open(url, &wakes).await?;
        schema::migrator().run(&pool).await?;
        Ok(Self {
            pool,
            backend,
            wakes,
        })
    }

    /// Who leads, and how replicas wake each other.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// What wakes whoever waits in this process.
    pub(crate) fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// Wakes the engine, wherever it runs.
    pub(crate) async fn wake_engine(&self) {
        self.backend.wake(wakes::ENGINE).await;
    }

    /// Wakes whoever waits for this run, in every replica.
    pub(crate) async fn wake_run(&self, id: &str) {
        self.backend.wake(id).await;
    }

    /// Closes all connections; what was written stays.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
