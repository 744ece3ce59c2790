//! Threads mode: one channel and one webhook for all runs, past Discord's caps on channels.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::{Config, Mode, STEPS};
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run, stop_at};

fn threads(discord: &Discord, directory: &Path, channel: Option<String>) -> Config {
    Config {
        mode: Mode::Threads { channel },
        lease: Duration::from_secs(if support::store::is_postgres() { 10 } else { 3 }),
        retention_ms: 300,
        ..config(discord, directory)
    }
}

fn count(discord: &Discord) -> usize {
    let state = discord.state();
    state
        .channels
        .values()
        .filter(|channel| channel.kind == 11)
        .count()
}

#[tokio::test]
async fn runs_are_threads_of_one_channel_with_one_webhook_even_in_a_full_guild() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.fill(499);
    let bot = Life::start(Config {
        retention_ms: 60_000,
        ..threads(&discord, directory.path(), None)
    });
    let mut urls = Vec::new();
    for short in ["aaaa1111", "bbbb2222", "cccc3333"] {
        let (status, answer) = bot.register(run("t", short)).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["threadId"], answer["channelId"]);
        urls.push(answer["webhookUrl"].as_str().unwrap().to_owned());
    }
    assert_eq!((count(&discord), discord.state().webhooks.len()), (3, 1));
    assert!(urls.iter().all(|url| url.contains("?thread_id=")));
    let channel = {
        let state = discord.state();
        let thread = state
            .channels
            .values()
            .find(|channel| channel.kind == 11)
            .unwrap();
        assert_eq!(
            state.channels[thread.parent.as_ref().unwrap()].name,
            "agent-runs"
        );
        state
            .channels
            .iter()
            .find(|(_, channel)| channel.kind == 11)
            .unwrap()
            .0
            .clone()
    };
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("/runs/{channel}/finalize"), API, end)
        .await;
    eventually("archived", async || {
        let state = discord.state();
        let thread = &state.channels[&channel];
        (thread.archived && thread.locked).then_some(())
    })
    .await;
}

#[tokio::test]
async fn posts_of_a_forum_do_as_well() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let forum = discord.add("agents", 15);
    let bot = Life::start(threads(&discord, directory.path(), Some(forum.clone())));
    let (status, answer) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 201, "{answer}");
    let id = answer["channelId"].as_str().unwrap().to_owned();
    assert_eq!(discord.state().channels[&id].parent.as_ref(), Some(&forum));
    eventually("cleaned up", async || (count(&discord) == 0).then_some(())).await;
}

/// As in `kill.rs`: the store is kept.
async fn killed_at(step: &'static str, forum: bool) {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let home = forum.then(|| discord.add("agents", 15));
    let settings = || threads(&discord, directory.path(), home.clone());
    let (hook, reached) = stop_at(step);
    let first = Life::start_with(settings(), Some(hook));
    let drive = async {
        let (_, answer) = first.register(run("task", "abcd1234")).await;
        let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
        first
            .ask(
                Method::POST,
                &path,
                API,
                Some(json!({ "status": "failed" })),
            )
            .await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = drive => {}
        () = eventually(step, async || reached.lock().unwrap().then_some(())) => {}
    }
    first.kill();
    // However slow the machine, silence does not end the run before it was looked at.
    let second = Life::start(Config {
        lease: Duration::from_mins(10),
        ..settings()
    });
    let created = [
        "channel.intent",
        "starter.made",
        "channel.made",
        "channel.stored",
        "live.before",
    ];
    if created.contains(&step) {
        let (_, answer) = second.register(run("task", "abcd1234")).await;
        assert_eq!(count(&discord), 1, "{step} forum={forum}: {answer}");
        assert_eq!(discord.state().webhooks.len(), 1, "{step} forum={forum}");
        let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
        let end = Some(json!({ "status": "failed" }));
        second.ask(Method::POST, &path, API, end).await;
    }
    eventually(&format!("{step} forum={forum}: cleaned up"), async || {
        let left = discord.state().messages.len();
        (count(&discord) == 0 && left == 0).then_some(())
    })
    .await;
    assert_eq!(discord.state().channels.len(), 1, "{step}: the home alone");
}

#[tokio::test]
async fn killed_at_any_step_no_thread_is_left_over_or_there_twice() {
    let channels_only = ["category.made", "webhook.", "header.", "archive."];
    let mut all = Vec::new();
    for step in STEPS {
        if channels_only.iter().any(|start| step.starts_with(start)) {
            continue;
        }
        all.push(killed_at(step, false));
        if step != "starter.made" {
            all.push(killed_at(step, true));
        }
    }
    futures_util::future::join_all(all).await;
}

fn patient(discord: &Discord, directory: &Path) -> Config {
    Config {
        lease: Duration::from_mins(10),
        retention_ms: 600_000,
        ..threads(discord, directory, None)
    }
}

/// Whoever else speaks to Discord here.
const AGENT: &str = "DiscordBot (https://example.org, 1)";

/// The same run again, as a watcher does whose webhook Discord refuses, until it has another place.
async fn renewed(bot: &Life, old: &serde_json::Value) -> serde_json::Value {
    eventually("renewed", async || {
        let (status, again) = bot
            .ask(Method::POST, "/runs", API, Some(run("t", "aaaa1111")))
            .await;
        (status < 300 && again["webhookUrl"] != old["webhookUrl"]).then_some(again)
    })
    .await
}

async fn posts(answer: &serde_json::Value) -> u16 {
    let client = reqwest::Client::new();
    let url = format!("{}&wait=true", answer["webhookUrl"].as_str().unwrap());
    let message = json!({ "content": "here", "allowed_mentions": { "parse": [] } });
    let post = client.post(url).header("user-agent", AGENT).json(&message);
    post.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_deleted_webhook_or_channel_of_all_threads_is_made_again_for_old_runs_and_new_ones() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(patient(&discord, directory.path()));
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    // A token that was told just now is not asked for again; a home that was looked up just now serves.
    tokio::time::sleep(Duration::from_secs(11)).await;
    discord.double.with(|core| core.webhooks.clear());
    let second = renewed(&bot, &first).await;
    assert_eq!(second["channelId"], first["channelId"], "the same thread");
    assert_eq!(posts(&second).await, 200);
    let (_, new) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!(posts(&new).await, 200);

    tokio::time::sleep(Duration::from_secs(11)).await;
    let home = discord.state().channels[first["channelId"].as_str().unwrap()]
        .parent
        .clone()
        .unwrap();
    discord.delete(&home);
    let third = renewed(&bot, &second).await;
    assert_ne!(third["channelId"], first["channelId"], "another thread");
    assert_eq!(posts(&third).await, 200);
    discord.delete(
        &discord.state().channels[third["channelId"].as_str().unwrap()]
            .parent
            .clone()
            .unwrap(),
    );
    let (status, new) = bot.register(run("t", "cccc3333")).await;
    assert_eq!(status, 201, "{new}");
    assert_eq!(posts(&new).await, 200);
}

#[tokio::test]
async fn as_many_active_threads_as_a_guild_may_have_are_a_cap_that_ended_runs_make_room_for() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord
        .double
        .with(|core| core.options.caps.active_threads = 2);
    let bot = Life::start(Config {
        archive_category: None,
        ..patient(&discord, directory.path())
    });
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    let (status, _) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!(status, 201);
    let before = discord.state().messages.len();
    let (status, problem) = bot.register(run("t", "cccc3333")).await;
    assert_eq!(status, 507, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("threads"));
    assert_eq!(
        discord.state().messages.len(),
        before,
        "no message is left of it"
    );

    let channel = first["channelId"].as_str().unwrap();
    let path = format!("/runs/{channel}");
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("finished", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "finished").then_some(())
    })
    .await;
    let (status, answer) = bot.register(run("t", "dddd4444")).await;
    assert_eq!(status, 201, "{answer}");
    assert!(
        discord.state().channels[channel].archived,
        "archived, not lost"
    );
}

#[tokio::test]
async fn however_often_a_thread_is_refused_its_first_message_is_posted_once() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let fault = tests::double::fault::Fault::status(503).route("POST message thread");
    discord.double.fault(fault.times(3));
    // Others write in the channel meanwhile, more than one page of it.
    let home = discord.add("agent-runs", 0);
    let bot = Life::start(patient(&discord, directory.path()));
    let (status, _) = tokio::join!(bot.register(run("t", "aaaa1111")), async {
        eventually("begun", async || {
            let count = discord.state().count("POST channel message", Some(200));
            (count > 0).then_some(())
        })
        .await;
        let client = reqwest::Client::new();
        for at in 0..120 {
            let sent = client
                .post(format!("{}/channels/{home}/messages", discord.base))
                .header("authorization", format!("Bot {}", support::discord::TOKEN))
                .header("user-agent", AGENT)
                .json(&json!({ "content": at.to_string(), "allowed_mentions": { "parse": [] } }))
                .send()
                .await
                .unwrap();
            assert!(sent.status().is_success());
        }
    })
    .0;
    assert!(matches!(status, 200 | 201));
    let starters = discord.state().messages;
    let starters = starters.iter().filter(|one| one.embeds.contains("dm1:"));
    assert_eq!(starters.count(), 1);
}
