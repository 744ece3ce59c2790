//! What to follow, and how.

use std::path::PathBuf;
use std::time::Duration;

/// Where transcripts are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// One path. A file is read from its head whatever its age; a directory is searched like a projects tree; a path
    /// where nothing is yet is waited for.
    File(PathBuf),
    /// Directories of the form `projects/<slug>/<session>.jsonl`.
    Tree {
        /// The `projects` directories; each may appear later.
        projects: Vec<PathBuf>,
        /// Follow only sessions of which a record's `cwd` lies in this directory.
        workspace: Option<PathBuf>,
    },
}

/// How a [`Follower`](super::Follower) works.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// Where transcripts are looked for.
    pub root: Root,
    /// Pause between two looks at the followed files.
    pub poll: Duration,
    /// Let inotify cut that pause short. Polling goes on beside it.
    pub inotify: bool,
    /// Bytes of one line that are kept; what is longer is counted in `Line::excess`.
    pub max_line_bytes: usize,
    /// Read what is there, from the head, and be finished.
    pub once: bool,
    /// A file last written longer than this before the first start is an old session: its content stays unread.
    pub lookback: Duration,
    /// Directory of the checkpoint. Without one, nothing survives a restart.
    pub state_dir: Option<PathBuf>,
}

impl FollowOptions {
    /// The defaults: 100 ms, inotify on, 16 MiB lines, 10 minutes of lookback, no checkpoint.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            poll: Duration::from_millis(100),
            inotify: true,
            max_line_bytes: 16 << 20,
            once: false,
            lookback: Duration::from_mins(10),
            state_dir: None,
        }
    }
}
