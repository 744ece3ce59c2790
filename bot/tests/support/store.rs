//! Where a test's bot keeps its runs: SQLite in the test's directory, or a database of its own in the PostgreSQL that
//! `BOT_TEST_POSTGRES` names (`hack/postgres.sh` starts one).

use sqlx::{Connection as _, Executor as _, PgConnection};
use std::path::Path;
use std::sync::LazyLock;

static SERVER: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("BOT_TEST_POSTGRES").ok());

/// Whether it is PostgreSQL, which hands leadership on only seconds after a leader was killed.
pub fn is_postgres() -> bool {
    SERVER.is_some()
}

/// The address of this directory's store.
pub fn url(directory: &Path) -> String {
    let Some(server) = &*SERVER else {
        return format!("sqlite://{}", directory.join("bot.db").display());
    };
    let name = name(directory);
    let mark = directory.join(".postgres");
    if !mark.exists() {
        order(vec![format!("CREATE DATABASE {name}")]);
        std::fs::write(mark, "").unwrap();
    }
    let (address, _) = server.rsplit_once('/').unwrap();
    format!("{address}/{name}")
}

/// Makes the store ahead, without keeping the other tests of this thread waiting: where dozens of lives are led side by
/// side, a server would take a client that is held up for so long for one that is gone.
pub async fn prepare(directory: &Path) {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || url(&directory))
        .await
        .unwrap();
}

/// Loses all of it, whoever is connected.
pub async fn wipe(directory: &Path) {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || lose(&directory))
        .await
        .unwrap();
}

fn lose(directory: &Path) {
    if SERVER.is_some() {
        let name = name(directory);
        order(vec![
            format!("DROP DATABASE {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ]);
        return;
    }
    for entry in std::fs::read_dir(directory).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// A temporary directory's name is its own among all at one time.
fn name(directory: &Path) -> String {
    let last = directory.file_name().unwrap().to_string_lossy();
    let plain: Vec<String> = last.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("t{}", plain.concat())
}

/// Settings are made inside runtimes, which must not be blocked: a thread of its own asks.
fn order(orders: Vec<String>) {
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(SERVER.as_deref().unwrap())
                .await
                .unwrap();
            for order in orders {
                connection
                    .execute(sqlx::AssertSqlSafe(order))
                    .await
                    .unwrap();
            }
        });
    });
    asked.join().unwrap();
}
