//! What the follower hands out.

use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

/// Names one life of one file while this process lives. A file that is truncated and written anew gets a new key, so
/// that an acknowledgement of its old lines cannot be taken for one of the new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey(pub(super) u32);

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's key, as in [`Line::file`].
    pub key: FileKey,
    /// The path under which the file was found last.
    pub path: PathBuf,
    /// The session's id: the file's name, or for a subagent the session it belongs to.
    pub session: String,
    /// The subagent's id, when the file is one's.
    pub subagent: Option<String>,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The file it stands in.
    pub file: FileKey,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset behind its newline (behind its last byte for a last line that has none). Acknowledge with this.
    pub end: u64,
    /// Its bytes without the newline, cut to `max_line_bytes`.
    pub bytes: Bytes,
    /// How many bytes the cut left out; 0 for nearly every line.
    pub excess: u64,
    /// Acknowledged before a restart: read it to remember, do not post it.
    pub replay: bool,
    /// When the file was last written, as the look at it before the reading saw: the line's own time, or a later one
    /// when more lines followed it by then.
    pub written: SystemTime,
}
