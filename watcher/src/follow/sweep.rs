//! The sweep: everything that lies in the directories, against everything that is followed.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::checkpoint::Entry;
use super::discover::{Level, Visitor, walk};
use super::fingerprint::Tail;
use super::follower::{Follower, MAX_FILES, Now};
use super::options::Root;
use super::status::Unreadable;
use super::tracked::{Inode, Tracked, inode, open};

/// Unreadable things that are listed in the status.
const MAX_TROUBLES: usize = 64;
/// The pause between two sweeps, and how much each entry adds to it: looking at one costs a few microseconds, so this
/// keeps sweeping under a thousandth of a core however many old sessions there are.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
const SWEEP_PAUSE_PER_ENTRY: Duration = Duration::from_millis(4);
const MAX_SWEEP_PAUSE: Duration = Duration::from_secs(30);

/// A transcript that a sweep met.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    metadata: Metadata,
    modified: SystemTime,
}

#[derive(Default)]
struct Collect {
    found: Vec<Found>,
    directories: Vec<(PathBuf, Level)>,
    troubles: Vec<(PathBuf, io::Error)>,
}

impl Visitor for Collect {
    fn directory(&mut self, path: &Path, level: Level) {
        self.directories.push((path.to_owned(), level));
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) {
        self.found.push(Found {
            path: path.to_owned(),
            inode: inode(metadata),
            metadata: metadata.clone(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        });
    }

    fn trouble(&mut self, path: &Path, error: &io::Error) {
        let error = error.raw_os_error().map_or_else(
            || io::Error::other(error.to_string()),
            io::Error::from_raw_os_error,
        );
        self.troubles.push((path.to_owned(), error));
    }
}

impl Follower {
    /// Walks all directories once.
    pub(super) fn sweep(&mut self, now: Now) {
        let mut collect = Collect::default();
        let mut entries = 0;
        match self.options.root.clone() {
            Root::File(path) => match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    entries += walk(&path, Level::Top, &mut collect)
                }
                Ok(metadata) => collect.file(&path, &metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => collect.trouble(&path, &error),
            },
            Root::Tree { projects, .. } => {
                for dir in &projects {
                    entries += walk(dir, Level::Top, &mut collect);
                }
            }
        }
        self.troubles.clear();
        for (path, error) in &collect.troubles {
            self.trouble(path, error);
        }
        let mut found = collect.found;
        self.found_any |= !found.is_empty();
        found.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        for found in found {
            self.meet(found, now);
        }
        self.forget_ended(now);
        self.listed = collect
            .directories
            .into_iter()
            .map(|(path, _)| path)
            .collect::<HashSet<_>>();
        let pause =
            SWEEP_PAUSE_PER_ENTRY.saturating_mul(u32::try_from(entries).unwrap_or(u32::MAX));
        let pause = if self.found_any {
            pause.clamp(SWEEP_PAUSE, MAX_SWEEP_PAUSE)
        } else {
            self.options.poll
        };
        self.next_sweep = Some(now.instant + pause);
    }

    fn meet(&mut self, found: Found, now: Now) {
        if let Some(key) = self.by_inode.get(&found.inode).copied() {
            let Some(tracked) = self.files.get_mut(&key) else {
                return;
            };
            let home = tracked.source.path == found.path;
            if !home
                && fs::metadata(&tracked.source.path)
                    .is_ok_and(|there| inode(&there) == found.inode)
                && tracked.place == super::tracked::Place::Here
            {
                return; // a second name of the same file
            }
            if !home || tracked.place != super::tracked::Place::Here {
                let old = std::mem::replace(&mut tracked.source.path, found.path.clone());
                tracked.place = super::tracked::Place::Here;
                tracked.displaced = None;
                if self.by_path.get(&old) == Some(&key) {
                    self.by_path.remove(&old);
                }
                self.by_path.insert(found.path.clone(), key);
            }
            if tracked.look(&found.metadata, now.instant) {
                self.rewritten(key, now);
            }
            return;
        }
        if let Some(key) = self.by_path.get(&found.path).copied() {
            self.displaced(key, now);
        }
        if self.files.len() >= MAX_FILES {
            return;
        }
        if let Some(entry) = self.restored.remove(&found.path)
            && self.restore(&found, &entry, now)
        {
            return;
        }
        self.follow(found, now);
    }

    /// Goes on where the checkpoint says, if the file is the one it speaks of.
    fn restore(&mut self, found: &Found, entry: &Entry, now: Now) -> bool {
        let Ok(file) = open(&found.path) else {
            return false;
        };
        let known = entry.acknowledged > 0
            && found.metadata.size() >= entry.acknowledged
            && entry.head.matches(&file, 0).unwrap_or(false)
            && entry
                .tail
                .matches(&file, entry.acknowledged - u64::from(entry.tail.len))
                .unwrap_or(false);
        let Some(tail) = known
            .then(|| Tail::before(&file, entry.from).ok())
            .flatten()
        else {
            return false;
        };
        let mut source = self.source_of(&found.path);
        source.session.clone_from(&entry.session);
        source.subagent.clone_from(&entry.subagent);
        let limit = self.options.max_line_bytes;
        let mut tracked = Tracked::new(source, found.inode, (entry.from, tail), limit, now.instant);
        tracked.restore(entry);
        self.insert(tracked, found, now);
        true
    }

    fn follow(&mut self, found: Found, now: Now) {
        let resume = open(&found.path)
            .ok()
            .and_then(|file| self.continues(&found.path, &file));
        let source = self.source_of(&found.path);
        let limit = self.options.max_line_bytes;
        let (at, tail, from) = resume.map_or((0, Tail::EMPTY, 0), |resume| {
            (resume.at, resume.tail, resume.from)
        });
        let mut tracked = Tracked::new(source, found.inode, (at, tail), limit, now.instant);
        tracked.from = from;
        self.insert(tracked, &found, now);
    }

    fn insert(&mut self, mut tracked: Tracked, found: &Found, now: Now) {
        tracked.look(&found.metadata, now.instant);
        let key = tracked.source.key;
        self.by_inode.insert(found.inode, key);
        self.by_path.insert(found.path.clone(), key);
        self.files.insert(key, tracked);
    }

    pub(super) fn trouble(&mut self, path: &Path, error: &io::Error) {
        if self.troubles.len() >= MAX_TROUBLES && !self.troubles.contains_key(path) {
            return;
        }
        let owner = fs::metadata(path).ok().map(|metadata| metadata.uid());
        let trouble = Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
            owner,
        };
        self.troubles.insert(path.to_owned(), trouble);
    }
}
