//! One life of the bot: it serves on a port of its own until it is killed or asked to end.

use super::discord::{Discord, GUILD, TOKEN};
use bot::{Config, Hook, Listeners, serve};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The token for all namespaces.
pub const API: &str = "api-token-for-everything";

/// Settings for a test: quick where the defaults are patient.
pub fn config(discord: &Discord, directory: &Path) -> Config {
    Config {
        bot_token: Some(TOKEN.to_owned().into()),
        public_key: Some(Discord::public_key()),
        guild_id: Some(GUILD.to_owned()),
        api_token: Some(API.to_owned().into()),
        database_url: super::store::url(directory).into(),
        discord_api_url: discord.base.clone(),
        last_words: Duration::ZERO,
        settle: Duration::ZERO,
        ..Config::default()
    }
}

/// A bot that runs.
pub struct Life {
    thread: Option<std::thread::JoinHandle<()>>,
    killed: CancellationToken,
    pub base: String,
    pub admin: String,
    shutdown: CancellationToken,
    client: Client,
}

impl Life {
    pub fn start(config: Config) -> Self {
        Self::start_with(config, None)
    }

    pub fn start_with(config: Config, hook: Option<Hook>) -> Self {
        super::provider();
        let bind = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            (listener, base)
        };
        let ((http, base), (admin_listener, admin)) = (bind(), bind());
        let shutdown = CancellationToken::new();
        let killed = CancellationToken::new();
        let (end, kill) = (shutdown.clone(), killed.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listeners = Listeners {
                    http: tokio::net::TcpListener::from_std(http).unwrap(),
                    admin: Some(tokio::net::TcpListener::from_std(admin_listener).unwrap()),
                };
                tokio::select! {
                    () = kill.cancelled() => {}
                    served = serve(config, listeners, hook, end) => served.unwrap(),
                }
            });
            // All tasks end here, wherever they stand.
            runtime.shutdown_background();
        });
        Self {
            thread: Some(thread),
            killed,
            base,
            admin,
            shutdown,
            client: Client::new(),
        }
    }

    /// Ends it as a lack of memory would: nothing more is said or written.
    pub fn kill(self) {
        drop(self);
    }

    /// Asks it to end.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has ended by itself.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// One request; status and JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {token}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Registers; asks again while the bot says 503, as a watcher does.
    pub async fn register(&self, body: Value) -> (u16, Value) {
        for _ in 0..600 {
            let answer = self
                .ask(Method::POST, "/runs", API, Some(body.clone()))
                .await;
            if answer.0 != 503 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("still 503");
    }

    /// The admin port's answer.
    pub async fn admin(&self, path: &str) -> String {
        let response = self
            .client
            .get(format!("{}{path}", self.admin))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.text().await.unwrap()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.killed.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A run as a watcher registers it.
pub fn run(task: &str, short: &str) -> Value {
    json!({ "taskId": task, "shortId": short, "namespace": "agents", "input": true })
}

/// A hook that holds the engine at `step` until it is told to go on.
pub fn hold_at(step: &'static str) -> (Hook, CancellationToken) {
    let go = CancellationToken::new();
    let told = go.clone();
    let hook: Hook = Arc::new(move |name| {
        let held = (name == step).then(|| told.clone());
        Box::pin(async move {
            if let Some(go) = held {
                go.cancelled().await;
            }
        })
    });
    (hook, go)
}

/// A hook that stops the engine for good when it comes to `step`, and what tells that it did.
pub fn stop_at(step: &'static str) -> (Hook, Arc<Mutex<bool>>) {
    let reached = Arc::new(Mutex::new(false));
    let told = Arc::clone(&reached);
    let hook: Hook = Arc::new(move |name| {
        let here = name == step;
        if here {
            *told.lock().unwrap() = true;
        }
        Box::pin(async move {
            if here {
                std::future::pending::<()>().await;
            }
        })
    });
    (hook, reached)
}

/// A person types `/input text` in the channel; what the person is told.
pub async fn say(discord: &Discord, base: &str, channel: &str, text: &str) -> String {
    let option = json!({ "type": 3, "name": "text", "value": text });
    let asked = json!({
        "url": format!("{base}/interactions"), "type": 2, "channel": channel, "waitMs": 0,
        "data": { "id": "1", "type": 1, "name": "input", "options": [option] },
    });
    super::provider();
    let url = format!("{}/_double/interact", discord.double.base_url());
    let sent = Client::new().post(url).json(&asked).send().await.unwrap();
    let told: Value = sent.json().await.unwrap();
    assert_eq!(
        (&told["status"], &told["violations"]),
        (&json!(200), &json!([]))
    );
    told["answer"]["data"]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}
