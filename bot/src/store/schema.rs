//! The tables, as migrations that run at start. One text for both stores: BIGINT and TEXT only, times in milliseconds
//! since 1970.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::borrow::Cow;

/// Never change a text that was released: add one.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "runs and their input", FIRST),
    (2, "feedback that waits, and guilds that were read", SECOND),
];

const FIRST: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    task_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    short_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    title TEXT,
    links TEXT,
    input BIGINT NOT NULL,
    leased BIGINT NOT NULL,
    retention_ms BIGINT,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    problem TEXT,
    channel_id TEXT,
    parent_id TEXT,
    webhook_id TEXT,
    header_id TEXT,
    final_id TEXT,
    status TEXT,
    by_lease BIGINT NOT NULL,
    summary TEXT,
    report TEXT,
    report_at BIGINT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    finished_at BIGINT,
    delete_at BIGINT,
    ended_at BIGINT,
    next_seq BIGINT NOT NULL,
    UNIQUE (namespace, task_id, attempt, short_id)
);
CREATE UNIQUE INDEX runs_channel ON runs (channel_id);
CREATE INDEX runs_state ON runs (state, not_before);
CREATE INDEX runs_created ON runs (created_at, id);
CREATE TABLE inputs (
    run_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    shown TEXT NOT NULL,
    message_id TEXT,
    PRIMARY KEY (run_id, seq),
    UNIQUE (run_id, source)
);
CREATE INDEX inputs_state ON inputs (state, expires_at);
CREATE INDEX inputs_shown ON inputs (shown);
";

const SECOND: &str = "
ALTER TABLE inputs ADD COLUMN offered_at BIGINT;
ALTER TABLE inputs ADD COLUMN show_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inputs ADD COLUMN show_tries BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inputs_unshown ON inputs (show_at) WHERE shown <> state;
CREATE TABLE guilds (
    id TEXT PRIMARY KEY,
    compared_at BIGINT NOT NULL
);
";

/// The migrations of this binary.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, description, sql)| {
            Migration::new(
                *version,
                Cow::Borrowed(*description),
                MigrationType::Simple,
                sqlx::SqlStr::from_static(sql),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}
