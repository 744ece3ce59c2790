//! inotify as a wake-up: which paths to look at before their time. Never the only way to see a change.
//!
//! Directories are watched, not files: one watch sees appends, new files and renames alike. A watch that cannot be had,
//! an overflow of the queue, a file system that never signals: each costs only time, for polling goes on.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use tokio::io::unix::AsyncFd;

use super::discover::Level;
use super::pause::announces;
use super::status::WakeUps;
use super::tracked::Inode;

/// Directories watched at once; the system's own limit per user is often not much higher.
const MAX_WATCHES: usize = 512;
/// Events are read in this many bytes at a time.
const BUFFER: usize = 16 << 10;
/// Names of one reading; more than that is as good as an overflow.
const MAX_NAMES: usize = 256;

enum Instance {
    /// Not registered with the runtime yet: opening a follower needs none.
    Plain(Inotify),
    Registered(AsyncFd<Inotify>),
}

/// What the events name.
#[derive(Default)]
pub(super) struct Hints {
    /// Files that changed, came or went.
    pub(super) files: Vec<PathBuf>,
    /// Directories that came, with their level's parent: what they are follows from their name.
    pub(super) directories: Vec<(PathBuf, Level)>,
    /// Something is not known exactly: look at everything.
    pub(super) sweep: bool,
}

struct Watch {
    inode: Inode,
    descriptor: WatchDescriptor,
    /// Whether the file system announces every change.
    announces: bool,
}

/// The watches.
pub(super) struct Wake {
    instance: Option<Instance>,
    by_path: HashMap<PathBuf, Watch>,
    by_watch: HashMap<WatchDescriptor, (PathBuf, Level)>,
    trouble: Option<String>,
    buffer: Vec<u8>,
    wanted: bool,
}

impl Wake {
    pub(super) fn open(wanted: bool) -> Self {
        let mut wake = Self {
            instance: None,
            by_path: HashMap::new(),
            by_watch: HashMap::new(),
            trouble: None,
            buffer: vec![0; if wanted { BUFFER } else { 0 }],
            wanted,
        };
        wake.retry();
        wake
    }

    /// Tries again to have an instance, where there is none.
    pub(super) fn retry(&mut self) {
        if self.wanted && self.instance.is_none() {
            match Inotify::init() {
                Ok(inotify) => self.instance = Some(Instance::Plain(inotify)),
                Err(error) => self.trouble = Some(format!("no inotify instance: {error}")),
            }
        }
    }

    pub(super) fn status(&self) -> WakeUps {
        match (&self.trouble, self.wanted) {
            (_, false) => WakeUps::Polling,
            (Some(trouble), true) => WakeUps::Degraded(trouble.clone()),
            (None, true) => WakeUps::Inotify,
        }
    }

    /// Whether every change in this directory brings an event.
    pub(super) fn announces(&self, directory: &Path) -> bool {
        let watch = self.by_path.get(directory);
        self.instance.is_some() && watch.is_some_and(|watch| watch.announces)
    }

    fn inotify(&mut self) -> Option<&mut Inotify> {
        match self.instance.as_mut()? {
            Instance::Plain(inotify) => Some(inotify),
            Instance::Registered(fd) => Some(fd.get_mut()),
        }
    }

    /// Watches a directory, unless this very directory is watched already.
    pub(super) fn watch(&mut self, path: &Path, level: Level, inode: Inode) {
        match self.by_path.get(path) {
            Some(known) if known.inode == inode => return,
            // The path is another directory now.
            Some(_) => self.unwatch(path),
            None => {}
        }
        if self.by_path.len() >= MAX_WATCHES {
            self.trouble = Some(format!("more than {MAX_WATCHES} directories"));
            return;
        }
        let Some(inotify) = self.inotify() else {
            return;
        };
        let mask = WatchMask::CREATE
            | WatchMask::MODIFY
            | WatchMask::MOVE
            | WatchMask::DELETE
            | WatchMask::ATTRIB
            | WatchMask::ONLYDIR;
        match inotify.watches().add(path, mask) {
            Ok(watch) => {
                // Two paths to one directory share a watch; the newer name serves as well.
                if let Some((older, _)) = self
                    .by_watch
                    .insert(watch.clone(), (path.to_owned(), level))
                {
                    self.by_path.remove(&older);
                }
                let watch = Watch {
                    inode,
                    descriptor: watch,
                    announces: announces(path),
                };
                self.by_path.insert(path.to_owned(), watch);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.trouble = Some(format!("cannot watch {}: {error}", path.display()));
            }
        }
    }

    fn unwatch(&mut self, path: &Path) {
        let Some(Watch { descriptor, .. }) = self.by_path.remove(path) else {
            return;
        };
        self.by_watch.remove(&descriptor);
        if let Some(inotify) = self.inotify() {
            // Fails when the directory is gone and its watch with it, which is as good.
            let _ = inotify.watches().remove(descriptor);
        }
    }

    /// Begins a sweep: what goes wrong in it is what is wrong.
    pub(super) fn begin(&mut self) {
        if self.instance.is_some() {
            self.trouble = None;
        }
        self.retry();
    }

    /// Ends a sweep: watches on directories it did not want any more are given back.
    pub(super) fn keep_only(&mut self, wanted: impl Fn(&Path) -> bool) {
        let gone: Vec<PathBuf> = self
            .by_path
            .keys()
            .filter(|path| !wanted(path))
            .cloned()
            .collect();
        for path in gone {
            self.unwatch(&path);
        }
    }

    /// Reads all events there are, without waiting.
    pub(super) fn hints(&mut self) -> Hints {
        let mut hints = Hints::default();
        let mut buffer = std::mem::take(&mut self.buffer);
        // Bounded: a writer that is faster than we are must not hold us here.
        for _ in 0..16 {
            let Some(inotify) = self.inotify() else { break };
            let Ok(events) = inotify.read_events(&mut buffer) else {
                break;
            };
            let events: Vec<_> = events
                .map(|event| {
                    (
                        event.wd.clone(),
                        event.mask,
                        event.name.map(std::ffi::OsStr::to_owned),
                    )
                })
                .collect();
            for (watch, mask, name) in events {
                if mask.contains(EventMask::Q_OVERFLOW) {
                    hints.sweep = true;
                    continue;
                }
                if mask.contains(EventMask::IGNORED) {
                    if let Some((path, _)) = self.by_watch.remove(&watch) {
                        self.by_path.remove(&path);
                        hints.sweep = true;
                    }
                    continue;
                }
                let Some((dir, level)) = self.by_watch.get(&watch) else {
                    continue;
                };
                let Some(name) = name else { continue };
                let path = dir.join(&name);
                if mask.contains(EventMask::ISDIR) {
                    if mask.intersects(EventMask::CREATE | EventMask::MOVED_TO) {
                        hints.directories.push((path, *level));
                    } else if !mask.contains(EventMask::ATTRIB) {
                        hints.sweep = true;
                    }
                } else if hints.files.last() != Some(&path) {
                    hints.files.push(path);
                }
            }
            if hints.files.len() + hints.directories.len() > MAX_NAMES {
                hints.files.clear();
                hints.directories.clear();
                hints.sweep = true;
            }
        }
        self.buffer = buffer;
        hints
    }

    /// Registers with the runtime, the first time. The instance owns its descriptor and lends no other, which is all
    /// that the unsafe successor of `try_new` would have us promise.
    #[expect(deprecated, reason = "unsafe code is forbidden here")]
    fn register(&mut self) {
        match self.instance.take() {
            Some(Instance::Plain(inotify)) => match AsyncFd::try_new(inotify) {
                Ok(fd) => self.instance = Some(Instance::Registered(fd)),
                Err(error) => {
                    let (inotify, cause) = error.into_parts();
                    self.instance = Some(Instance::Plain(inotify));
                    self.trouble = Some(format!("inotify cannot be awaited: {cause}"));
                }
            },
            other => self.instance = other,
        }
    }

    /// Waits until there are events. For ever, where there is no inotify.
    pub(super) async fn ready(&mut self) {
        self.register();
        if let Some(Instance::Registered(fd)) = &self.instance
            && let Ok(mut guard) = fd.readable().await
        {
            // The events are read by the next step; readiness comes anew with the next event.
            guard.clear_ready();
            return;
        }
        std::future::pending::<()>().await;
    }
}
