//! Transcripts that are known and not followed: a few words of memory each, however many there are.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::tracked::{Inode, inode};

/// More than this many are neither kept nor written down; they are judged by their age again after a restart.
const MAX: usize = 50_000;

/// Why a transcript is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its session ended before we came. Once it grows it is followed from the size it had.
    Old,
    /// Its records name a `cwd` outside the workspace.
    Foreign,
    /// Its records name no `cwd` yet.
    Undecided,
}

/// What is remembered of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) inode: Inode,
    pub(super) size: u64,
    pub(super) why: Why,
}

/// All of them, by a hash of their path.
#[derive(Default)]
pub(super) struct Unfollowed {
    by_path: HashMap<u64, Known>,
    /// The old ones changed since they were written down.
    pub(super) changed: bool,
}

/// `old.json`: hash of the path, device, inode, size of each old session.
#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum Stored {
    #[serde(rename = "1")]
    V1 { old: Vec<(u64, u64, u64, u64)> },
}

/// Short for a path.
pub(super) fn hash(path: &Path) -> u64 {
    xxh3_64(path.as_os_str().as_bytes())
}

impl Unfollowed {
    pub(super) fn get(&self, path: &Path) -> Option<Known> {
        self.by_path.get(&hash(path)).copied()
    }

    pub(super) fn insert(&mut self, path: &Path, metadata: &Metadata, why: Why) {
        self.insert_known(
            path,
            Known {
                inode: inode(metadata),
                size: metadata.len(),
                why,
            },
        );
    }

    pub(super) fn insert_known(&mut self, path: &Path, known: Known) {
        if self.by_path.len() < MAX || self.by_path.contains_key(&hash(path)) {
            self.by_path.insert(hash(path), known);
            self.changed |= known.why == Why::Old;
        }
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.by_path.remove(&hash(path));
    }

    pub(super) fn count(&self, why: Why) -> usize {
        self.by_path
            .values()
            .filter(|known| known.why == why)
            .count()
    }

    /// The old sessions, for the state directory.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let old = self
            .by_path
            .iter()
            .filter(|(_, known)| known.why == Why::Old);
        let old = old.map(|(hash, known)| (*hash, known.inode.0, known.inode.1, known.size));
        serde_json::to_vec(&Stored::V1 { old: old.collect() }).unwrap_or_default()
    }

    /// What [`to_json`](Self::to_json) wrote; nothing when that cannot be read, for then age decides again.
    pub(super) fn from_json(json: &[u8]) -> Self {
        let mut all = Self::default();
        if let Ok(Stored::V1 { old }) = serde_json::from_slice(json) {
            for (hash, device, number, size) in old.into_iter().take(MAX) {
                let known = Known {
                    inode: (device, number),
                    size,
                    why: Why::Old,
                };
                all.by_path.insert(hash, known);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_sessions_are_written_down() {
        let mut all = Unfollowed::default();
        let known = |why| Known {
            inode: (1, u64::MAX),
            size: 9,
            why,
        };
        all.insert_known(Path::new("/a"), known(Why::Old));
        all.insert_known(Path::new("/b"), known(Why::Foreign));
        let back = Unfollowed::from_json(&all.to_json());
        assert_eq!(back.get(Path::new("/a")), Some(known(Why::Old)));
        assert_eq!(back.get(Path::new("/b")), None);
        assert_eq!(Unfollowed::from_json(b"{").count(Why::Old), 0);
    }
}
