//! PostgreSQL: several replicas. Advisory locks order writers and name the leader; LISTEN and NOTIFY wake.

use super::super::StoreError;
use super::super::wakes::Wakes;
use super::{Backend, Later, Leader};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::any::AnyPoolOptions;
use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Any, AnyPool, Connection as _, Transaction};
use std::sync::Arc;
use std::time::Duration;

/// What replicas listen on.
const CHANNEL: &str = "discord_monitoring";
/// The leader's advisory lock: ASCII of "dm-bot".
const LEADER: i64 = 0x646d_2d62_6f74;
/// Pause before another try to connect or to lead.
const PAUSE: Duration = Duration::from_secs(2);

struct Postgres {
    url: SecretString,
    pool: AnyPool,
    wakes: Arc<Wakes>,
}

/// Connects, and listens for as long as the backend lives.
pub(super) async fn open(
    url: &SecretString,
    wakes: &Arc<Wakes>,
) -> Result<(AnyPool, Arc<dyn Backend>), StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(5))
        .connect(url.expose_secret())
        .await?;
    let backend = Arc::new(Postgres {
        url: url.clone(),
        pool: pool.clone(),
        wakes: Arc::clone(wakes),
    });
    let (weak, url) = (Arc::downgrade(wakes), url.clone());
    tokio::spawn(async move {
        while let Some(wakes) = weak.upgrade() {
            if let Err(error) = listen(&url, &wakes).await {
                tracing::warn!(%error, "wake-ups from other replicas are not heard; listening again soon");
            }
            drop(wakes);
            tokio::time::sleep(PAUSE).await;
        }
    });
    Ok((pool, backend))
}

/// Hands on wake-ups until the connection ends or nobody else holds the wakes.
async fn listen(url: &SecretString, wakes: &Arc<Wakes>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect(url.expose_secret()).await?;
    listener.listen(CHANNEL).await?;
    // What came before we listened is unknown.
    wakes.wake_all();
    while Arc::strong_count(wakes) > 1 {
        let heard = tokio::time::timeout(Duration::from_secs(30), listener.try_recv()).await;
        match heard.ok().transpose()? {
            Some(Some(heard)) => wakes.wake(heard.payload()),
            Some(None) => wakes.wake_all(),
            None => {}
        }
    }
    Ok(())
}

impl Backend for Postgres {
    fn begin<'a>(
        &'a self,
        pool: &'a AnyPool,
        name: &'a str,
    ) -> Later<'a, sqlx::Result<Transaction<'static, Any>>> {
        Box::pin(async move {
            let mut transaction = pool.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(name)
                .execute(&mut *transaction)
                .await?;
            Ok(transaction)
        })
    }

    fn wake<'a>(&'a self, topic: &'a str) -> Later<'a, ()> {
        // Here at once, elsewhere by way of the database.
        self.wakes.wake(topic);
        Box::pin(async move {
            let told = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(topic)
                .execute(&self.pool)
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, "other replicas were not woken; they look by themselves");
            }
        })
    }

    fn lead(&self) -> Later<'_, Box<dyn Leader>> {
        Box::pin(async move {
            loop {
                match try_lead(&self.url).await {
                    Ok(Some(connection)) => {
                        return Box::new(Locked { connection }) as Box<dyn Leader>;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "the leader's lock cannot be asked for"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    fn recheck(&self) -> Duration {
        Duration::from_secs(5)
    }
}

async fn try_lead(url: &SecretString) -> sqlx::Result<Option<PgConnection>> {
    let mut connection = PgConnection::connect(url.expose_secret()).await?;
    let won: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LEADER)
        .fetch_one(&mut connection)
        .await?;
    Ok(won.then_some(connection))
}

/// The lock lives as long as its connection.
struct Locked {
    connection: PgConnection,
}

impl Leader for Locked {
    fn lost(&mut self) -> Later<'_, ()> {
        Box::pin(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let alive = tokio::time::timeout(PAUSE, self.connection.ping()).await;
                if !matches!(alive, Ok(Ok(()))) {
                    tracing::warn!(
                        "the leader's connection to the database broke; another replica may lead now"
                    );
                    return;
                }
            }
        })
    }
}
