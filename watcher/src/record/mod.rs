//! One line of a transcript as borrowed records: whatever shape it has, nothing stops and nothing is copied needlessly.
//!
//! A field of an unexpected type reads as absent, an unknown one is skipped, and only a JSON text that cannot be
//! tokenised costs a record; what it cost is counted in [`Losses`]. Large parts (tool input and result, message,
//! snapshots) stay raw until somebody asks for them.

mod entry;
mod line;
mod lines;
mod loose;
mod message;
mod surrogate;
mod text;

pub use entry::{Compaction, Entry, ModelCost, ModelCosts, Progress};
pub use line::{Losses, read};
pub use lines::each_line;
pub(crate) use loose::Key;
pub(crate) use loose::loose;
pub use loose::{Flag, List, Number, lenient, text_of};
pub use message::{Block, Blocks, Message, ServerTools, Split, Usage};
pub(crate) use text::LEFT_OUT;
pub use text::Text;
