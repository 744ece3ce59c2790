//! The routes the bot uses, each with the top-level resource its limit belongs to.

use super::error::not_discord;
use super::{
    ApiError, Application, Bot, Call, Channel, ChannelMessage as Message, Guild, Member,
    NewChannel, NewThread, Webhook,
};
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A call without query, body and reason.
fn call<'a>(method: Method, route: &'static str, major: &'a str, path: &'a [&'a str]) -> Call<'a> {
    Call {
        method,
        route,
        major,
        path,
        query: &[],
        body: None,
        reason: None,
    }
}

/// A body of ours always serialises; `null` would be refused with Discord's words.
fn body(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

impl Bot {
    async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ApiError> {
        let changes = call.method != Method::GET;
        serde_json::from_value(self.call(call).await?).map_err(|_| not_discord(changes))
    }

    /// The application behind the token.
    pub async fn application(&self) -> Result<Application, ApiError> {
        let path = ["applications", "@me"];
        self.read(call(Method::GET, "GET /applications/@me", "", &path))
            .await
    }

    /// A guild with its roles.
    pub async fn guild(&self, guild: &str) -> Result<Guild, ApiError> {
        let path = ["guilds", guild];
        self.read(call(Method::GET, "GET /guilds/{guild}", guild, &path))
            .await
    }

    /// A member of a guild.
    pub async fn member(&self, guild: &str, user: &str) -> Result<Member, ApiError> {
        let path = ["guilds", guild, "members", user];
        let route = "GET /guilds/{guild}/members/{user}";
        self.read(call(Method::GET, route, guild, &path)).await
    }

    /// All channels and categories of a guild; threads are not among them.
    pub async fn channels(&self, guild: &str) -> Result<Vec<Channel>, ApiError> {
        let path = ["guilds", guild, "channels"];
        let route = "GET /guilds/{guild}/channels";
        self.read(call(Method::GET, route, guild, &path)).await
    }

    /// Makes a channel or category.
    pub async fn create_channel(
        &self,
        guild: &str,
        channel: &NewChannel,
        reason: &str,
    ) -> Result<Channel, ApiError> {
        let path = ["guilds", guild, "channels"];
        let body = body(channel);
        self.read(Call {
            body: Some(&body),
            reason: Some(reason),
            ..call(Method::POST, "POST /guilds/{guild}/channels", guild, &path)
        })
        .await
    }

    /// One channel or thread.
    pub async fn channel(&self, channel: &str) -> Result<Channel, ApiError> {
        let path = ["channels", channel];
        self.read(call(Method::GET, "GET /channels/{channel}", channel, &path))
            .await
    }

    /// Changes some fields of a channel or thread.
    pub async fn edit_channel(
        &self,
        channel: &str,
        fields: &Value,
        reason: &str,
    ) -> Result<Channel, ApiError> {
        let path = ["channels", channel];
        self.read(Call {
            body: Some(fields),
            reason: Some(reason),
            ..call(Method::PATCH, "PATCH /channels/{channel}", channel, &path)
        })
        .await
    }

    /// Deletes a channel with its webhooks and messages, or a thread.
    pub async fn delete_channel(&self, channel: &str, reason: &str) -> Result<(), ApiError> {
        let path = ["channels", channel];
        let call = Call {
            reason: Some(reason),
            ..call(Method::DELETE, "DELETE /channels/{channel}", channel, &path)
        };
        self.call(call).await.map(drop)
    }

    /// The webhooks of a channel.
    pub async fn webhooks(&self, channel: &str) -> Result<Vec<Webhook>, ApiError> {
        let path = ["channels", channel, "webhooks"];
        let route = "GET /channels/{channel}/webhooks";
        self.read(call(Method::GET, route, channel, &path)).await
    }

    /// All webhooks of a guild; one that is not the bot's own comes without its token.
    pub async fn guild_webhooks(&self, guild: &str) -> Result<Vec<Webhook>, ApiError> {
        let path = ["guilds", guild, "webhooks"];
        let route = "GET /guilds/{guild}/webhooks";
        self.read(call(Method::GET, route, guild, &path)).await
    }

    /// Makes a webhook. `name` has 1 to 80 code points, without the words Discord forbids.
    pub async fn create_webhook(
        &self,
        channel: &str,
        name: &str,
        reason: &str,
    ) -> Result<Webhook, ApiError> {
        let path = ["channels", channel, "webhooks"];
        let body = json!({ "name": name });
        let route = "POST /channels/{channel}/webhooks";
        self.read(Call {
            body: Some(&body),
            reason: Some(reason),
            ..call(Method::POST, route, channel, &path)
        })
        .await
    }

    /// One webhook, with its token when the bot may use it.
    pub async fn webhook(&self, id: &str) -> Result<Webhook, ApiError> {
        let path = ["webhooks", id];
        self.read(call(Method::GET, "GET /webhooks/{webhook}", id, &path))
            .await
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(&self, id: &str, reason: &str) -> Result<(), ApiError> {
        let path = ["webhooks", id];
        let call = Call {
            reason: Some(reason),
            ..call(Method::DELETE, "DELETE /webhooks/{webhook}", id, &path)
        };
        self.call(call).await.map(drop)
    }

    /// The newest messages of a channel or thread, newest first, or those before the message `before`; at most 100.
    pub async fn messages(
        &self,
        channel: &str,
        limit: u8,
        before: Option<&str>,
    ) -> Result<Vec<Message>, ApiError> {
        let path = ["channels", channel, "messages"];
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(before.map(|before| ("before", before)));
        let route = "GET /channels/{channel}/messages";
        self.read(Call {
            query: &query,
            ..call(Method::GET, route, channel, &path)
        })
        .await
    }

    /// Writes a message as the bot itself. `message` is Discord's JSON.
    pub async fn create_message(
        &self,
        channel: &str,
        message: &Value,
    ) -> Result<Message, ApiError> {
        let path = ["channels", channel, "messages"];
        let route = "POST /channels/{channel}/messages";
        self.read(Call {
            body: Some(message),
            ..call(Method::POST, route, channel, &path)
        })
        .await
    }

    /// Changes a message of the bot itself.
    pub async fn edit_message(
        &self,
        channel: &str,
        id: &str,
        message: &Value,
    ) -> Result<Message, ApiError> {
        let path = ["channels", channel, "messages", id];
        let route = "PATCH /channels/{channel}/messages/{message}";
        self.read(Call {
            body: Some(message),
            ..call(Method::PATCH, route, channel, &path)
        })
        .await
    }

    /// Deletes a message.
    pub async fn delete_message(
        &self,
        channel: &str,
        id: &str,
        reason: &str,
    ) -> Result<(), ApiError> {
        let path = ["channels", channel, "messages", id];
        let route = "DELETE /channels/{channel}/messages/{message}";
        let call = Call {
            reason: Some(reason),
            ..call(Method::DELETE, route, channel, &path)
        };
        self.call(call).await.map(drop)
    }

    /// Makes a thread of a message; it gets the message's own id, so asking twice makes one.
    pub async fn create_thread(
        &self,
        channel: &str,
        message: &str,
        thread: &NewThread,
        reason: &str,
    ) -> Result<Channel, ApiError> {
        let path = ["channels", channel, "messages", message, "threads"];
        let route = "POST /channels/{channel}/messages/{message}/threads";
        let body = body(thread);
        self.read(Call {
            body: Some(&body),
            reason: Some(reason),
            ..call(Method::POST, route, channel, &path)
        })
        .await
    }

    /// Makes a forum post: a thread with its first message, whose id is the thread's own.
    pub async fn create_post(
        &self,
        channel: &str,
        thread: &NewThread,
        message: &Value,
        reason: &str,
    ) -> Result<Channel, ApiError> {
        let path = ["channels", channel, "threads"];
        let mut body = body(thread);
        if let Some(map) = body.as_object_mut() {
            map.insert("message".to_owned(), message.clone());
        }
        let route = "POST /channels/{channel}/threads";
        self.read(Call {
            body: Some(&body),
            reason: Some(reason),
            ..call(Method::POST, route, channel, &path)
        })
        .await
    }

    /// The threads of a guild that are not archived.
    pub async fn active_threads(&self, guild: &str) -> Result<Vec<Channel>, ApiError> {
        #[derive(Deserialize)]
        struct Active {
            #[serde(default)]
            threads: Vec<Channel>,
        }
        let path = ["guilds", guild, "threads", "active"];
        let route = "GET /guilds/{guild}/threads/active";
        let active: Active = self.read(call(Method::GET, route, guild, &path)).await?;
        Ok(active.threads)
    }
}
