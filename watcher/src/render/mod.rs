//! From events to posts that Discord takes, safe to show.
//!
//! Promises: every embed keeps Discord's limits by itself; no text of a transcript reaches a post unwashed (control
//! characters, mentions, masked links, fences, secrets); what is shortened is attached or said. Refuses to know: when
//! a post is sent, and with which others.

mod around;
mod bash;
mod card;
mod diff;
mod lookup;
mod style;
mod summary;
mod talk;
mod tool;
mod wash;
mod work;

use crate::events::Event;
use crate::filter::Filters;
use crate::price::Prices;
use crate::redact::Redactor;
use card::Card;
use secrecy::SecretString;
use serde::Deserialize;
use wash::Washer;

pub use summary::{RunState, Summary};
pub(crate) use summary::{duration, number};

/// The setting `stats`, as the environment variable STATS holds it.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StatsOptions {
    /// Show the cost in US dollars.
    pub track_cost: bool,
    /// Show tokens by kind.
    pub tokens: bool,
    /// Count and show errors.
    pub errors: bool,
}

impl Default for StatsOptions {
    fn default() -> Self {
        Self {
            track_cost: true,
            tokens: true,
            errors: true,
        }
    }
}

/// How to render.
#[derive(Debug)]
pub struct RenderOptions {
    /// What passes.
    pub filters: Filters,
    /// Show everything as far as Discord's own limits let.
    pub parity: bool,
    /// What is taken out.
    pub redactor: Redactor,
    /// What the summary shows.
    pub stats: StatsOptions,
    /// What tokens cost.
    pub prices: Prices,
}

/// How a post is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostKind {
    /// Something failed.
    Error,
    /// The end of a run, or the live summary.
    Summary,
    /// Anything else.
    Ordinary,
}

/// What is sent together.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// One, rarely more; each keeps Discord's limits alone, all together may not.
    pub embeds: Vec<discord::Embed>,
    /// Whole texts of which the embeds show a part.
    pub files: Vec<discord::File>,
    /// How to treat it.
    pub kind: PostKind,
}

/// What rendering did, counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RenderCounts {
    /// Events that became posts.
    pub rendered: u64,
    /// Events that the filters kept back.
    pub filtered: u64,
    /// Secrets taken out.
    pub redacted: u64,
}

/// Turns events into posts.
#[derive(Debug)]
pub struct Renderer {
    filters: Filters,
    washer: Washer,
    stats: StatsOptions,
    prices: Prices,
    counts: RenderCounts,
}

impl Renderer {
    /// A renderer.
    pub fn new(options: RenderOptions) -> Self {
        Self {
            filters: options.filters,
            washer: Washer::new(options.redactor, options.parity),
            stats: options.stats,
            prices: options.prices,
            counts: RenderCounts::default(),
        }
    }

    /// The post that `event` is; `None` when the filters keep it back.
    pub fn render(&mut self, event: &Event) -> Option<Post> {
        if !self.filters.pass(event) {
            self.counts.filtered += 1;
            return None;
        }
        let mut card = Card::new(&self.washer, event);
        let kind = talk::render(&mut card, event, &self.filters);
        self.counts.rendered += 1;
        Some(card.finish(kind))
    }

    /// Redacts this text too from now on.
    pub fn learn(&mut self, secret: &SecretString) {
        self.washer.learn(secret);
    }

    /// What rendering did so far.
    pub fn counts(&self) -> RenderCounts {
        RenderCounts {
            redacted: self.washer.redacted(),
            ..self.counts
        }
    }
}
