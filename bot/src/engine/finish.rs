//! The end of a run: shown, then archived or left until its retention is over, then deleted. The same rules as in
//! [`super::create`]: intent, call, result.

use super::halt::Halt;
use super::{Engine, cards, names, topic};
use crate::clock::now;
use crate::store::{Final, Run, State};
use discord::ApiError;
use discord::bot::{Overwrite, permissions};
use serde_json::json;

/// Times that a run's end waits for feedback on its input that cannot be shown.
const FEEDBACK_TRIES: i64 = 3;

impl Engine {
    /// Brings a run from ended to finished or archived.
    pub(super) async fn finish(&self, mut run: Run) -> Result<(), Halt> {
        self.held(&run.guild_id)?;
        let uncertain = !run.step.is_empty();
        let archive = self.app.config.archive_category.clone();
        if let Some(channel) = run.channel_id.clone() {
            if uncertain && run.webhook_id.is_none() && !run.is_thread() {
                let name = names::webhook(&run.short_id);
                match self.adopt_webhook(&channel, &name).await {
                    Ok(id) => run.webhook_id = id,
                    Err(error) if error.is_gone() => return self.gone(&run).await,
                    Err(error) => return Err(error.into()),
                }
            }
            // While there is a webhook to say it by.
            self.last_feedback(&run).await?;
            self.show_end(&mut run, uncertain, archive.is_some())
                .await?;
            self.store.intend(&run.id, "end").await?;
            self.app.step("end.intent").await;
            let marked = if run.is_thread() {
                self.end_thread(&run, archive.is_some()).await
            } else {
                self.end_channel(&mut run, archive.as_deref()).await
            };
            match marked {
                Err(Halt::Api(error)) if error.code() == 10003 => return self.gone(&run).await,
                marked => marked?,
            }
            self.app.step("end.made").await;
        }
        let to = if archive.is_some() {
            State::Archived
        } else {
            State::Finished
        };
        if self
            .store
            .settle(&run.id, State::Finishing, to, now())
            .await?
        {
            tracing::info!(
                namespace = run.namespace,
                task = run.task_id,
                attempt = run.attempt,
                channel = run.channel_id,
                status = run.status.map(Final::word),
                "run has ended"
            );
        }
        self.app.step("end.stored").await;
        Ok(())
    }

    /// Shows what became of the run's inputs. An end waits for that a few times, not for ever.
    async fn last_feedback(&self, run: &Run) -> Result<(), Halt> {
        loop {
            match self.feedback(&run.id).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(failed) if run.failures < FEEDBACK_TRIES => return Err(failed.halt),
                Err(failed) => {
                    tracing::warn!(run = run.id, error = %failed.halt, "the run ends without all feedback on its input");
                    return Ok(());
                }
            }
        }
    }

    /// The last message, and the header with the end in it.
    async fn show_end(&self, run: &mut Run, uncertain: bool, archived: bool) -> Result<(), Halt> {
        if run.webhook_id.is_none() || run.final_id.is_some() {
            return Ok(());
        }
        let mark = cards::mark(run, "end of run");
        let known = if uncertain {
            self.find_message(run, &mark).await?
        } else {
            None
        };
        let id = if let Some(id) = known {
            id
        } else {
            self.store.intend(&run.id, "final").await?;
            self.app.step("final.intent").await;
            let embed = cards::end(run, run.delete_at, archived);
            // Without a webhook there is nobody to say it, and the end comes all the same.
            let id = self.post(run, embed).await?.unwrap_or_default();
            self.app.step("final.made").await;
            id
        };
        self.store.made_final(&run.id, &id).await?;
        run.final_id = Some(id);
        self.app.step("final.stored").await;
        if let (Some(header), false) = (run.header_id.clone(), run.is_thread()) {
            self.repost(run, &header, cards::header(run, None)).await?;
        }
        Ok(())
    }

    /// Marks the end in the topic; moves and locks the channel when it is archived. Its webhook goes in any case: nobody
    /// posts to a run that is over.
    async fn end_channel(&self, run: &mut Run, archive: Option<&str>) -> Result<(), Halt> {
        let Some(channel) = run.channel_id.clone() else {
            return Ok(());
        };
        let topic = self
            .app
            .signer
            .as_ref()
            .map(|signer| topic::write(signer, run));
        let reason = "the run of an agent ended";
        let fields = json!({ "topic": topic });
        match archive {
            Some(archive) => self.move_to(run, &channel, archive, fields).await?,
            None => drop(self.bot().edit_channel(&channel, &fields, reason).await?),
        }
        let Some(webhook) = &run.webhook_id else {
            return Ok(());
        };
        match self.bot().delete_webhook(webhook, reason).await {
            Ok(()) => {}
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(error.into()),
        }
        self.app.forget_token(webhook);
        self.guild(&run.guild_id).lock().await.webhook_went();
        self.app.step("archive.webhook").await;
        self.store.forget_webhook(&run.id).await?;
        Ok(())
    }

    /// Moves and locks an ended run's channel, unless it was. The guild is not held while Discord takes its time with one
    /// channel: its topic may be edited twice in ten minutes.
    async fn move_to(
        &self,
        run: &mut Run,
        channel: &str,
        archive: &str,
        mut fields: serde_json::Value,
    ) -> Result<(), Halt> {
        let guild = self.guild(&run.guild_id);
        {
            let mut guild = guild.lock().await;
            guild.ready(self.bot()).await?;
            let there = run
                .parent_id
                .as_deref()
                .is_some_and(|parent| guild.is_category(parent, archive));
            if there {
                return Ok(());
            }
            // A guild so full that no archive category fits: the channel stays where it is, locked.
            if guild.place(archive).is_ok() || guild.room() > 0 {
                let parent = guild.category(self.bot(), archive).await?;
                self.app.step("archive.category").await;
                guild.moves(channel, &parent);
                set(&mut fields, "parent_id", json!(parent));
            }
        }
        let place = (channel, run.guild_id.as_str());
        let reason = "the run of an agent ended";
        let edited = self.lock(place, true, fields, reason).await;
        if edited.is_err() {
            // Where it stands now, the next one has to read.
            guild.lock().await.doubt();
        }
        let edited = edited?;
        self.app.step("archive.moved").await;
        self.store
            .made_channel(&run.id, channel, edited.parent_id.as_deref())
            .await?;
        run.parent_id.clone_from(&edited.parent_id);
        guild.lock().await.add(edited);
        Ok(())
    }

    /// Edits a channel of a guild, and locks it or opens it again. That needs a permission more: without it the channel is
    /// edited all the same.
    pub(super) async fn lock(
        &self,
        (channel, guild): (&str, &str),
        locked: bool,
        mut fields: serde_json::Value,
        reason: &str,
    ) -> Result<discord::bot::Channel, Halt> {
        if self.may_lock() {
            let open = fields.clone();
            let overwrites = self.overwrites(channel, guild, locked).await?;
            set(&mut fields, "permission_overwrites", json!(overwrites));
            match self.bot().edit_channel(channel, &fields, reason).await {
                Err(ApiError::Forbidden { code: 50013, .. }) => {
                    self.cannot_lock();
                    fields = open;
                }
                edited => return Ok(edited?),
            }
        }
        Ok(self.bot().edit_channel(channel, &fields, reason).await?)
    }

    /// The channel's overwrites, with everyone's writing denied or left to the guild's roles.
    async fn overwrites(
        &self,
        channel: &str,
        guild: &str,
        locked: bool,
    ) -> Result<Vec<Overwrite>, Halt> {
        let mut overwrites = self.bot().channel(channel).await?.permission_overwrites;
        let bit = permissions::SEND_MESSAGES;
        if let Some(everyone) = overwrites.iter_mut().find(|one| one.id == guild) {
            let deny: u64 = everyone.deny.parse().unwrap_or(0);
            let deny = if locked { deny | bit } else { deny & !bit };
            everyone.deny = deny.to_string();
            if locked {
                let allow: u64 = everyone.allow.parse().unwrap_or(0);
                everyone.allow = (allow & !bit).to_string();
            }
        } else if locked {
            overwrites.push(Overwrite {
                id: guild.to_owned(),
                kind: 0,
                allow: "0".to_owned(),
                deny: bit.to_string(),
            });
        }
        Ok(overwrites)
    }

    /// Deletes the channel of a run whose time has come.
    pub(super) async fn clean(&self, run: Run) -> Result<(), Halt> {
        self.held(&run.guild_id)?;
        if let Some(channel) = &run.channel_id {
            self.app.step("clean.intent").await;
            let reason = "the run's retention is over";
            match self.bot().delete_channel(channel, reason).await {
                Ok(()) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error.into()),
            }
            self.app.step("clean.made").await;
            if run.is_thread() {
                self.delete_starter(&run).await?;
            }
            self.guild(&run.guild_id).lock().await.remove(channel);
        } else {
            // A thread that was begun and never made.
            self.delete_starter(&run).await?;
        }
        if let Some(webhook) = run.webhook_id.as_ref().filter(|_| !run.is_thread()) {
            self.app.forget_token(webhook);
            self.guild(&run.guild_id).lock().await.webhook_went();
        }
        if self
            .store
            .settle(&run.id, State::Cleaning, State::Deleted, now())
            .await?
        {
            self.app.metrics.cleaned.inc();
            tracing::info!(
                namespace = run.namespace,
                task = run.task_id,
                attempt = run.attempt,
                channel = run.channel_id,
                "the run's channel is deleted"
            );
        }
        self.app.step("clean.stored").await;
        // Whoever waits for room need not wait any longer.
        self.store.make_due(&run.guild_id).await?;
        self.store.wake_engine().await;
        Ok(())
    }

    /// Somebody deleted the run's channel.
    async fn gone(&self, run: &Run) -> Result<(), Halt> {
        self.store.channel_gone(run, now()).await?;
        if let Some(channel) = &run.channel_id {
            self.guild(&run.guild_id).lock().await.remove(channel);
        }
        Ok(())
    }
}

fn set(fields: &mut serde_json::Value, key: &str, value: serde_json::Value) {
    if let Some(map) = fields.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}
