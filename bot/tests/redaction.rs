//! No secret of the bot's is in anything it writes or answers, at the most talkative log level, whatever goes wrong.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use support::discord::{Discord, GUILD, TOKEN};
use support::life::say;
use support::process::Process;
use support::{eventually, life};

const API: &str = "s3cr3t-api-token-of-a-team";
const SIGNING: &str = "s3cr3t-signing-key-of-the-bot";
const PASSWORD: &str = "s3cr3t-password-of-the-database";
const WRONG: &str = "s3cr3t-token-that-nobody-knows";

/// The binary, its log and its store in a folder.
struct Bot {
    process: Process,
    dir: tempfile::TempDir,
}

impl Bot {
    fn start(discord: &str, database: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let own = format!("sqlite://{}", dir.path().join("bot.db").display());
        let settings = [
            ("LOG_LEVEL", "trace"),
            ("RUST_BACKTRACE", "1"),
            ("API_TOKEN", API),
            ("SIGNING_KEY", SIGNING),
            ("DISCORD_BOT_TOKEN", TOKEN),
            ("PUBLIC_KEY", &Discord::public_key()),
            ("GUILD_ID", GUILD),
            ("DISCORD_API_URL", discord),
            ("DATABASE_URL", database.unwrap_or(&own)),
        ];
        let process = Process::start(&dir.path().join("log"), &settings);
        Self { process, dir }
    }

    /// One request; everything that came back as text.
    async fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, String) {
        support::provider();
        let asked = reqwest::Client::new()
            .request(method, format!("{}{path}", self.process.base))
            .bearer_auth(token)
            .header("x-signature-ed25519", token)
            .header("x-signature-timestamp", "1")
            .json(body)
            .timeout(Duration::from_secs(40))
            .send()
            .await;
        match asked {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let headers = format!("{:?}", answer.headers());
                (status, headers + &answer.text().await.unwrap())
            }
            Err(_) => (0, String::new()),
        }
    }

    /// Ends it as Kubernetes does, and returns its log.
    fn end(self) -> String {
        let Self { process, dir } = self;
        process.end();
        std::fs::read_to_string(dir.path().join("log")).unwrap()
    }
}

fn assert_silent(what: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {what}: {text}");
    }
}

/// Asks every route, rightly and wrongly; what was said without leave, and the run's own secrets.
async fn every_route(bot: &Bot) -> (Vec<String>, Vec<String>) {
    let key = json!({"taskId": "t", "shortId": "aaaa1111", "namespace": "agents", "input": true});
    let (_, granted) = bot.ask(Method::POST, "/runs", API, &key).await;
    // Headers come first; the answer is one flat object.
    let run: Value = granted
        .rfind("{\"")
        .and_then(|at| serde_json::from_str(&granted[at..]).ok())
        .unwrap_or_default();
    let text = |name: &str| run[name].as_str().unwrap_or("77").to_owned();
    let (channel, token, webhook) = (text("channelId"), text("runToken"), text("webhookUrl"));
    let mut said = Vec::new();
    for token in [API, WRONG, token.as_str()] {
        for (method, path) in [
            (Method::GET, "/runs".to_owned()),
            (Method::GET, format!("/runs/{channel}")),
            (Method::POST, format!("/runs/{channel}/report")),
            (Method::POST, "/interactions".to_owned()),
            (Method::GET, "/openapi.json".to_owned()),
            (Method::GET, "/metrics".to_owned()),
            (Method::GET, "/ready".to_owned()),
            (Method::GET, "/live".to_owned()),
            (Method::GET, format!("/nowhere/{WRONG}")),
        ] {
            let body = json!({"state": "idle", "taskId": WRONG});
            said.push(bot.ask(method, &path, token, &body).await.1);
        }
    }
    let end = json!({"status": "succeeded"});
    let path = format!("/runs/{channel}/finalize");
    said.push(bot.ask(Method::POST, &path, &token, &end).await.1);
    let secret = webhook.rsplit('/').next().unwrap_or_default().to_owned();
    let secrets = [token, secret].into_iter().filter(|text| text.len() > 8);
    (said, secrets.collect())
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_answer_or_a_metric() {
    let discord = Discord::start();
    let bot = Bot::start(&discord.base, None);
    eventually("it serves", async || {
        (bot.ask(Method::GET, "/runs", API, &Value::Null).await.0 == 200).then_some(())
    })
    .await;
    let (said, own) = every_route(&bot).await;
    assert_eq!(own.len(), 2, "a run token and a webhook's token");
    let mut secrets = vec![API, SIGNING, TOKEN, WRONG];
    secrets.extend(own.iter().map(String::as_str));
    for text in &said {
        assert_silent("an answer", text, &secrets);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let log = bot.end();
    assert!(
        log.contains("run is live") && log.contains("DEBUG"),
        "{log}"
    );
    assert_silent("the log", &log, &secrets);
}

/// The store's files, its journal included, in the middle of a run and after its end.
#[tokio::test]
async fn no_token_is_in_the_store() {
    let discord = Discord::start();
    let bot = Bot::start(&discord.base, None);
    eventually("it serves", async || {
        (bot.ask(Method::GET, "/runs", API, &Value::Null).await.0 == 200).then_some(())
    })
    .await;
    let key = json!({"taskId": "a-task-to-be-found", "shortId": "aaaa1111", "namespace": "agents", "input": true});
    let (status, granted) = bot.ask(Method::POST, "/runs", API, &key).await;
    assert_eq!(status, 201, "{granted}");
    let run: Value = serde_json::from_str(&granted[granted.rfind("{\"").unwrap()..]).unwrap();
    let text = |name: &str| run[name].as_str().unwrap().to_owned();
    let (channel, token, webhook) = (text("channelId"), text("runToken"), text("webhookUrl"));
    let webhook = webhook.rsplit('/').next().unwrap().to_owned();
    assert!(webhook.len() > 60, "Discord's tokens have 68 characters");
    // Talked to, so that an interaction's token has passed as well.
    say(&discord, &bot.process.base, &channel, "words-to-be-found").await;
    let interaction = discord.double.with(|core| {
        let sent = core.interactions.values().next().unwrap();
        sent.token.clone()
    });
    let path = format!("/runs/{channel}");
    let input = format!("{path}/input?after=0");
    let (status, _) = bot.ask(Method::GET, &input, &token, &Value::Null).await;
    assert_eq!(status, 200);
    let secrets = [API, SIGNING, TOKEN, &token, &webhook, &interaction];
    let stored = |found: &[&str]| {
        let mut all = Vec::new();
        for name in ["bot.db", "bot.db-wal"] {
            all.extend(std::fs::read(bot.dir.path().join(name)).unwrap());
        }
        // Bytes are looked through as they are.
        let has = |text: &str| all.windows(text.len()).any(|part| part == text.as_bytes());
        for text in found {
            assert!(
                has(text),
                "{text} is not in the store: it is looked at wrongly"
            );
        }
        for secret in secrets {
            assert!(!has(secret), "{secret} is in the store");
        }
    };
    stored(&["a-task-to-be-found", "words-to-be-found", &channel]);
    let end = json!({"status": "succeeded"});
    let finalize = format!("{path}/finalize");
    bot.ask(Method::POST, &finalize, &token, &end).await;
    eventually("archived", async || {
        let (_, shown) = bot.ask(Method::GET, &path, API, &Value::Null).await;
        shown.contains("\"archived\"").then_some(())
    })
    .await;
    stored(&["a-task-to-be-found", &channel]);
}

#[tokio::test]
async fn no_secret_is_in_what_is_said_of_a_database_or_a_discord_that_fails() {
    let database = format!("postgres://bot:{PASSWORD}@127.0.0.1:9/bot");
    let bot = Bot::start("http://127.0.0.1:9/api/v10", Some(&database));
    eventually("it serves", async || {
        (bot.ask(Method::GET, "/live", API, &Value::Null).await.0 == 200).then_some(())
    })
    .await;
    let secrets = [API, SIGNING, TOKEN, WRONG, PASSWORD];
    let (said, _) = every_route(&bot).await;
    for text in &said {
        assert_silent("an answer", text, &secrets);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_silent("the log", &bot.end(), &secrets);
}

#[test]
fn no_secret_is_in_what_a_debugger_or_a_panic_prints_of_the_settings() {
    let discord = Discord::start();
    let dir = tempfile::tempdir().unwrap();
    let config = bot::Config {
        api_token: Some(API.to_owned().into()),
        signing_key: Some(SIGNING.to_owned().into()),
        database_url: format!("postgres://bot:{PASSWORD}@db/bot").into(),
        ..life::config(&discord, dir.path())
    };
    assert_silent(
        "Debug",
        &format!("{config:?}"),
        &[API, SIGNING, PASSWORD, TOKEN],
    );
    // What `expect` says of an error is its Debug.
    let failed = || std::hint::black_box(Err::<(), _>(&config));
    let broken = std::panic::AssertUnwindSafe(|| failed().expect("no trouble"));
    let said = std::panic::catch_unwind(broken).unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("Config"), "{said}");
    assert_silent("a panic", said, &[API, SIGNING, PASSWORD, TOKEN]);
}
