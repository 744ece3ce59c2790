//! From records to what happened: prompts, answers, tool calls with their results, errors, the end.
//!
//! Promises: a call and its result are one event, in file order; nothing that was seen before, in any file, is an event
//! again; memory is bounded whatever the transcripts hold. Refuses to know: what is shown, and to whom.

mod activity;
mod answer;
mod assistant;
mod call;
mod context;
mod event;
mod input;
mod interpreter;
mod journal;
mod memory;
mod outline;
mod pairing;
mod prompt;
mod returned;
mod system;
mod texts;
mod user;

pub use activity::Activity;
pub use answer::{Answer, Detail, Hunk, Todo};
pub use call::{Call, Change, Question};
pub use event::{Event, Finish, Kind, Outcome, ToolEvent};
pub use interpreter::{InterpretOptions, Interpreter};
pub use journal::Journal;
pub(crate) use memory::Identity;
pub use memory::{Memory, hash};
pub(crate) use prompt::without_reminders;
