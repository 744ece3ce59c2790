//! Tokens and cost, counted by message and never by line.
//!
//! One model answer is written as several records, each with the usage of the whole: the one with the most output
//! tokens counts, as a whole. Copies of a session and replays in subagents repeat message ids and add nothing.

mod ledger;
mod tariff;
mod tokens;

pub use ledger::{Ledger, Limits, ModelTotals, Sample, SessionTotals};
pub use tariff::{Prompt, Tariff};
pub use tokens::{Tally, Tokens};
