//! The Discord double that runs as a Pod in a test's namespace, asked through the API server's service proxy.

use kube::Client;
use serde_json::{Value, json};

/// Name of the double's Pod, Service and Secret.
pub(crate) const NAME: &str = "discord-double";

/// One double.
#[derive(Clone)]
pub(crate) struct Double {
    client: Client,
    namespace: String,
}

impl Double {
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    /// A call of the control API.
    async fn call(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let text = self.text_of(method, path, body).await?;
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&text)?)
        }
    }

    async fn text_of(&self, method: &str, path: &str, body: Value) -> anyhow::Result<String> {
        let uri = format!(
            "/api/v1/namespaces/{}/services/http:{NAME}:http/proxy/_double{path}",
            self.namespace
        );
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(&body)?
        };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .body(body)?;
        Ok(self.client.request_text(request).await?)
    }

    /// Whether it answers at all.
    pub(crate) async fn answers(&self) -> anyhow::Result<()> {
        self.call("GET", "/counters", Value::Null).await.map(drop)
    }

    /// What the control API says at this path.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, Value::Null).await
    }

    /// Orders something of the control API.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call("POST", path, body).await
    }

    /// The key that checks its interactions, in hexadecimal.
    pub(crate) async fn public_key(&self) -> anyhow::Result<String> {
        let text = self.text_of("GET", "/public-key", Value::Null).await?;
        Ok(text.trim().to_owned())
    }

    /// A webhook into this channel that it knows from now on.
    pub(crate) async fn add_webhook(&self, id: &str, token: &str, channel: &str) {
        let channel = json!({"channel": channel});
        self.call("PUT", &format!("/webhooks/{id}/{token}"), channel)
            .await
            .expect("the double takes a webhook");
    }

    /// What goes wrong from now on; see `tests::double::fault`.
    pub(crate) async fn fault(&self, fault: Value) {
        self.call("POST", "/faults", fault)
            .await
            .expect("the double takes the fault");
    }

    /// From now on without rate limits.
    pub(crate) async fn limits_off(&self) {
        self.call("PUT", "/options", json!({"limits": {}}))
            .await
            .expect("the double takes options");
    }

    /// Ends all faults.
    pub(crate) async fn heal(&self) {
        self.call("DELETE", "/faults", Value::Null)
            .await
            .expect("the double ends its faults");
    }

    /// Messages in order of arrival, as they stand now.
    pub(crate) async fn messages(&self) -> anyhow::Result<Vec<Value>> {
        let messages = self.call("GET", "/messages", Value::Null).await?;
        Ok(messages.as_array().cloned().unwrap_or_default())
    }

    /// All embeds of all messages, in order.
    pub(crate) async fn embeds(&self) -> anyhow::Result<Vec<Value>> {
        let messages = self.messages().await?;
        Ok(messages
            .iter()
            .flat_map(|message| message["embeds"].as_array().cloned().unwrap_or_default())
            .collect())
    }

    /// Everything a person can read in the channel.
    pub(crate) async fn text(&self) -> anyhow::Result<String> {
        Ok(self
            .messages()
            .await?
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join("\n"))
    }

    /// What Discord, or the double as the stricter of the two, would have held against a request.
    pub(crate) async fn violations(&self) -> Vec<Value> {
        let violations = self
            .call("GET", "/violations", Value::Null)
            .await
            .expect("the double's violations");
        violations.as_array().cloned().unwrap_or_default()
    }
}
