//! What the bot may do in a guild: asked once at the start and after a refusal, never in a loop.

use super::Engine;
use crate::clock::now;
use crate::interaction::Keys;
use discord::ApiError;
use discord::bot::permissions::{
    self, CREATE_PUBLIC_THREADS, EMBED_LINKS, MANAGE_CHANNELS, MANAGE_ROLES, MANAGE_THREADS,
    MANAGE_WEBHOOKS, READ_MESSAGE_HISTORY, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// First wait after a refusal that concerns all runs; doubled up to the last.
const FIRST_HOLD: Duration = Duration::from_secs(15);
const LAST_HOLD: Duration = Duration::from_mins(10);

/// Whether runs are worked on, and until when not.
#[derive(Debug, Default)]
pub(super) struct Hold {
    until: i64,
    times: u32,
    why: String,
    /// Whether the permissions were looked at since it began.
    looked: bool,
}

impl Hold {
    /// Why nothing is tried, and for how long.
    pub(super) fn active(&self) -> Option<(String, Duration)> {
        let left = u64::try_from(self.until - now()).unwrap_or(0);
        (left > 0).then(|| (self.why.clone(), Duration::from_millis(left)))
    }

    fn begin(&mut self, why: &str) {
        if self.active().is_some() {
            return;
        }
        let time = FIRST_HOLD
            .saturating_mul(1 << self.times.min(10))
            .min(LAST_HOLD);
        self.times = self.times.saturating_add(1);
        self.looked = false;
        self.until = now().saturating_add(i64::try_from(time.as_millis()).unwrap_or(0));
        why.clone_into(&mut self.why);
    }

    /// Whether it holds and nobody has looked why.
    pub(super) fn look(&mut self) -> bool {
        self.active().is_some() && !std::mem::replace(&mut self.looked, true)
    }

    /// The permissions are there. Whether that was all, the next call shows.
    fn end(&mut self) {
        self.until = 0;
    }

    /// A run was made: the next refusal is the first one again.
    pub(super) fn worked(&mut self) {
        self.times = 0;
    }
}

impl Engine {
    /// Names what is missing, when something is.
    pub(super) async fn look(&self, guild: &str) {
        if let Ok(Some(missing)) = self.missing(guild).await {
            self.app.set_trouble(Some(missing));
        }
    }

    /// Asks who we are and what we may, and says what is missing. `false`: nothing can be done for runs now.
    pub(super) async fn probe(&self, guild: &str) -> bool {
        let trouble = match self.missing(guild).await {
            Ok(None) => None,
            Ok(Some(missing)) => Some(missing),
            Err(
                ApiError::NotFound { code: 10004, .. } | ApiError::Forbidden { code: 50001, .. },
            ) => Some(format!(
                "the bot is not in the guild {guild}, or GUILD_ID is wrong; invite it (scope bot)"
            )),
            Err(error @ ApiError::Later(_)) => {
                // An outage: each run's own steps try again, and say so.
                tracing::warn!(%error, "permissions could not be looked up");
                return true;
            }
            Err(error) => Some(error.to_string()),
        };
        self.app.set_trouble(trouble.clone());
        self.hold(|hold| match &trouble {
            Some(why) => hold.begin(why),
            None => hold.end(),
        });
        trouble.is_none()
    }

    /// The names of the permissions without which no run can be made.
    async fn missing(&self, id: &str) -> Result<Option<String>, ApiError> {
        let application = self.bot().application().await?;
        self.check_key(&application);
        let user = application
            .bot
            .map_or_else(|| application.id.clone(), |bot| bot.id);
        let guild = self.bot().guild(id).await?;
        let member = self.bot().member(id, &user).await?;
        let have = permissions::of_member(&guild, &member, &user);
        let needed = if self.is_threads() {
            VIEW_CHANNEL
                | MANAGE_WEBHOOKS
                | SEND_MESSAGES
                | EMBED_LINKS
                | READ_MESSAGE_HISTORY
                | MANAGE_THREADS
                | CREATE_PUBLIC_THREADS
                | SEND_MESSAGES_IN_THREADS
        } else {
            VIEW_CHANNEL | MANAGE_CHANNELS | MANAGE_WEBHOOKS
        };
        // Without them runs work, but less well.
        let wanted = if self.is_threads() {
            0
        } else if self.app.config.archive_category.is_some() {
            // Who may not write himself can deny it to nobody (resources/channel.mdx, Edit Channel Permissions).
            READ_MESSAGE_HISTORY | MANAGE_ROLES | SEND_MESSAGES
        } else {
            READ_MESSAGE_HISTORY
        };
        let to_lock = MANAGE_ROLES | SEND_MESSAGES;
        self.lockable
            .store(have & to_lock == to_lock, Ordering::Relaxed);
        let lacks = permissions::names(wanted & !have).join(", ");
        self.app.readiness.detail(
            "permissions",
            (!lacks.is_empty()).then(|| format!("works without, but better with: {lacks}")),
        );
        let missing = permissions::names(needed & !have);
        Ok((!missing.is_empty()).then(|| {
            format!(
                "the bot lacks these permissions in the guild {id}: {}; grant them to its role",
                missing.join(", ")
            )
        }))
    }

    fn check_key(&self, application: &discord::bot::Application) {
        // What is missing or no key at all was said at the start.
        let Some(Ok(ours)) = self.app.config.public_key.as_deref().map(Keys::parse) else {
            return;
        };
        let theirs = application.verify_key.as_deref();
        let text = theirs.is_some_and(|theirs| !ours.has(theirs)).then(|| {
            "none of PUBLIC_KEY is the key of the bot's application: its commands are refused"
                .to_owned()
        });
        self.app.readiness.detail("interactions", text);
    }

    /// A refusal that concerns all runs: nothing is tried for a while, and then the permissions are looked at first.
    pub(super) fn refused(&self, why: &str) {
        self.app.set_trouble(Some(why.to_owned()));
        self.hold(|hold| hold.begin(why));
        self.doubtful.store(true, Ordering::Relaxed);
    }
}
