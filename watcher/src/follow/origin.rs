//! Where reading of a new file begins: at its head, or where another file with the same content stopped.
//!
//! At the same path fingerprints of any length tell a continuation (an editor's rename over the old file). At another
//! path only long ones tell a copy (copytruncate), for all sessions begin alike. Where the fingerprints leave a doubt the
//! file is read from its head: a line too many is recognised by its uuid further up, a line too few by nobody.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use super::clock::Now;
use super::fingerprint::{Fingerprint, HEAD, Tail};
use super::follower::Follower;
use super::line::FileKey;
use super::progress::{Mark, Progress};
use super::tracked::Tracked;

/// Earlier lives of files whose content may turn up again elsewhere.
const MAX_GHOSTS: usize = 64;
/// Files whose acknowledgements count for another one too.
const MAX_HEIRS: usize = 256;
/// How long a file that begins like another, and is shorter, is given to grow into a copy of it.
pub(super) const COPYING: Duration = Duration::from_secs(2);

/// What remains of a file that ended, moved or was written anew: enough to recognise a copy of it.
pub(super) struct Ghost {
    pub(super) key: FileKey,
    path: PathBuf,
    head: Fingerprint,
    pub(super) progress: Progress,
    from: u64,
}

/// A file begins with lines that were handed out from another: their acknowledgements count for both.
pub(super) struct Heir {
    pub(super) of: FileKey,
    pub(super) key: FileKey,
    /// Where the common lines end.
    pub(super) until: u64,
}

/// Where reading of a new file begins.
enum Origin {
    Head,
    /// What stands before was handed out from another file.
    At(Box<Resume>),
    /// It may become a copy, but is shorter than that yet.
    Growing,
    /// The file before it at this path is not read to its end.
    Later,
}

struct Resume {
    of: FileKey,
    at: u64,
    tail: Tail,
    /// The other's.
    progress: Progress,
    from: u64,
}

impl Follower {
    /// Decides where a new file is read from, or finds that it has to be read to know. Says no when even that has to wait.
    pub(super) fn decide(&mut self, key: FileKey, now: Now) -> bool {
        let origin = self.origin(key, now);
        self.inherit_unfinished(key);
        if matches!(origin, Origin::Head) {
            match self.begins_with_old(key, now) {
                None => return false,
                Some(true) => return true,
                Some(false) => {}
            }
        }
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
            Origin::At(resume) => {
                let Resume {
                    of,
                    at,
                    tail,
                    progress,
                    from,
                } = *resume;
                tracked.rewind(at, tail, limit);
                tracked.from = from;
                tracked.replay_until = at;
                tracked.progress = progress;
                let heir = Heir { of, key, until: at };
                push_bounded(&mut self.heirs, heir, MAX_HEIRS);
            }
        }
        tracked.decided = true;
        true
    }

    fn origin(&self, key: FileKey, now: Now) -> Origin {
        let Some(tracked) = self.files.get(&key) else {
            return Origin::Later;
        };
        let Some(file) = &tracked.handle else {
            return Origin::Later;
        };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let path = tracked.born.as_ref().unwrap_or(&tracked.source.path);
        let mut before = self
            .ghosts
            .iter()
            .filter(|ghost| ghost.path == *path && ghost.key != key);
        if before.any(|ghost| {
            self.files
                .get(&ghost.key)
                .is_some_and(|before| !before.at_end)
        }) {
            return Origin::Later;
        }
        let living = self.files.values().filter(|other| other.source.key != key);
        let living = living.map(|other| (other.source.key, false, known(other)));
        let ghosts = self.ghosts.iter().map(|ghost| {
            // Read on since it lost its place: it stands farther now.
            let alive = self.files.get(&ghost.key).map(known);
            let known = alive.unwrap_or((ghost.head, &ghost.progress, ghost.from));
            (ghost.key, ghost.path == *path, known)
        });
        let mut best = Origin::Head;
        for (of, here, (head, progress, from)) in living.chain(ghosts) {
            let long = usize::from(head.len) == HEAD;
            if !here && !long {
                continue;
            }
            let mark = progress.last();
            if matches!(&best, Origin::At(best) if best.at >= mark.end) {
                continue;
            }
            if let Some(tail) = resume(file, &head, &mark) {
                let progress = progress.clone();
                best = Origin::At(Box::new(Resume {
                    of,
                    at: mark.end,
                    tail,
                    progress,
                    from,
                }));
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
        match &best {
            // The other has more to say of what both hold: the new one begins behind that.
            Origin::At(resume) if self.files.get(&resume.of).is_some_and(|of| !of.at_end) => {
                Origin::Later
            }
            _ => best,
        }
    }

    /// The unfinished last line of the file before at this path is the new file's, if it stands there too.
    fn inherit_unfinished(&mut self, key: FileKey) {
        let Some(tracked) = self.files.get(&key) else {
            return;
        };
        let Some(file) = &tracked.handle else {
            return;
        };
        let path = tracked.born.as_ref().unwrap_or(&tracked.source.path);
        let inherited: Vec<FileKey> = self
            .ghosts
            .iter()
            .filter(|ghost| ghost.path == *path && ghost.key != key)
            .filter(|ghost| {
                self.files.get(&ghost.key).is_some_and(|before| {
                    let here = Tail::before(file, before.buffer.position());
                    before.displaced.is_some()
                        && here.is_ok_and(|tail| tail == *before.buffer.tail())
                })
            })
            .map(|ghost| ghost.key)
            .collect();
        for key in inherited {
            if let Some(before) = self.files.get_mut(&key) {
                before.tried = before.buffer.position();
            }
        }
    }

    /// Remembers a file under every path that an earlier life of it had: successors there wait for it.
    pub(super) fn haunt_as(&mut self, earlier: FileKey, tracked: &Tracked) {
        let paths: BTreeSet<PathBuf> = self
            .ghosts
            .iter()
            .filter(|ghost| ghost.key == earlier)
            .map(|ghost| ghost.path.clone())
            .collect();
        for path in paths {
            self.haunt(tracked, path);
        }
    }

    /// Remembers a file as it is, under the path it has or had.
    pub(super) fn haunt(&mut self, tracked: &Tracked, path: PathBuf) {
        let ghost = Ghost {
            key: tracked.source.key,
            path,
            head: tracked.head,
            progress: tracked.progress.clone(),
            from: tracked.from,
        };
        push_bounded(&mut self.ghosts, ghost, MAX_GHOSTS);
    }
}

fn known(tracked: &Tracked) -> (Fingerprint, &Progress, u64) {
    (tracked.head, &tracked.progress, tracked.from)
}

/// The bytes before `mark`, when the file begins and goes on up to there as the fingerprints say.
pub(super) fn resume(file: &File, head: &Fingerprint, mark: &Mark) -> Option<Tail> {
    if mark.end == 0 || head.len == 0 || !head.matches(file, 0).ok()? {
        return None;
    }
    let tail = Tail::before(file, mark.end).ok()?;
    (tail.fingerprint() == mark.tail).then_some(tail)
}

fn push_bounded<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}
