//! The bridge: input for the agent, from 127.0.0.1 into a FIFO that is the agent's standard input.
//!
//! Promises: it listens nowhere but on 127.0.0.1; an input answered with 200 reaches the agent whole and in order, however
//! slowly it reads: one that was `written` also when the bridge is killed the moment after, any other while the bridge
//! lives, and whoever gave it a name can ask whether it is written by now and so send it again only when it was lost. The
//! agent is never made to wait, and never sees an end of file by our doing.
//! Refuses to know: who sends the input, and what the agent does with it.

mod input;
mod pipe;
mod server;
mod settings;
mod signature;

pub use input::Format;
pub use server::serve;
pub use settings::{BridgeError, Settings, settings};
pub(crate) use signature::sign;
