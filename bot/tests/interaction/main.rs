//! `POST /interactions` as Discord meets it: signed requests against a desk that is played, and a small Discord that
//! takes what is said later.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod asks;
mod desk;
mod gate;
mod later;
mod outside;
mod registration;
mod schema;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bot::interaction::{Handled, Keys, Options, router};
use desk::Played;
use discord::{Bot, Client, ClientOptions};
use ed25519_dalek::{Signer as _, SigningKey};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tower::ServiceExt as _;

pub(crate) const GUILD: &str = "100";
pub(crate) const CHANNEL: &str = "200";
pub(crate) const USER: &str = "300";
pub(crate) const APPLICATION: &str = "400";
pub(crate) const TOKEN: &str = "interaction-token_of.a-test";

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A bot's route, its desk, and what it counted.
pub(crate) struct Scene {
    pub(crate) router: Router,
    pub(crate) desk: Arc<Played>,
    pub(crate) counted: Arc<Mutex<Vec<Handled>>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The text of a message that only its asker sees.
    pub(crate) fn text(&self) -> &str {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["type"], 4, "{}", self.body);
        assert_eq!(self.body["data"]["flags"], 64);
        assert_eq!(self.body["data"]["allowed_mentions"], json!({"parse": []}));
        self.body["data"]["content"].as_str().unwrap()
    }
}

pub(crate) fn discord_at(base: &str) -> Arc<Bot> {
    let client = Client::new(&ClientOptions::default()).unwrap();
    Arc::new(Bot::new(client, base, "bot-token".to_owned().into(), None).unwrap())
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let (desk, counted) = (Arc::new(Played::default()), Arc::default());
        let told: Arc<Mutex<Vec<Handled>>> = Arc::clone(&counted);
        let mut options = Options {
            keys: Keys::parse(&hex(key(1).verifying_key().as_bytes())).unwrap(),
            guild_id: Some(GUILD.to_owned()),
            allowed_users: Vec::new(),
            allowed_roles: Vec::new(),
            discord: None,
            api_url: "https://discord.com/api/v10".to_owned(),
            desk: Arc::clone(&desk) as Arc<dyn bot::desk::Desk>,
            observer: Some(Arc::new(move |handled| told.lock().unwrap().push(handled))),
        };
        change(&mut options);
        Self {
            router: router(options),
            desk,
            counted,
        }
    }

    /// A bot whose Discord is here.
    pub(crate) fn beside(outside: &outside::Outside) -> Self {
        Self::with(|options| {
            options.discord = Some(discord_at(&outside.base));
            options.api_url.clone_from(&outside.base);
        })
    }

    /// Sends these bytes with these headers.
    pub(crate) async fn send(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post("/interactions");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self
            .router
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let status = answer.status();
        let kind = answer
            .headers()
            .get("content-type")
            .map_or("", |kind| kind.to_str().unwrap())
            .to_owned();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, kind, body }
    }

    /// Sends bytes signed as Discord does it.
    pub(crate) async fn signed(&self, body: &[u8]) -> Answer {
        self.signed_by(&key(1), now(), body).await
    }

    pub(crate) async fn signed_by(&self, key: &SigningKey, time: u64, body: &[u8]) -> Answer {
        let time = time.to_string();
        let signature = hex(&key.sign(&[time.as_bytes(), body].concat()).to_bytes());
        self.send(
            &[
                ("x-signature-ed25519", &signature),
                ("x-signature-timestamp", &time),
            ],
            body.to_vec(),
        )
        .await
    }

    pub(crate) async fn ask(&self, interaction: &Value) -> Answer {
        self.signed(interaction.to_string().as_bytes()).await
    }

    /// What the last request was counted as.
    pub(crate) fn last(&self) -> (&'static str, &'static str) {
        let counted = self.counted.lock().unwrap();
        let last = counted.last().unwrap();
        (last.kind, last.result)
    }
}

/// An interaction with an id of its own.
#[expect(clippy::needless_pass_by_value, reason = "made for the call each time")]
pub(crate) fn interaction(kind: u64, data: Value) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1000);
    json!({
        "type": kind, "id": NEXT.fetch_add(1, Ordering::Relaxed).to_string(), "application_id": APPLICATION,
        "token": TOKEN, "version": 1, "guild_id": GUILD, "channel_id": CHANNEL, "data": data,
        "member": {"nick": "Nick", "roles": ["301"], "permissions": "8", "user": {"id": USER, "username": "nick"}},
        "something_new": {"from": "later"},
    })
}

/// A command with options of type string.
pub(crate) fn command(name: &str, options: &[(&str, &str)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .map(|(name, value)| json!({"type": 3, "name": name, "value": value}))
        .collect();
    interaction(
        2,
        json!({"id": "1", "type": 1, "name": name, "options": options}),
    )
}

/// A form that comes back.
pub(crate) fn form(custom_id: &str, text: &str) -> Value {
    let field = json!({"type": 4, "custom_id": "text", "value": text});
    interaction(
        5,
        json!({"custom_id": custom_id, "components": [{"type": 18, "component": field}]}),
    )
}

/// Waits for what comes on its own.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it never came: {what}")
}
