//! A transcript is met: is it one we follow, one we followed before, a copy, or new?

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::checkpoint::Entry;
use super::clock::Now;
use super::fingerprint::{Tail, read_at};
use super::follower::{CHUNK, Follower, MAX_FILES};
use super::layout::{is_transcript, whose};
use super::line::{FileKey, Source};
use super::old::{Known, Why};
use super::options::Root;
use super::sniff::{self, Belongs};
use super::sweep::Found;
use super::tracked::{Inode, Place, Tracked, find_beside, inode, open};
use super::trouble::Doing;

impl Follower {
    /// One file of a walk.
    pub(super) fn meet(&mut self, found: &Found, now: Now) {
        if let Some(key) = self.by_inode.get(&found.inode).copied() {
            self.meet_again(key, found, now);
            return;
        }
        if let Some(key) = self.by_path.get(&found.path).copied() {
            self.displaced(key, now);
        }
        if self.files.len() >= MAX_FILES && !self.make_room() {
            // Found again by the next sweep.
            self.crowded = true;
            return;
        }
        let entry = self.restored.remove(&found.path);
        if let Some(entry) = &entry {
            if self.restore(&found.path, found.inode, entry, now) {
                return;
            }
            let inode = (entry.device, entry.inode);
            let beside = find_beside(&found.path, inode);
            if !beside.is_some_and(|path| self.restore(&path, inode, entry, now)) && !self.searched
            {
                self.orphans.push(entry.clone());
            }
        }
        if self.restore_renamed(found, now) {
            return;
        }
        if self.belongs(found) {
            self.follow(found, now);
        }
    }

    fn meet_again(&mut self, key: FileKey, found: &Found, now: Now) {
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let home = tracked.source.path == found.path && tracked.place == Place::Here;
        if !home {
            let there = fs::metadata(&tracked.source.path);
            if tracked.place == Place::Here && there.is_ok_and(|it| inode(&it) == found.inode) {
                return; // a second name of the same file
            }
            let old = std::mem::replace(&mut tracked.source.path, found.path.clone());
            if !tracked.decided {
                tracked.born.get_or_insert_with(|| old.clone());
            }
            tracked.place = Place::Here;
            tracked.displaced = None;
            if self.by_path.get(&old) == Some(&key) {
                self.by_path.remove(&old);
            }
            if let Some(other) = self.by_path.insert(found.path.clone(), key)
                && other != key
            {
                self.by_path.remove(&found.path);
                self.displaced(other, now);
                self.by_path.insert(found.path.clone(), key);
            }
        }
        self.troubles.over(&found.path, Doing::Looking);
        if let Some(tracked) = self.files.get_mut(&key)
            && tracked.look(&found.metadata, now.instant)
        {
            self.rewritten(key, now);
        }
    }

    /// Goes on where the checkpoint says, if the file is the one it speaks of.
    fn restore(&mut self, path: &Path, inode: Inode, entry: &Entry, now: Now) -> bool {
        let before = |print: &super::fingerprint::Fingerprint, end: u64| {
            end.checked_sub(u64::from(print.len))
        };
        let known = || -> io::Result<Option<(Tail, fs::Metadata)>> {
            let file = open(path)?;
            let Some(tail) = before(&entry.tail, entry.acknowledged) else {
                return Ok(None);
            };
            let same = entry.acknowledged > 0
                && entry.head.matches(&file, 0)?
                && entry.tail.matches(&file, tail)?;
            Ok(if same {
                Some((Tail::before(&file, entry.from)?, file.metadata()?))
            } else {
                None
            })
        };
        let Ok(Some((tail, metadata))) = known() else {
            return false;
        };
        let source = Source {
            key: self.new_key(),
            path: path.to_owned(),
            session: entry.session.clone(),
            subagent: entry.subagent.clone(),
        };
        let limit = self.options.max_line_bytes;
        let mut tracked = Tracked::new(source, inode, (entry.from, tail), limit, now.instant);
        tracked.restore(entry);
        if path.file_name().is_some_and(is_transcript) || entry.path == path {
            tracked.place = Place::Here;
        } else {
            tracked.place = Place::Moved;
            tracked.displaced = Some(now.instant);
        }
        self.insert(tracked, &metadata, now);
        true
    }

    /// Was this file renamed while we were away?
    fn restore_renamed(&mut self, found: &Found, now: Now) -> bool {
        let same = |entry: &&Entry| (entry.device, entry.inode) == found.inode;
        let Some(entry) = self
            .restored
            .values()
            .chain(&self.orphans)
            .find(same)
            .cloned()
        else {
            return false;
        };
        // Where the entry's own path is this very file still, this is a second name of it.
        if fs::metadata(&entry.path).is_ok_and(|there| inode(&there) == found.inode) {
            return false;
        }
        let restored = self.restore(&found.path, found.inode, &entry, now);
        if restored {
            self.restored.remove(&entry.path);
            self.orphans.retain(|orphan| *orphan != entry);
        }
        restored
    }

    /// After the first sweep: files of the checkpoint that no walk met may stand beside their path, rotated away with
    /// lines that were never acknowledged.
    pub(super) fn find_moved(&mut self, now: Now) {
        if std::mem::replace(&mut self.searched, true) {
            return;
        }
        self.orphans.clear();
        let missing: Vec<PathBuf> = self.restored.keys().cloned().collect();
        for path in missing {
            let Some(entry) = self.restored.get(&path).cloned() else {
                continue;
            };
            let inode = (entry.device, entry.inode);
            if self.by_inode.contains_key(&inode) || path.exists() {
                continue;
            }
            if let Some(beside) = find_beside(&path, inode)
                && self.restore(&beside, inode, &entry, now)
            {
                self.restored.remove(&path);
            }
        }
    }

    /// Is this a session of the workspace? Remembers it when it is none, or none yet.
    fn belongs(&mut self, found: &Found) -> bool {
        let Root::Tree {
            workspace: Some(workspace),
            ..
        } = &self.options.root
        else {
            return true;
        };
        let whose = whose(&found.path);
        let session = &whose.session;
        if whose.subagent.is_some()
            && !whose.session_unknown
            && self
                .files
                .values()
                .any(|tracked| tracked.source.session == *session)
        {
            return true;
        }
        let head = open(&found.path).and_then(|file| sniff::head(&file));
        let why = match head.map(|head| sniff::belongs(&head, workspace)) {
            Ok(Belongs::Yes) => return true,
            Ok(Belongs::No) => Why::Foreign,
            Ok(Belongs::NotYet) => Why::Undecided,
            Err(error) => {
                self.troubles.note(&found.path, Doing::Listing, &error);
                return false;
            }
        };
        // An old session stays old until it is ours: its size is where following would begin.
        if !found
            .known
            .is_some_and(|known| known.why == Why::Old && why == Why::Undecided)
        {
            self.unfollowed.insert(&found.path, &found.metadata, why);
        }
        false
    }

    fn follow(&mut self, found: &Found, now: Now) {
        let source = self.source_of(&found.path);
        let limit = self.options.max_line_bytes;
        let old = found.known.filter(|known| {
            known.why == Why::Old && known.size <= found.metadata.size() && !self.options.once
        });
        let (from, tail) = old.map_or((0, Tail::EMPTY), |known| line_before(&found.path, known));
        let mut tracked = Tracked::new(source, found.inode, (from, tail), limit, now.instant);
        // Where an old session goes on is known; whether a new one is a copy is not.
        tracked.decided = old.is_some();
        self.unfollowed.remove(&found.path);
        self.insert(tracked, &found.metadata, now);
    }

    fn insert(&mut self, mut tracked: Tracked, metadata: &fs::Metadata, now: Now) {
        tracked.look(metadata, now.instant);
        let key = tracked.source.key;
        self.by_inode.insert(tracked.inode, key);
        if tracked.place == Place::Here {
            self.by_path.insert(tracked.source.path.clone(), key);
        }
        self.files.insert(key, tracked);
    }

    /// The list is full: the file that rested longest becomes an unfollowed one, if any rests at all.
    fn make_room(&mut self) -> bool {
        let resting = self
            .files
            .iter()
            .filter(|(_, t)| t.at_end && t.progress.all_acknowledged() && t.place == Place::Here)
            .filter(|(_, t)| t.seen.is_some_and(|seen| seen.size == t.progress.end()))
            .min_by_key(|(_, t)| t.grown);
        let Some((key, tracked)) = resting else {
            return false;
        };
        let size = tracked.progress.end();
        let known = Known {
            inode: tracked.inode,
            size,
            why: Why::Old,
        };
        let key = *key;
        self.unfollowed.insert_known(&tracked.source.path, known);
        self.counts.dropped_files += 1;
        self.forget(key);
        true
    }

    /// A new life of a file, at its path.
    pub(super) fn source_of(&mut self, path: &Path) -> Source {
        let whose = whose(path);
        Source {
            key: self.new_key(),
            path: path.to_owned(),
            session: whose.session,
            subagent: whose.subagent,
        }
    }
}

/// Where the line begins that an old session's end stands in: if its last line was not finished then, the rest of it is
/// no record.
fn line_before(path: &Path, known: Known) -> (u64, Tail) {
    let find = || -> io::Result<(u64, Tail)> {
        let file = open(path)?;
        let mut chunk = vec![0; CHUNK];
        let start = known.size.saturating_sub(CHUNK as u64);
        let wanted = usize::try_from(known.size - start).unwrap_or(CHUNK);
        let read = read_at(&file, chunk.get_mut(..wanted).unwrap_or_default(), start)?;
        let newline = memchr::memrchr(b'\n', chunk.get(..read).unwrap_or_default());
        let from = match newline {
            Some(at) => start + at as u64 + 1,
            None if start == 0 => 0,
            None => known.size,
        };
        Ok((from, Tail::before(&file, from)?))
    };
    find().unwrap_or((known.size, Tail::EMPTY))
}
