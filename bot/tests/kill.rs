//! Killed between any two steps of a creation or a clean-up: after the next start no channel and no webhook is left over,
//! and none is there twice. On SQLite, and on PostgreSQL when `BOT_TEST_POSTGRES` names one.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::{Config, STEPS};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run, stop_at};

/// What becomes of the store between the two lives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Store {
    Kept,
    Lost,
}

/// However slow the machine, silence ends no run that is still looked at.
fn quick(discord: &Discord, directory: &Path) -> Config {
    Config {
        lease: Duration::from_mins(10),
        retention_ms: 200,
        ..config(discord, directory)
    }
}

/// Ends a run as an orchestrator does.
async fn finalize(bot: &Life, answer: &Value) {
    let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
    let body = json!({ "status": "succeeded" });
    bot.ask(Method::POST, &path, API, Some(body)).await;
}

fn headers(texts: &[String]) -> usize {
    texts
        .iter()
        .filter(|text| text.contains("Namespace"))
        .count()
}

/// Drives one run through its life and kills the bot at `step`; then starts it again and lets the run end.
async fn killed_at(step: &'static str, store: Store, change: impl Fn(Config) -> Config) {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let settings = || change(quick(&discord, directory.path()));
    let (hook, reached) = stop_at(step);
    let first = Life::start_with(settings(), Some(hook));
    let drive = async {
        let (_, answer) = first.register(run("task", "abcd1234")).await;
        finalize(&first, &answer).await;
        std::future::pending::<()>().await;
    };
    let stopped = eventually(step, async || reached.lock().unwrap().then_some(()));
    tokio::select! {
        () = drive => {}
        () = stopped => {}
    }
    first.kill();
    if store == Store::Lost {
        support::store::wipe(directory.path()).await;
    }

    let ends = STEPS.iter().position(|one| *one == "final.intent").unwrap();
    let at = STEPS.iter().position(|one| *one == step).unwrap();
    // A run that Discord alone remembers may look as if it went on, and nobody comes back for it: its lease ends it.
    let forgotten = at >= ends && store == Store::Lost;
    let lease = if support::store::is_postgres() { 10 } else { 3 };
    let second = Life::start(Config {
        lease: Duration::from_secs(if forgotten { lease } else { 600 }),
        ..settings()
    });
    if at < ends {
        // The watcher, whose registration was cut off, asks again.
        let (_, answer) = second.register(run("task", "abcd1234")).await;
        assert!(
            answer["channelId"].is_string(),
            "{step} {store:?}: {answer}"
        );
        let state = discord.state();
        let runs = state.runs();
        assert_eq!(runs.len(), 1, "{step} {store:?}: {runs:?}");
        assert_eq!(state.webhooks.len(), 1, "{step} {store:?}");
        let (id, channel) = &runs[0];
        assert_eq!(answer["channelId"], **id);
        assert_eq!(headers(&state.texts(id)), 1, "{step} {store:?}: one header");
        let parent = channel.parent.as_ref().unwrap();
        assert_eq!(state.channels[parent].name, "Agent Runs");
        finalize(&second, &answer).await;
    }
    eventually(
        &format!("{step} {store:?}: all is cleaned up"),
        async || {
            let state = discord.state();
            (state.runs().is_empty() && state.webhooks.is_empty()).then_some(())
        },
    )
    .await;
    let state = discord.state();
    let left: Vec<_> = state
        .channels
        .values()
        .map(|channel| &channel.name)
        .collect();
    let categories = state.categories().len();
    assert_eq!(left.len(), categories, "{step} {store:?}: {left:?}");
    assert!(categories <= 2, "{step} {store:?}: {left:?}");
}

fn steps() -> impl Iterator<Item = &'static str> {
    // A thread's own step is in `threads.rs`.
    STEPS.into_iter().filter(|step| *step != "starter.made")
}

#[tokio::test]
async fn killed_at_any_step_leaves_nothing_over_and_nothing_twice() {
    let all = steps().map(|step| killed_at(step, Store::Kept, |config| config));
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn killed_at_any_step_with_the_store_lost_discord_itself_tells_what_there_is() {
    let all = steps().map(|step| killed_at(step, Store::Lost, |config| config));
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn an_answer_that_got_lost_makes_nothing_twice() {
    let calls = [
        "POST guild channel",
        "POST channel webhook",
        "POST webhook",
        "PATCH channel",
        "DELETE webhook by bot",
        "DELETE channel",
    ];
    futures_util::future::join_all(calls.map(lost_answer)).await;
}

async fn lost_answer(call: &str) {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    // Of the calls for channels, the first is the category's.
    discord.lose_answers(call, 2);
    let bot = Life::start(quick(&discord, directory.path()));
    let (status, answer) = bot.register(run("task", "abcd1234")).await;
    assert!(matches!(status, 200 | 201), "{call}: {answer}");
    {
        let state = discord.state();
        let categories = state.categories().len();
        assert_eq!((state.runs().len(), categories), (1, 1), "{call}");
        assert_eq!(state.webhooks.len(), 1, "{call}");
        assert_eq!(headers(&state.texts(&state.runs()[0].0)), 1, "{call}");
    }
    finalize(&bot, &answer).await;
    eventually(&format!("{call}: all is cleaned up"), async || {
        let state = discord.state();
        (state.runs().is_empty() && state.webhooks.is_empty()).then_some(())
    })
    .await;
}
