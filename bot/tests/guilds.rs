//! What is wrong in one guild, one category or one channel is nobody else's trouble.
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
use std::time::{Duration, Instant};
use support::discord::{ALL, Discord, GUILD};
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::permission as p;

/// A guild that the bot may serve and was never invited to.
const OTHER: &str = "81384788765712385";

/// Takes bits from the bot in one channel or category.
fn deny(discord: &Discord, channel: &str, bits: u64) {
    discord.double.with(|core| {
        let id = channel.parse().unwrap();
        let bot = core.options.bot.application_id.to_string();
        let one = json!({ "id": bot, "type": 1, "allow": "0", "deny": bits.to_string() });
        core.channels.get_mut(&id).unwrap().overwrites = json!([one]);
    });
}

fn in_guild(guild: &str, short: &str) -> Value {
    let mut body = run("t", short);
    body["guildId"] = json!(guild);
    body
}

#[tokio::test]
async fn a_guild_that_no_setting_names_is_refused_before_anything_is_tried() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (status, _) = bot.register(in_guild(GUILD, "aaaa1111")).await;
    assert_eq!(status, 201);
    let calls = discord.state().calls.len();
    let (status, problem) = bot.register(in_guild(OTHER, "bbbb2222")).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with("guildId"));
    let (status, _) = bot.register(run("t", "cccc3333")).await;
    assert_eq!(status, 201);
    let wrong = |call: &&tests::double::state::RequestLog| call.status == 404;
    let state = discord.state();
    assert_eq!(state.calls[calls..].iter().filter(wrong).count(), 0);
}

#[tokio::test]
async fn a_guild_without_the_bot_holds_up_its_own_runs_and_no_others() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        guild_ids: vec![OTHER.to_owned()],
        patience: Duration::from_secs(2),
        ..config(&discord, directory.path())
    });
    let (status, _) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 201);
    let foreign = bot.ask(
        Method::POST,
        "/runs",
        API,
        Some(in_guild(OTHER, "bbbb2222")),
    );
    let (status, problem) = foreign.await;
    assert_eq!(status, 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(OTHER), "{detail}");
    for at in 0..5 {
        let own = run("t", &format!("cccc000{at}"));
        let (status, problem) = bot.ask(Method::POST, "/runs", API, Some(own)).await;
        assert_eq!(status, 201, "{problem}");
    }
    assert!(bot.admin("/ready").await.contains(OTHER));
}

#[tokio::test]
async fn one_channel_that_refuses_the_bot_keeps_no_other_run_waiting() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    let channel = first["channelId"].as_str().unwrap();
    deny(&discord, channel, p::MANAGE_CHANNELS);
    let path = format!("/runs/{channel}");
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("its own trouble", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        let problem = run["problem"].as_str()?;
        problem.contains("50013").then_some(())
    })
    .await;
    let start = Instant::now();
    for at in 0..5 {
        let own = run("u", &format!("bbbb000{at}"));
        let (status, problem) = bot.register(own).await;
        assert!(matches!(status, 200 | 201), "{problem}");
    }
    assert!(
        start.elapsed() < Duration::from_secs(12),
        "{:?}",
        start.elapsed()
    );
    let refused = discord.state().refusals();
    assert!(refused <= 4, "{refused}");
}

#[tokio::test]
async fn a_category_that_takes_a_permission_is_named_and_given_back_it_is_noticed_within_a_minute()
{
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let category = discord.add("Agent Runs", 4);
    deny(&discord, &category, p::MANAGE_CHANNELS | p::MANAGE_WEBHOOKS);
    let bot = Life::start(Config {
        patience: Duration::from_secs(1),
        ..config(&discord, directory.path())
    });
    for word in ["category Agent Runs", "Manage Channels", "Manage Webhooks"] {
        eventually(word, async || {
            bot.admin("/ready").await.contains(word).then_some(())
        })
        .await;
    }
    let ask = || bot.ask(Method::POST, "/runs", API, Some(run("t", "aaaa1111")));
    let (status, problem) = ask().await;
    assert_eq!(status, 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("Agent Runs"), "{detail}");
    assert_eq!(discord.state().refusals(), 0, "looked up, not tried");
    deny(&discord, &category, 0);
    let given_back = Instant::now();
    while !matches!(ask().await.0, 200 | 201) {
        assert!(given_back.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(discord.state().refusals(), 0);
    discord.allow(ALL);
}
