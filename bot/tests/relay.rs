//! Input from a person to an agent, end to end: Discord's signed request, the channel's feedback, the watcher's poll.
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
use serde_json::json;
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run, say};
use tests::double::fault::{Action, Fault};

/// The feedback in the channel on input number `seq`, once it says `word`; and how many messages there are on it.
async fn feedback(discord: &Discord, channel: &str, seq: u64, word: &str) -> (String, usize) {
    let about = format!("Input {seq} from");
    let what = format!("input {seq} is shown as {word}");
    eventually(&what, async || {
        let texts = discord.state().texts(channel);
        let on_it: Vec<&String> = texts.iter().filter(|text| text.contains(&about)).collect();
        let found = on_it.iter().find(|text| text.contains(word))?;
        Some(((*found).clone(), on_it.len()))
    })
    .await
}

#[tokio::test]
async fn an_input_is_shown_as_queued_then_as_delivered_in_the_same_message() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    let token = answer["runToken"].as_str().unwrap();
    let told = say(&discord, &bot.base, channel, "look at the test").await;
    assert!(told.contains("Queued"), "{told}");
    feedback(&discord, channel, 1, "queued").await;

    let poll = |after: u64| format!("/runs/{channel}/input?after={after}");
    let (status, items) = bot.ask(Method::GET, &poll(0), token, None).await;
    assert_eq!(status, 200);
    let item = json!({ "seq": 1, "kind": "text", "text": "look at the test" });
    assert_eq!(items["items"], json!([item]));
    // The acknowledgement comes with the next poll, which waits for more: the next input ends it.
    say(&discord, &bot.base, channel, "and this").await;
    let (_, items) = bot.ask(Method::GET, &poll(1), token, None).await;
    assert_eq!(items["items"][0]["seq"], 2);
    let (_, messages) = feedback(&discord, channel, 1, "delivered").await;
    assert_eq!(messages, 1, "edited, not said again");
    feedback(&discord, channel, 2, "queued").await;

    // Killed and started again, the bot hands out what was not acknowledged, and only that.
    bot.kill();
    let bot = Life::start(config(&discord, directory.path()));
    bot.register(run("t", "aaaa1111")).await;
    let (_, items) = bot.ask(Method::GET, &poll(1), token, None).await;
    assert_eq!(items["items"][0]["text"], "and this", "{items}");
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_input_that_nobody_fetched_in_time_is_shown_as_failed() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(Config {
        input_ttl: Duration::from_secs(1),
        ..config(&discord, directory.path())
    });
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    say(&discord, &bot.base, channel, "anybody?").await;
    feedback(&discord, channel, 1, "nobody fetched it in time").await;
}

#[tokio::test]
async fn an_input_that_the_end_of_its_run_overtook_is_shown_as_failed() {
    for archive in [None, Some("Agent Archive".to_owned())] {
        let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
        support::store::prepare(directory.path()).await;
        let bot = Life::start(Config {
            archive_category: archive.clone(),
            ..config(&discord, directory.path())
        });
        let (_, answer) = bot.register(run("t", "aaaa1111")).await;
        let channel = answer["channelId"].as_str().unwrap();
        say(&discord, &bot.base, channel, "too late").await;
        feedback(&discord, channel, 1, "queued").await;
        // What is said of the input comes late; the archive takes the webhook that says it.
        let late = Fault::new(Action::Reset).route("PATCH webhook message");
        discord.double.fault(late.times(1));
        let path = format!("/runs/{channel}/finalize");
        let end = Some(json!({ "status": "succeeded" }));
        bot.ask(Method::POST, &path, API, end).await;
        feedback(&discord, channel, 1, "the run ended first").await;
        let told = say(&discord, &bot.base, channel, "later still").await;
        assert!(!told.contains("Queued"), "{archive:?}: {told}");
    }
}

#[tokio::test]
async fn a_channel_that_takes_no_feedback_keeps_no_other_from_its_own() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let mut channels = Vec::new();
    for short in ["aaaa1111", "bbbb2222"] {
        let (_, answer) = bot.register(run("t", short)).await;
        channels.push(answer["channelId"].as_str().unwrap().to_owned());
    }
    let first = {
        let posted = discord.double.with(|core| {
            let channel: u64 = channels[0].parse().unwrap();
            let mut hooks = core.webhooks.iter();
            let found = hooks.find(|(_, hook)| hook.channel_id == channel);
            found.map(|(id, _)| id.to_string())
        });
        posted.unwrap()
    };
    let mut broken = Fault::new(Action::Reset).route("POST webhook");
    broken.webhook = Some(first);
    discord.double.fault(broken);
    say(&discord, &bot.base, &channels[0], "to nobody").await;
    say(&discord, &bot.base, &channels[1], "to somebody").await;
    feedback(&discord, &channels[1], 1, "queued").await;
    discord.double.with(|core| core.faults.clear());
    feedback(&discord, &channels[0], 1, "queued").await;
}

#[tokio::test]
async fn input_for_a_run_whose_webhook_is_made_anew_is_queued_and_shown_when_it_stands() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(Config {
        patience: Duration::from_millis(300),
        ..config(&discord, directory.path())
    });
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    discord.double.with(|core| core.webhooks.clear());
    discord
        .double
        .fault(Fault::status(503).route("POST channel webhook"));
    let (status, _) = bot
        .ask(Method::POST, "/runs", API, Some(run("t", "aaaa1111")))
        .await;
    assert_eq!(status, 503, "its webhook is made anew");
    let told = say(&discord, &bot.base, channel, "still there?").await;
    assert!(told.contains("Queued"), "{told}");
    discord.double.with(|core| core.faults.clear());
    feedback(&discord, channel, 1, "queued").await;
}

#[tokio::test]
async fn feedback_that_a_deleted_webhook_does_not_take_has_another_made() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    discord.double.with(|core| core.webhooks.clear());
    let told = say(&discord, &bot.base, channel, "still there?").await;
    assert!(told.contains("Queued"), "{told}");
    feedback(&discord, channel, 1, "queued").await;
}
