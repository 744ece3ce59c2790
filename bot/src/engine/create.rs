//! A run's channel, webhook and header, step by step. Each step writes its intent before it calls and its result after;
//! a step whose intent stands without a result first looks whether a former try did it. So it can end anywhere and go on
//! from there, and nothing is made twice.

use super::guild::Ours;
use super::halt::Halt;
use super::{Engine, cards, names, topic};
use crate::clock::now;
use crate::store::{Run, State, StoreError};
use discord::ApiError;
use discord::bot::{ChannelKind, NewChannel};
use std::time::Duration;

/// What a guild can be full of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cap {
    Channels,
    Webhooks,
}

impl Cap {
    /// What is wrong when nothing of ours may go, and what to do.
    const fn says(self) -> &'static str {
        match self {
            Self::Channels => {
                "the guild has 500 channels and no ended run's channel may go; end runs, delete channels, shorten the \
                 retention, or use RUNS_MODE=threads"
            }
            Self::Webhooks => {
                "the guild has 1000 webhooks and no ended run's webhook may go; end runs, delete webhooks that nobody \
                 uses, or use RUNS_MODE=threads"
            }
        }
    }
}

impl Engine {
    /// Brings a run from registered to live.
    pub(super) async fn create(&self, mut run: Run) -> Result<(), Halt> {
        self.held(&run.guild_id)?;
        // What a former try, or a former life of the store, may have left undone or unwritten.
        let uncertain = !run.step.is_empty();
        if self.is_threads() {
            self.ensure_thread(&mut run, uncertain).await?;
        } else {
            if run.channel_id.is_none() {
                self.ensure_channel(&mut run, uncertain).await?;
            } else {
                self.fit_channel(&mut run).await?;
            }
            if run.webhook_id.is_none() {
                self.ensure_webhook(&mut run, uncertain).await?;
            }
            self.ensure_header(&mut run, uncertain).await?;
        }
        self.app.step("live.before").await;
        let made = self
            .store
            .settle(&run.id, State::Creating, State::Live, now());
        if made.await? {
            self.holds(|holds| holds.worked(&run.guild_id));
            tracing::info!(
                namespace = run.namespace,
                task = run.task_id,
                attempt = run.attempt,
                channel = run.channel_id,
                "run is live"
            );
        }
        Ok(())
    }

    async fn ensure_channel(&self, run: &mut Run, uncertain: bool) -> Result<(), Halt> {
        let guild = self.guild(&run.guild_id);
        let mut guild = guild.lock().await;
        // Whoever held it before may have been refused for all.
        self.held(&run.guild_id)?;
        if uncertain {
            let ours = guild.read(self.bot(), self.app.signer.as_ref()).await?;
            let categories = self.categories();
            let fits =
                |found: &Ours| found.run.key() == run.key() && guild.is_own(found, &categories);
            if let Some(found) = ours.into_iter().find(fits)
                && self.adopt(run, &found).await?
            {
                run.channel_id = Some(found.channel);
                run.parent_id = found.run.parent_id;
                return Ok(());
            }
        }
        guild.ready(self.bot()).await?;
        let category = &self.app.config.category;
        let wanted = if guild.place(category).is_ok() { 1 } else { 2 };
        if guild.room() < wanted && guild.is_stale() {
            guild.read(self.bot(), None).await?;
        }
        if guild.room() < wanted {
            drop(guild);
            return Err(self.make_room(&run.guild_id, Cap::Channels).await?);
        }
        if !guild.webhook_fits(self.bot()).await? {
            drop(guild);
            return Err(self.make_room(&run.guild_id, Cap::Webhooks).await?);
        }
        let parent = guild.category(self.bot(), category).await?;
        self.app.step("category.made").await;
        self.store.intend(&run.id, "channel").await?;
        "channel".clone_into(&mut run.step);
        self.app.step("channel.intent").await;
        let channel = NewChannel {
            name: names::channel(&run.task_id, run.attempt, &run.short_id),
            kind: ChannelKind::Text.number(),
            topic: self
                .app
                .signer
                .as_ref()
                .map(|signer| topic::write(signer, run)),
            parent_id: Some(parent.clone()),
        };
        let made = self
            .bot()
            .create_channel(&run.guild_id, &channel, "a run of an agent began")
            .await;
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                guild.doubt();
                let halt = self.no_channel(run, error).await?;
                // Before the next one has its turn.
                self.heed(&run.guild_id, &halt);
                return Err(halt);
            }
        };
        self.app.metrics.created.inc();
        self.app.step("channel.made").await;
        if made.name.as_deref() != Some(channel.name.as_str()) {
            tracing::info!(asked = channel.name, got = ?made.name, "Discord gave the channel a form of its own");
        }
        match self
            .store
            .made_channel(&run.id, &made.id, Some(&parent))
            .await
        {
            Err(StoreError::Vanished) => return Err(self.disown(&made.id).await),
            stored => stored?,
        }
        run.channel_id = Some(made.id.clone());
        run.parent_id = Some(parent.clone());
        guild.add(made);
        guild.webhook_comes();
        self.app.step("channel.stored").await;
        Ok(())
    }

    /// A channel was made just now, and its run's row is gone or has another: it is known to be ours and nobody's.
    async fn disown(&self, channel: &str) -> Halt {
        let reason = "its run is not there any more";
        match self.bot().delete_channel(channel, reason).await {
            Ok(()) => {
                self.app.metrics.orphans.inc();
            }
            Err(error) => {
                tracing::warn!(channel, %error, "a channel is left that no run has; delete it by hand");
            }
        }
        StoreError::Vanished.into()
    }

    /// What to do after Discord made no channel.
    async fn no_channel(&self, run: &Run, error: ApiError) -> Result<Halt, Halt> {
        match &error {
            ApiError::Rejected { code: 30013, .. } => {
                self.make_room(&run.guild_id, Cap::Channels).await
            }
            // The category went, or filled up, since the guild was read: it is read again.
            ApiError::Rejected {
                code: 50035,
                reason,
            } if reason.contains("parent_id") => {
                let time = Duration::from_secs(1 << run.failures.clamp(0, 6));
                Ok(Halt::wait(
                    format!("the category does not take the channel ({reason})"),
                    time,
                ))
            }
            _ => Ok(error.into()),
        }
    }

    /// Lets the finished run that ended first go before its time. `Err` of the answer is what the caller halts with.
    async fn make_room(&self, guild: &str, cap: Cap) -> Result<Halt, Halt> {
        let soon = Duration::from_millis(200);
        if self.store.leaving(guild).await? > 0 {
            return Ok(Halt::wait("an ended run makes room", soon));
        }
        if let Some(oldest) = self
            .store
            .oldest_finished(guild, cap == Cap::Webhooks)
            .await?
        {
            if self
                .store
                .clean_early(&oldest.id, oldest.state, now())
                .await?
            {
                tracing::warn!(
                    channel = oldest.channel_id,
                    "the guild is full; the run that ended first goes before its time"
                );
            }
            self.store.wake_engine().await;
            return Ok(Halt::wait("an ended run makes room", soon));
        }
        Ok(Halt::NoRoom(cap.says().to_owned()))
    }

    /// A channel that stands: back from the archive when its run goes on after all.
    async fn fit_channel(&self, run: &mut Run) -> Result<(), Halt> {
        let (Some(channel), Some(archive)) = (&run.channel_id, &self.app.config.archive_category)
        else {
            return Ok(());
        };
        let parent = {
            let guild = self.guild(&run.guild_id);
            let mut guild = guild.lock().await;
            guild.ready(self.bot()).await?;
            let moved = run
                .parent_id
                .as_deref()
                .is_some_and(|parent| guild.is_category(parent, archive));
            if !moved {
                return Ok(());
            }
            let parent = guild
                .category(self.bot(), &self.app.config.category)
                .await?;
            guild.moves(channel, &parent);
            parent
        };
        let fields = serde_json::json!({
            "parent_id": parent,
            "topic": self.app.signer.as_ref().map(|signer| topic::write(signer, run)),
        });
        let place = (channel.as_str(), run.guild_id.as_str());
        let edited = self.lock(place, false, fields, "the run goes on").await;
        if edited.is_err() {
            self.guild(&run.guild_id).lock().await.doubt();
        }
        let edited = edited?;
        self.store
            .made_channel(&run.id, channel, Some(&parent))
            .await?;
        run.parent_id = Some(parent);
        self.guild(&run.guild_id).lock().await.add(edited);
        Ok(())
    }

    async fn ensure_webhook(&self, run: &mut Run, uncertain: bool) -> Result<(), Halt> {
        let Some(channel) = run.channel_id.clone() else {
            return Ok(());
        };
        let name = names::webhook(&run.short_id);
        if uncertain {
            let id = self.adopt_webhook(&channel, &name).await;
            if let Some(id) = self.unless_gone(run, id).await? {
                self.store.made_webhook(&run.id, &id).await?;
                run.webhook_id = Some(id);
                return Ok(());
            }
        }
        self.store.intend(&run.id, "webhook").await?;
        self.app.step("webhook.intent").await;
        let made = self
            .bot()
            .create_webhook(&channel, &name, "a run of an agent began")
            .await;
        let made = match made {
            Err(ApiError::Rejected { code: 30058, .. }) => {
                return Err(self.no_webhook(run, &channel).await?);
            }
            made => self.unless_gone(run, made).await?,
        };
        self.app.step("webhook.made").await;
        self.store.made_webhook(&run.id, &made.id).await?;
        if let Some(token) = made.token {
            self.app.keep_token(&made.id, token);
        }
        run.webhook_id = Some(made.id);
        self.app.step("webhook.stored").await;
        Ok(())
    }

    /// Others took the webhooks that were free when the channel was begun. The channel waits for an ended run to make
    /// room; where none may go, it goes itself, and the registration is refused.
    async fn no_webhook(&self, run: &mut Run, channel: &str) -> Result<Halt, Halt> {
        self.guild(&run.guild_id).lock().await.recount();
        let halt = self.make_room(&run.guild_id, Cap::Webhooks).await?;
        if matches!(halt, Halt::NoRoom(_)) {
            let reason = "the guild has no webhook left for it";
            match self.bot().delete_channel(channel, reason).await {
                Ok(()) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error.into()),
            }
            self.guild(&run.guild_id).lock().await.remove(channel);
            self.store.forget(&run.id).await?;
            run.channel_id = None;
        }
        Ok(halt)
    }

    /// The webhook of this name in the channel; further ones of ours with the same name are removed.
    pub(super) async fn adopt_webhook(
        &self,
        channel: &str,
        name: &str,
    ) -> Result<Option<String>, ApiError> {
        let mut ours = self.bot().webhooks(channel).await?;
        ours.retain(|webhook| webhook.name.as_deref() == Some(name) && webhook.token.is_some());
        let mut ours = ours.into_iter();
        let Some(first) = ours.next() else {
            return Ok(None);
        };
        for further in ours {
            match self.bot().delete_webhook(&further.id, "made twice").await {
                Ok(()) => self.app.metrics.orphans.inc(),
                Err(error) if error.is_gone() => 0,
                Err(error) => return Err(error),
            };
        }
        if let Some(token) = first.token {
            self.app.keep_token(&first.id, token);
        }
        Ok(Some(first.id))
    }

    /// A channel that somebody deleted while its run was being made is made again.
    async fn unless_gone<T>(&self, run: &Run, result: Result<T, ApiError>) -> Result<T, Halt> {
        match result {
            Err(error) if error.code() == 10003 => {
                self.store.forget(&run.id).await?;
                self.guild(&run.guild_id).lock().await.doubt();
                Err(Halt::wait(
                    "the run's channel was deleted; it gets a new one",
                    Duration::from_secs(1),
                ))
            }
            result => Ok(result?),
        }
    }

    async fn ensure_header(&self, run: &mut Run, uncertain: bool) -> Result<(), Halt> {
        let embed = || cards::header(run, None);
        if let Some(id) = &run.header_id {
            // Posted in a former life: it shows a running run again.
            self.repost(run, id, embed()).await?;
            return Ok(());
        }
        let known = if uncertain {
            self.find_message(run, &cards::mark(run, "run")).await?
        } else {
            None
        };
        let id = if let Some(id) = known {
            self.repost(run, &id, embed()).await?;
            id
        } else {
            self.store.intend(&run.id, "header").await?;
            self.app.step("header.intent").await;
            let Some(id) = self.post(run, embed()).await? else {
                self.store.forget_webhook(&run.id).await?;
                return Err(Halt::wait(
                    "the run's webhook was deleted; it gets a new one",
                    Duration::from_secs(1),
                ));
            };
            self.app.step("header.made").await;
            id
        };
        self.store.made_header(&run.id, &id).await?;
        run.header_id = Some(id);
        self.app.step("header.stored").await;
        Ok(())
    }
}
