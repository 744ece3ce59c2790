//! What the follower knows about its own state, for health, metrics and logs.

use std::path::PathBuf;
use std::time::Duration;

/// A snapshot; all counts are since the start of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowStatus {
    /// Files followed now.
    pub files: usize,
    /// File handles held now.
    pub open: usize,
    /// Sessions that were old at the first start and have not grown since.
    pub old: usize,
    /// Files whose records name a `cwd` outside the workspace.
    pub foreign: usize,
    /// Bytes read from transcripts.
    pub bytes_read: u64,
    /// Bytes in followed files that are not acknowledged yet.
    pub bytes_behind: u64,
    /// Bytes of last lines that have no newline yet and were not handed out.
    pub bytes_unfinished: u64,
    /// Files and directories that cannot be read now (the first 64).
    pub unreadable: Vec<Unreadable>,
    /// How long there has been no transcript at all; `None` once there is one.
    pub nothing_found_for: Option<Duration>,
    /// How changes are noticed.
    pub wake_ups: WakeUps,
    /// Why the checkpoint could not be read or written, while that lasts.
    pub checkpoint: Option<String>,
    /// Files that were truncated or written anew, and therefore read from their head again.
    pub rewritten: u64,
    /// Files that were gone before all of their bytes were read.
    pub lost_files: u64,
    /// The bytes known to be lost with them.
    pub lost_bytes: u64,
    /// Lines longer than `max_line_bytes`.
    pub cut_lines: u64,
    /// The bytes left out of them.
    pub cut_bytes: u64,
    /// Files dropped from the list because it was full; they are followed again when they grow.
    pub dropped_files: u64,
}

/// A file or directory that cannot be read; it is tried again for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which one.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
    /// The uid that owns it, where that could be found out: running as that uid cures a refused permission.
    pub owner: Option<u32>,
}

/// How changes are noticed. Polling is always at work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WakeUps {
    /// By polling alone, as asked.
    #[default]
    Polling,
    /// inotify watches every directory that matters.
    Inotify,
    /// inotify is missing, for all directories or some; they are polled.
    Degraded(String),
}
