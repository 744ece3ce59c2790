//! Plays a session as an agent would write it: appended to `<config>/projects/<slug>/<sessionId>.jsonl`, one write per
//! record, file mode 0600, at a given speed.
//!
//! Refuses to know: who reads it.

mod args;
mod error;
mod garbage;
mod pace;
mod place;
mod play;
mod reap;
mod recorded;
mod stdin;
mod writer;

pub use args::{Args, Times};
pub use error::PlayerError;
pub use place::{config_dir, slug};
pub use play::{Report, list_steps, play};
pub use reap::reap;
