//! Files that change places: renamed, replaced, copied, truncated, deleted.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::clock::Now;
use super::fingerprint::Tail;
use super::follower::Follower;
use super::layout::is_transcript;
use super::line::FileKey;
use super::origin::resume;
use super::tracked::{Place, Tracked, find_beside, inode};
use super::trouble::Doing;

/// How long a file that lost its name is still read: its writer may hold it open.
const LINGER: Duration = Duration::from_secs(30);
impl Follower {
    /// One look at one file: has it grown, shrunk, changed, gone?
    pub(super) fn look(&mut self, key: FileKey, now: Now) {
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let metadata = match (tracked.place, &tracked.handle) {
            (Place::Unlinked, Some(file)) => file.metadata(),
            (Place::Unlinked, None) => return,
            _ => fs::metadata(&tracked.source.path),
        };
        match metadata {
            Ok(metadata) if inode(&metadata) == tracked.inode => {
                self.troubles.over(&tracked.source.path, Doing::Looking);
                if tracked.look(&metadata, now.instant) {
                    self.rewritten(key, now);
                }
            }
            Ok(_) => self.displaced(key, now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.displaced(key, now),
            Err(error) => {
                self.troubles
                    .note(&tracked.source.path, Doing::Looking, &error);
            }
        }
    }

    /// Its path is gone or another file's. It is followed where it went, or through our handle to its end.
    pub(super) fn displaced(&mut self, key: FileKey, now: Now) {
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let old = tracked.source.path.clone();
        if !tracked.decided {
            tracked.born.get_or_insert_with(|| old.clone());
        }
        tracked.displaced.get_or_insert(now.instant);
        if self.by_path.get(&old) == Some(&key) {
            self.by_path.remove(&old);
        }
        if let Some(path) = find_beside(&old, tracked.inode) {
            if path.file_name().is_some_and(is_transcript) {
                tracked.place = Place::Here;
                tracked.displaced = None;
                self.by_path.insert(path.clone(), key);
            } else {
                tracked.place = Place::Moved;
            }
            tracked.source.path = path;
        } else {
            tracked.place = Place::Unlinked;
        }
        if tracked.handle.is_some() || tracked.place != Place::Unlinked {
            // What it got since the last look must be read before its successor is.
            tracked.at_end = false;
            tracked.verify = true;
        }
        if let Some(tracked) = self.files.remove(&key) {
            self.haunt(&tracked, old);
            self.files.insert(key, tracked);
        }
        self.next_sweep = Some(now.instant);
    }

    /// The bytes before the read position are not the ones that were read: the file was truncated or written anew.
    pub(super) fn rewritten(&mut self, key: FileKey, now: Now) {
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let mark = tracked.progress.last();
        let limit = self.options.max_line_bytes;
        // Only behind the last whole line, perhaps: a half written line that was taken back.
        if !tracked.replaying()
            && let Some(tail) = tracked
                .handle
                .as_ref()
                .and_then(|file| resume(file, &tracked.head, &mark))
        {
            tracked.rewind(mark.end, tail, limit);
            return;
        }
        let Some(old) = self.files.remove(&key) else {
            return;
        };
        self.counts.rewritten += 1;
        let path = old.source.path.clone();
        self.haunt(&old, path.clone());
        // An inode used again may bring another session with it.
        let source = self.source_of(&path);
        let new = source.key;
        let mut tracked = Tracked::new(source, old.inode, (0, Tail::EMPTY), limit, now.instant);
        let is_copy = old.is_copy();
        tracked.handle = old.handle;
        tracked.place = old.place;
        tracked.displaced = old.displaced;
        tracked.seen = old.seen;
        // One that began with an old session's records may do so again.
        tracked.decided = !is_copy;
        self.by_inode.insert(old.inode, new);
        if self.by_path.get(&path) == Some(&key) {
            self.by_path.insert(path, new);
        }
        if tracked.displaced.is_some() {
            self.haunt_as(key, &tracked);
        }
        self.files.insert(new, tracked);
        self.retire(old.source);
    }

    /// Lets go of files that ended: deleted or moved away, read to their end, and quiet.
    pub(super) fn forget_ended(&mut self, now: Now) {
        let ended: Vec<FileKey> = self
            .files
            .iter()
            .filter(|(_, tracked)| {
                let quiet = |since: Instant| {
                    now.instant
                        .saturating_duration_since(since.max(tracked.grown))
                        >= LINGER
                };
                let over = tracked.at_end && tracked.displaced.is_some_and(quiet);
                match tracked.place {
                    Place::Here => false,
                    Place::Moved => over && tracked.progress.all_acknowledged(),
                    Place::Unlinked => over || tracked.handle.is_none(),
                }
            })
            .map(|(key, _)| *key)
            .collect();
        for key in ended {
            self.forget(key);
        }
    }

    pub(super) fn forget(&mut self, key: FileKey) {
        let Some(tracked) = self.files.remove(&key) else {
            return;
        };
        let unread = tracked.seen.map_or(0, |seen| {
            seen.size.saturating_sub(tracked.buffer.position())
        });
        if tracked.place != Place::Here && unread > 0 {
            self.counts.lost_files += 1;
            self.counts.lost_bytes += unread;
        }
        if self.by_inode.get(&tracked.inode) == Some(&key) {
            self.by_inode.remove(&tracked.inode);
        }
        if self.by_path.get(&tracked.source.path) == Some(&key) {
            self.by_path.remove(&tracked.source.path);
        }
        self.retire(tracked.source);
    }
}
