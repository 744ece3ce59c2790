//! When nothing is tried: for one guild, or for all of them when it is the token that is refused.
//!
//! A refusal says little of why. So a guild that refused one call is looked at before the next is made there; what the
//! look names holds the guild, and when it names nothing the refusal was about one channel, and that run waits alone.

use crate::clock::now;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// First wait after a refusal; doubled up to the last, so that what was given back is noticed within a minute.
const FIRST: Duration = Duration::from_secs(15);
const LAST: Duration = Duration::from_mins(1);
/// How long one refused call after another is taken for its own run's trouble, after a look that named nothing.
const CLEARED: Duration = Duration::from_secs(15);
/// What a step waits while its guild is about to be looked at.
const SOON: Duration = Duration::from_secs(1);
/// How often a guild is looked at in which the bot lacks something.
const LACKING: Duration = Duration::from_mins(1);
/// How often store and guild are compared.
const COMPARE: Duration = Duration::from_mins(10);
/// When to try again after Discord did not answer.
const AGAIN: Duration = Duration::from_secs(5);

/// Whether something is tried, and from when on.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Milliseconds since 1970.
    until: i64,
    times: u32,
    why: String,
}

impl Hold {
    /// Why nothing is tried, and for how long.
    fn active(&self) -> Option<(String, Duration)> {
        let left = u64::try_from(self.until - now()).unwrap_or(0);
        (left > 0).then(|| (self.why.clone(), Duration::from_millis(left)))
    }

    fn begin(&mut self, why: &str) {
        why.clone_into(&mut self.why);
        if self.active().is_some() {
            return;
        }
        let time = FIRST.saturating_mul(1 << self.times.min(10)).min(LAST);
        self.times = self.times.saturating_add(1);
        self.until = now().saturating_add(i64::try_from(time.as_millis()).unwrap_or(0));
    }
}

/// What a guild is due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A look at the permissions.
    Look,
    /// The same, then store against guild.
    Compare,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// Nothing is missing.
    Fine,
    /// Runs go on, but less well.
    Lacking,
    /// Nothing can be done here; said why.
    Shut,
    /// Discord did not answer.
    Unknown,
}

/// One guild.
#[derive(Debug)]
struct Guild {
    hold: Hold,
    /// A call was refused, and nobody has looked why.
    suspect: bool,
    /// When a look named nothing for a refusal.
    cleared: Option<Instant>,
    look_at: Instant,
    compare_at: Instant,
}

impl Guild {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            hold: Hold::default(),
            suspect: false,
            cleared: None,
            look_at: now,
            compare_at: now,
        }
    }
}

/// All guilds, and what concerns them all.
#[derive(Debug, Default)]
pub(super) struct Holds {
    all: Hold,
    guilds: HashMap<String, Guild>,
}

impl Holds {
    /// Why nothing is tried in this guild, and for how long.
    pub(super) fn active(&self, guild: &str) -> Option<(String, Duration)> {
        self.all.active().or_else(|| {
            let guild = self.guilds.get(guild)?;
            guild.hold.active().or_else(|| {
                let why = "a call was refused; the permissions are looked at first";
                guild.suspect.then(|| (why.to_owned(), SOON))
            })
        })
    }

    /// The token itself is refused.
    pub(super) fn begin_all(&mut self, why: &str) {
        self.all.begin(why);
        for guild in self.guilds.values_mut() {
            guild.look_at = Instant::now();
        }
    }

    /// Nothing can be done in this guild.
    pub(super) fn begin(&mut self, guild: &str, why: &str) {
        let guild = self.guild(guild);
        guild.hold.begin(why);
        guild.look_at = Instant::now();
    }

    /// A call was refused. Whether the guild is looked at because of it.
    pub(super) fn suspect(&mut self, guild: &str) -> bool {
        let guild = self.guild(guild);
        if guild.cleared.is_some_and(|at| at.elapsed() < CLEARED) {
            return false;
        }
        guild.suspect = true;
        true
    }

    /// A run was made: the next refusal is the first one again.
    pub(super) fn worked(&mut self, guild: &str) {
        self.all.times = 0;
        self.guild(guild).hold.times = 0;
    }

    /// What this guild is due for.
    pub(super) fn due(&mut self, guild: &str) -> Option<Due> {
        if self.all.active().is_some() {
            return None;
        }
        let now = Instant::now();
        let guild = self.guild(guild);
        if guild.suspect {
            return Some(Due::Look);
        }
        if guild.hold.active().is_some() {
            return None;
        }
        if guild.compare_at <= now {
            return Some(Due::Compare);
        }
        (guild.look_at <= now).then_some(Due::Look)
    }

    /// A look was made.
    pub(super) fn looked(&mut self, id: &str, looked: Looked) {
        let guild = self.guild(id);
        let suspect = std::mem::take(&mut guild.suspect);
        guild.look_at = Instant::now()
            + match looked {
                Looked::Fine => COMPARE,
                Looked::Lacking => LACKING,
                // As soon as it is held no longer.
                Looked::Shut => Duration::ZERO,
                Looked::Unknown => AGAIN,
            };
        if matches!(looked, Looked::Fine | Looked::Lacking) {
            guild.cleared = suspect.then(Instant::now);
            guild.hold.until = 0;
            self.all.until = 0;
        }
    }

    /// Store and guild were compared, or could not be.
    pub(super) fn compared(&mut self, guild: &str, done: bool) {
        self.guild(guild).compare_at = Instant::now() + if done { COMPARE } else { AGAIN };
    }

    /// How long no guild is due for anything.
    pub(super) fn rest(&self) -> Option<Duration> {
        if let Some((_, time)) = self.all.active() {
            return Some(time);
        }
        self.guilds
            .values()
            .map(|guild| match guild.hold.active() {
                _ if guild.suspect => Duration::ZERO,
                Some((_, time)) => time,
                None => guild
                    .look_at
                    .min(guild.compare_at)
                    .saturating_duration_since(Instant::now()),
            })
            .min()
    }

    /// Forgets guilds that no run is in and no setting names.
    pub(super) fn keep(&mut self, known: &std::collections::HashSet<String>) {
        self.guilds.retain(|id, _| known.contains(id));
    }

    fn guild(&mut self, id: &str) -> &mut Guild {
        self.guilds.entry(id.to_owned()).or_insert_with(Guild::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_one_guild_holds_no_other_and_a_refused_token_holds_all() {
        let mut holds = Holds::default();
        holds.begin("1", "not in it");
        assert!(holds.active("1").is_some() && holds.active("2").is_none());
        holds.begin_all("the token");
        assert_eq!(holds.active("2").unwrap().0, "the token");
        assert_eq!(holds.due("2"), None, "no call is made");
    }

    #[test]
    fn a_refused_call_is_followed_by_one_look_and_then_is_its_own_runs_trouble() {
        let mut holds = Holds::default();
        holds.looked("1", Looked::Fine);
        holds.compared("1", true);
        assert_eq!(holds.due("1"), None);
        assert!(holds.suspect("1"));
        assert!(
            holds.active("1").is_some(),
            "nothing is tried before the look"
        );
        assert_eq!(holds.due("1"), Some(Due::Look));
        holds.looked("1", Looked::Fine);
        assert!(holds.active("1").is_none());
        assert!(!holds.suspect("1"), "known already");
        assert!(holds.active("1").is_none());
    }

    #[test]
    fn what_was_given_back_is_noticed_within_a_minute_however_long_it_was_missing() {
        let mut hold = Hold::default();
        for _ in 0..20 {
            hold.begin("missing");
            assert!(hold.active().unwrap().1 <= Duration::from_mins(1));
            hold.until = 0;
        }
    }
}
