//! What stands in one guild: read once, then kept up to date by our own calls, since one engine makes and removes all
//! channels of ours. People change things too, so it is read again before anything is refused for lack of room.

use super::halt::Halt;
use super::names;
use super::topic;
use crate::clock::now;
use crate::signer::Signer;
use crate::store::Run;
use discord::Bot;
use discord::bot::{Channel, ChannelKind, NewChannel};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// Channels and categories of a guild (code 30013 beyond it).
pub(crate) const MAX_CHANNELS: usize = 500;
/// Channels of a category.
pub(crate) const MAX_CHILDREN: usize = 50;
/// Webhooks of a guild (code 30058 beyond it).
pub(crate) const MAX_WEBHOOKS: usize = 1000;
/// How long a count of webhooks serves that only our own calls keep up to date; others make some too.
const COUNTED: Duration = Duration::from_mins(10);
/// A list as old as this is good enough to say that there is no room.
const FRESH: Duration = Duration::from_secs(5);

/// A channel of the guild, ours or not.
#[derive(Debug, Clone)]
struct Known {
    kind: ChannelKind,
    name: String,
    parent: Option<String>,
}

/// A channel whose topic this bot signed. Anybody can copy a topic: it says which run it speaks of, not whose channel
/// it is.
#[derive(Debug, Clone)]
pub(crate) struct Ours {
    pub channel: String,
    /// Whether it looks as this bot makes them: a text channel of the run's name.
    pub fits: bool,
    /// The run as the topic tells it, channel and category filled in.
    pub run: Run,
}

/// One guild as it is now.
#[derive(Debug)]
pub(crate) struct Guild {
    pub id: String,
    channels: HashMap<String, Known>,
    loaded: Option<Instant>,
    /// How many webhooks there are, and when they were counted.
    webhooks: Option<(usize, Instant)>,
    /// Channels that were said to be left alone.
    left: HashSet<String>,
}

impl Guild {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            channels: HashMap::new(),
            loaded: None,
            webhooks: None,
            left: HashSet::new(),
        }
    }

    /// Reads the guild's channels when they were never read.
    pub(crate) async fn ready(&mut self, bot: &Bot) -> Result<(), Halt> {
        if self.loaded.is_none() {
            self.read(bot, None).await?;
        }
        Ok(())
    }

    /// Reads all channels, and gives those with a topic of ours, the oldest first: a copy is younger.
    pub(crate) async fn read(
        &mut self,
        bot: &Bot,
        signer: Option<&Signer>,
    ) -> Result<Vec<Ours>, Halt> {
        let list = bot.channels(&self.id).await?;
        let mut ours = Vec::new();
        self.channels.clear();
        for channel in list {
            if let Some((signer, topic)) = signer.zip(channel.topic.as_deref())
                && let Some(mut run) = topic::read(signer, topic, now())
            {
                run.guild_id.clone_from(&self.id);
                run.channel_id = Some(channel.id.clone());
                run.parent_id.clone_from(&channel.parent_id);
                let name = names::channel(&run.task_id, run.attempt, &run.short_id);
                let called = channel.name.as_deref().unwrap_or_default();
                ours.push(Ours {
                    channel: channel.id.clone(),
                    fits: channel.kind == ChannelKind::Text && names::alike(called, &name),
                    run,
                });
            }
            self.add(channel);
        }
        self.loaded = Some(Instant::now());
        self.left.retain(|id| self.channels.contains_key(id));
        ours.sort_by(|one, other| age(&one.channel).cmp(&age(&other.channel)));
        Ok(ours)
    }

    /// Whether a channel with a topic of ours may be taken for the run's own: it looks like one, and stands in a category
    /// of ours.
    pub(crate) fn is_own(&self, found: &Ours, categories: &[&str]) -> bool {
        let parent = found.run.parent_id.as_deref();
        found.fits
            && parent
                .is_some_and(|parent| categories.iter().any(|name| self.is_category(parent, name)))
    }

    /// Says once that a channel with a topic of ours is left alone.
    pub(crate) fn leave(&mut self, found: &Ours) {
        if self.left.insert(found.channel.clone()) {
            tracing::warn!(
                channel = found.channel,
                task = found.run.task_id,
                attempt = found.run.attempt,
                "a channel has a run's topic and is not known to be its own: a copy? It is left alone; delete it, or its \
                 topic, by hand"
            );
        }
    }

    /// A channel is being moved: its new place counts from now on.
    pub(crate) fn moves(&mut self, channel: &str, parent: &str) {
        if let Some(known) = self.channels.get_mut(channel) {
            known.parent = Some(parent.to_owned());
        }
    }

    /// A channel was made or changed.
    pub(crate) fn add(&mut self, channel: Channel) {
        self.channels.insert(
            channel.id,
            Known {
                kind: channel.kind,
                name: channel.name.unwrap_or_default(),
                parent: channel.parent_id,
            },
        );
    }

    /// A channel was deleted.
    pub(crate) fn remove(&mut self, channel: &str) {
        self.channels.remove(channel);
    }

    pub(crate) fn has(&self, channel: &str) -> bool {
        self.channels.contains_key(channel)
    }

    /// Whether the category is `name` or one of its overflows.
    pub(crate) fn is_category(&self, id: &str, name: &str) -> bool {
        self.channels.get(id).is_some_and(|known| {
            known.kind == ChannelKind::Category && names::is_category(&known.name, name)
        })
    }

    /// A text or forum channel of this name.
    pub(crate) fn named(&self, name: &str) -> Option<String> {
        let fits = |known: &Known| {
            matches!(known.kind, ChannelKind::Text | ChannelKind::Forum) && known.name == name
        };
        self.channels
            .iter()
            .filter(|(_, known)| fits(known))
            .map(|(id, _)| id.clone())
            .min()
    }

    /// How many more channels fit, categories included.
    pub(crate) fn room(&self) -> usize {
        MAX_CHANNELS.saturating_sub(self.channels.len())
    }

    /// Whether one more webhook fits. They are counted anew before that is denied.
    pub(crate) async fn webhook_fits(&mut self, bot: &Bot) -> Result<bool, Halt> {
        let serves = |(count, at): &(usize, Instant)| {
            let most = if *count < MAX_WEBHOOKS {
                COUNTED
            } else {
                FRESH
            };
            at.elapsed() <= most
        };
        let count = if let Some((count, _)) = self.webhooks.filter(serves) {
            count
        } else {
            let count = bot.guild_webhooks(&self.id).await?.len();
            self.webhooks = Some((count, Instant::now()));
            count
        };
        Ok(count < MAX_WEBHOOKS)
    }

    /// A channel was made that gets a webhook.
    pub(crate) fn webhook_comes(&mut self) {
        if let Some((count, _)) = &mut self.webhooks {
            *count += 1;
        }
    }

    /// Discord contradicted the count.
    pub(crate) fn recount(&mut self) {
        self.webhooks = None;
    }

    /// A webhook of ours was deleted, by itself or with its channel.
    pub(crate) fn webhook_went(&mut self) {
        if let Some((count, _)) = &mut self.webhooks {
            *count = count.saturating_sub(1);
        }
    }

    /// Whether the list may be too old to refuse anything by it.
    pub(crate) fn is_stale(&self) -> bool {
        self.loaded.is_none_or(|at| at.elapsed() > FRESH)
    }

    /// The first category of this name with room for one more channel; `Err` with the name of the one to make.
    pub(crate) fn place(&self, name: &str) -> Result<String, String> {
        for number in 1.. {
            let wanted = names::category(name, number);
            let mut found = self
                .channels
                .iter()
                .filter(|(_, known)| known.kind == ChannelKind::Category && known.name == wanted)
                .map(|(id, _)| id)
                .peekable();
            if found.peek().is_none() {
                return Err(wanted);
            }
            if let Some(free) = found.find(|id| self.children(id) < MAX_CHILDREN) {
                return Ok(free.clone());
            }
        }
        Err(name.to_owned())
    }

    fn children(&self, category: &str) -> usize {
        self.channels
            .values()
            .filter(|known| known.parent.as_deref() == Some(category))
            .count()
    }

    /// The category of [`Self::place`], made when it is not there.
    pub(crate) async fn category(&mut self, bot: &Bot, name: &str) -> Result<String, Halt> {
        let name = match self.place(name) {
            Ok(id) => return Ok(id),
            Err(name) => name,
        };
        let category = NewChannel {
            name,
            kind: ChannelKind::Category.number(),
            topic: None,
            parent_id: None,
        };
        let made = bot
            .create_channel(&self.id, &category, "a category for runs of agents")
            .await;
        if made.is_err() {
            // Whether it was made or not, the next try begins with what is there.
            self.loaded = None;
        }
        let made = made?;
        let id = made.id.clone();
        self.add(made);
        Ok(id)
    }

    /// The next use reads everything again.
    pub(crate) fn doubt(&mut self) {
        self.loaded = None;
    }
}

/// Ids of Discord's count up; as numbers they may not fit ours, as text of one length they compare.
fn age(id: &str) -> (usize, &str) {
    (id.len(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guild(channels: &[(&str, u64, &str, Option<&str>)]) -> Guild {
        let mut guild = Guild::new("1");
        for (id, kind, name, parent) in channels {
            guild.channels.insert(
                (*id).to_owned(),
                Known {
                    kind: (*kind).into(),
                    name: (*name).to_owned(),
                    parent: parent.map(ToOwned::to_owned),
                },
            );
        }
        guild
    }

    #[test]
    fn a_full_category_is_followed_by_the_next() {
        assert_eq!(guild(&[]).place("Runs"), Err("Runs".to_owned()));
        let mut full = guild(&[("5", 4, "Runs", None)]);
        assert_eq!(full.place("Runs"), Ok("5".to_owned()));
        for at in 0..MAX_CHILDREN {
            full.channels.insert(
                format!("c{at}"),
                Known {
                    kind: ChannelKind::Text,
                    name: String::new(),
                    parent: Some("5".to_owned()),
                },
            );
        }
        assert_eq!(full.place("Runs"), Err("Runs 2".to_owned()));
        assert_eq!(full.room(), MAX_CHANNELS - MAX_CHILDREN - 1);
    }

    #[test]
    fn a_text_channel_of_the_same_name_is_no_category() {
        let guild = guild(&[("5", 0, "Runs", None), ("6", 4, "Runs 2", None)]);
        assert_eq!(guild.place("Runs"), Err("Runs".to_owned()));
        assert!(guild.is_category("6", "Runs") && !guild.is_category("5", "Runs"));
    }
}
