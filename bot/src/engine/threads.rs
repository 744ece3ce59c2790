//! Threads mode: one channel and one webhook for all runs, a thread for each. A thread begins with a message of the bot's
//! own whose footer carries the run's key, and has that message's id; in a forum the same holds for a post.

use super::halt::Halt;
use super::home::Home;
use super::{Engine, cards, names, topic};
use crate::clock::now;
use crate::store::{Run, State};
use discord::ApiError;
use discord::bot::{ChannelMessage, NewThread};
use serde_json::{Value, json};
use std::time::Duration;

/// Minutes of silence until Discord archives a thread by itself; a post by its webhook opens it again.
const AUTO_ARCHIVE: u32 = 10_080;
/// Messages of one page, as Discord bounds it, and the pages looked at to find one that a former try posted.
const PAGE: u8 = 100;
const PAGES: usize = 20;
/// Discord's code for a guild with 1000 threads that are not archived.
const TOO_MANY_THREADS: u64 = 160_006;
/// When to try again what failed for a reason that is dealt with.
const SOON: Duration = Duration::from_secs(1);
/// For the guild's audit log.
const REASON: &str = "a run of an agent began";
/// Milliseconds since 1970 at which Discord's ids begin to count.
const EPOCH: i64 = 1_420_070_400_000;
/// How much a clock here may be ahead of Discord's, in milliseconds.
const SKEW: i64 = 60_000;

impl Engine {
    /// The run's thread with its first message.
    pub(super) async fn ensure_thread(&self, run: &mut Run, uncertain: bool) -> Result<(), Halt> {
        if run.is_thread() {
            return self.reopen_thread(run).await;
        }
        let home = self.home(&run.guild_id).await?;
        let id = if home.forum {
            self.ensure_post(run, &home, uncertain).await?
        } else {
            self.ensure_starter(run, &home, uncertain).await?
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

    /// A thread that stands: back from its end, or from the loss of the webhook that posts to it.
    async fn reopen_thread(&self, run: &mut Run) -> Result<(), Halt> {
        let Some(thread) = run.channel_id.clone() else {
            return Ok(());
        };
        let home = self.fresh_home(&run.guild_id).await?;
        let fields = json!({ "archived": false, "locked": false });
        let opened = self
            .bot()
            .edit_channel(&thread, &fields, "the run goes on")
            .await;
        if opened.as_ref().is_err_and(|error| error.code() == 10003) {
            self.store.forget(&run.id).await?;
            return Err(Halt::wait(
                "the run's thread was deleted; it gets a new one",
                SOON,
            ));
        }
        if let Err(ApiError::Rejected {
            code: TOO_MANY_THREADS,
            ..
        }) = opened
        {
            return Err(self.no_thread(run, &home).await?);
        }
        opened?;
        self.store.made_webhook(&run.id, &home.webhook).await?;
        run.webhook_id = Some(home.webhook);
        Ok(())
    }

    /// A forum's post.
    async fn ensure_post(&self, run: &Run, home: &Home, uncertain: bool) -> Result<String, Halt> {
        if uncertain && let Some(id) = self.find_post(run, home).await? {
            return Ok(id);
        }
        self.store.intend(&run.id, "channel").await?;
        self.app.step("channel.intent").await;
        let made = self
            .bot()
            .create_post(&home.channel, &thread(run), &starter(run, self), REASON)
            .await;
        if let Err(ApiError::Rejected {
            code: TOO_MANY_THREADS,
            ..
        }) = made
        {
            return Err(self.no_thread(run, home).await?);
        }
        let made = self.at_home(&run.guild_id, made).await?;
        self.app.metrics.created.inc();
        Ok(made.id)
    }

    /// A message in the home, and the thread that begins with it. The message is written down before the thread is asked
    /// for: however often that fails, it is posted once.
    async fn ensure_starter(
        &self,
        run: &mut Run,
        home: &Home,
        uncertain: bool,
    ) -> Result<String, Halt> {
        let known = match run.header_id.clone() {
            None if uncertain => self.find_starter(run, home).await?,
            known => known,
        };
        self.store.intend(&run.id, "channel").await?;
        self.app.step("channel.intent").await;
        let message = if let Some(id) = known {
            id
        } else {
            let made = self
                .bot()
                .create_message(&home.channel, &starter(run, self))
                .await;
            self.at_home(&run.guild_id, made).await?.id
        };
        self.app.step("starter.made").await;
        self.store
            .made_starter(&run.id, &message, &home.channel)
            .await?;
        run.header_id = Some(message.clone());
        run.parent_id = Some(home.channel.clone());
        let made = self
            .bot()
            .create_thread(&home.channel, &message, &thread(run), REASON)
            .await;
        match made {
            Err(ApiError::Rejected {
                code: TOO_MANY_THREADS,
                ..
            }) => Err(self.no_thread(run, home).await?),
            Err(ApiError::NotFound { code: 10008, .. }) => {
                self.store.forget(&run.id).await?;
                Err(Halt::wait("the thread's first message was deleted", SOON))
            }
            // It has one already.
            Err(ApiError::Rejected { code: 160_004, .. }) => Ok(message),
            made => {
                self.at_home(&run.guild_id, made).await?;
                self.app.metrics.created.inc();
                Ok(message)
            }
        }
    }

    /// The guild has as many active threads as it may. An ended run's goes into the archive, where it does not count;
    /// where there is none, the registration is refused and leaves nothing behind.
    async fn no_thread(&self, run: &Run, home: &Home) -> Result<Halt, Halt> {
        if self.store.leaving(&run.guild_id).await? > 0 {
            return Ok(Halt::wait("an ended run makes room", SOON));
        }
        if let Some(oldest) = self.store.oldest_active_thread(&run.guild_id).await?
            && let Some(thread) = &oldest.channel_id
        {
            let fields = json!({ "archived": true, "locked": true });
            let reason = "the guild has as many active threads as it may";
            match self.bot().edit_channel(thread, &fields, reason).await {
                Ok(_) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error.into()),
            }
            self.store
                .settle(&oldest.id, State::Finished, State::Archived, now())
                .await?;
            return Ok(Halt::wait("an ended run makes room", Duration::ZERO));
        }
        if run.channel_id.is_none() {
            if let (Some(message), false) = (&run.header_id, home.forum) {
                let reason = "there is no room for its thread";
                match self
                    .bot()
                    .delete_message(&home.channel, message, reason)
                    .await
                {
                    Ok(()) => {}
                    Err(error) if error.is_gone() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.store.forget(&run.id).await?;
        }
        Ok(Halt::NoRoom(
            "the guild has 1000 active threads and no ended run's is among them; end runs, or archive threads".to_owned(),
        ))
    }

    /// A post that a former try made.
    async fn find_post(&self, run: &Run, home: &Home) -> Result<Option<String>, Halt> {
        let name = names::channel(&run.task_id, run.attempt, &run.short_id);
        for thread in self.bot().active_threads(&run.guild_id).await? {
            if thread.parent_id.as_deref() != Some(&home.channel)
                || thread.name.as_deref() != Some(&name)
            {
                continue;
            }
            let first = self.bot().messages(&thread.id, PAGE, None).await?;
            if first
                .iter()
                .any(|message| message.id == thread.id && self.begins(message, run))
            {
                return Ok(Some(thread.id));
            }
        }
        Ok(None)
    }

    /// A starter message that a former try posted: looked for page by page, back to where the run was registered.
    async fn find_starter(&self, run: &Run, home: &Home) -> Result<Option<String>, Halt> {
        let mut before: Option<String> = None;
        for _ in 0..PAGES {
            let page = self
                .bot()
                .messages(&home.channel, PAGE, before.as_deref())
                .await;
            let page = self.at_home(&run.guild_id, page).await?;
            if let Some(found) = page.iter().find(|message| self.begins(message, run)) {
                return Ok(Some(found.id.clone()));
            }
            let Some(last) = page.last() else { break };
            if page.len() < usize::from(PAGE) || made_at(&last.id) < run.created_at {
                break;
            }
            before = Some(last.id.clone());
        }
        Ok(None)
    }

    /// Whether a message carries this run's key.
    fn begins(&self, message: &ChannelMessage, run: &Run) -> bool {
        let Some(signer) = &self.app.signer else {
            return false;
        };
        let ours = |text: &str| {
            topic::read(signer, text, now()).is_some_and(|found| found.key() == run.key())
        };
        message
            .embeds
            .iter()
            .filter_map(|embed| embed.footer.as_ref())
            .any(|footer| ours(&footer.text))
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

/// The thread of a run.
fn thread(run: &Run) -> NewThread {
    NewThread {
        name: names::channel(&run.task_id, run.attempt, &run.short_id),
        auto_archive_duration: AUTO_ARCHIVE,
    }
}

/// When something with this id was made at the latest, by our clock.
fn made_at(id: &str) -> i64 {
    let id: u64 = id.parse().unwrap_or(0);
    i64::try_from(id >> 22).unwrap_or(0) + EPOCH + SKEW
}

/// The first message of a thread.
fn starter(run: &Run, engine: &Engine) -> Value {
    let embed = cards::header(run, engine.app.signer.as_ref());
    json!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
}
