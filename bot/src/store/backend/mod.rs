//! What the two databases do differently: locks, wake-ups between replicas, and who leads. A file each.

mod postgres;
mod sqlite;

use super::StoreError;
use super::wakes::Wakes;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Any, AnyPool, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A future that a `dyn Backend` returns.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Leadership: one process at a time makes and removes channels.
pub(crate) trait Leader: Send {
    /// Resolves when this process no longer leads.
    fn lost(&mut self) -> Later<'_, ()>;
}

/// Locks and wake-ups of one kind of database.
pub(crate) trait Backend: Send + Sync {
    /// Begins a transaction that holds the lock `name` until its end.
    fn begin<'a>(
        &'a self,
        pool: &'a AnyPool,
        name: &'a str,
    ) -> Later<'a, sqlx::Result<Transaction<'static, Any>>>;

    /// Wakes the topic in every replica. A wake-up may be lost; see [`Self::recheck`].
    fn wake<'a>(&'a self, topic: &'a str) -> Later<'a, ()>;

    /// Waits until this process leads.
    fn lead(&self) -> Later<'_, Box<dyn Leader>>;

    /// How often to look for what a lost wake-up would have told.
    fn recheck(&self) -> Duration;
}

/// Connects to the database of this address.
pub(super) async fn open(
    url: &SecretString,
    wakes: &Arc<Wakes>,
) -> Result<(AnyPool, Arc<dyn Backend>), StoreError> {
    sqlx::any::install_default_drivers();
    let text = url.expose_secret();
    if text.starts_with("sqlite:") {
        sqlite::open(text, wakes).await
    } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        postgres::open(url, wakes).await
    } else {
        Err(StoreError::Address)
    }
}
