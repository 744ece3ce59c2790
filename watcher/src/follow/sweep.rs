//! The sweep: everything that lies in the directories, against everything that is followed.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::checkpoint::Entry;
use super::clock::Now;
use super::discover::{Level, Visitor, below, walk};
use super::follower::Follower;
use super::layout::{is_transcript, whose};
use super::line::FileKey;
use super::old::{Known, Unfollowed, Why, hash};
use super::options::Root;
use super::tracked::{Inode, Place, inode};
use super::trouble::Doing;
use super::wake::{Hints, Wake};

/// Unreadable things that are listed in the status.
const MAX_TROUBLES: usize = 64;
/// The pause between two sweeps, and how much each entry adds to it: looking at one costs a few microseconds, so this
/// keeps sweeping under a thousandth of a core however many old sessions there are.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
const SWEEP_PAUSE_PER_ENTRY: Duration = Duration::from_millis(4);
const MAX_SWEEP_PAUSE: Duration = Duration::from_secs(30);
/// How long after a change a file's content is still compared although its times stand: they may be that coarse.
const COARSE_TIMES: Duration = Duration::from_secs(3);

/// A transcript that a sweep met.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    pub(super) metadata: Metadata,
    modified: SystemTime,
    /// Known, and different from what was known.
    pub(super) known: Option<Known>,
}

/// Collects what is worth a thought; old sessions that stand as they stood are passed over here, unallocated.
pub(super) struct Collect<'a> {
    pub(super) found: Vec<Found>,
    directories: HashSet<u64>,
    troubles: Vec<(PathBuf, io::Error)>,
    unfollowed: &'a mut Unfollowed,
    wake: &'a mut Wake,
    by_path: &'a HashMap<PathBuf, FileKey>,
    restored: &'a HashMap<PathBuf, Entry>,
    /// Sessions that are followed: only their directories are worth a watch.
    sessions: HashSet<String>,
    /// Directories that were listed before: what is new in them is new.
    listed: &'a HashSet<u64>,
    /// Files last written before this are old, in a directory that is listed for the first time.
    old_before: Option<SystemTime>,
    any: bool,
}

impl Visitor for Collect<'_> {
    fn directory(&mut self, path: &Path, level: Level) {
        self.directories.insert(hash(path));
        let session = match level {
            Level::Top | Level::Projects | Level::Project => None,
            Level::Session => path.file_name(),
            Level::Subagents(_) => path.parent().and_then(Path::file_name),
        };
        let worth = session.is_none_or(|name| self.sessions.contains(&*name.to_string_lossy()));
        if worth && let Ok(metadata) = fs::metadata(path) {
            self.wake.watch(path, level, inode(&metadata));
        }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) {
        self.any = true;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let known = self.unfollowed.get(path);
        if !self.by_path.contains_key(path) && !self.restored.contains_key(path) {
            match known {
                Some(known) if known.inode == inode(metadata) => {
                    let stands = known.why == Why::Foreign || known.size == metadata.len();
                    if stands && !(known.why != Why::Old && self.is_of_ours(path)) {
                        return;
                    }
                }
                // An old session under its old name, replaced by as much: still old.
                Some(known) if known.why == Why::Old && known.size == metadata.len() => {
                    self.unfollowed.insert(path, metadata, Why::Old);
                    return;
                }
                Some(_) => {}
                None => {
                    let new = path
                        .parent()
                        .is_some_and(|dir| self.listed.contains(&hash(dir)));
                    if !new && self.old_before.is_some_and(|before| modified < before) {
                        self.unfollowed.insert(path, metadata, Why::Old);
                        return;
                    }
                }
            }
        }
        let metadata = metadata.clone();
        let inode = inode(&metadata);
        self.found.push(Found {
            path: path.to_owned(),
            inode,
            metadata,
            modified,
            known,
        });
    }

    fn trouble(&mut self, path: &Path, error: &io::Error) {
        if self.troubles.len() < MAX_TROUBLES {
            self.troubles.push((path.to_owned(), same(error)));
        }
    }
}

/// An error says the same when it is made anew from its number.
fn same(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error.to_string()),
    }
}

impl Follower {
    /// Walks all directories once.
    pub(super) fn sweep(&mut self, now: Now) {
        let mut entries = 0;
        self.wake.begin();
        let root = self.options.root.clone();
        let mut directories = self.collect(now, true, |collect| match &root {
            Root::File(path) => match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => entries = walk(path, Level::Top, collect),
                Ok(metadata) => {
                    // One file, named by the user, is read whatever its age.
                    collect.old_before = None;
                    collect.file(path, &metadata);
                    collect.parent(path);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => collect.parent(path),
                Err(error) => collect.trouble(path, &error),
            },
            Root::Tree { projects, .. } => {
                for dir in projects {
                    entries += walk(dir, Level::Top, collect);
                }
            }
        });
        std::mem::swap(&mut self.listed, &mut directories);
        let listed = &self.listed;
        self.wake.keep_only(|path| listed.contains(&hash(path)));
        self.find_moved(now);
        self.look_at_the_rest(now);
        self.forget_ended(now);
        let pause =
            SWEEP_PAUSE_PER_ENTRY.saturating_mul(u32::try_from(entries).unwrap_or(u32::MAX));
        let pause = pause.clamp(SWEEP_PAUSE, MAX_SWEEP_PAUSE);
        // While there is nothing at all there is nothing that a look could cost.
        let pause = if self.found_any {
            pause
        } else {
            self.options.poll
        };
        self.next_sweep = Some(now.instant + pause);
    }

    /// Looks at what inotify names.
    pub(super) fn follow_hints(&mut self, hints: Hints, now: Now) {
        let Hints {
            files,
            directories,
            sweep,
        } = hints;
        if sweep {
            self.next_sweep = Some(now.instant);
            return;
        }
        let mut unknown = Vec::new();
        for path in files {
            match self.by_path.get(&path).copied() {
                Some(key) => {
                    self.look(key, now);
                    if let Some(tracked) = self.files.get_mut(&key) {
                        tracked.unannounced = false;
                    }
                }
                None if self.wanted(&path) => unknown.push(path),
                None => {}
            }
        }
        if unknown.is_empty() && directories.is_empty() {
            return;
        }
        let listed = self.collect(now, false, |collect| {
            for path in &unknown {
                match fs::metadata(path) {
                    Ok(metadata) if metadata.is_file() => collect.file(path, &metadata),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => collect.trouble(path, &error),
                }
            }
            for (path, parent) in &directories {
                if let Some(level) = path.file_name().and_then(|name| below(*parent, name)) {
                    walk(path, level, collect);
                }
            }
        });
        self.listed.extend(listed);
    }

    fn wanted(&self, path: &Path) -> bool {
        match &self.options.root {
            Root::File(file) if !self.listed.contains(&hash(file)) => path == file,
            _ => path.file_name().is_some_and(is_transcript),
        }
    }

    /// Runs `visit`, of `all` there is or of a part, meets what it found, and returns the directories it listed.
    fn collect(&mut self, now: Now, all: bool, visit: impl FnOnce(&mut Collect)) -> HashSet<u64> {
        let followed = self
            .files
            .values()
            .map(|tracked| tracked.source.session.clone());
        let mut collect = Collect {
            found: Vec::new(),
            directories: HashSet::new(),
            troubles: Vec::new(),
            sessions: followed.collect(),
            unfollowed: &mut self.unfollowed,
            wake: &mut self.wake,
            by_path: &self.by_path,
            restored: &self.restored,
            listed: &self.listed,
            old_before: self.clock.old_before(now, &self.options),
            any: false,
        };
        visit(&mut collect);
        let Collect {
            mut found,
            directories,
            troubles,
            any,
            ..
        } = collect;
        self.found_any |= any;
        if all {
            self.troubles
                .walked_all(|path| self.by_path.contains_key(path));
        } else {
            let met = |path: &Path| found.iter().any(|found| found.path == path);
            self.troubles
                .walked(|path| directories.contains(&hash(path)) || met(path));
        }
        for (path, error) in &troubles {
            self.troubles.note(path, Doing::Listing, error);
        }
        // Sessions before their subagents, and the one that was written last comes last.
        found.sort_by_cached_key(|found| {
            (
                whose(&found.path).subagent.is_some(),
                found.modified,
                found.path.clone(),
            )
        });
        for found in found {
            self.meet(&found, now);
        }
        directories
    }

    /// Files whose place is not their path are met by no walk; files that changed a moment ago may have changed
    /// again within the same tick of their file system's clock.
    fn look_at_the_rest(&mut self, now: Now) {
        let elsewhere: Vec<FileKey> = self
            .files
            .iter_mut()
            .filter_map(|(key, tracked)| {
                let recent = now.instant.saturating_duration_since(tracked.grown) < COARSE_TIMES;
                if recent {
                    tracked.verify = true;
                    tracked.at_end = false;
                }
                (tracked.place != Place::Here).then_some(*key)
            })
            .collect();
        for key in elsewhere {
            self.look(key, now);
        }
    }
}

impl Collect<'_> {
    /// A subagent's file goes with its session, whatever `cwd` it has.
    fn is_of_ours(&self, path: &Path) -> bool {
        let whose = whose(path);
        whose.subagent.is_some() && self.sessions.contains(&whose.session)
    }

    /// The directory in which one followed file stands or will stand: watched, not listed.
    fn parent(&mut self, path: &Path) {
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            self.directory(dir, Level::Project);
        }
    }
}
