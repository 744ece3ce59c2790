//! The live summary of a run, and its end.

use super::card::{Card, Part, Room};
use super::{Post, PostKind, Renderer, style};
use crate::events::{Finish, Interpreter};
use crate::price::{Cost, Prices, normalise};
use crate::usage::{Ledger, ModelTotals, Tally};
use std::time::Duration;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Nothing was read yet.
    Waiting,
    /// The agent works.
    Working,
    /// The agent waits for somebody.
    Idle,
    /// The run is over.
    Finished,
    /// The run is over and failed.
    Failed,
    /// The run is over in the middle of its work.
    Stopped,
    /// The run is over, and Discord does not have all of it.
    Incomplete,
}

/// Figures of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// Tokens and messages.
    pub tally: Tally,
    /// US dollars of the models whose price is known.
    pub cost: f64,
    /// Whether the cost is a lower bound.
    pub at_least: bool,
    /// Tokens of models whose price is not known.
    pub unpriced: u64,
}

impl Renderer {
    /// The summary as it stands: state, what runs, figures.
    pub fn summary(&self, interpreter: &Interpreter, state: RunState, elapsed: Duration) -> Post {
        let activity = interpreter.activity();
        let (icon, title) = match state {
            RunState::Waiting => (style::NOTICE, "Waiting for the agent"),
            RunState::Working => (style::BEGAN, "Working"),
            RunState::Idle => (style::NOTICE, "Idle"),
            RunState::Finished => (style::DONE, "Finished"),
            RunState::Failed => (style::FAILED, "Failed"),
            RunState::Stopped => (style::STOPPED, "Stopped while working"),
            RunState::Incomplete => (style::INCOMPLETE, "Ended, incomplete"),
        };
        let mut card = Card::empty(&self.washer);
        card.title(icon, title);
        if let Some(tool) = activity
            .tool
            .as_deref()
            .filter(|_| state == RunState::Working)
        {
            let more = activity.open_calls.saturating_sub(1);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            card.field("Running", &format!("{tool}{more}"), true);
        }
        card.field("Tool calls", &number(activity.calls), true);
        if self.stats.errors {
            card.field("Errors", &number(activity.errors), true);
        }
        card.field(
            "Duration",
            &duration(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
            true,
        );
        let figures = self.figures(interpreter);
        if self.stats.tokens {
            card.field("Tokens", &tokens(&figures.tally), false);
        }
        if self.stats.track_cost {
            card.field("Cost", &cost(&figures), true);
            card.field(
                "Cost by model",
                &by_model(interpreter.usage(), &self.prices),
                false,
            );
        }
        let models: Vec<String> = interpreter
            .usage()
            .models()
            .into_iter()
            .map(|totals| totals.model)
            .collect();
        card.detail(&models.join(", "));
        let lost = interpreter.losses();
        if lost.cut + lost.garbage > 0 {
            card.detail(&format!(
                "{} records could not be read",
                lost.cut + lost.garbage
            ));
        }
        let redacted = self.counts().redacted;
        if redacted > 0 {
            card.detail(&format!("{} secrets taken out", number(redacted)));
        }
        card.finish(PostKind::Summary)
    }

    /// Figures of all sessions; a session's exact cost replaces what its tokens up to then would cost.
    pub fn figures(&self, interpreter: &Interpreter) -> Summary {
        let mut sum = Summary {
            tally: interpreter.usage().total(),
            ..Summary::default()
        };
        for session in interpreter.usage().sessions() {
            sum.cost += session.exact_cost.unwrap_or(0.0);
            // A client uses models besides that only its next result record will name.
            sum.at_least |= session.exact_cost.is_some() && !session.is_exact();
            for ModelTotals { model, tally } in session.not_exact() {
                match self.prices.cost(model, tally) {
                    Some(cost) => {
                        sum.cost += cost.dollars;
                        sum.at_least |= cost.at_least;
                    }
                    None => sum.unpriced = sum.unpriced.saturating_add(tally.tokens.total()),
                }
            }
        }
        sum
    }
}

/// The end of a stream-json run.
pub(super) fn finished(card: &mut Card<'_>, finish: &Finish) -> PostKind {
    let room = Room {
        chars: 2000,
        lines: 50,
        part: Part::Head,
    };
    if finish.failed {
        card.title(style::FAILED, "The run failed");
        card.detail(&finish.subtype);
    } else {
        card.title(style::DONE, "The run is done");
    }
    card.prose(&finish.text, room, "result.md");
    card.detail(&format!("{} turns", finish.turns));
    card.detail(&duration(finish.duration_ms));
    if let Some(cost) = finish.cost {
        card.detail(&format!("${cost:.2}"));
    }
    if finish.denials > 0 {
        card.detail(&format!("{} permissions refused", finish.denials));
    }
    if finish.failed {
        PostKind::Error
    } else {
        PostKind::Summary
    }
}

fn tokens(tally: &Tally) -> String {
    let tokens = &tally.tokens;
    let bound = if tally.is_lower_bound() { "≥ " } else { "" };
    let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
    format!(
        "in {} · out {bound}{} · cache read {} · cache write {}",
        number(tokens.input),
        number(tokens.output),
        number(tokens.cache_read),
        number(written)
    )
}

fn cost(figures: &Summary) -> String {
    if figures.unpriced > 0 && figures.cost == 0.0 {
        return format!(
            "unknown ({} tokens of models without a price)",
            number(figures.unpriced)
        );
    }
    let bound = if figures.at_least || figures.unpriced > 0 {
        "≥ "
    } else {
        ""
    };
    let unknown = if figures.unpriced > 0 {
        format!(
            ", plus {} tokens of models without a price",
            number(figures.unpriced)
        )
    } else {
        String::new()
    };
    format!("{bound}${:.2}{unknown}", figures.cost)
}

/// What result records say of each model, and what it was used for since; the dearest first, nothing when none said it.
fn by_model(usage: &Ledger, prices: &Prices) -> String {
    let mut sums: Vec<(&str, Cost)> = Vec::new();
    let mut add = |model, cost| match sums.iter_mut().find(|(known, _)| same_model(known, model)) {
        Some((_, sum)) => *sum += cost,
        None => sums.push((model, cost)),
    };
    for session in usage.sessions() {
        for (model, dollars) in &session.exact_models {
            let dollars = *dollars;
            add(
                model,
                Cost {
                    dollars,
                    ..Cost::default()
                },
            );
        }
        let said = !session.exact_models.is_empty();
        for ModelTotals { model, tally } in session.since_exact.iter().filter(|_| said) {
            let cost = prices.cost(model, tally).unwrap_or_default();
            add(
                model,
                Cost {
                    at_least: tally.messages > 0,
                    ..cost
                },
            );
        }
    }
    sums.sort_by(|(_, one), (_, other)| other.dollars.total_cmp(&one.dollars));
    let parts = sums.iter().map(|(model, cost)| {
        let bound = if cost.at_least { "≥ " } else { "" };
        format!("{model} {bound}${:.2}", cost.dollars)
    });
    parts.collect::<Vec<_>>().join(" · ")
}

/// A result record may name a model differently than its messages do.
fn same_model(one: &str, other: &str) -> bool {
    one == other || normalise(one) == normalise(other)
}

/// `1234567` as `1,234,567`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as a person says them: `340 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
        _ => format!(
            "{} h {} min",
            millis / 3_600_000,
            millis % 3_600_000 / 60_000
        ),
    }
}
