//! What the tests of the double share: a client and payloads at the edge of a limit.
#![allow(
    dead_code,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tests::double::{Double, DoubleOptions};

/// A double without rate limits, a client, and the URL of a webhook.
pub(crate) struct Bench {
    pub(crate) double: Double,
    pub(crate) client: Client,
    pub(crate) url: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(DoubleOptions::unlimited())
    }

    pub(crate) fn with(options: DoubleOptions) -> Self {
        let double = Double::start(options).unwrap();
        let url = double.webhook_url("run");
        Self {
            double,
            client: client(),
            url,
        }
    }

    pub(crate) async fn send(&self, body: &Value) -> Response {
        let url = format!("{}?wait=true", self.url);
        self.client.post(url).json(body).send().await.unwrap()
    }

    /// Status and body of a send.
    pub(crate) async fn answer(&self, body: &Value) -> (u16, Value) {
        let response = self.send(body).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn control(&self, method: reqwest::Method, path: &str, body: &Value) -> u16 {
        let url = format!("{}/_double/{path}", self.double.base_url());
        let sent = self.client.request(method, url).json(body).send().await;
        sent.unwrap().status().as_u16()
    }
}

/// A client that knows no proxy and says who it is.
pub(crate) fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .user_agent("test")
        .build()
        .unwrap()
}

/// A payload with mentions off, so that only what is under test can be wrong.
pub(crate) fn quiet(mut body: Value) -> Value {
    body["allowed_mentions"] = json!({"parse": []});
    body
}

/// `embeds` as a payload.
pub(crate) fn embeds(list: Value) -> Value {
    quiet(json!({"embeds": list}))
}
