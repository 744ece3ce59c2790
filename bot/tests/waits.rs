//! One channel that Discord is slow with, or refuses, keeps no other run waiting.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::fault::{Action, Fault};

async fn finalize(bot: &Life, answer: &Value) {
    let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
    let end = Some(json!({ "status": "succeeded" }));
    assert_eq!(bot.ask(Method::POST, &path, API, end).await.0, 202);
}

#[tokio::test]
async fn a_channel_that_takes_its_time_to_be_moved_keeps_no_new_run_from_its_own() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        patience: Duration::from_secs(15),
        ..config(&discord, directory.path())
    });
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    // Longer than the bot waits for an answer.
    discord
        .double
        .fault(Fault::new(Action::Hang).route("PATCH channel").times(1));
    finalize(&bot, &first).await;
    eventually("under way", async || {
        // What the move begins with; the call itself is not answered.
        (discord.state().categories().len() == 2).then_some(())
    })
    .await;
    let asked = bot.ask(Method::POST, "/runs", API, Some(run("t", "bbbb2222")));
    let (status, problem) = asked.await;
    assert_eq!(status, 201, "{problem}");
}

#[tokio::test]
async fn a_topic_that_may_not_be_edited_for_minutes_is_left_for_later_and_the_run_says_so() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    let minutes = Action::RateLimited {
        retry_after: Some(600.0),
        header: Some(600),
        scope: None,
        html: false,
    };
    discord
        .double
        .fault(Fault::new(minutes).route("PATCH channel").times(1));
    finalize(&bot, &first).await;
    let path = format!("/runs/{}", first["channelId"].as_str().unwrap());
    eventually("said", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        run["problem"].as_str()?.contains("wait").then_some(())
    })
    .await;
    // Its other calls are not held up by it: the channel may go at once.
    let start = std::time::Instant::now();
    for at in 0..3 {
        let (status, _) = bot.register(run("u", &format!("bbbb000{at}"))).await;
        assert_eq!(status, 201);
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}
