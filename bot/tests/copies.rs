//! A topic can be copied, and the key that signs it can change: no channel goes that is not known to be a run's own.
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
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::state::Channel as Stored;

async fn state(bot: &Life, answer: &Value) -> String {
    let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
    eventually("an answer", async || {
        let (status, run) = bot.ask(Method::GET, &path, API, None).await;
        (status == 200).then(|| run["state"].as_str().unwrap().to_owned())
    })
    .await
}

async fn end(bot: &Life, answer: &Value) {
    state(bot, answer).await;
    let path = format!("/runs/{}/finalize", answer["channelId"].as_str().unwrap());
    let end = Some(json!({ "status": "succeeded" }));
    assert_eq!(bot.ask(Method::POST, &path, API, end).await.0, 202);
    eventually("archived", async || {
        (state(bot, answer).await == "archived").then_some(())
    })
    .await;
}

/// The bot has compared store and guild once more than before: its next start has done so when it takes registrations.
async fn compared(discord: &Discord, before: usize) {
    eventually("compared", async || {
        (discord.state().count("GET guild channels", Some(200)) >= before + 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_another_token_or_signing_key_no_live_and_no_archived_channel_goes() {
    for key in ["one", "another"] {
        let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
        support::store::prepare(directory.path()).await;
        let settings = |key: Option<&str>| Config {
            signing_key: key.map(|key| key.to_owned().into()),
            ..config(&discord, directory.path())
        };
        let bot = Life::start(settings(None));
        let (_, live) = bot.register(run("live", "aaaa1111")).await;
        let (_, ended) = bot.register(run("ended", "bbbb2222")).await;
        bot.kill();
        // Ended under the new key: its topic is signed anew, for a row of the old one.
        let bot = Life::start(settings(Some(key)));
        end(&bot, &ended).await;
        let before = discord.state().count("GET guild channels", Some(200));
        bot.kill();
        let bot = Life::start(settings(Some(key)));
        compared(&discord, before).await;
        assert_eq!(state(&bot, &ended).await, "archived");
        assert_eq!(state(&bot, &live).await, "live");
        assert_eq!(discord.state().runs().len(), 2, "{key}");
        assert_eq!(discord.state().count("DELETE channel", None), 0);
        let (status, again) = bot.register(run("live", "aaaa1111")).await;
        assert_eq!((status, &again["channelId"]), (200, &live["channelId"]));
    }
}

#[tokio::test]
async fn a_copied_topic_makes_no_channel_ours_and_lets_none_go() {
    for lost in [false, true] {
        let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
        support::store::prepare(directory.path()).await;
        let bot = Life::start(config(&discord, directory.path()));
        let (_, answer) = bot.register(run("t", "aaaa1111")).await;
        let channel: u64 = answer["channelId"].as_str().unwrap().parse().unwrap();
        let copies: Vec<u64> = discord.double.with(|core| {
            let original = core.channels[&channel].clone();
            let (parent, topic) = (original.parent_id, original.topic.clone());
            let mut made = Vec::new();
            // Cloned in its category; pasted elsewhere under its own name; and on a channel of another kind.
            for (kind, parent, name) in [
                (0, parent, original.name.as_str()),
                (0, None, "announcements"),
                (0, parent, "notes"),
                (15, parent, original.name.as_str()),
            ] {
                let id = core.next_id();
                made.push(core.add_channel(Stored {
                    id,
                    parent_id: parent,
                    topic: topic.clone(),
                    ..Stored::new(original.guild_id, kind, name)
                }));
            }
            made
        });
        let before = discord.state().count("GET guild channels", Some(200));
        bot.kill();
        if lost {
            support::store::wipe(directory.path()).await;
        }
        let bot = Life::start(config(&discord, directory.path()));
        compared(&discord, before).await;
        let (_, again) = bot.register(run("t", "aaaa1111")).await;
        assert_eq!(again["channelId"], answer["channelId"], "lost={lost}");
        let state = discord.state();
        for copy in copies {
            assert!(
                state.channels.contains_key(&copy.to_string()),
                "lost={lost}"
            );
        }
        assert_eq!(state.count("DELETE channel", None), 0);
    }
}

#[tokio::test]
async fn a_copy_alone_outside_our_categories_is_not_taken_for_the_run() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel: u64 = answer["channelId"].as_str().unwrap().parse().unwrap();
    let pasted = discord.add("announcements", 0);
    discord.double.with(|core| {
        let topic = core.channels[&channel].topic.clone();
        core.channels
            .get_mut(&pasted.parse().unwrap())
            .unwrap()
            .topic = topic;
        core.remove_channel(channel);
    });
    bot.kill();
    support::store::wipe(directory.path()).await;
    let bot = Life::start(config(&discord, directory.path()));
    let (status, again) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 201);
    assert_ne!(again["channelId"], json!(pasted));
    assert!(discord.state().channels.contains_key(&pasted));
    assert_eq!(
        discord.state().texts(&pasted).len(),
        0,
        "nothing is posted there"
    );
}
