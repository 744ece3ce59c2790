//! Which message was counted with which figures, within bounded memory.

use super::{Tally, Tariff, Tokens};
use crate::events::{Memory, hash};
use crate::record::{ModelCost, ModelCosts};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// How much the ledger remembers exactly.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages whose figures may still be replaced by a better record of theirs.
    pub open: usize,
    /// Ids of messages counted for good, half of this per generation.
    pub remembered: usize,
    /// Models told apart; more are counted together under the last.
    pub models: usize,
    /// Sessions told apart; more are counted together under the last.
    pub sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 4096,
            remembered: 131_072,
            models: 64,
            sessions: 1024,
        }
    }
}

/// One record's word on a message.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The message's id.
    pub message: &'a str,
    /// The model as the record names it.
    pub model: &'a str,
    /// The session of the record.
    pub session: &'a str,
    /// Whether the figures are final: the record says why the model stopped.
    pub ended: bool,
    /// The figures.
    pub tokens: Tokens,
    /// How they are charged.
    pub tariff: Tariff,
}

/// Totals of one model.
#[derive(Debug, Clone, Default)]
pub struct ModelTotals {
    /// Name as the transcript has it.
    pub model: String,
    /// Sum over its messages.
    pub tally: Tally,
}

/// Totals of one session.
#[derive(Debug, Clone, Default)]
pub struct SessionTotals {
    /// The session's id.
    pub session: String,
    /// Sums by model, in the order of first use.
    pub models: Vec<ModelTotals>,
    /// Exact cost in US dollars, when a result record said it: of everything up to that record.
    pub exact_cost: Option<f64>,
    /// Sums by model over the messages that began after that record.
    pub since_exact: Vec<ModelTotals>,
    /// The same by model, as the result record names and says them.
    pub exact_models: Vec<(String, f64)>,
    /// Result records so far.
    results: u32,
}

impl SessionTotals {
    /// Whether the exact cost is all that the session cost.
    pub fn is_exact(&self) -> bool {
        let more = self.since_exact.iter().any(|one| one.tally.messages > 0);
        self.exact_cost.is_some() && !more
    }

    /// The sums by model that the exact cost does not hold: all of them where there is none.
    pub fn not_exact(&self) -> &[ModelTotals] {
        if self.exact_cost.is_some() {
            &self.since_exact
        } else {
            &self.models
        }
    }
}

/// A message that may still get better figures.
#[derive(Debug, Clone, Copy)]
struct Counted {
    model: u16,
    session: u32,
    /// Result records of its session when it was first seen: its end may stand behind the next.
    results: u32,
    open: bool,
    tariff: Tariff,
    tokens: Tokens,
}

/// Keys are hashes already: hashing them again would cost and add nothing.
pub(crate) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<crate::events::Identity>>;

/// Tokens by message, model and session.
#[derive(Debug)]
pub struct Ledger {
    limits: Limits,
    current: ByHash<Counted>,
    previous: ByHash<Counted>,
    closed: Memory,
    models: Vec<String>,
    sessions: Vec<SessionTotals>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            current: ByHash::default(),
            previous: ByHash::default(),
            closed: Memory::new(limits.remembered),
            models: Vec::new(),
            sessions: Vec::new(),
        }
    }

    /// Counts what a record says of a message, once and with the best figures seen.
    pub fn count(&mut self, sample: &Sample<'_>) {
        // What the client wrote itself costs nothing and has no model.
        if sample.message.is_empty() || sample.model == "<synthetic>" {
            return;
        }
        let id = hash(&[sample.message.as_bytes()]);
        if self.closed.contains(id) {
            return;
        }
        let known = self
            .current
            .get(&id)
            .or_else(|| self.previous.get(&id))
            .copied();
        if let Some(known) = known {
            if !better(&known, sample) {
                return;
            }
            self.tally(known, |tally| {
                tally.remove(&known.tokens, known.tariff, known.open);
            });
        }
        let session = known.map_or_else(|| self.session(sample.session), |known| known.session);
        let results = || {
            let totals = self.sessions.get(session as usize);
            totals.map_or(0, |totals| totals.results)
        };
        let results = known.map_or_else(results, |known| known.results);
        let counted = Counted {
            model: self.model(sample.model),
            session,
            results,
            open: !sample.ended,
            tariff: sample.tariff,
            tokens: sample.tokens,
        };
        self.tally(counted, |tally| {
            tally.add(&counted.tokens, counted.tariff, counted.open);
        });
        self.previous.remove(&id);
        self.current.insert(id, counted);
        if self.current.len() >= self.limits.open.div_ceil(2) {
            for id in self.previous.keys() {
                self.closed.insert(*id);
            }
            self.previous = std::mem::take(&mut self.current);
        }
    }

    /// Notes the exact cost of a session, in US dollars; the last word counts, for the client's figure accumulates.
    pub fn exact_cost(&mut self, session: &str, dollars: f64) {
        if !dollars.is_finite() || dollars < 0.0 {
            return;
        }
        let at = self.session(session);
        if let Some(totals) = self.sessions.get_mut(at as usize) {
            totals.exact_cost = Some(dollars);
            totals.since_exact.clear();
            totals.results = totals.results.saturating_add(1);
        }
    }

    /// Notes the exact cost of a session by model, in US dollars; the last word counts here too.
    pub fn exact_model_costs(&mut self, session: &str, costs: &ModelCosts) {
        let said = |(model, cost): &(String, ModelCost)| {
            let dollars = cost
                .cost
                .0
                .filter(|cost| cost.is_finite() && *cost >= 0.0)?;
            Some((model.clone(), dollars))
        };
        let models: Vec<_> = costs.0.iter().filter_map(said).collect();
        if models.is_empty() {
            return;
        }
        let at = self.session(session);
        if let Some(totals) = self.sessions.get_mut(at as usize) {
            totals.exact_models = models;
        }
    }

    /// Totals by session, in the order of first use.
    pub fn sessions(&self) -> &[SessionTotals] {
        &self.sessions
    }

    /// Totals by model over all sessions, in the order of first use.
    pub fn models(&self) -> Vec<ModelTotals> {
        let mut sums: Vec<ModelTotals> = self
            .models
            .iter()
            .map(|model| ModelTotals {
                model: model.clone(),
                tally: Tally::default(),
            })
            .collect();
        for totals in self.sessions.iter().flat_map(|session| &session.models) {
            if let Some(sum) = sums.iter_mut().find(|sum| sum.model == totals.model) {
                sum.tally.merge(&totals.tally);
            }
        }
        sums.retain(|sum| sum.tally.messages > 0);
        sums
    }

    /// Totals over everything.
    pub fn total(&self) -> Tally {
        let mut sum = Tally::default();
        for totals in self.sessions.iter().flat_map(|session| &session.models) {
            sum.merge(&totals.tally);
        }
        sum
    }

    fn tally(&mut self, of: Counted, change: impl Fn(&mut Tally)) {
        let Some(name) = self.models.get(usize::from(of.model)) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(of.session as usize) else {
            return;
        };
        change(of_model(&mut session.models, name));
        if session.results > 0 && session.results == of.results {
            change(of_model(&mut session.since_exact, name));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the limits")]
    fn model(&mut self, name: &str) -> u16 {
        if let Some(at) = self.models.iter().position(|known| known == name) {
            return at as u16;
        }
        if self.models.len() < self.limits.models {
            let full = self.models.len() + 1 == self.limits.models;
            self.models.push(if full {
                "other models".to_owned()
            } else {
                name.to_owned()
            });
        }
        self.models.len().saturating_sub(1) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the limits")]
    fn session(&mut self, id: &str) -> u32 {
        // The session in use is nearly always the newest.
        if let Some(at) = self.sessions.iter().rposition(|known| known.session == id) {
            return at as u32;
        }
        if self.sessions.len() < self.limits.sessions {
            let full = self.sessions.len() + 1 == self.limits.sessions;
            let session = if full {
                "other sessions".to_owned()
            } else {
                id.to_owned()
            };
            self.sessions.push(SessionTotals {
                session,
                ..SessionTotals::default()
            });
        }
        self.sessions.len().saturating_sub(1) as u32
    }
}

fn of_model<'a>(all: &'a mut Vec<ModelTotals>, name: &str) -> &'a mut Tally {
    let at = all.iter().position(|totals| totals.model == name);
    let at = at.unwrap_or_else(|| {
        all.push(ModelTotals {
            model: name.to_owned(),
            tally: Tally::default(),
        });
        all.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
    &mut all[at].tally
}

/// Whether `sample` replaces what is known of its message. Where it stands does not matter: a replay of a parent's
/// message in a subagent's conversation, or a copy in another file, is the same answer of the model, paid once.
fn better(known: &Counted, sample: &Sample<'_>) -> bool {
    let (old, new) = (known.tokens.output, sample.tokens.output);
    // The later of equals wins: it is the one that says whether the message ended.
    new > old || (new == old && (known.open || sample.ended))
}
