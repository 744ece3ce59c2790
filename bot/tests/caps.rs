//! Discord's caps and rate limits, met before Discord says so.
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
use std::collections::HashSet;
use std::time::Duration;
use support::discord::{Discord, buckets};
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::rate::RateLimits;

/// The channels of all runs, page by page.
async fn pages(bot: &Life) -> Vec<String> {
    let mut all = Vec::new();
    let mut query = String::new();
    for page in 1.. {
        let path = format!("/runs?namespace=agents{query}");
        let (status, answer) = bot.ask(Method::GET, &path, API, None).await;
        assert_eq!(status, 200, "{answer}");
        let runs = answer["runs"].as_array().unwrap();
        let time = |run: &Value| run["createdAt"].as_str().unwrap().parse().unwrap();
        let times: Vec<jiff::Timestamp> = runs.iter().map(time).collect();
        assert!(times.is_sorted(), "oldest first");
        all.extend(runs.iter().map(|run| run["channelId"].to_string()));
        // A full page tells where the next begins, also when that is empty.
        let Some(next) = answer["next"].as_str() else {
            assert!(runs.len() < 100, "page {page}");
            break;
        };
        assert_eq!(runs.len(), 100, "page {page}");
        assert!(page < 10, "it never ends");
        query = format!("&after={next}");
    }
    all
}

/// Two hundred runs at once, under these limits and those that no header announces.
async fn burst(limits: RateLimits) {
    let (discord, directory) = (Discord::limited(limits), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        patience: Duration::from_secs(2),
        // Nobody polls for these runs, and at Discord's pace the last comes minutes after the first.
        lease: Duration::from_hours(1),
        ..config(&discord, directory.path())
    });
    let all = (0..200).map(|at| bot.register(run("burst", &format!("{at:08x}"))));
    let answers = futures_util::future::join_all(all).await;
    assert!(
        answers
            .iter()
            .all(|(status, _)| matches!(status, 200 | 201))
    );
    let channels: HashSet<_> = answers
        .iter()
        .map(|(_, answer)| answer["channelId"].to_string())
        .collect();
    assert_eq!(channels.len(), 200);
    let listed = pages(&bot).await;
    assert_eq!(listed.len(), 200, "each run stands on one page");
    assert_eq!(listed.iter().cloned().collect::<HashSet<_>>(), channels);
    let attempts: HashSet<_> = answers
        .iter()
        .map(|(_, answer)| answer["attempt"].as_i64().unwrap())
        .collect();
    assert_eq!(attempts, (1..=200).collect(), "numbered without gaps");
    let counters = discord.double.counters();
    let announced = counters.limited - counters.hidden_limited;
    assert_eq!((announced, counters.while_limited), (0, 0), "{counters:?}");
    let state = discord.state();
    assert_eq!(state.runs().len(), 200);
    assert_eq!(
        state.categories(),
        ["Agent Runs", "Agent Runs 2", "Agent Runs 3", "Agent Runs 4"]
    );
}

#[tokio::test]
async fn two_hundred_runs_at_once_get_their_channels_with_no_429_but_what_hidden_limits_force() {
    burst(buckets(10, Duration::from_millis(300))).await;
    // At Discord's own pace, some minutes long.
    if std::env::var("FULL").is_ok_and(|full| full == "true") {
        burst(RateLimits::default()).await;
    }
}

#[tokio::test]
async fn a_full_guild_is_said_before_discord_says_it_and_numbers_are_not_used_up() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let others = discord.fill(499);
    let bot = Life::start(config(&discord, directory.path()));
    let (status, problem) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 507, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("500"));
    assert_eq!(
        discord.state().count("POST guild channel", None),
        0,
        "not even asked"
    );
    for id in others.iter().take(10) {
        discord.delete(id);
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (status, answer) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!((status, &answer["attempt"]), (201, &json!(1)), "{answer}");
}

#[tokio::test]
async fn in_a_full_guild_the_run_that_ended_first_makes_room_and_kept_runs_stay() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.fill(495);
    let bot = Life::start(Config {
        archive_category: None,
        ..config(&discord, directory.path())
    });
    let mut channels = Vec::new();
    for (at, retention) in [(1, 0.0), (2, 5.0), (3, 1.0)] {
        let mut body = run("t", &format!("aaaa000{at}"));
        body["retentionHours"] = json!(retention);
        let (_, answer) = bot.register(body).await;
        let channel = answer["channelId"].as_str().unwrap().to_owned();
        let path = format!("/runs/{channel}/finalize");
        bot.ask(
            Method::POST,
            &path,
            API,
            Some(json!({ "status": "failed" })),
        )
        .await;
        eventually("finished", async || {
            let (_, run) = bot
                .ask(Method::GET, &format!("/runs/{channel}"), API, None)
                .await;
            (run["state"] == "finished").then_some(())
        })
        .await;
        channels.push(channel);
    }
    // 495 others, one category, three runs: one more fits, two do not.
    for short in ["bbbb0001", "bbbb0002"] {
        let (status, answer) = bot.register(run("u", short)).await;
        assert_eq!(status, 201, "{answer}");
    }
    let state = discord.state();
    assert!(state.channels.contains_key(&channels[0]), "kept for ever");
    assert!(!state.channels.contains_key(&channels[1]), "ended first");
    assert!(state.channels.contains_key(&channels[2]));
    assert_eq!(state.channels.len(), 500);
    assert_eq!(state.answers(400), 0);
}

#[tokio::test]
async fn a_guild_full_of_webhooks_is_said_before_discord_says_it_and_an_ended_run_makes_room() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.fill_webhooks(999);
    let bot = Life::start(Config {
        archive_category: None,
        ..config(&discord, directory.path())
    });
    let (status, first) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 201, "{first}");
    let made = discord.state().count("POST guild channel", None);
    let (status, problem) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!(status, 507, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("1000 webhooks"), "{detail}");
    let asked = discord.state().count("POST guild channel", None);
    assert_eq!(asked, made, "no channel that could not be posted to");

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
    let (status, next) = bot.register(run("t", "cccc3333")).await;
    assert_eq!(status, 201, "{next}");
    let state = discord.state();
    assert!(
        state.channels.contains_key(channel),
        "its webhook made room"
    );
    assert_eq!(state.answers(400), 0);
}

#[tokio::test]
async fn webhooks_that_others_took_meanwhile_refuse_the_run_leave_no_channel_and_an_ended_run_makes_room()
 {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.fill_webhooks(990);
    let bot = Life::start(Config {
        archive_category: None,
        ..config(&discord, directory.path())
    });
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    // The bot has counted 991; it does not count again for a while.
    discord.fill_webhooks(9);
    let (status, problem) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!(status, 507, "{problem}");
    let asked = discord.state().count("POST channel webhook", None);
    assert!(asked <= 2, "{asked} times asked for a webhook");
    let own = first["channelId"].as_str().unwrap();
    let left: Vec<String> = discord
        .state()
        .runs()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(left, [own], "no channel is left of it");

    let path = format!("/runs/{own}");
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("finished", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "finished").then_some(())
    })
    .await;
    let (status, next) = bot.register(run("t", "cccc3333")).await;
    assert_eq!(status, 201, "{next}");
}

#[tokio::test]
async fn an_ended_run_that_discord_does_not_let_go_keeps_no_full_guild_from_the_next_one() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.fill(497);
    let bot = Life::start(Config {
        archive_category: None,
        ..config(&discord, directory.path())
    });
    let mut channels = Vec::new();
    for at in [1, 2] {
        let (_, answer) = bot.register(run("t", &format!("aaaa000{at}"))).await;
        let channel = answer["channelId"].as_str().unwrap().to_owned();
        let path = format!("/runs/{channel}");
        let end = Some(json!({ "status": "failed" }));
        bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
            .await;
        eventually("finished", async || {
            let (_, run) = bot.ask(Method::GET, &path, API, None).await;
            (run["state"] == "finished").then_some(())
        })
        .await;
        channels.push(channel);
    }
    // The one that ended first cannot be deleted.
    discord.double.with(|core| {
        let id = channels[0].parse().unwrap();
        let bot = core.options.bot.application_id.to_string();
        let deny = (1_u64 << 4).to_string();
        let one = json!({ "id": bot, "type": 1, "allow": "0", "deny": deny });
        core.channels.get_mut(&id).unwrap().overwrites = json!([one]);
    });
    let (status, answer) = bot.register(run("u", "bbbb0001")).await;
    assert_eq!(status, 201, "{answer}");
    let state = discord.state();
    assert!(state.channels.contains_key(&channels[0]));
    assert!(
        !state.channels.contains_key(&channels[1]),
        "the next one went"
    );
    // Nothing more may go: that is said, not waited for.
    let (status, problem) = bot.register(run("u", "bbbb0002")).await;
    assert_eq!(status, 507, "{problem}");
}
