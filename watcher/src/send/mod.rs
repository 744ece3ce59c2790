//! From posts to acknowledged messages: what goes into one message, how it is sent, where it is sent to.

mod batch;
mod connection;
mod deliver;
mod hurry;
mod queue;
mod smaller;
mod source;

pub use batch::{Batch, message};
pub use connection::Connection;
pub use deliver::{Delivery, deliver, edit, remove};
pub use hurry::Hurry;
pub use queue::{Position, Queue, Waiting};
pub use smaller::in_place_of;
pub use source::{Source, SourceError};
