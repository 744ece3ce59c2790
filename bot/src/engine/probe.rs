//! What the bot may do in a guild and in its categories: asked at the start, now and then, and after a refusal, never in
//! a loop.

use super::hold::{Due, Looked};
use super::{Engine, names};
use crate::interaction::Keys;
use discord::ApiError;
use discord::bot::permissions::{
    self, CREATE_PUBLIC_THREADS, EMBED_LINKS, MANAGE_CHANNELS, MANAGE_ROLES, MANAGE_THREADS,
    MANAGE_WEBHOOKS, READ_MESSAGE_HISTORY, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use discord::bot::{Channel, ChannelKind, Guild, Member};
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// Categories that are named one by one when permissions lack in them.
const MAX_NAMED: usize = 10;

/// Who the bot is in a guild, and what it may there.
struct Place {
    guild: Guild,
    member: Member,
    user: String,
    have: u64,
}

/// What lacks, in words.
#[derive(Default)]
struct Lack {
    /// Without it no run can be made.
    needed: Option<String>,
    /// Without it runs go on, but less well.
    wanted: Option<String>,
}

impl Engine {
    /// Looks at every guild that is due for it, and compares store and guild where it is time. Runs under way are left
    /// alone.
    pub(super) async fn survey(&self, busy: &HashSet<String>) {
        let Ok(guilds) = self.every_guild().await else {
            return;
        };
        self.holds(|holds| holds.keep(&guilds));
        for guild in &guilds {
            let Some(due) = self.holds(|holds| holds.due(guild)) else {
                continue;
            };
            let looked = self.look(guild).await;
            self.holds(|holds| holds.looked(guild, looked));
            if due == Due::Look {
                continue;
            }
            let compared = match looked {
                Looked::Fine | Looked::Lacking | Looked::Unknown => {
                    self.reconcile(guild, busy).await
                }
                Looked::Shut => continue,
            };
            if let Err(halt) = &compared {
                tracing::warn!(guild, error = %halt, "runs and channels could not be compared");
            }
            self.holds(|holds| holds.compared(guild, compared.is_ok()));
        }
    }

    /// Asks who we are and what we may, and says what is missing.
    async fn look(&self, guild: &str) -> Looked {
        let trouble = match self.lacks(guild).await {
            Ok(Lack {
                needed: None,
                wanted,
            }) => {
                self.app.set_trouble(None, None);
                self.app.set_trouble(Some(guild), None);
                let looked = if wanted.is_some() {
                    Looked::Lacking
                } else {
                    Looked::Fine
                };
                self.app.set_lack(guild, wanted);
                return looked;
            }
            Ok(Lack {
                needed: Some(missing),
                ..
            }) => missing,
            Err(
                ApiError::NotFound { code: 10004, .. } | ApiError::Forbidden { code: 50001, .. },
            ) => format!(
                "the bot is not in the guild {guild}, or GUILD_ID is wrong; invite it (scope bot)"
            ),
            Err(error @ ApiError::Later(_)) => {
                // An outage: each run's own steps try again, and say so.
                tracing::warn!(%error, "permissions could not be looked up");
                return Looked::Unknown;
            }
            Err(error @ (ApiError::Unauthorized | ApiError::TooManyRefusals { .. })) => {
                self.refused_all(&error.to_string());
                return Looked::Shut;
            }
            Err(error) => error.to_string(),
        };
        self.refused(guild, &trouble);
        Looked::Shut
    }

    /// What the bot lacks in a guild, by the names of Discord's settings.
    async fn lacks(&self, id: &str) -> Result<Lack, ApiError> {
        let application = self.bot().application().await?;
        self.check_key(&application);
        let user = application
            .bot
            .map_or_else(|| application.id.clone(), |bot| bot.id);
        let guild = self.bot().guild(id).await?;
        let member = self.bot().member(id, &user).await?;
        let have = permissions::of_member(&guild, &member, &user);
        let needed = self.needed();
        let to_lock = MANAGE_ROLES | SEND_MESSAGES;
        self.lockable
            .store(have & to_lock == to_lock, Ordering::Relaxed);
        let missing = permissions::names(needed & !have);
        if !missing.is_empty() {
            return Ok(Lack {
                needed: Some(format!(
                    "the bot lacks these permissions in the guild {id}: {}; grant them to its role",
                    missing.join(", ")
                )),
                wanted: None,
            });
        }
        let place = Place {
            guild,
            member,
            user,
            have,
        };
        let mut lack = if self.is_threads() {
            Lack::default()
        } else {
            self.in_categories(&place).await?
        };
        let lacks = permissions::names(self.wanted() & !have).join(", ");
        if !lacks.is_empty() {
            let text = format!("works without, but better with: {lacks}");
            lack.wanted = Some(match lack.wanted {
                Some(other) => format!("{text}; {other}"),
                None => text,
            });
        }
        Ok(lack)
    }

    /// Without these no run can be made.
    fn needed(&self) -> u64 {
        if self.is_threads() {
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
        }
    }

    /// Without these runs work, but less well.
    fn wanted(&self) -> u64 {
        if self.is_threads() {
            0
        } else if self.app.config.archive_category.is_some() {
            // Who may not write himself can deny it to nobody (resources/channel.mdx, Edit Channel Permissions).
            READ_MESSAGE_HISTORY | MANAGE_ROLES | SEND_MESSAGES
        } else {
            READ_MESSAGE_HISTORY
        }
    }

    /// What our categories' own overwrites take away. In the one that gets the next run it keeps runs from being made;
    /// in another it is said, and hurts the runs in it alone.
    async fn in_categories(&self, place: &Place) -> Result<Lack, ApiError> {
        let needed = self.needed();
        let channels = self.bot().channels(&place.guild.id).await?;
        let next = next(&channels, &self.app.config.category);
        let archive = self.app.config.archive_category.as_deref();
        let ours = |channel: &&Channel| {
            let name = channel.name.as_deref().unwrap_or_default();
            channel.kind == ChannelKind::Category
                && (names::is_category(name, &self.app.config.category)
                    || archive.is_some_and(|archive| names::is_category(name, archive)))
        };
        let mut lack = Lack::default();
        let mut others = Vec::new();
        for category in channels.iter().filter(ours) {
            let (guild, member) = (&place.guild, &place.member);
            let have = permissions::in_channel(place.have, guild, member, &place.user, category);
            let missing = permissions::names(needed & !have).join(", ");
            if missing.is_empty() {
                continue;
            }
            let name = category.name.as_deref().unwrap_or_default();
            if next == Some(category.id.as_str()) {
                lack.needed = Some(format!(
                    "the category {name} of the guild {} takes these permissions from the bot: {missing}; change its \
                     permissions",
                    place.guild.id
                ));
            } else if others.len() < MAX_NAMED {
                others.push(format!("the category {name} takes from the bot: {missing}"));
            }
        }
        lack.wanted = (!others.is_empty()).then(|| others.join("; "));
        Ok(lack)
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

    /// Nothing can be done in this guild: nothing is tried there for a while, and then it is looked at first.
    pub(super) fn refused(&self, guild: &str, why: &str) {
        self.app.set_trouble(Some(guild), Some(why.to_owned()));
        self.holds(|holds| holds.begin(guild, why));
    }

    /// The token is refused, or too much was: nothing is tried anywhere.
    pub(super) fn refused_all(&self, why: &str) {
        self.app.set_trouble(None, Some(why.to_owned()));
        self.holds(|holds| holds.begin_all(why));
    }
}

/// The category that gets the next channel, when it is there: as [`super::guild::Guild::place`] finds it.
fn next<'a>(channels: &'a [Channel], name: &str) -> Option<&'a str> {
    let mut seen = super::guild::Guild::new("");
    for channel in channels {
        seen.add(channel.clone());
    }
    let id = seen.place(name).ok()?;
    channels
        .iter()
        .find(|channel| channel.id == id)
        .map(|channel| channel.id.as_str())
}
