//! The contract between injector, watcher, charts and docs.
//!
//! Promises: one table names every setting (its path, type, range, default, env name and a sentence), and every
//! name that two parts of the product must agree on stands here once. Refuses to know: Kubernetes' types, Discord,
//! files and clocks. What is read from a Pod, an environment or a chart comes in as plain strings.

pub mod names;
mod nearest;
mod parse;
mod setting;
mod table;

pub use nearest::nearest;
pub use parse::{ParseError, Value, parse};
pub use setting::{Kind, Setting};
pub use table::{SETTINGS, find};
