//! Threads mode: one channel and one webhook for all runs, a thread for each. A thread begins with a message of the bot's
//! own whose footer carries the run's key, and has that message's id; in a forum the same holds for a post.

use super::halt::Halt;
use super::{Engine, cards, names, topic};
use crate::config::Mode;
use crate::store::Run;
use discord::ApiError;
use discord::bot::{ChannelKind, NewChannel, NewThread};
use serde_json::{Value, json};

/// Minutes of silence until Discord archives a thread by itself; a post by its webhook opens it again.
const AUTO_ARCHIVE: u32 = 10_080;
/// Starter messages looked at to find one that a former try posted.
const LOOK_BACK: u8 = 100;

/// Where threads are made.
#[derive(Debug, Clone)]
pub(super) struct Home {
    channel: String,
    forum: bool,
    webhook: String,
}

impl Engine {
    pub(super) fn is_threads(&self) -> bool {
        matches!(self.app.config.mode, Mode::Threads { .. })
    }

    /// The channel of all threads and its webhook; found or made.
    async fn home(&self, guild_id: &str) -> Result<Home, Halt> {
        let mut homes = self.homes.lock().await;
        if let Some(home) = homes.get(guild_id) {
            return Ok(home.clone());
        }
        let Mode::Threads { channel } = &self.app.config.mode else {
            return Err(Halt::NoRoom("runs are channels here".to_owned()));
        };
        let name = names::normal(&self.app.config.category);
        let channel = if let Some(id) = channel {
            self.bot().channel(id).await?
        } else {
            let guild = self.guild(guild_id);
            let mut guild = guild.lock().await;
            guild.read(self.bot(), None).await?;
            if let Some(id) = guild.named(&name) {
                self.bot().channel(&id).await?
            } else {
                let channel = NewChannel {
                    name,
                    kind: ChannelKind::Text.number(),
                    topic: None,
                    parent_id: None,
                };
                let made = self
                    .bot()
                    .create_channel(guild_id, &channel, "a channel for runs of agents")
                    .await?;
                guild.doubt();
                made
            }
        };
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
        };
        homes.insert(guild_id.to_owned(), home.clone());
        Ok(home)
    }

    /// The run's thread with its first message.
    pub(super) async fn ensure_thread(&self, run: &mut Run, uncertain: bool) -> Result<(), Halt> {
        let home = self.home(&run.guild_id).await?;
        if run.is_thread() {
            let Some(thread) = run.channel_id.clone() else {
                return Ok(());
            };
            // Back from its end.
            let fields = json!({ "archived": false, "locked": false });
            self.bot()
                .edit_channel(&thread, &fields, "the run goes on")
                .await?;
            self.store.made_webhook(&run.id, &home.webhook).await?;
            return Ok(());
        }
        let thread = NewThread {
            name: names::channel(&run.task_id, run.attempt, &run.short_id),
            auto_archive_duration: AUTO_ARCHIVE,
        };
        let starter = starter(run, self);
        let known = if uncertain {
            self.find_starter(run, &home).await?
        } else {
            None
        };
        self.store.intend(&run.id, "channel").await?;
        self.app.step("channel.intent").await;
        let reason = "a run of an agent began";
        let id = if home.forum {
            if let Some(id) = known {
                id
            } else {
                let made = self
                    .bot()
                    .create_post(&home.channel, &thread, &starter, reason)
                    .await?;
                self.app.metrics.created.inc();
                made.id
            }
        } else {
            let message = match known {
                Some(id) => id,
                None => self.bot().create_message(&home.channel, &starter).await?.id,
            };
            self.app.step("starter.made").await;
            let made = self
                .bot()
                .create_thread(&home.channel, &message, &thread, reason)
                .await;
            match made {
                Ok(_) => drop(self.app.metrics.created.inc()),
                // It has one already.
                Err(ApiError::Rejected { code: 160_004, .. }) => {}
                Err(error) => return Err(error.into()),
            }
            message
        };
        self.app.step("channel.made").await;
        self.store
            .made_thread(&run.id, &id, &home.channel, &home.webhook)
            .await?;
        run.channel_id = Some(id.clone());
        run.header_id = Some(id);
        run.parent_id = Some(home.channel);
        run.webhook_id = Some(home.webhook);
        self.app.step("channel.stored").await;
        Ok(())
    }

    /// A starter message that a former try posted.
    async fn find_starter(&self, run: &Run, home: &Home) -> Result<Option<String>, Halt> {
        let Some(signer) = &self.app.signer else {
            return Ok(None);
        };
        let mut messages = Vec::new();
        if home.forum {
            for thread in self.bot().active_threads(&run.guild_id).await? {
                if thread.parent_id.as_deref() == Some(&home.channel)
                    && thread.name.as_deref()
                        == Some(&names::channel(&run.task_id, run.attempt, &run.short_id))
                {
                    let first = self.bot().messages(&thread.id, LOOK_BACK, None).await?;
                    messages.extend(first.into_iter().filter(|message| message.id == thread.id));
                }
            }
        } else {
            messages = self.bot().messages(&home.channel, LOOK_BACK, None).await?;
        }
        let now = crate::clock::now();
        let ours =
            |text: &str| topic::read(signer, text, now).is_some_and(|found| found.id == run.id);
        Ok(messages
            .into_iter()
            .find(|message| {
                message
                    .embeds
                    .iter()
                    .filter_map(|embed| embed.footer.as_ref())
                    .any(|footer| ours(&footer.text))
            })
            .map(|message| message.id))
    }

    /// The end of a thread: its starter says so; archived and locked when that is wanted.
    pub(super) async fn end_thread(&self, run: &Run, archive: bool) -> Result<(), Halt> {
        let (Some(thread), Some(parent)) = (&run.channel_id, &run.parent_id) else {
            return Ok(());
        };
        let place = if self.home(&run.guild_id).await?.forum {
            thread
        } else {
            parent
        };
        let starter = starter(run, self);
        let mut edited = self.bot().edit_message(place, thread, &starter).await;
        // A post's starter stands in the post itself, which a former try, or Discord after a long silence, has archived.
        if let Err(ApiError::Rejected { code: 50083, .. }) = edited {
            let fields = json!({ "archived": false });
            self.bot()
                .edit_channel(thread, &fields, "the run ended")
                .await?;
            edited = self.bot().edit_message(place, thread, &starter).await;
        }
        match edited {
            Ok(_) => {}
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(error.into()),
        }
        if archive {
            let fields = json!({ "archived": true, "locked": true });
            self.bot()
                .edit_channel(thread, &fields, "the run ended")
                .await?;
        }
        Ok(())
    }

    /// Deletes what a deleted thread leaves behind in its channel.
    pub(super) async fn delete_starter(&self, run: &Run) -> Result<(), Halt> {
        let (Some(message), Some(parent)) = (&run.header_id, &run.parent_id) else {
            return Ok(());
        };
        match self
            .bot()
            .delete_message(parent, message, "the run's retention is over")
            .await
        {
            Ok(()) => Ok(()),
            // A forum has no message of its own.
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The first message of a thread.
fn starter(run: &Run, engine: &Engine) -> Value {
    let embed = cards::header(run, engine.app.signer.as_ref());
    json!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
}
