//! SQLite: one process, one connection. Every statement goes in turn, so there is nothing to lock and nobody else to
//! wake. Write-ahead logging with `synchronous=NORMAL`: a killed process loses nothing; a lost machine may lose the last
//! transactions, which Discord's own state makes good at the next start.

use super::super::StoreError;
use super::super::wakes::Wakes;
use super::{Backend, Later, Leader};
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Executor as _, Transaction};
use std::sync::Arc;
use std::time::Duration;

/// 512 KiB of cache: a thousand runs are about as much.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512; \
     PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 1048576";

struct Sqlite {
    wakes: Arc<Wakes>,
}

/// Opens the file, which is made when it is not there.
pub(super) async fn open(
    url: &str,
    wakes: &Arc<Wakes>,
) -> Result<(AnyPool, Arc<dyn Backend>), StoreError> {
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = if url.contains("mode=") {
        url.to_owned()
    } else {
        format!("{url}{mark}mode=rwc")
    };
    let pool = AnyPoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) })
        })
        .connect(&url)
        .await?;
    let backend = Sqlite {
        wakes: Arc::clone(wakes),
    };
    Ok((pool, Arc::new(backend)))
}

impl Backend for Sqlite {
    fn begin<'a>(
        &'a self,
        pool: &'a AnyPool,
        _name: &'a str,
    ) -> Later<'a, sqlx::Result<Transaction<'static, Any>>> {
        Box::pin(pool.begin())
    }

    fn wake<'a>(&'a self, topic: &'a str) -> Later<'a, ()> {
        self.wakes.wake(topic);
        Box::pin(std::future::ready(()))
    }

    fn lead(&self) -> Later<'_, Box<dyn Leader>> {
        Box::pin(std::future::ready(Box::new(Always) as Box<dyn Leader>))
    }

    fn recheck(&self) -> Duration {
        Duration::from_mins(1)
    }
}

/// The only process leads.
struct Always;

impl Leader for Always {
    fn lost(&mut self) -> Later<'_, ()> {
        Box::pin(std::future::pending())
    }
}
