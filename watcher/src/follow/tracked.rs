//! One followed file: where reading and acknowledging stand, and how it is recognised.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;

use super::buffer::LineBuffer;
use super::checkpoint::Entry;
use super::fingerprint::{Fingerprint, Tail};
use super::line::Source;
use super::passed::Beginning;
use super::progress::Progress;

/// The pause before a file that could not be read is tried again; it doubles.
const RETRY: Duration = Duration::from_secs(1);
/// Longest such pause.
const SLOWEST: Duration = Duration::from_secs(30);
/// Failures after which a file that is only to be read to its end counts as read.
const PATIENCE: u32 = 3;

/// Device and inode.
pub(super) type Inode = (u64, u64);

pub(super) fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// Where a file's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At its path, which is a transcript's.
    Here,
    /// Renamed to something that is no transcript's name; its writer may still hold it open.
    Moved,
    /// Nowhere; only our handle keeps it.
    Unlinked,
}

/// What the last look at a file saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When its content changed last.
    pub(super) fn written(&self) -> SystemTime {
        let (seconds, nanoseconds) = self.modified;
        let since = u64::try_from(seconds)
            .ok()
            .zip(u32::try_from(nanoseconds).ok());
        let since = since.map(|(seconds, rest)| Duration::new(seconds, rest));
        since
            .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// One life of one file.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not one state"
)]
pub(super) struct Tracked {
    pub(super) source: Source,
    pub(super) inode: Inode,
    pub(super) handle: Option<File>,
    pub(super) place: Place,
    /// Since when its place is not its path.
    pub(super) displaced: Option<Instant>,
    pub(super) head: Fingerprint,
    /// Where reading began.
    pub(super) from: u64,
    pub(super) buffer: LineBuffer,
    /// Lines that begin before this were acknowledged before the restart.
    pub(super) replay_until: u64,
    pub(super) progress: Progress,
    pub(super) seen: Option<Seen>,
    /// When it last grew.
    pub(super) grown: Instant,
    /// Nothing to read, as far as we know.
    pub(super) at_end: bool,
    /// Something about it changed: its head has to be recognised before anything is read.
    pub(super) verify: bool,
    /// Its size changed, and nothing has announced a change of it since.
    pub(super) unannounced: bool,
    /// It is known where reading begins.
    pub(super) decided: bool,
    /// Whether it begins with an old session's records.
    pub(super) beginning: Beginning,
    /// Where it stood first, if it moved before that was known.
    pub(super) born: Option<PathBuf>,
    /// Not to be read before this.
    pub(super) wait_until: Option<Instant>,
    /// Reads that failed one after the other.
    pub(super) failures: u32,
    /// The read position at which the unfinished line was last tried as a whole record.
    pub(super) tried: u64,
}

impl Tracked {
    /// A file of which nothing is acknowledged, to be read from `from`, before which `tail` stands.
    pub(super) fn new(
        source: Source,
        inode: Inode,
        (from, tail): (u64, Tail),
        limit: usize,
        now: Instant,
    ) -> Self {
        Self {
            source,
            inode,
            handle: None,
            place: Place::Here,
            displaced: None,
            head: Fingerprint::default(),
            from,
            buffer: LineBuffer::at(from, tail, limit),
            replay_until: from,
            progress: Progress::at(from, tail.fingerprint()),
            seen: None,
            grown: now,
            at_end: false,
            verify: true,
            unannounced: false,
            decided: false,
            beginning: Beginning::default(),
            born: None,
            wait_until: None,
            failures: 0,
            tried: from,
        }
    }

    /// Takes over what a checkpoint knows. Reading begins at its `from`, before which `tail` stands.
    pub(super) fn restore(&mut self, entry: &Entry) {
        self.head = entry.head;
        self.decided = true;
        self.replay_until = entry.acknowledged;
        self.progress = Progress::at(entry.acknowledged, entry.tail);
    }

    pub(super) fn replaying(&self) -> bool {
        self.buffer.position() < self.replay_until
    }

    /// Is there anything to read, and may it be read now?
    pub(super) fn readable(&self, now: Instant) -> bool {
        !self.at_end && self.wait_until.is_none_or(|until| until <= now)
    }

    /// Nothing more is to be had of it now, for it ended or cannot be read.
    pub(super) fn is_read(&self) -> bool {
        self.at_end || self.failures >= PATIENCE
    }

    /// A read failed: the handle may be one of a file system that is gone, so the next try opens anew, after a while.
    pub(super) fn failed(&mut self, now: Instant) {
        if self.place != Place::Unlinked {
            self.handle = None;
        }
        self.verify = true;
        let pause = RETRY.saturating_mul(1 << self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        self.wait_until = Some(now + pause.min(SLOWEST));
    }

    /// Reading goes on at `mark`; what was read behind it is forgotten.
    pub(super) fn rewind(&mut self, end: u64, tail: Tail, limit: usize) {
        self.buffer = LineBuffer::at(end, tail, limit);
        self.tried = end;
        self.at_end = false;
        self.verify = true;
    }

    /// Takes in what a look at the file showed. Says whether it shrank below what was read of it.
    pub(super) fn look(&mut self, metadata: &Metadata, now: Instant) -> bool {
        let seen = Seen::of(metadata);
        let before = self.seen.replace(seen);
        if before != Some(seen) {
            self.verify = true;
            self.at_end = false;
            if before.is_none_or(|before| before.size != seen.size) {
                self.grown = now;
                self.unannounced |= before.is_some();
            }
        }
        seen.size < self.buffer.position()
    }

    pub(super) fn entry(&self) -> Entry {
        let acknowledged = self.progress.acknowledged();
        Entry {
            path: self.source.path.clone(),
            session: self.source.session.clone(),
            subagent: self.source.subagent.clone(),
            device: self.inode.0,
            inode: self.inode.1,
            head: self.head,
            from: self.from,
            acknowledged: acknowledged.end,
            tail: acknowledged.tail,
        }
    }
}

/// Opens a regular file for reading; never waits, whatever stands at the path.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// Looks for an inode under another name beside `path`.
pub(super) fn find_beside(path: &Path, wanted: Inode) -> Option<PathBuf> {
    use std::os::unix::fs::DirEntryExt;
    for entry in path.parent()?.read_dir().ok()?.flatten() {
        if entry.ino() == wanted.1
            && entry
                .metadata()
                .is_ok_and(|metadata| inode(&metadata) == wanted)
        {
            return Some(entry.path());
        }
    }
    None
}
