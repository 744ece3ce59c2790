//! Runs as an orchestrator and a watcher meet them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use reqwest::Method;
use serde_json::json;
use support::discord::{Discord, GUILD};
use support::eventually;
use support::life::{API, Life, config, hold_at, run};

#[tokio::test]
async fn a_run_gets_a_channel_with_its_key_a_webhook_and_a_header() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (status, answer) = bot
        .register(json!({ "taskId": "JIRA-7", "shortId": "disc0rd1", "namespace": "agents", "title": "Fix it",
                          "links": [{ "label": "issue", "url": "https://example.org/7" }], "input": true }))
        .await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["attempt"], 1);
    let state = discord.state();
    let runs = state.runs();
    assert_eq!(runs.len(), 1);
    let (id, channel) = &runs[0];
    assert_eq!(answer["channelId"], **id);
    assert_eq!(channel.name, "run-jira-7-1-disc0rd1");
    let category = &state.channels[channel.parent.as_ref().unwrap()];
    assert_eq!((category.name.as_str(), category.kind), ("Agent Runs", 4));
    let webhook = state.webhooks.values().next().unwrap();
    let url = answer["webhookUrl"].as_str().unwrap();
    assert!(url.starts_with(&discord.base) && url.ends_with(&webhook.token));
    let texts = state.texts(id);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("Fix it") && texts[0].contains("https://example.org/7"));
}

#[tokio::test]
async fn the_same_key_is_the_same_run_and_shorter_ids_are_numbered() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    let (status, again) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 200);
    assert_eq!(again["channelId"], first["channelId"]);
    assert_eq!(again["webhookUrl"], first["webhookUrl"]);
    let (status, second) = bot.register(run("t", "bbbb2222")).await;
    assert_eq!((status, &second["attempt"]), (201, &json!(2)));
    let (_, other) = bot.register(run("u", "bbbb2222")).await;
    assert_eq!(other["attempt"], 1, "another task counts for itself");
    let (status, list) = bot
        .ask(Method::GET, "/runs?namespace=agents", API, None)
        .await;
    assert_eq!((status, list["runs"].as_array().unwrap().len()), (200, 3));
    assert_eq!(discord.state().runs().len(), 3);
}

#[tokio::test]
async fn a_finalized_run_is_shown_archived_and_deleted_after_its_own_retention() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    // The retention is over at once; the clean-up waits until the archive was looked at.
    let (hook, go) = hold_at("clean.intent");
    let bot = Life::start_with(config(&discord, directory.path()), Some(hook));
    let mut body = run("t", "aaaa1111");
    body["retentionHours"] = json!(1.0 / 3600.0);
    let (_, answer) = bot.register(body).await;
    let channel = answer["channelId"].as_str().unwrap().to_owned();
    let path = format!("/runs/{channel}/finalize");
    let token = answer["runToken"].as_str().unwrap();
    let body = json!({ "status": "succeeded", "summary": { "tools": 12, "costUsd": 0.5 } });
    for _ in 0..2 {
        let (status, _) = bot
            .ask(Method::POST, &path, token, Some(body.clone()))
            .await;
        assert_eq!(status, 202, "idempotent");
    }
    eventually("archived", async || {
        let state = discord.state();
        let channel = state.channels.get(&channel)?;
        let parent = &state.channels[channel.parent.as_ref().unwrap()];
        (parent.name == "Agent Archive" && state.webhooks.is_empty()).then(|| {
            assert_eq!(
                channel.overwrites[0]["deny"],
                (1 << 11).to_string(),
                "locked"
            );
            assert_eq!(channel.overwrites[0]["id"], GUILD);
        })
    })
    .await;
    go.cancel();
    eventually("deleted", async || {
        (!discord.state().channels.contains_key(&channel)).then_some(())
    })
    .await;
    eventually("said so", async || {
        let (_, run) = bot
            .ask(Method::GET, &format!("/runs/{channel}"), API, None)
            .await;
        (run["state"] == "deleted").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_over_is_posted_to_by_nobody_also_where_its_channel_stays_in_place() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(bot::Config {
        archive_category: None,
        ..config(&discord, directory.path())
    });
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    let path = format!("/runs/{channel}");
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("the webhook goes", async || {
        discord.state().webhooks.is_empty().then_some(())
    })
    .await;
    assert!(discord.state().channels.contains_key(channel));
    // Whoever kept its address has nothing of it.
    let posted = reqwest::Client::new()
        .post(answer["webhookUrl"].as_str().unwrap())
        .header("user-agent", "DiscordBot (https://example.org, 1)")
        .json(&json!({ "content": "late", "allowed_mentions": { "parse": [] } }))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status().as_u16(), 404);
    eventually("it has ended", async || {
        let asked = Some(run("t", "aaaa1111"));
        let (status, _) = bot.ask(Method::POST, "/runs", API, asked).await;
        (status == 410).then_some(())
    })
    .await;
}
