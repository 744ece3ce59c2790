//! Tokens by kind, and sums of them.

use super::Tariff;
use crate::record::Usage;

/// Tokens of one message by kind, and what is charged beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input besides the cache.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Searches of the web at the provider, which are no tokens and are charged one by one.
    pub web_searches: u64,
}

impl Tokens {
    /// What a record says. Without the split by lifetime all cache writes count as five minutes, the client's default.
    pub fn of(usage: &Usage<'_>) -> Self {
        let written = usage.cache_write.count();
        let (five_minutes, one_hour) = usage.split.as_ref().map_or((written, 0), |split| {
            let (short, long) = (split.five_minutes.count(), split.one_hour.count());
            if short == 0 && long == 0 {
                (written, 0)
            } else {
                (short, long)
            }
        });
        Self {
            input: usage.input.count(),
            output: usage.output.count(),
            cache_read: usage.cache_read.count(),
            cache_write_5m: five_minutes,
            cache_write_1h: one_hour,
            web_searches: usage
                .server
                .as_ref()
                .map_or(0, |server| server.web_searches.count()),
        }
    }

    /// All kinds of tokens together.
    pub fn total(&self) -> u64 {
        self.parts()
            .iter()
            .fold(0, |sum, part| sum.saturating_add(*part))
    }

    fn parts(&self) -> [u64; 5] {
        [
            self.input,
            self.output,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
        ]
    }

    /// Adds `other`, kind by kind.
    pub fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write_5m = self.cache_write_5m.saturating_add(other.cache_write_5m);
        self.cache_write_1h = self.cache_write_1h.saturating_add(other.cache_write_1h);
        self.web_searches = self.web_searches.saturating_add(other.web_searches);
    }

    /// Takes `other` away again, kind by kind.
    pub fn remove(&mut self, other: &Self) {
        self.input = self.input.saturating_sub(other.input);
        self.output = self.output.saturating_sub(other.output);
        self.cache_read = self.cache_read.saturating_sub(other.cache_read);
        self.cache_write_5m = self.cache_write_5m.saturating_sub(other.cache_write_5m);
        self.cache_write_1h = self.cache_write_1h.saturating_sub(other.cache_write_1h);
        self.web_searches = self.web_searches.saturating_sub(other.web_searches);
    }
}

/// A sum over messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages, by id.
    pub messages: u64,
    /// Of these, the ones whose output is a placeholder or not finished: the sum is a lower bound.
    pub open: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// The same, apart by [`Tariff`].
    by_tariff: [Tokens; Tariff::COUNT],
}

impl Tally {
    /// Adds one message.
    pub fn add(&mut self, tokens: &Tokens, tariff: Tariff, open: bool) {
        self.messages += 1;
        self.open += u64::from(open);
        self.tokens.add(tokens);
        if let Some(part) = self.by_tariff.get_mut(tariff.index()) {
            part.add(tokens);
        }
    }

    /// Takes one message away again.
    pub fn remove(&mut self, tokens: &Tokens, tariff: Tariff, open: bool) {
        self.messages = self.messages.saturating_sub(1);
        self.open = self.open.saturating_sub(u64::from(open));
        self.tokens.remove(tokens);
        if let Some(part) = self.by_tariff.get_mut(tariff.index()) {
            part.remove(tokens);
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        self.open += other.open;
        self.tokens.add(&other.tokens);
        for (part, more) in self.by_tariff.iter_mut().zip(&other.by_tariff) {
            part.add(more);
        }
    }

    /// Its tokens by tariff; all of them together are [`Self::tokens`].
    pub fn by_tariff(&self) -> impl Iterator<Item = (Tariff, &Tokens)> {
        let parts = self.by_tariff.iter().enumerate();
        parts.map(|(index, tokens)| (Tariff::at(index), tokens))
    }

    /// Whether the true output may be larger than the sum.
    pub fn is_lower_bound(&self) -> bool {
        self.open > 0
    }
}
