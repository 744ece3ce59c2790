//! Reading: whose turn it is, one chunk of it, and last lines that have no newline.

use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::{Duration, Instant, SystemTime};

use serde::de::IgnoredAny;

use super::buffer::Piece;
use super::clock::Now;
use super::fingerprint::{Fingerprint, HEAD, read_at};
use super::follower::{CHUNK, Follower};
use super::layout::whose;
use super::line::{FileKey, Line};
use super::passed::Beginning;
use super::sniff;
use super::status::FollowStatus;
use super::tracked::{Place, Tracked, inode, open};
use super::trouble::Doing;

/// Handles held at once; files at their end give theirs up first.
const MAX_OPEN: usize = 64;
/// How long a last line without a newline must rest before it may be taken for a whole record.
const QUIET: Duration = Duration::from_secs(2);
/// The pause before a file that could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Follower {
    /// The file to read next: one with lines to replay; else one that lost its place, for its successor waits; else the
    /// next in turn that has anything.
    pub(super) fn readable(&self, now: Instant) -> Option<FileKey> {
        let after = self.files.range((Excluded(self.turn), Unbounded));
        after
            .chain(self.files.range(..=self.turn))
            .filter(|(_, tracked)| tracked.readable(now))
            // The first of the least: their order is that of their turns.
            .min_by_key(|(_, tracked)| (!tracked.replaying(), tracked.displaced.is_none()))
            .map(|(key, _)| *key)
    }

    /// Reads one chunk of one file into the queue.
    pub(super) fn read(&mut self, key: FileKey, now: Now) {
        self.turn = key;
        if !self.open_handle(key, now) || !self.prepare(key, now) {
            return;
        }
        let Some(tracked) = self.files.get_mut(&key) else {
            return;
        };
        let (is_copy, mut news) = (tracked.is_copy(), false);
        match read_chunk(tracked, &mut self.chunk, |piece, tracked| {
            if !is_copy {
                deliver(piece, tracked, &mut self.queue, &mut self.counts);
            } else if !news {
                match Self::is_news(&self.passed, &piece.bytes) {
                    Some(true) => news = true,
                    Some(false) => tracked.beginning = Beginning::Copied(piece.end, piece.tail),
                    None => {}
                }
            }
        }) {
            Ok(Some(read)) => {
                tracked.failures = 0;
                self.troubles.over(&tracked.source.path, Doing::Reading);
                self.counts.bytes_read += read as u64;
                if news {
                    self.end_of_copy(key);
                }
            }
            Ok(None) => self.rewritten(key, now),
            Err(error) => {
                tracked.failed(now.instant);
                self.troubles
                    .note(&tracked.source.path, Doing::Reading, &error);
            }
        }
    }

    /// Before the first chunk of a new file: where does it begin, and whose is it?
    fn prepare(&mut self, key: FileKey, now: Now) -> bool {
        let Some(tracked) = self.files.get_mut(&key) else {
            return false;
        };
        if tracked.decided || tracked.is_copy() {
            return true;
        }
        let Some(file) = &tracked.handle else {
            return false;
        };
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            tracked.at_end = true;
            return false;
        }
        if whose(&tracked.source.path).session_unknown
            && let Some(session) = sniff::head(file)
                .ok()
                .and_then(|head| sniff::session(&head))
        {
            tracked.source.session = session;
        }
        self.decide(key, now)
    }

    /// Sees to it that a file is open. Says no when it cannot be, for now.
    fn open_handle(&mut self, key: FileKey, now: Now) -> bool {
        let Some(tracked) = self.files.get_mut(&key) else {
            return false;
        };
        if tracked.handle.is_some() {
            return true;
        }
        let path = tracked.source.path.clone();
        match open(&path) {
            Ok(file) => {
                if file
                    .metadata()
                    .is_ok_and(|metadata| inode(&metadata) != tracked.inode)
                {
                    tracked.at_end = true;
                    self.displaced(key, now);
                    return false;
                }
                tracked.handle = Some(file);
                self.troubles.over(&path, Doing::Opening);
                self.close_idle(key);
                true
            }
            Err(error) => {
                tracked.at_end = true;
                // The next look takes it for changed, and it is tried again.
                tracked.seen = None;
                tracked.wait_until = Some(now.instant + RETRY);
                if error.kind() == io::ErrorKind::NotFound {
                    self.displaced(key, now);
                } else {
                    self.troubles.note(&path, Doing::Opening, &error);
                }
                false
            }
        }
    }

    fn close_idle(&mut self, except: FileKey) {
        let open = self
            .files
            .values()
            .filter(|tracked| tracked.handle.is_some())
            .count();
        if open <= MAX_OPEN {
            return;
        }
        let idle = self
            .files
            .iter_mut()
            .filter(|(key, tracked)| **key != except && tracked.handle.is_some())
            // Only our handle keeps an unlinked file: it is closed last.
            .min_by_key(|(_, t)| (t.place == Place::Unlinked, !t.at_end, t.grown));
        if let Some((_, tracked)) = idle {
            tracked.handle = None;
        }
    }

    /// A copy that ends in a whole record of its own, or that nothing will follow any more, is one no longer.
    fn end_resting_copies(&mut self, now: Now) {
        let finishing = self.finishing();
        let passed = &self.passed;
        let over = self.files.iter().filter(|(_, tracked)| {
            let rested = now.instant.saturating_duration_since(tracked.grown) >= QUIET;
            let rest = tracked.buffer.unfinished();
            tracked.is_copy()
                && tracked.at_end
                && (finishing
                    || rested && is_whole(rest) && Self::is_news(passed, rest) == Some(true))
        });
        let over: Vec<FileKey> = over.map(|(key, _)| *key).collect();
        for key in over {
            self.end_of_copy(key);
        }
    }

    /// Hands out last lines without a newline that have rested and are whole records: a writer that ended without a
    /// newline would keep its last record to itself for ever.
    pub(super) fn take_unterminated(&mut self, now: Now) {
        let finishing = self.finishing();
        self.end_resting_copies(now);
        for tracked in self.files.values_mut().filter(|tracked| !tracked.is_copy()) {
            let rested = now.instant.saturating_duration_since(tracked.grown) >= QUIET;
            let position = tracked.buffer.position();
            if !tracked.at_end || tracked.tried == position || !(rested || finishing) {
                continue;
            }
            tracked.tried = position;
            if is_whole(tracked.buffer.unfinished())
                && let Some(piece) = tracked.buffer.finish()
            {
                deliver(piece, tracked, &mut self.queue, &mut self.counts);
                // Where that fails the file is recognised by fewer bytes.
                let _ = cover_head(tracked);
            }
        }
    }
}

/// Reads the next chunk, after making sure that the file still is what it was up to here. `None` when it is not.
fn read_chunk(
    tracked: &mut Tracked,
    chunk: &mut [u8],
    mut take: impl FnMut(Piece, &mut Tracked),
) -> io::Result<Option<usize>> {
    let Some(file) = &tracked.handle else {
        return Ok(Some(0));
    };
    if tracked.verify {
        if !tracked.head.matches(file, 0)? {
            return Ok(None);
        }
        tracked.verify = false;
    }
    let position = tracked.buffer.position();
    let before = tracked.buffer.before();
    let wanted = if tracked.replaying() {
        usize::try_from(tracked.replay_until - position)
            .unwrap_or(CHUNK)
            .min(CHUNK)
    } else {
        CHUNK
    };
    // The bytes before the position come along in the same call: nobody can change them between check and use.
    let place = chunk.get_mut(..before.len() + wanted).unwrap_or_default();
    let read = read_at(file, place, position - before.len() as u64)?;
    let (seen, fresh) = place
        .get(..read)
        .unwrap_or_default()
        .split_at(before.len().min(read));
    if seen != before {
        return Ok(None);
    }
    tracked.at_end = fresh.len() < wanted;
    let mut pieces = Vec::new();
    tracked.buffer.feed(fresh, |piece| pieces.push(piece));
    if position < tracked.replay_until && tracked.buffer.position() == tracked.replay_until {
        // A last line without a newline was handed out before the restart; what follows it is a line of its own.
        pieces.extend(tracked.buffer.finish());
    }
    // Where that fails the file is recognised by fewer bytes; the lines are there all the same.
    let _ = cover_head(tracked);
    for piece in pieces {
        take(piece, tracked);
    }
    Ok(Some(fresh.len()))
}

/// Extends the head's fingerprint. It covers whole lines only: a half written one may be taken back.
fn cover_head(tracked: &mut Tracked) -> io::Result<()> {
    let whole = usize::try_from(tracked.buffer.line_start())
        .unwrap_or(HEAD)
        .min(HEAD);
    if usize::from(tracked.head.len) < whole
        && let Some(file) = &tracked.handle
    {
        tracked.head = Fingerprint::of_head(file, whole)?;
    }
    Ok(())
}

fn deliver(
    piece: Piece,
    tracked: &mut Tracked,
    queue: &mut std::collections::VecDeque<Line>,
    counts: &mut FollowStatus,
) {
    let blank = piece.excess == 0 && piece.bytes.iter().all(u8::is_ascii_whitespace);
    tracked.progress.pass(piece.end, piece.tail, blank);
    if blank {
        return;
    }
    if piece.excess > 0 {
        counts.cut_lines += 1;
        counts.cut_bytes += piece.excess;
    }
    queue.push_back(Line {
        file: tracked.source.key,
        start: piece.start,
        end: piece.end,
        bytes: piece.bytes,
        excess: piece.excess,
        replay: piece.start < tracked.replay_until,
        // Nothing is read of a file that was not looked at.
        written: tracked
            .seen
            .map_or_else(SystemTime::now, |seen| seen.written()),
    });
}

/// One JSON object, or several with nothing between them.
fn is_whole(line: &[u8]) -> bool {
    let line = line
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii();
    line.first() == Some(&b'{')
        && line.last() == Some(&b'}')
        && serde_json::Deserializer::from_slice(line)
            .into_iter::<IgnoredAny>()
            .all(|record| record.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::{FollowOptions, Root};
    use std::fs::{self, File};

    #[test]
    fn a_read_that_fails_is_said_and_tried_again_although_the_file_stands_still() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        fs::write(&path, "{\"n\":1}\n").unwrap();
        let (mut follower, _) =
            Follower::open(FollowOptions::new(Root::File(path.clone()))).unwrap();
        let mut now = Now::real();
        assert_eq!(follower.poll_once(now, 10, 1000).len(), 1);
        fs::write(&path, "{\"n\":1}\n{\"n\":2}\n").unwrap();
        // A handle that cannot be read, as those of a network file system that was mounted anew.
        let bad = || Some(File::options().write(true).open(&path).unwrap());
        follower.files.values_mut().for_each(|it| it.handle = bad());
        let mut step = |follower: &mut Follower, millis| {
            now.instant += Duration::from_millis(millis);
            follower.poll_once(now, 10, 1000).len()
        };
        assert_eq!(step(&mut follower, 100), 0);
        assert_eq!(follower.status().unreadable.len(), 1);
        assert_eq!(step(&mut follower, 100), 0, "not at once");
        assert_eq!(step(&mut follower, 1000), 1);
        assert!(follower.status().unreadable.is_empty());
    }

    #[test]
    fn a_file_that_stays_unreadable_keeps_no_end_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        fs::write(&path, "{\"n\":1}\n").unwrap();
        let (mut follower, _) =
            Follower::open(FollowOptions::new(Root::File(path.clone()))).unwrap();
        let mut now = Now::real();
        assert_eq!(follower.poll_once(now, 10, 1000).len(), 1);
        fs::write(&path, "{\"n\":1}\n{\"n\":2}\n").unwrap();
        follower.finish();
        let mut steps = 0;
        while !follower.finished() {
            let bad = || Some(File::options().write(true).open(&path).unwrap());
            follower.files.values_mut().for_each(|it| it.handle = bad());
            now.instant += Duration::from_millis(500);
            assert_eq!(follower.poll_once(now, 10, 1000).len(), 0);
            steps += 1;
            assert!(steps < 100);
        }
        assert_eq!(follower.status().bytes_behind, 16, "and is told as missing");
    }
}
