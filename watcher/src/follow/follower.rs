//! The follower: its state, what callers may ask of it, and the step that drives it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::buffer::BEFORE;
use super::checkpoint::{Checkpoint, Entry};
use super::clock::{Clock, Now};
use super::error::FollowError;
use super::line::{FileKey, Line, Source};
use super::old::{Unfollowed, Why};
use super::options::FollowOptions;
use super::origin::{Ghost, Heir};
use super::passed::Passed;
use super::status::FollowStatus;
use super::store::Store;
use super::tracked::{Inode, Place, Tracked};
use super::trouble::Troubles;
use super::wake::Wake;

/// Bytes read from a file at once.
pub(super) const CHUNK: usize = 64 << 10;
/// Files looked at in every step; the others wait for the sweep.
const HOT: usize = 16;
/// Chunks read in one step: a long line must not keep the caller's other tasks from their turn.
const MAX_READS: usize = 64;
/// How long [`Follower::next`] waits before it returns with nothing.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// Sources of files that are no longer followed, kept for the lines that are still under way.
const RETIRED: usize = 256;
/// Files in a checkpoint.
pub(super) const MAX_FILES: usize = 1024;

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not one state"
)]
/// Follows transcripts. See the module for what it promises.
pub struct Follower {
    pub(super) options: FollowOptions,
    pub(super) files: BTreeMap<FileKey, Tracked>,
    pub(super) by_path: HashMap<PathBuf, FileKey>,
    pub(super) by_inode: HashMap<Inode, FileKey>,
    /// Of the checkpoint, not found yet.
    pub(super) restored: HashMap<PathBuf, Entry>,
    /// Of the checkpoint, with another file at their path; until the first sweep has met all files.
    pub(super) orphans: Vec<Entry>,
    pub(super) ghosts: VecDeque<Ghost>,
    pub(super) heirs: VecDeque<Heir>,
    retired: VecDeque<Source>,
    next_key: u32,
    pub(super) queue: VecDeque<Line>,
    pub(super) chunk: Vec<u8>,
    /// The file that was read last, so that the next one gets its turn.
    pub(super) turn: FileKey,
    store: Store,
    pub(super) clock: Clock,
    pub(super) wake: Wake,
    pub(super) unfollowed: Unfollowed,
    /// Records of old sessions that new files were found to begin with.
    pub(super) passed: Passed,
    /// Hashes of the directories of the last sweep.
    pub(super) listed: HashSet<u64>,
    pub(super) next_sweep: Option<Instant>,
    look_at: Option<Instant>,
    pub(super) counts: FollowStatus,
    pub(super) troubles: Troubles,
    pub(super) found_any: bool,
    /// The files of the checkpoint that were not met were looked for elsewhere.
    pub(super) searched: bool,
    /// Files wait until there is room in the list.
    pub(super) crowded: bool,
    finishing: bool,
    done: bool,
}

impl Follower {
    /// Reads the checkpoint; nothing of the transcripts yet. The value is the memo of the last [`save`](Self::save), or
    /// null. A checkpoint that cannot be read is reported in the status and does not stop anything.
    pub fn open(options: FollowOptions) -> Result<(Self, Value), FollowError> {
        if options.max_line_bytes == 0 {
            return Err(FollowError::Options("max_line_bytes is 0"));
        }
        let mut store = Store::open(options.state_dir.clone());
        let (first_start, mut entries, memo) = match store.load() {
            Some(Checkpoint {
                first_start,
                files,
                memo,
            }) => (Some(first_start), files, memo),
            None => (None, Vec::new(), Value::Null),
        };
        entries.truncate(MAX_FILES);
        let follower = Self {
            files: BTreeMap::new(),
            by_path: HashMap::new(),
            by_inode: HashMap::new(),
            restored: entries
                .into_iter()
                .map(|entry| (entry.path.clone(), entry))
                .collect(),
            orphans: Vec::new(),
            ghosts: VecDeque::new(),
            heirs: VecDeque::new(),
            retired: VecDeque::new(),
            next_key: 0,
            queue: VecDeque::new(),
            chunk: vec![0; CHUNK + BEFORE],
            turn: FileKey(0),
            clock: Clock::new(first_start),
            wake: Wake::open(options.inotify && !options.once),
            unfollowed: store.load_old(),
            passed: Passed::default(),
            store,
            listed: HashSet::new(),
            next_sweep: None,
            look_at: None,
            counts: FollowStatus::default(),
            troubles: Troubles::default(),
            found_any: false,
            searched: false,
            crowded: false,
            finishing: options.once,
            done: false,
            options,
        };
        Ok((follower, memo))
    }

    /// The next lines, in the order of their file; lines to replay come before all others. Waits until there is one,
    /// but returns with nothing about once a second and when [`finished`](Self::finished). Never more than `max_lines`,
    /// and not more than `max_bytes` unless a single line is longer. May be cancelled at any time: a line is handed out
    /// or stays.
    pub async fn next(&mut self, max_lines: usize, max_bytes: usize) -> Vec<Line> {
        let idle = Instant::now() + IDLE_TICK.max(self.options.poll);
        loop {
            let now = Now::real();
            let lines = self.poll_once(now, max_lines, max_bytes);
            if !lines.is_empty() || self.done || now.instant >= idle {
                return lines;
            }
            if self.readable(now.instant).is_some() {
                tokio::task::yield_now().await;
                continue;
            }
            let look = self.next_look(now.instant);
            tokio::select! {
                () = self.wake.ready() => {}
                () = tokio::time::sleep_until(look.min(idle).into()) => {}
            }
        }
    }

    /// One step of [`next`](Self::next), without waiting, at a time of the caller's choosing.
    pub fn poll_once(&mut self, now: Now, max_lines: usize, max_bytes: usize) -> Vec<Line> {
        if self.queue.is_empty() {
            self.step(now, max_lines);
        }
        let mut lines = Vec::new();
        let mut bytes = 0;
        while let Some(line) = self.queue.front() {
            bytes += line.bytes.len();
            if lines.len() >= max_lines || (bytes > max_bytes && !lines.is_empty()) {
                break;
            }
            lines.extend(self.queue.pop_front());
        }
        lines
    }

    fn step(&mut self, now: Now, max_lines: usize) {
        self.clock.tick(now);
        let busy = self.readable(now.instant).is_some();
        let hints = self.wake.hints();
        self.follow_hints(hints, now);
        if self.next_sweep.is_none_or(|at| at <= now.instant) {
            self.sweep(now);
        }
        // With a backlog, looking at every file between two chunks would cost more than reading them.
        if !busy || self.look_at.is_none_or(|at| at <= now.instant) {
            self.look_at = Some(now.instant + self.options.poll);
            for key in self.hot() {
                self.look(key, now);
            }
            // A file that lost its place to another: find out at once what stands there now.
            if self.next_sweep.is_none_or(|at| at <= now.instant) {
                self.sweep(now);
            }
        }
        for _ in 0..MAX_READS {
            let bytes: usize = self.queue.iter().map(|line| line.bytes.len()).sum();
            match self.readable(now.instant) {
                Some(key) if self.queue.len() < max_lines && bytes < CHUNK => self.read(key, now),
                _ => break,
            }
        }
        if self.queue.is_empty() {
            self.take_unterminated(now);
        }
        let read = !self.crowded && self.files.values().all(Tracked::is_read);
        self.done = self.finishing && self.queue.is_empty() && read;
        if std::mem::take(&mut self.crowded) && self.finishing {
            self.next_sweep = Some(now.instant);
        }
    }

    /// The files worth a look in every step: the ones that grew last.
    fn hot(&self) -> Vec<FileKey> {
        let mut keys: Vec<FileKey> = self.files.keys().copied().collect();
        if keys.len() > HOT {
            keys.sort_by_key(|key| {
                std::cmp::Reverse(self.files.get(key).map(|tracked| tracked.grown))
            });
            keys.truncate(HOT);
        }
        keys
    }

    /// From now on as with `once`: what is there is read to its end, last lines without a newline are handed out if
    /// they are whole records, and then all is finished. For shutting down.
    pub fn finish(&mut self) {
        self.finishing = true;
    }

    pub(super) fn finishing(&self) -> bool {
        self.finishing
    }

    /// With `once`, or after [`finish`](Self::finish): everything was handed out.
    pub fn finished(&self) -> bool {
        self.done && self.queue.is_empty()
    }

    /// Where lines with this key come from.
    pub fn source(&self, key: FileKey) -> Option<&Source> {
        let live = self.files.get(&key).map(|tracked| &tracked.source);
        live.or_else(|| self.retired.iter().find(|source| source.key == key))
    }

    /// Everything before `end` in this file was taken by Discord, or needed no posting.
    pub fn acknowledge(&mut self, file: FileKey, end: u64) {
        let mut next = Some((file, end));
        let mut all = Vec::new();
        // An heir is younger than the file it inherits from, so this comes to an end.
        while let Some((key, end)) = next {
            if let Some(tracked) = self.files.get_mut(&key) {
                tracked.progress.acknowledge(end);
            }
            for ghost in self.ghosts.iter_mut().filter(|ghost| ghost.key == key) {
                ghost.progress.acknowledge(end);
            }
            let heirs = self.heirs.iter().filter(|heir| heir.of == key);
            all.extend(heirs.map(|heir| (heir.key, end.min(heir.until))));
            next = all.pop();
        }
    }

    /// Writes the checkpoint; does nothing when the same was written last. When it cannot be written the first call
    /// that fails says so; the status goes on saying it, and the next call tries again.
    pub fn save(&mut self, memo: &Value) -> Result<(), FollowError> {
        let checkpoint = self.checkpoint(memo.clone());
        let old = self.unfollowed.changed.then(|| self.unfollowed.to_json());
        match self.store.write(checkpoint, old.as_deref()) {
            Ok(()) => {
                self.unfollowed.changed = false;
                Ok(())
            }
            Err(source) => {
                let path = self.store.path();
                let text = format!("cannot write {}: {source}", path.display());
                if self.store.trouble.replace(text.clone()) == Some(text) {
                    return Ok(());
                }
                Err(FollowError::Checkpoint { path, source })
            }
        }
    }

    fn checkpoint(&self, memo: Value) -> Checkpoint {
        // Of two files at one path, the one whose beginning is known speaks for it.
        let speaks = |tracked: &&Tracked| {
            let there = self.by_path.get(&tracked.source.path);
            let there = there.and_then(|key| self.files.get(key));
            tracked.decided
                && (tracked.place != Place::Unlinked || there.is_none_or(|there| !there.decided))
        };
        let mut files: Vec<(Instant, Entry)> = self
            .files
            .values()
            .filter(speaks)
            .map(|tracked| (tracked.grown, tracked.entry()))
            .collect();
        files.sort_by_key(|(grown, _)| *grown);
        let entries = files.into_iter().map(|(_, entry)| entry);
        let mut files: Vec<Entry> = self.restored.values().cloned().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.extend(entries);
        files.drain(..files.len().saturating_sub(MAX_FILES));
        Checkpoint {
            first_start: self.clock.first_start(),
            files,
            memo,
        }
    }

    /// How things stand.
    pub fn status(&self) -> FollowStatus {
        let mut status = self.counts.clone();
        status.files = self.files.len();
        status.open = self
            .files
            .values()
            .filter(|tracked| tracked.handle.is_some())
            .count();
        for tracked in self.files.values() {
            let size = tracked.seen.map_or(0, |seen| seen.size);
            status.bytes_behind += size.saturating_sub(tracked.due_from());
            status.bytes_unfinished += tracked.buffer.position() - tracked.buffer.line_start();
        }
        status.unreadable = self.troubles.all();
        status.nothing_found_for = (!self.found_any).then(|| {
            self.clock
                .started
                .map_or(Duration::ZERO, |started| started.elapsed())
        });
        status.old = self.unfollowed.count(Why::Old);
        status.foreign = self.unfollowed.count(Why::Foreign);
        status.wake_ups = self.wake.status();
        status.checkpoint.clone_from(&self.store.trouble);
        status
    }

    pub(super) fn new_key(&mut self) -> FileKey {
        self.next_key += 1;
        FileKey(self.next_key)
    }

    pub(super) fn retire(&mut self, source: Source) {
        if self.retired.len() >= RETIRED {
            self.retired.pop_front();
        }
        self.retired.push_back(source);
    }
}
