//! What can go wrong that a caller has to hear of. Trouble with single files stands in the status instead.

use std::path::PathBuf;

/// Why following could not start, or a checkpoint could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// An option that no default repairs.
    #[error("cannot follow transcripts: {0}; correct the setting")]
    Options(&'static str),
    /// The checkpoint did not reach the disk. Following goes on; a restart would repeat what came since the last one.
    #[error(
        "cannot write the checkpoint {path}; following goes on, but a restart would post again what came since \
         the last good one: make the state directory writable for the watcher's user"
    )]
    Checkpoint {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
