//! The webhook calls: they need nothing but the webhook's URL.

use crate::answer::message_id;
use crate::client::Client;
use crate::error::Error;
use crate::limiter::Route;
use crate::message::Message;
use crate::webhook_url::WebhookUrl;
use http::Method;
use secrecy::ExposeSecret as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// One id of a message, which is Discord's to make and ours to keep.
pub type MessageId = String;

const POST: &str = "POST /webhooks/{webhook}/{token}";
const PATCH: &str = "PATCH /webhooks/{webhook}/{token}/messages/{message}";
const DELETE: &str = "DELETE /webhooks/{webhook}/{token}/messages/{message}";
const GET: &str = "GET /webhooks/{webhook}/{token}/messages/{message}";

impl Client {
    /// Waits until the rate limits let a message of this webhook go, as far as they are known. It takes nothing from
    /// them, so that a caller can put its message together at the last moment.
    pub async fn webhook_ready(&self, webhook: &WebhookUrl) {
        self.ready(route(POST, webhook)).await;
    }

    /// Sends a message and waits until Discord has saved it (`wait=true`), for without that a failure looks like a
    /// success. The id is missing only when the server does not answer with a message.
    pub async fn execute_webhook(
        &self,
        webhook: &WebhookUrl,
        message: Message,
    ) -> Result<Option<MessageId>, Error> {
        let body = self
            .webhook_call(Method::POST, POST, webhook, None, Some(message))
            .await?;
        message_id(&body)
    }

    /// Replaces what the given parts of a message show; parts that are absent stay.
    pub async fn edit_webhook_message(
        &self,
        webhook: &WebhookUrl,
        id: &str,
        message: Message,
    ) -> Result<(), Error> {
        self.webhook_call(Method::PATCH, PATCH, webhook, Some(id), Some(message))
            .await
            .map(drop)
    }

    /// Deletes a message of this webhook.
    pub async fn delete_webhook_message(
        &self,
        webhook: &WebhookUrl,
        id: &str,
    ) -> Result<(), Error> {
        self.webhook_call(Method::DELETE, DELETE, webhook, Some(id), None)
            .await
            .map(drop)
    }

    /// A message of this webhook as Discord's JSON.
    pub async fn webhook_message(
        &self,
        webhook: &WebhookUrl,
        id: &str,
    ) -> Result<serde_json::Value, Error> {
        let body = self
            .webhook_call(Method::GET, GET, webhook, Some(id), None)
            .await?;
        serde_json::from_slice(&body).map_err(|_| Error::Retry {
            reason: "the answer was a success but not a message".to_owned(),
            maybe_saved: false,
            slow: true,
        })
    }

    async fn webhook_call(
        &self,
        method: Method,
        name: &'static str,
        webhook: &WebhookUrl,
        id: Option<&str>,
        message: Option<Message>,
    ) -> Result<Vec<u8>, Error> {
        if let Some(reason) = message.as_ref().and_then(Message::fault) {
            return Err(Error::Rejected { code: None, reason });
        }
        let route = route(name, webhook);
        let wait = method == Method::POST;
        let mut request = self.http.request(method, webhook.endpoint(id, wait));
        let mut upload = 0;
        if let Some(message) = message {
            upload = message.files.iter().map(|file| file.content.len()).sum();
            request = message.into_request(request);
        }
        self.call(route, request, upload, webhook.token()).await
    }
}

fn route(name: &'static str, webhook: &WebhookUrl) -> Route {
    let mut hasher = DefaultHasher::new();
    (webhook.id(), webhook.token().expose_secret()).hash(&mut hasher);
    Route {
        name,
        major: hasher.finish(),
    }
}
