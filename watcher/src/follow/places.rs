//! Files that change places: renamed, replaced, copied, truncated, deleted.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::clock::Now;
use super::fingerprint::{Fingerprint, HEAD, Tail};
use super::follower::Follower;
use super::layout::is_transcript;
use super::line::{FileKey, Source};
use super::tracked::{Mark, Place, Tracked, find_beside, inode};

/// Earlier lives of files whose content may turn up again elsewhere.
const MAX_GHOSTS: usize = 64;
/// How long a file that lost its name is still read: its writer may hold it open.
const LINGER: Duration = Duration::from_secs(30);
/// How long a file that begins like another, and is shorter, is given to grow into a copy of it.
const COPYING: Duration = Duration::from_secs(2);

/// What remains of a file that ended, moved or was written anew: enough to recognise a copy of it.
pub(super) struct Ghost {
    key: FileKey,
    path: PathBuf,
    head: Fingerprint,
    mark: Mark,
    from: u64,
}

/// Where reading of a new file begins.
enum Origin {
    Head,
    /// What stands before was handed out from another file.
    At(Resume),
    /// It may become a copy, but is shorter than that yet.
    Growing,
    /// The file before it at this path is not read to its end.
    Later,
}

struct Resume {
    /// The other file.
    of: FileKey,
    at: u64,
    tail: Tail,
    /// Where the other one's reading began.
    from: u64,
}

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
                if tracked.look(&metadata, now.instant) {
                    self.rewritten(key, now);
                }
            }
            Ok(_) => self.displaced(key, now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.displaced(key, now),
            Err(error) => {
                let path = tracked.source.path.clone();
                self.trouble(&path, &error);
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
        let ghost = Ghost {
            key,
            path: old,
            head: tracked.head,
            mark: tracked.last_mark(),
            from: tracked.from,
        };
        remember(&mut self.ghosts, ghost);
        self.next_sweep = Some(now.instant);
    }

    /// The bytes before the read position are not the ones that were read: the file was truncated or written anew.
    pub(super) fn rewritten(&mut self, key: FileKey, now: Now) {
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let mark = tracked.last_mark();
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
        remember(
            &mut self.ghosts,
            Ghost {
                key,
                path: path.clone(),
                head: old.head,
                mark,
                from: old.from,
            },
        );
        // An inode used again may bring another session with it.
        let source = self.source_of(&path);
        let new = source.key;
        let mut tracked = Tracked::new(source, old.inode, (0, Tail::EMPTY), limit, now.instant);
        tracked.handle = old.handle;
        tracked.place = old.place;
        tracked.displaced = old.displaced;
        tracked.seen = old.seen;
        tracked.decided = true;
        self.by_inode.insert(old.inode, new);
        if self.by_path.get(&path) == Some(&key) {
            self.by_path.insert(path, new);
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
                    Place::Moved => over && tracked.all_acknowledged(),
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

    /// Where reading of a new file begins. At the same path fingerprints of any length tell that it goes on where the
    /// one before it stopped; elsewhere only long ones tell a copy, for all sessions begin alike.
    fn origin(&self, key: FileKey, now: Now) -> Origin {
        let Some(tracked) = self.files.get(&key) else {
            return Origin::Later;
        };
        let Some(file) = &tracked.handle else {
            return Origin::Later;
        };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let path = tracked.born.as_ref().unwrap_or(&tracked.source.path);
        let before = self.ghosts.iter().filter(|ghost| ghost.path == *path);
        let unread = |ghost: &Ghost| {
            let before = self.files.get(&ghost.key);
            before.is_some_and(|before| ghost.key != key && !before.at_end)
        };
        if before.clone().any(unread) {
            return Origin::Later;
        }
        let living = self
            .files
            .values()
            .filter(|other| other.source.key != key)
            .map(|other| {
                let Source { key, .. } = other.source;
                (key, false, other.head, other.last_mark(), other.from)
            });
        let ghosts = self.ghosts.iter().map(|ghost| {
            // Read on since it lost its place: its last mark stands farther now.
            let mark = self
                .files
                .get(&ghost.key)
                .map_or(ghost.mark, Tracked::last_mark);
            (ghost.key, ghost.path == *path, ghost.head, mark, ghost.from)
        });
        let mut best = Origin::Head;
        for (of, here, head, mark, from) in living.chain(ghosts) {
            let long = usize::from(head.len) == HEAD;
            if !(here || long) || matches!(&best, Origin::At(best) if best.at >= mark.end) {
                continue;
            }
            if let Some(tail) = resume(file, &head, &mark) {
                best = Origin::At(Resume {
                    of,
                    at: mark.end,
                    tail,
                    from,
                });
            } else if long
                && size < mark.end
                && now.instant.saturating_duration_since(tracked.grown) < COPYING
                && !self.finishing()
                && head.matches(file, 0).unwrap_or(false)
                && matches!(best, Origin::Head)
            {
                best = Origin::Growing;
            }
        }
        best
    }

    /// Decides where a new file is read from. Says no when that cannot be known yet.
    pub(super) fn decide(&mut self, key: FileKey, now: Now) -> bool {
        let origin = self.origin(key, now);
        let (limit, poll) = (self.options.max_line_bytes, self.options.poll);
        let Some(tracked) = self.files.get_mut(&key) else {
            return false;
        };
        match origin {
            Origin::Later => {
                tracked.wait_until = Some(now.instant + poll);
                return false;
            }
            Origin::Growing => {
                tracked.wait_until = Some(tracked.grown + COPYING);
                return false;
            }
            Origin::Head => {}
            Origin::At(Resume { of, at, tail, from }) => {
                tracked.start_at(at, tail, from, limit);
                tracked.decided = true;
                // Its unfinished line is the new file's now.
                if let Some(other) = self.files.get_mut(&of).filter(|it| it.displaced.is_some()) {
                    other.tried = other.buffer.position();
                }
                return true;
            }
        }
        tracked.decided = true;
        true
    }
}

/// The bytes before `mark`, when the file begins and goes on up to there as the fingerprints say.
fn resume(file: &File, head: &Fingerprint, mark: &Mark) -> Option<Tail> {
    if mark.end == 0 || head.len == 0 || !head.matches(file, 0).ok()? {
        return None;
    }
    let tail = Tail::before(file, mark.end).ok()?;
    (tail.fingerprint() == mark.tail).then_some(tail)
}

fn remember(ghosts: &mut VecDeque<Ghost>, ghost: Ghost) {
    if ghosts.len() >= MAX_GHOSTS {
        ghosts.pop_front();
    }
    ghosts.push_back(ghost);
}
