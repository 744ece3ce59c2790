//! Several replicas share one PostgreSQL: any of them answers, one of them makes the channels, and when that one is killed
//! another does. Run by `hack/test-full.sh`, or `hack/postgres.sh cargo test -p bot --test replicas -- --ignored`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::Config;
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime};
use support::discord::{Discord, GUILD};
use support::eventually;
use support::life::{API, Life, config, run};

/// How often a replica looks at PostgreSQL for what no wake-up told it.
const LOOKS: Duration = Duration::from_secs(5);
/// Inputs that one replica tells the other of.
const TRIES: u32 = 5;

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// A person says something in this channel; Discord happens to tell this replica.
async fn say(bot: &Life, key: &SigningKey, channel: &str, id: u32, text: &str) -> Value {
    let body = json!({
        "type": 2, "id": id.to_string(), "token": "t", "channel_id": channel, "guild_id": GUILD, "application_id": "400",
        "member": {"roles": [], "permissions": "8", "user": {"id": "300", "username": "nick"}},
        "data": {"name": "input", "options": [{"type": 3, "name": "text", "value": text}]},
    })
    .to_string();
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs()
        .to_string();
    let signature = hex(&key
        .sign(&[now.as_bytes(), body.as_bytes()].concat())
        .to_bytes());
    let answer = reqwest::Client::new()
        .post(format!("{}/interactions", bot.base))
        .header("x-signature-ed25519", signature)
        .header("x-signature-timestamp", now)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
#[ignore = "needs a PostgreSQL: hack/postgres.sh"]
async fn any_replica_answers_and_the_next_one_leads_when_the_leader_is_killed() {
    assert!(support::store::is_postgres(), "hack/postgres.sh starts one");
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    support::store::prepare(directory.path()).await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let settings = || Config {
        public_key: Some(hex(key.verifying_key().as_bytes())),
        ..config(&discord, directory.path())
    };
    let first = Life::start(settings());
    let (_, made) = first.register(run("one", "aaaa1111")).await;
    let second = Life::start(settings());
    let channel = made["channelId"].as_str().unwrap();
    let token = made["runToken"].as_str().unwrap();

    // What was registered at one is known at the other, and the same key is the same run there.
    let (status, again) = second.register(run("one", "aaaa1111")).await;
    assert_eq!((status, &again["channelId"]), (200, &made["channelId"]));

    // A poll at one is woken by what is said at the other: by itself it would look again seconds later, each time. However
    // slow the machine, one of some tries is quicker than that.
    let mut quickest = Duration::MAX;
    for seq in 1..=TRIES {
        let path = format!("/runs/{channel}/input?after={}", seq - 1);
        let (polled, took) = tokio::join!(second.ask(Method::GET, &path, token, None), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let said = Instant::now();
            say(&first, &key, channel, seq, "over here").await;
            said
        });
        assert_eq!(polled.1["items"][0]["text"], "over here", "{polled:?}");
        quickest = quickest.min(took.elapsed());
    }
    assert!(quickest < LOOKS / 2, "{quickest:?}");

    // The leader is killed: the other makes the next channel, and input goes on.
    first.kill();
    let (status, next) = second.register(run("two", "bbbb2222")).await;
    assert_eq!(status, 201, "{next}");
    say(&second, &key, channel, TRIES + 1, "still here").await;
    let path = format!("/runs/{channel}/input?after={TRIES}");
    let (_, items) = second.ask(Method::GET, &path, token, None).await;
    assert_eq!(items["items"][0]["text"], "still here", "{items}");
    let end = Some(json!({ "status": "succeeded" }));
    for run in [channel, next["channelId"].as_str().unwrap()] {
        second
            .ask(
                Method::POST,
                &format!("/runs/{run}/finalize"),
                API,
                end.clone(),
            )
            .await;
    }
    eventually("both are archived", async || {
        let (_, all) = second.ask(Method::GET, "/runs", API, None).await;
        let runs = all["runs"].as_array()?;
        (runs.len() == 2 && runs.iter().all(|run| run["state"] == "archived")).then_some(())
    })
    .await;
}
