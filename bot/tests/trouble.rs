//! What the bot says and does when Discord, its settings or its callers are wrong.
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
use support::discord::{ALL, CHANNELS, Discord};
use support::eventually;
use support::life::{API, Life, config, run};
use tests::double::fault::Fault;

/// Registers every now and then, as many watchers would, and gives the last answer, with the rounds of tries that the time
/// since `begun` lets the bot make: it looks again 15 s after it was refused, at the soonest.
async fn insist(bot: &Life, begun: Instant) -> (u16, Value, usize) {
    let mut last = (0, Value::Null);
    for at in 0..60 {
        let path_run = run("t", &format!("{at:08x}"));
        last = bot.ask(Method::POST, "/runs", API, Some(path_run)).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rounds = 1 + usize::try_from(begun.elapsed().as_secs() / 15).unwrap();
    (last.0, last.1, rounds)
}

async fn detail(bot: &Life, word: &str) {
    eventually(word, async || {
        bot.admin("/ready").await.contains(word).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_said_once_and_not_tried_in_a_loop() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.bot(|bot| "another".clone_into(&mut bot.token));
    let begun = Instant::now();
    let bot = Life::start(config(&discord, directory.path()));
    detail(&bot, "DISCORD_BOT_TOKEN").await;
    let (status, problem, rounds) = insist(&bot, begun).await;
    assert_eq!(status, 503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("DISCORD_BOT_TOKEN"),
        "{problem}"
    );
    assert!(
        discord.state().refusals() <= 2 * rounds,
        "{}",
        discord.state().refusals()
    );
}

#[tokio::test]
async fn a_guild_without_the_bot_is_named_and_not_tried_in_a_loop() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.bot(|bot| bot.member = false);
    let begun = Instant::now();
    let bot = Life::start(config(&discord, directory.path()));
    detail(&bot, "GUILD_ID").await;
    let (status, _, rounds) = insist(&bot, begun).await;
    assert_eq!(status, 503);
    assert!(
        discord.state().calls.len() <= 6 * rounds,
        "{:?}",
        discord.state().calls
    );
}

#[tokio::test]
async fn missing_permissions_are_named_in_readiness_and_answers() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.allow(ALL & !(1 << 29));
    let begun = Instant::now();
    let bot = Life::start(config(&discord, directory.path()));
    detail(&bot, "Manage Webhooks").await;
    let (status, problem, _) = insist(&bot, begun).await;
    assert_eq!(status, 503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Manage Webhooks"),
        "{problem}"
    );
    assert_eq!(discord.state().refusals(), 0, "probed, not tried");
    assert_eq!(discord.state().runs().len(), 0);
}

#[tokio::test]
async fn a_permission_revoked_while_it_runs_is_noticed_and_not_tried_in_a_loop() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    assert_eq!(bot.register(run("first", "aaaa1111")).await.0, 201);
    discord.allow(ALL & !(1 << 4));
    let begun = Instant::now();
    let (status, problem, rounds) = insist(&bot, begun).await;
    assert_eq!(status, 503, "{problem}");
    assert!(
        discord.state().refusals() <= 3 * rounds,
        "{}",
        discord.state().refusals()
    );
    // A refusal is followed by another look, which names what is missing.
    detail(&bot, "Manage Channels").await;
    discord.allow(ALL);
    let (status, _) = bot.register(run("t", "00000000")).await;
    assert!(matches!(status, 200 | 201));
}

#[tokio::test]
async fn a_public_key_is_the_applications_when_it_is_one_of_the_list() {
    let (other, own) = (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        Discord::public_key(),
    );
    for (keys, says) in [
        (Some(format!("{other},{}", own.to_uppercase())), None),
        (
            Some(other.to_owned()),
            Some("is the key of the bot's application"),
        ),
        (Some("no key".to_owned()), Some("64 hexadecimal digits")),
        (
            None,
            Some("PUBLIC_KEY is not set; commands in Discord do not work"),
        ),
    ] {
        let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
        let bot = Life::start(Config {
            public_key: keys.clone(),
            ..config(&discord, directory.path())
        });
        // Made after the application was looked at.
        assert_eq!(bot.register(run("t", "aaaa1111")).await.0, 201);
        let ready: Value = serde_json::from_str(&bot.admin("/ready").await).unwrap();
        let said = ready["interactions"].as_str();
        match says {
            None => assert_eq!(said, None, "{keys:?}"),
            Some(says) => assert!(said.unwrap().contains(says), "{keys:?}: {said:?}"),
        }
    }
}

#[tokio::test]
async fn an_outage_of_discord_is_waited_out() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    discord.double.fault(Fault::status(500).times(8));
    let bot = Life::start(config(&discord, directory.path()));
    let (status, _) = bot.register(run("t", "aaaa1111")).await;
    assert!(matches!(status, 200 | 201));
    assert_eq!(discord.state().runs().len(), 1);
}

#[tokio::test]
async fn without_any_setting_it_serves_and_says_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let bot = Life::start(Config {
        database_url: format!(
            "sqlite://{}",
            directory.path().join("missing/bot.db").display()
        )
        .into(),
        ..Config::default()
    });
    for word in [
        "DISCORD_BOT_TOKEN",
        "API_TOKENS_FILE",
        "database",
        "\"ready\":true",
    ] {
        detail(&bot, word).await;
    }
    let (status, _) = bot.ask(Method::GET, "/runs", "nobody", None).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn callers_see_and_touch_their_own_namespaces_alone() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let file = directory.path().join("tokens.json");
    let tokens = json!({
        "a": { "token": "token-of-a", "namespaces": ["agents"] },
        "a2": { "token": "token-of-a2", "namespaces": ["agents"] },
        "b": { "token": "token-of-b", "namespaces": ["nightly"] },
    });
    std::fs::write(&file, tokens.to_string()).unwrap();
    let bot = Life::start(Config {
        api_token: None,
        api_tokens_file: Some(file.clone()),
        ..config(&discord, directory.path())
    });
    let (_, answer) = loop {
        let answer = bot
            .ask(
                Method::POST,
                "/runs",
                "token-of-a",
                Some(run("t", "aaaa1111")),
            )
            .await;
        if answer.0 != 503 {
            break answer;
        }
    };
    let channel = answer["channelId"].as_str().unwrap();
    let register =
        |token: &'static str| bot.ask(Method::POST, "/runs", token, Some(run("t", "aaaa1111")));
    assert_eq!(register("token-of-a").await.0, 200);
    assert_eq!(register("token-of-a2").await.0, 403, "another caller's key");
    assert_eq!(register("token-of-b").await.0, 403, "another namespace");
    assert_eq!(register("nobody's").await.0, 401);
    let path = format!("/runs/{channel}");
    assert_eq!(
        bot.ask(Method::GET, &path, "token-of-a2", None).await.0,
        200
    );
    assert_eq!(bot.ask(Method::GET, &path, "token-of-b", None).await.0, 404);
    let end = Some(json!({ "status": "stopped" }));
    let finalize = format!("{path}/finalize");
    assert_eq!(
        bot.ask(Method::POST, &finalize, "token-of-b", end.clone())
            .await
            .0,
        404
    );
    let (_, list) = bot.ask(Method::GET, "/runs", "token-of-b", None).await;
    assert_eq!(list, json!({ "runs": [] }));
    let (_, list) = bot
        .ask(Method::GET, "/runs?namespace=agents", "token-of-b", None)
        .await;
    assert_eq!(list, json!({ "runs": [] }));

    // Rotated without a restart.
    let rotated = json!({ "a": { "token": "token-of-a-anew", "namespaces": ["agents"] } });
    std::fs::write(&file, rotated.to_string()).unwrap();
    eventually("rotated", async || {
        (register("token-of-a-anew").await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(register("token-of-a").await.0, 401);
}

#[tokio::test]
async fn a_run_token_is_good_for_its_own_run_alone() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, first) = bot.register(run("t", "aaaa1111")).await;
    let (_, second) = bot.register(run("t", "bbbb2222")).await;
    let token = first["runToken"].as_str().unwrap();
    let own = format!("/runs/{}", first["channelId"].as_str().unwrap());
    let other = format!("/runs/{}", second["channelId"].as_str().unwrap());
    let report = || Some(json!({ "state": "working", "tools": 3, "tokens": { "input": 5 } }));
    assert_eq!(
        bot.ask(Method::POST, &format!("{own}/report"), token, report())
            .await
            .0,
        204
    );
    assert_eq!(
        bot.ask(Method::POST, &format!("{other}/report"), token, report())
            .await
            .0,
        404
    );
    assert_eq!(
        bot.ask(Method::POST, &format!("{own}/report"), API, report())
            .await
            .0,
        401
    );
    assert_eq!(bot.ask(Method::GET, &other, token, None).await.0, 404);
    assert_eq!(
        bot.ask(Method::GET, "/runs", token, None).await.0,
        401,
        "no list"
    );
    let (_, shown) = bot.ask(Method::GET, &own, token, None).await;
    assert_eq!(shown["report"]["tools"], 3);
    let forged = token.replace("dmr1.", "dmr1.0");
    assert_eq!(bot.ask(Method::GET, &own, &forged, None).await.0, 401);
    let end = Some(json!({ "status": "succeeded" }));
    assert_eq!(
        bot.ask(Method::POST, &format!("{own}/finalize"), token, end)
            .await
            .0,
        202
    );
    assert_eq!(
        bot.ask(Method::GET, &format!("{own}/input?after=0"), token, None)
            .await
            .0,
        410
    );
    assert_eq!(
        bot.ask(Method::POST, &format!("{own}/report"), token, report())
            .await
            .0,
        410
    );
}

#[tokio::test]
async fn bad_fields_are_named_with_their_rule() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    eventually("open", async || {
        (bot.ask(Method::GET, "/runs", API, None).await.0 == 200).then_some(())
    })
    .await;
    for (field, value) in [
        ("taskId", json!(" ")),
        ("shortId", json!("x".repeat(65))),
        ("namespace", json!("a b")),
        ("attempt", json!(0)),
        ("guildId", json!("home")),
        ("retentionHours", json!(-1)),
        ("links", json!(vec![json!({ "url": "https://x" }); 11])),
        ("title", json!("a\nb")),
    ] {
        let mut body = run("t", "aaaa1111");
        body[field] = value;
        let (status, problem) = bot.ask(Method::POST, "/runs", API, Some(body)).await;
        assert_eq!(status, 422, "{field}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().starts_with(field),
            "{problem}"
        );
    }
    let (status, _) = bot
        .ask(
            Method::POST,
            "/runs",
            API,
            Some(json!({ "taskId": "x".repeat(40_000) })),
        )
        .await;
    assert_eq!(status, 422, "too large");
    assert_eq!(discord.state().runs().len(), 0);
}

#[tokio::test]
async fn a_silent_watcher_ends_its_run_and_a_returning_one_takes_it_up_again() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    // Only the bot's second life is short of patience: whatever is looked at in the others stands, however slow they are.
    let with = |lease| Config {
        lease,
        ..config(&discord, directory.path())
    };
    let (patient, short) = (Duration::from_mins(10), Duration::from_secs(1));
    let bot = Life::start(with(patient));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let orchestrated = json!({ "taskId": "o", "shortId": "oooo1111", "namespace": "agents" });
    let (_, other) = bot.register(orchestrated).await;
    bot.kill();
    let bot = Life::start(with(short));
    let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
    eventually("archived", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "archived" && run["status"] == "unknown").then_some(())
    })
    .await;
    let path = format!("/runs/{}", other["channelId"].as_str().unwrap());
    let (_, run_of_nobody) = bot.ask(Method::GET, &path, API, None).await;
    assert_eq!(run_of_nobody["state"], "live", "no watcher, no lease");
    bot.kill();
    let bot = Life::start(with(patient));
    let (status, again) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!((status, &again["channelId"]), (200, &answer["channelId"]));
    let state = discord.state();
    let channel = &state.channels[answer["channelId"].as_str().unwrap()];
    assert_eq!(
        state.channels[channel.parent.as_ref().unwrap()].name,
        "Agent Runs"
    );
    assert_eq!(channel.overwrites[0]["deny"], "0", "unlocked");
}

#[tokio::test]
async fn a_watcher_that_ended_in_the_dark_and_comes_back_takes_its_run_up_and_one_that_knew_the_end_does_not()
 {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    for (task, status, after) in [
        ("dark", "unknown", "live"),
        ("known", "succeeded", "archived"),
    ] {
        let (_, answer) = bot.register(run(task, "aaaa1111")).await;
        let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
        let token = answer["runToken"].as_str().unwrap();
        let end = Some(json!({ "status": status, "summary": { "tools": 7 } }));
        let (said, _) = bot
            .ask(Method::POST, &format!("{path}/finalize"), token, end)
            .await;
        assert_eq!(said, 202);
        eventually("archived", async || {
            let (_, run) = bot.ask(Method::GET, &path, API, None).await;
            (run["state"] == "archived").then_some(())
        })
        .await;
        let (_, ended) = bot.ask(Method::GET, &path, API, None).await;
        assert_eq!(
            ended["report"]["tools"], 7,
            "the last figures are those of the end"
        );
        let asked = Some(run(task, "aaaa1111"));
        let (said, _) = bot.ask(Method::POST, "/runs", API, asked).await;
        assert_eq!(said, if after == "live" { 200 } else { 410 });
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        assert_eq!(run["state"], after, "{task}");
    }
}

#[tokio::test]
async fn no_run_is_kept_longer_than_the_bot_allows() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        max_retention_ms: Some(500),
        ..config(&discord, directory.path())
    });
    for (task, hours) in [
        ("long", json!(72)),
        ("for-good", json!(0)),
        ("unsaid", json!(null)),
    ] {
        let mut asked = run(task, "aaaa1111");
        asked["retentionHours"] = hours;
        let (_, answer) = bot.register(asked).await;
        let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
        let token = answer["runToken"].as_str().unwrap();
        let end = Some(json!({ "status": "succeeded" }));
        bot.ask(Method::POST, &format!("{path}/finalize"), token, end)
            .await;
        eventually("deleted", async || {
            let state = discord.state();
            let id = answer["channelId"].as_str().unwrap();
            (!state.channels.contains_key(id)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_run_that_its_watchers_silence_ended_is_kept_no_longer_than_the_bot_allows() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        lease: Duration::from_secs(1),
        max_retention_ms: Some(500),
        ..config(&discord, directory.path())
    });
    for (task, hours) in [("long", 72.0), ("for-good", 0.0)] {
        let mut asked = run(task, "aaaa1111");
        asked["retentionHours"] = json!(hours);
        let (_, answer) = bot.register(asked).await;
        let id = answer["channelId"].as_str().unwrap();
        eventually("deleted", async || {
            (!discord.state().channels.contains_key(id)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn commands_that_discord_does_not_take_are_said_in_readiness() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let refused = Fault::status(403).route("GET guild commands");
    discord.double.fault(refused.times(1));
    let bot = Life::start(config(&discord, directory.path()));
    detail(&bot, "\"commands\"").await;
    assert!(bot.admin("/ready").await.contains("\"ready\":true"));
}

#[tokio::test]
async fn the_longest_key_of_nothing_but_quotes_gets_a_channel_whose_topic_discord_takes_at_its_end_too()
 {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let file = directory.path().join("tokens.json");
    let name = "\"".repeat(64);
    let tokens = json!({ name: { "token": "token-of-quotes", "namespaces": ["*"] } });
    std::fs::write(&file, tokens.to_string()).unwrap();
    let bot = Life::start(Config {
        api_tokens_file: Some(file),
        ..config(&discord, directory.path())
    });
    bot.register(run("warm", "up")).await;
    let mut body = run(&"\"".repeat(128), &"\"".repeat(64));
    body["namespace"] = json!("n".repeat(63));
    body["attempt"] = json!(1_000_000);
    body["retentionHours"] = json!(87_600);
    let (status, answer) = bot
        .ask(Method::POST, "/runs", "token-of-quotes", Some(body))
        .await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
    let end = Some(json!({ "status": "succeeded" }));
    bot.ask(Method::POST, &format!("{path}/finalize"), API, end)
        .await;
    eventually("archived", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "archived").then_some(())
    })
    .await;
    assert_eq!(discord.state().answers(400), 0);
}

#[tokio::test]
async fn a_channel_deleted_by_a_person_ends_its_run_at_the_next_look() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let settings = || config(&discord, directory.path());
    let bot = Life::start(settings());
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    bot.kill();
    let channel = answer["channelId"].as_str().unwrap();
    discord.delete(channel);
    let bot = Life::start(settings());
    eventually("deleted", async || {
        let (_, run) = bot
            .ask(Method::GET, &format!("/runs/{channel}"), API, None)
            .await;
        (run["state"] == "deleted").then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_just_the_permissions_of_the_manual_an_ended_run_is_locked_and_without_its_own_voice_moved_alone()
 {
    let send_messages = 1 << 11;
    for (permissions, locked) in [(CHANNELS, true), (CHANNELS & !send_messages, false)] {
        let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
        discord.allow(permissions);
        let bot = Life::start(config(&discord, directory.path()));
        let (status, answer) = bot.register(run("t", "aaaa1111")).await;
        assert_eq!(status, 201, "{answer}");
        if !locked {
            detail(&bot, "Send Messages").await;
        }
        let channel = answer["channelId"].as_str().unwrap();
        let end = Some(json!({ "status": "succeeded" }));
        bot.ask(Method::POST, &format!("/runs/{channel}/finalize"), API, end)
            .await;
        eventually("archived", async || {
            let path = format!("/runs/{channel}");
            let (_, run) = bot.ask(Method::GET, &path, API, None).await;
            (run["state"] == "archived").then_some(())
        })
        .await;
        let state = discord.state();
        let overwrites = state.channels[channel].overwrites.as_array().unwrap();
        assert_eq!(overwrites.len(), usize::from(locked), "{overwrites:?}");
        assert_eq!(state.refusals(), 0, "known beforehand, not tried");
    }
}

#[tokio::test]
async fn a_locked_run_goes_on_in_its_place_although_the_bot_may_no_longer_unlock_it() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    let path = format!("/runs/{channel}");
    // Its watcher ended without knowing how the run stood, and comes back.
    let end = Some(json!({ "status": "unknown" }));
    let token = answer["runToken"].as_str().unwrap();
    bot.ask(Method::POST, &format!("{path}/finalize"), token, end)
        .await;
    eventually("archived", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "archived").then_some(())
    })
    .await;
    let manage_roles = 1 << 28;
    discord.allow(CHANNELS & !manage_roles);
    let (status, again) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 200, "{again}");
    let state = discord.state();
    let parent = state.channels[channel].parent.as_ref().unwrap();
    assert_eq!(state.channels[parent].name, "Agent Runs");
    assert_eq!(state.refusals(), 1, "tried once");
}
