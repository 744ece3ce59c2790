//! Forks of sessions that were passed over: a new file that begins with an old one's records.
//!
//! Where an agent forks a session, its client copies the whole history into a new file: with new session ids, but with
//! the records' own uuids. Copies of what was read are recognised by those further up. Of an old session nothing was
//! read, so its copy would be news from its first line on, and yesterday's tokens today's cost. So a new file whose first
//! record is older than our start is looked for among the old sessions; where one has that record, the new file is read
//! from behind the last record that both hold. Nobody's word on time alone skips a line: an agent that began long before
//! us, or a transcript that is played again, is read from its head.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::hash::BuildHasherDefault;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use memchr::{memchr, memmem};

use super::clock::Now;
use super::fingerprint::{Tail, read_at};
use super::follower::Follower;
use super::layout::is_transcript;
use super::line::FileKey;
use super::old::{Why, hash};
use super::origin::COPYING;
use super::progress::Progress;
use super::sniff::{self, First};
use super::tracked::{Tracked, open};
use crate::events::Identity;

/// Bytes of old sessions looked at in one go: the loop must turn meanwhile.
const SLICE: usize = 256 << 10;
/// Where a copied session's first record nearly always stands; all heads are looked at before any whole file is.
const HEAD: u64 = 64 << 10;
/// Bytes looked at for one new file; old sessions of more are searched in part, the newest first.
const MOST_BYTES: u64 = 1 << 30;
/// Old sessions looked at for one new file.
const MOST_FILES: usize = 4096;
/// Records of old sessions that are remembered while a copy of them grows: of sessions of some gigabytes.
const MOST_RECORDS: usize = 1 << 19;
/// Longest uuid that is taken for one.
const UUID: usize = 128;

/// The uuids of records that were passed over and may come again, by hash.
#[derive(Default)]
pub(super) struct Passed(HashSet<u64, BuildHasherDefault<Identity>>);

/// What is known of how a new file begins, until that is decided.
#[derive(Default)]
pub(super) enum Beginning {
    /// Nothing: nobody asked.
    #[default]
    Unknown,
    /// Old sessions are searched for its first record.
    Sought(Box<Search>),
    /// With an old session's records, up to here as far as was read.
    Copied(u64, Tail),
    /// With records of its own.
    Own,
}

/// A part of a file that was passed over.
struct Part {
    path: PathBuf,
    /// How much of it.
    passed: u64,
}

/// A search for one record, and what to read where.
pub(super) struct Search {
    /// The uuid in its quotes.
    wanted: Vec<u8>,
    /// Newest first.
    parts: Vec<Part>,
    /// Which part is looked at, and up to where.
    left: VecDeque<(usize, u64)>,
    file: Option<File>,
    at: u64,
    budget: u64,
    /// It was found: now all records of that part are learnt.
    found: bool,
}

/// How a search stands.
enum Sought {
    GoesOn,
    Found,
    Nowhere,
}

impl Follower {
    /// Whether a new file begins with an old session's records. None while that is not known yet; then its turn comes
    /// again.
    pub(super) fn begins_with_old(&mut self, key: FileKey, now: Now) -> Option<bool> {
        let tracked = self.files.get_mut(&key)?;
        match &mut tracked.beginning {
            Beginning::Own => return Some(false),
            Beginning::Copied(..) => return Some(true),
            Beginning::Sought(search) => match search.step(&mut self.passed) {
                Sought::GoesOn => return None,
                Sought::Found => {
                    tracked.beginning = Beginning::Copied(0, Tail::EMPTY);
                    return Some(true);
                }
                Sought::Nowhere => tracked.beginning = Beginning::Own,
            },
            Beginning::Unknown => {}
        }
        if !matches!(tracked.beginning, Beginning::Unknown) {
            return Some(false);
        }
        if let Some(beginning) = self.first_look(key, now) {
            let sought = matches!(beginning, Beginning::Sought(_));
            self.files.get_mut(&key)?.beginning = beginning;
            (!sought).then_some(false)
        } else {
            let tracked = self.files.get_mut(&key)?;
            tracked.wait_until = Some(tracked.grown + COPYING);
            None
        }
    }

    /// None when too little of the file is there to tell.
    fn first_look(&self, key: FileKey, now: Now) -> Option<Beginning> {
        let before = self.clock.old_before(now, &self.options);
        let passed_over = self.unfollowed.count(Why::Old) > 0
            || self.files.values().any(|tracked| tracked.from > 0);
        let tracked = self.files.get(&key);
        let (Some(before), Some(tracked), true) = (before, tracked, passed_over) else {
            return Some(Beginning::Own);
        };
        let head = tracked.handle.as_ref().map(sniff::head);
        let Some(Ok(head)) = head else {
            return Some(Beginning::Own);
        };
        let grows = now.instant.saturating_duration_since(tracked.grown) < COPYING;
        Some(match sniff::first(&head) {
            // A client may note its settings before it copies.
            First::None { typed: true } if grows && !self.finishing() => return None,
            First::None { .. } => Beginning::Own,
            First::Record { at: Some(at), .. } if at >= before => Beginning::Own,
            First::Record { uuid, .. } => {
                let parts = self.passed_over(&tracked.source.path, now.instant);
                if parts.is_empty() {
                    Beginning::Own
                } else {
                    Beginning::Sought(Box::new(Search::new(&uuid, parts)))
                }
            }
        })
    }

    /// What was passed over in the folder of `path`, and in those of other projects: a session may be forked into
    /// another working tree.
    fn passed_over(&self, path: &Path, now: Instant) -> Vec<Part> {
        let mut parts: Vec<(bool, SystemTime, Part)> = Vec::new();
        let own = path.parent().unwrap_or(Path::new(""));
        let others = own.parent().and_then(|above| fs::read_dir(above).ok());
        let others = others.into_iter().flatten().flatten();
        let others = others.map(|entry| entry.path());
        let others = others.filter(|dir| dir != own && self.listed.contains(&hash(dir)));
        for dir in others.chain([own.to_owned()]) {
            let Ok(entries) = fs::read_dir(&dir) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                let known = self.unfollowed.get(&path);
                if is_transcript(&entry.file_name())
                    && let Some(known) = known.filter(|known| known.why == Why::Old)
                {
                    let modified = entry.metadata().and_then(|it| it.modified());
                    let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
                    let passed = known.size;
                    parts.push((dir == own, modified, Part { path, passed }));
                }
            }
        }
        // One that has grown since is followed, but from where it stood.
        let grown = self.files.values().filter(|tracked| tracked.from > 0);
        parts.extend(grown.map(|tracked| {
            let age = now.saturating_duration_since(tracked.grown);
            let modified = SystemTime::now().checked_sub(age);
            let part = Part {
                path: tracked.source.path.clone(),
                passed: tracked.from,
            };
            (true, modified.unwrap_or(SystemTime::UNIX_EPOCH), part)
        }));
        parts.sort_by_key(|(own, modified, _)| std::cmp::Reverse((*own, *modified)));
        parts.truncate(MOST_FILES);
        parts.into_iter().map(|(.., part)| part).collect()
    }

    /// Takes one line of a file that begins with an old session's records. Says whether it is news.
    pub(super) fn is_news(passed: &Passed, line: &[u8]) -> Option<bool> {
        let uuid = sniff::uuid(line)?;
        Some(!passed.holds(uuid.as_bytes()))
    }

    /// The rest of a file is its own: reading begins behind the last copied record. What stands between, and has no
    /// uuid, belongs to the news.
    pub(super) fn end_of_copy(&mut self, key: FileKey) {
        let limit = self.options.max_line_bytes;
        if let Some(tracked) = self.files.get_mut(&key)
            && let Beginning::Copied(from, tail) = tracked.beginning
        {
            tracked.begin_at(from, tail, limit);
        }
        let copies = |tracked: &Tracked| {
            matches!(
                tracked.beginning,
                Beginning::Copied(..) | Beginning::Sought(_)
            )
        };
        if !self.files.values().any(copies) {
            self.passed = Passed::default();
        }
    }
}

impl Tracked {
    fn begin_at(&mut self, from: u64, tail: Tail, limit: usize) {
        self.rewind(from, tail, limit);
        self.from = from;
        self.replay_until = from;
        self.progress = Progress::at(from, tail.fingerprint());
        self.beginning = Beginning::Own;
        self.decided = true;
    }

    /// Whether its lines are an old session's as far as was read.
    pub(super) fn is_copy(&self) -> bool {
        matches!(self.beginning, Beginning::Copied(..))
    }

    /// Where its own lines begin that nobody acknowledged.
    pub(super) fn due_from(&self) -> u64 {
        match self.beginning {
            Beginning::Copied(from, _) => from,
            _ => self.progress.end(),
        }
    }
}

impl Passed {
    fn holds(&self, uuid: &[u8]) -> bool {
        self.0.contains(&crate::events::hash(&[uuid]))
    }

    /// Learns every uuid in a part of a file, wherever it stands: one too many is nobody's.
    fn learn(&mut self, bytes: &[u8]) {
        for at in memmem::find_iter(bytes, b"\"uuid\"") {
            let rest = bytes.get(at + 6..).unwrap_or_default().trim_ascii_start();
            let rest = rest.strip_prefix(b":").unwrap_or_default();
            let rest = rest.trim_ascii_start().strip_prefix(b"\"");
            let rest = rest.unwrap_or_default();
            let end = memchr(b'"', rest.get(..UUID.min(rest.len())).unwrap_or_default());
            if let Some(uuid) = end.and_then(|end| rest.get(..end))
                && self.0.len() < MOST_RECORDS
            {
                self.0.insert(crate::events::hash(&[uuid]));
            }
        }
    }
}

impl Search {
    fn new(uuid: &str, parts: Vec<Part>) -> Self {
        let all = || parts.iter().enumerate();
        let heads = all().map(|(at, part)| (at, part.passed.min(HEAD)));
        let longer = all().filter(|(_, part)| part.passed > HEAD);
        let left = heads.chain(longer.map(|(at, part)| (at, part.passed)));
        Self {
            wanted: format!("\"{uuid}\"").into_bytes(),
            left: left.collect(),
            parts,
            file: None,
            at: 0,
            budget: MOST_BYTES,
            found: false,
        }
    }

    /// Looks at the next slice.
    fn step(&mut self, passed: &mut Passed) -> Sought {
        let Some((part, until)) = self.left.front().copied() else {
            return Sought::Nowhere;
        };
        let Some(part) = self.parts.get(part).filter(|_| self.budget > 0) else {
            return Sought::Nowhere;
        };
        if self.file.is_none() {
            self.file = open(&part.path).ok();
        }
        let wanted = usize::try_from(until.saturating_sub(self.at))
            .unwrap_or(SLICE)
            .min(SLICE);
        let mut slice = vec![0; wanted];
        let read = self
            .file
            .as_ref()
            .and_then(|file| read_at(file, &mut slice, self.at).ok())
            .unwrap_or(0);
        slice.truncate(read);
        self.budget = self.budget.saturating_sub(read as u64);
        if self.found {
            passed.learn(&slice);
        } else if memmem::find(&slice, &self.wanted).is_some() {
            // What was found is learnt whatever it costs.
            self.found = true;
            self.budget = u64::MAX;
            self.at = 0;
            let whole = part.passed;
            if let Some((_, until)) = self.left.front_mut() {
                *until = whole;
            }
            return Sought::GoesOn;
        }
        // A uuid may stand across the border of two slices.
        let next = self.at + read.saturating_sub(2 * UUID) as u64;
        if read < SLICE || next <= self.at || self.at + read as u64 >= until {
            if self.found {
                return Sought::Found;
            }
            self.left.pop_front();
            self.file = None;
            self.at = 0;
        } else {
            self.at = next;
        }
        Sought::GoesOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_learnt_however_they_are_spaced_and_no_other_strings_are() {
        let mut passed = Passed::default();
        passed.learn(br#"{"uuid":"a1","parentUuid":"p1"}{ "uuid" : "b2" } "uuid":7 "uuid"#);
        assert_eq!(passed.0.len(), 2);
        assert!(passed.holds(b"a1") && passed.holds(b"b2") && !passed.holds(b"p1"));
    }

    #[test]
    fn a_record_across_two_slices_is_found_and_learnt() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.jsonl");
        let uuid = "0123456789abcdef";
        for shift in 0..60 {
            let mut text = vec![b' '; SLICE - shift];
            text.extend_from_slice(format!("\"uuid\":\"{uuid}\"").as_bytes());
            text.resize(SLICE * 2, b' ');
            fs::write(&path, &text).unwrap();
            let part = Part {
                path: path.clone(),
                passed: text.len() as u64,
            };
            let (mut search, mut passed) = (Search::new(uuid, vec![part]), Passed::default());
            let found = loop {
                match search.step(&mut passed) {
                    Sought::GoesOn => {}
                    Sought::Found => break true,
                    Sought::Nowhere => break false,
                }
            };
            assert!(found && passed.holds(uuid.as_bytes()), "{shift}");
        }
    }
}
