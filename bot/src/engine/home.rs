//! Where threads are made: one channel or forum of a guild and one webhook for all runs. Both can be deleted by people; so
//! they are looked up again now and then, and when something says that they are gone.

use super::halt::Halt;
use super::{Engine, names};
use crate::config::Mode;
use discord::ApiError;
use discord::bot::{Channel, ChannelKind, NewChannel};
use std::time::Duration;
use tokio::time::Instant;

/// How long what was looked up serves those who doubt it: a thousand runs may do so at one time.
const FRESH: Duration = Duration::from_secs(10);

/// Where threads are made.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub channel: String,
    pub forum: bool,
    pub webhook: String,
    looked: Instant,
}

impl Engine {
    pub(super) fn is_threads(&self) -> bool {
        matches!(self.app.config.mode, Mode::Threads { .. })
    }

    /// The same, looked up again unless that was done just now.
    pub(super) async fn fresh_home(&self, guild_id: &str) -> Result<Home, Halt> {
        let mut homes = self.homes.lock().await;
        if homes
            .get(guild_id)
            .is_some_and(|home| home.looked.elapsed() > FRESH)
        {
            homes.remove(guild_id);
        }
        drop(homes);
        self.home(guild_id).await
    }

    /// The channel of all threads and its webhook; found or made.
    pub(super) async fn home(&self, guild_id: &str) -> Result<Home, Halt> {
        let mut homes = self.homes.lock().await;
        if let Some(home) = homes.get(guild_id) {
            return Ok(home.clone());
        }
        let channel = self.home_channel(guild_id).await?;
        let name = names::legal_webhook(&self.app.config.category);
        let webhook = if let Some(id) = self.adopt_webhook(&channel.id, &name).await? {
            id
        } else {
            let made = self
                .bot()
                .create_webhook(&channel.id, &name, "a webhook for runs of agents")
                .await?;
            if let Some(token) = made.token {
                self.app.keep_token(&made.id, token);
            }
            made.id
        };
        let home = Home {
            forum: channel.kind == ChannelKind::Forum,
            channel: channel.id,
            webhook,
            looked: Instant::now(),
        };
        homes.insert(guild_id.to_owned(), home.clone());
        Ok(home)
    }

    async fn home_channel(&self, guild_id: &str) -> Result<Channel, Halt> {
        let Mode::Threads { channel } = &self.app.config.mode else {
            return Err(Halt::NoRoom("runs are channels here".to_owned()));
        };
        if let Some(id) = channel {
            let found = self.bot().channel(id).await;
            if found.as_ref().is_err_and(ApiError::is_gone) {
                tracing::error!(
                    channel = id,
                    "THREADS_CHANNEL_ID names no channel that the bot can see; runs get no threads"
                );
            }
            return Ok(found?);
        }
        let name = names::normal(&self.app.config.category);
        let guild = self.guild(guild_id);
        let mut guild = guild.lock().await;
        guild.read(self.bot(), None).await?;
        if let Some(id) = guild.named(&name) {
            return Ok(self.bot().channel(&id).await?);
        }
        let channel = NewChannel {
            name,
            kind: ChannelKind::Text.number(),
            topic: None,
            parent_id: None,
        };
        let made = self
            .bot()
            .create_channel(guild_id, &channel, "a channel for runs of agents")
            .await;
        guild.doubt();
        Ok(made?)
    }

    /// What a call in the home came to; a home that is gone is looked up again by the next.
    pub(super) async fn at_home<T>(
        &self,
        guild_id: &str,
        result: Result<T, ApiError>,
    ) -> Result<T, Halt> {
        match result {
            Err(error) if error.code() == 10003 => {
                self.homes.lock().await.remove(guild_id);
                Err(Halt::wait(
                    "the channel of the threads was deleted; it is looked up again",
                    Duration::from_secs(1),
                ))
            }
            result => Ok(result?),
        }
    }
}
