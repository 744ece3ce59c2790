//! From posts to acknowledged messages: what goes into one message, how it is sent, where it is sent to.

mod batch;
mod connection;
mod deliver;
mod hurry;
mod queue;
mod source;

pub use batch::Batch;
pub use connection::Connection;
pub use deliver::{Delivery, deliver, edit};
pub use hurry::Hurry;
pub use queue::{Position, Queue, Waiting};
pub use source::{Source, SourceError};
