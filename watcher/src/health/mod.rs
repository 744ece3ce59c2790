//! Health: the event loop's heartbeat, never Discord's.
//!
//! An answer at all shows that the loop turns. Readiness stays true while the process lives, for an unready sidecar makes
//! its Pod unready; what is wrong stands in the answer's details.

mod ask;
mod listen;

pub use ask::ask;
pub use listen::listen;
