//! Follows an agent's transcripts: finds them, reads them line by line, and remembers what was acknowledged.
//!
//! Promises: every line of every followed file is handed out at least once and in the order of its file; after a crash
//! only what was never acknowledged is handed out again; memory, file handles and inotify watches are bounded whatever
//! lies in the directory; a change is seen without inotify too, one polling interval later (where inotify was trusted and kept
//! silent, once a second later).
//!
//! Refuses to know: what a line means (but for its `cwd`, when a workspace was asked for, and its uuid, when it may be an
//! old session's), Discord, and the caller's
//! memo, which it stores beside its offsets unread.
//!
//! A file is known by device, inode, a fingerprint of its head and one of the bytes before the offset. Inodes are
//! reused and paths change hands, so those two only propose; the fingerprints decide.

mod buffer;
mod checkpoint;
mod clock;
mod discover;
mod error;
mod fingerprint;
mod follower;
mod layout;
mod line;
mod meet;
mod old;
mod options;
mod origin;
mod passed;
mod pause;
mod places;
mod progress;
mod read;
mod sniff;
mod status;
mod store;
mod sweep;
mod tracked;
mod trouble;
mod wake;

pub use clock::Now;
pub use error::FollowError;
pub use follower::Follower;
pub use line::{FileKey, Line, Source};
pub use options::{FollowOptions, Root};
pub use status::{FollowStatus, Unreadable, WakeUps};
