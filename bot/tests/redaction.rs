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
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::discord::{Discord, GUILD, TOKEN};
use support::{eventually, life};

const API: &str = "s3cr3t-api-token-of-a-team";
const SIGNING: &str = "s3cr3t-signing-key-of-the-bot";
const PASSWORD: &str = "s3cr3t-password-of-the-database";
const WRONG: &str = "s3cr3t-token-that-nobody-knows";

/// The binary, its log in a file.
struct Process {
    child: Child,
    base: String,
    log: std::path::PathBuf,
    _dir: tempfile::TempDir,
}

impl Process {
    fn start(discord: &str, database: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let log = dir.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let own = format!("sqlite://{}", dir.path().join("bot.db").display());
        let child = Command::new(env!("CARGO_BIN_EXE_bot"))
            .arg("serve")
            .env_clear()
            .env("LISTEN", format!("127.0.0.1:{port}"))
            .env("LOG_LEVEL", "trace")
            .env("RUST_BACKTRACE", "1")
            .env("API_TOKEN", API)
            .env("SIGNING_KEY", SIGNING)
            .env("DISCORD_BOT_TOKEN", TOKEN)
            .env("PUBLIC_KEY", "ab".repeat(32))
            .env("GUILD_ID", GUILD)
            .env("DISCORD_API_URL", discord)
            .env("DATABASE_URL", database.unwrap_or(&own))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
            log,
            _dir: dir,
        }
    }

    /// One request; everything that came back as text.
    async fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = reqwest::Client::new()
            .request(method, format!("{}{path}", self.base))
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
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn assert_silent(what: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {what}: {text}");
    }
}

/// Asks every route, rightly and wrongly; what was said without leave, and the run's own secrets.
async fn every_route(bot: &Process) -> (Vec<String>, Vec<String>) {
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
    let bot = Process::start(&discord.base, None);
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

#[tokio::test]
async fn no_secret_is_in_what_is_said_of_a_database_or_a_discord_that_fails() {
    let database = format!("postgres://bot:{PASSWORD}@127.0.0.1:9/bot");
    let bot = Process::start("http://127.0.0.1:9/api/v10", Some(&database));
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
