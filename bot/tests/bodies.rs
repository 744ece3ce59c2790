//! Every kind of body that the bot sends, against Discord's own OpenAPI document. Each test with a `Discord` holds what it
//! saw against it at its end; here it is shown that this sees all kinds, and refuses what Discord would.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::{Config, Mode};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run, say};
use support::oracle::faults;
use tests::double::sent::Sent;

/// A run from its registration to its removal, talked to on the way; what was sent for it, ids left out.
async fn life(discord: &Discord, mode: Mode) -> BTreeSet<String> {
    let directory = tempfile::tempdir().unwrap();
    let bot = Life::start(Config {
        mode,
        retention_ms: 1,
        ..config(discord, directory.path())
    });
    let (status, answer) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 201, "{answer}");
    let channel = answer["channelId"].as_str().unwrap();
    say(discord, &bot.base, channel, "look").await;
    let token = answer["runToken"].as_str().unwrap();
    let path = format!("/runs/{channel}");
    let input = format!("{path}/input?after=0");
    assert_eq!(bot.ask(Method::GET, &input, token, None).await.0, 200);
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("removed", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "deleted").then_some(())
    })
    .await;
    // What is said to a person comes by itself, seconds later.
    eventually("the end of the input is told", async || {
        let told = sent(discord);
        told.iter()
            .any(|one| one.ends_with("@original"))
            .then_some(())
    })
    .await;
    sent(discord)
}

fn sent(discord: &Discord) -> BTreeSet<String> {
    let plain = |part: &str| match part.parse::<u64>() {
        Ok(_) => "ID".to_owned(),
        Err(_) => part.to_owned(),
    };
    discord.double.with(|core| {
        let shown = |one: &Sent| {
            let parts: Vec<String> = one.path.split('/').map(plain).collect();
            format!("{} {}", one.method, parts.join("/"))
        };
        core.bodies.all().map(shown).collect()
    })
}

#[tokio::test]
async fn a_life_in_each_mode_sends_every_kind_of_body_and_all_are_discords() {
    if tests::oracle::wanted().is_none() {
        return;
    }
    let mut all = BTreeSet::new();
    let discord = Discord::start();
    all.extend(life(&discord, Mode::Channels).await);
    let discord = Discord::start();
    all.extend(life(&discord, Mode::Threads { channel: None }).await);
    let discord = Discord::start();
    let channel = Some(discord.add("agents", 15));
    all.extend(life(&discord, Mode::Threads { channel }).await);
    let wanted = [
        "PATCH /channels/ID",
        "PATCH /channels/ID/messages/ID",
        "PATCH /webhooks/ID/token/messages/@original",
        "PATCH /webhooks/ID/token/messages/ID",
        "POST /channels/ID/messages",
        "POST /channels/ID/messages/ID/threads",
        "POST /channels/ID/threads",
        "POST /channels/ID/webhooks",
        "POST /guilds/ID/channels",
        "POST /webhooks/ID/token",
        "PUT /applications/ID/guilds/ID/commands",
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(all, wanted);
}

/// A check that lets everything through would be none.
#[test]
fn the_document_refuses_what_discord_would() {
    if tests::oracle::wanted().is_none() {
        return;
    }
    let sent = |method: &str, path: &str, json: Value| Sent {
        method: method.to_owned(),
        path: path.to_owned(),
        json,
    };
    let embed = json!({ "embeds": [{ "title": "t", "footer": { "text": "f" } }] });
    let taken = [
        sent(
            "POST",
            "/guilds/1/channels",
            json!({ "name": "a", "type": 0, "topic": "t" }),
        ),
        sent(
            "PATCH",
            "/channels/1",
            json!({ "parent_id": "5", "topic": "t" }),
        ),
        sent(
            "PATCH",
            "/channels/1",
            json!({ "archived": true, "locked": true }),
        ),
        sent("POST", "/webhooks/1/token", embed.clone()),
        sent("PATCH", "/webhooks/1/token/messages/2", embed.clone()),
        sent("POST", "/channels/1/messages", embed.clone()),
    ];
    assert_eq!(faults(taken.iter()), Vec::<String>::new());
    for refused in [
        sent(
            "POST",
            "/guilds/1/channels",
            json!({ "name": "x".repeat(101) }),
        ),
        sent("POST", "/guilds/1/channels", json!({ "topic": "t" })),
        sent(
            "POST",
            "/guilds/1/channels",
            json!({ "name": "a", "colour": 1 }),
        ),
        sent(
            "PATCH",
            "/channels/1",
            json!({ "topic": "t", "archived": true }),
        ),
        sent("PATCH", "/channels/1", json!({ "parent_id": "five" })),
        sent("POST", "/channels/1/webhooks", json!({ "name": "" })),
        sent(
            "POST",
            "/webhooks/1/token",
            json!({ "content": "x".repeat(2001) }),
        ),
        sent(
            "POST",
            "/webhooks/1/token",
            json!({ "embeds": [{ "title": "x".repeat(257) }] }),
        ),
        sent("POST", "/channels/1/nowhere", json!({})),
        sent("DELETE", "/channels/1", json!({})),
    ] {
        assert_eq!(faults([&refused].into_iter()).len(), 1, "{refused:?}");
    }
}
