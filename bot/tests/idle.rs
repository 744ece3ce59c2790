//! A bot with nothing to do asks its store next to nothing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// Counts what sqlx says of each statement.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Statements of three seconds, once the last of what was under way is over.
async fn statements() -> u64 {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = STATEMENTS.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(3)).await;
    STATEMENTS.load(Ordering::Relaxed) - before
}

#[tokio::test]
async fn an_idle_bot_sleeps_whatever_it_waits_for() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    assert!(STATEMENTS.load(Ordering::Relaxed) > 10, "they are counted");
    assert!(statements().await < 60, "a live run");

    // A call that Discord does not answer: its run is due, and under way.
    let hang = tests::double::fault::Action::Hang;
    discord
        .double
        .fault(tests::double::fault::Fault::new(hang).route("PATCH channel"));
    let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
    let end = Some(serde_json::json!({ "status": "succeeded" }));
    bot.ask(reqwest::Method::POST, &path, API, end).await;
    eventually("the call", async || {
        let calls = discord.state().calls;
        calls
            .iter()
            .any(|call| call.route == "GET channel")
            .then_some(())
    })
    .await;
    assert!(statements().await < 60, "a step under way");
}
