//! What the tests stand on: a strict double of Discord, transcripts made to order with the truth about them,
//! an independent counter, and a player that writes transcripts as an agent would.
//!
//! Promises: nothing here shares code with the product, so that a mistake in one is not repeated in the other.
//! Refuses to know: how the watcher, the injector or the bot do their work.

pub mod corpus;
pub mod count;
pub mod double;
pub mod oracle;
pub mod player;
pub mod transcript;
