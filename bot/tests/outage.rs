//! What an outage of the bot, or the loss of its store, costs the runs that go on meanwhile: nothing.
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
use std::path::Path;
use std::time::{Duration, Instant};
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::fault::{Action, Fault};

const LEASE: Duration = Duration::from_secs(6);

fn leased(discord: &Discord, directory: &Path) -> Config {
    Config {
        lease: LEASE,
        ..config(discord, directory)
    }
}

async fn state(bot: &Life, channel: &str) -> serde_json::Value {
    let (_, run) = bot
        .ask(Method::GET, &format!("/runs/{channel}"), API, None)
        .await;
    run["state"].clone()
}

#[tokio::test]
async fn a_run_goes_on_after_an_outage_of_the_bot_that_was_longer_than_its_lease() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(leased(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    let token = answer["runToken"].as_str().unwrap();
    bot.kill();
    tokio::time::sleep(2 * LEASE).await;

    let bot = Life::start(leased(&discord, directory.path()));
    let started = Instant::now();
    // Its watcher is back after half a lease, and stays.
    while started.elapsed() < LEASE / 2 {
        let now = state(&bot, channel).await;
        assert!(now == "live" || now.is_null(), "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while started.elapsed() < 2 * LEASE {
        let path = format!("/runs/{channel}/report");
        let report = Some(serde_json::json!({ "state": "working", "tools": 1 }));
        let (status, problem) = bot.ask(Method::POST, &path, token, report).await;
        assert_eq!(status, 204, "{problem}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(state(&bot, channel).await, "live");
    // One that stays silent ends as ever.
    eventually("ended", async || {
        (state(&bot, channel).await == "archived").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_watcher_that_calls_before_a_lost_store_is_rebuilt_is_asked_to_wait_and_then_known() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let mut known = Vec::new();
    for short in ["aaaa1111", "bbbb2222"] {
        known.push(bot.register(run("t", short)).await.1);
    }
    bot.kill();
    support::store::wipe(directory.path()).await;
    // What Discord shows cannot be read for now.
    discord
        .double
        .fault(Fault::status(503).route("GET guild channels"));
    let bot = Life::start(Config {
        patience: Duration::from_millis(200),
        ..config(&discord, directory.path())
    });
    let last = &known[1];
    let channel = last["channelId"].as_str().unwrap();
    let token = last["runToken"].as_str().unwrap();
    let path = format!("/runs/{channel}");
    let poll = format!("{path}/input?after=0");
    for _ in 0..10 {
        let (status, problem) = bot.ask(Method::GET, &poll, token, None).await;
        assert_eq!(status, 503, "{problem}");
        let asked = bot.ask(Method::POST, "/runs", API, Some(run("t", "bbbb2222")));
        assert_eq!(asked.await.0, 503, "it would be numbered anew");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    discord.double.with(|core| core.faults.clear());
    eventually("known again", async || {
        let (status, _) = bot.ask(Method::GET, &path, token, None).await;
        assert!(matches!(status, 200 | 503), "{status}");
        (status == 200).then_some(())
    })
    .await;
    let (_, again) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!(again["channelId"], last["channelId"]);
    assert_eq!(again["attempt"], 2);
    assert_eq!(discord.state().runs().len(), 2);

    // What nobody knows is not there, now that all was read.
    let (status, _) = bot.ask(Method::GET, "/runs/12345", API, None).await;
    assert_eq!(status, 404);
    // A store that was kept knows without Discord.
    bot.kill();
    discord.double.fault(Fault::status(503));
    let bot = Life::start(config(&discord, directory.path()));
    eventually("the store", async || {
        let (status, _) = bot.ask(Method::GET, "/runs/12345", API, None).await;
        (status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_former_life_still_makes_is_known_to_the_next_although_its_store_was_lost() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let next_directory = tempfile::tempdir().unwrap();
    support::store::prepare(directory.path()).await;
    support::store::prepare(next_directory.path()).await;
    let former = Life::start(config(&discord, directory.path()));
    former.register(run("t", "aaaa1111")).await;
    // A channel is asked for while the next life begins already, as when a Pod is deleted by force.
    discord
        .double
        .fault(Fault::new(Action::Slow { delay_ms: 1_000 }).route("POST guild channel"));
    let asked = tokio::spawn({
        let body = run("t", "bbbb2222");
        let request = reqwest::Client::new()
            .post(format!("{}/runs", former.base))
            .bearer_auth(API)
            .json(&body);
        async move { request.send().await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let next = Life::start(Config {
        settle: Duration::from_secs(2),
        ..config(&discord, next_directory.path())
    });
    let answer = asked.await.unwrap().unwrap();
    let first: serde_json::Value = answer.json().await.unwrap();
    former.kill();
    let (_, again) = next.register(run("t", "bbbb2222")).await;
    assert_eq!(again["channelId"], first["channelId"]);
    assert_eq!(discord.state().runs().len(), 2);
}
