//! Any sequence of what writers, rotators and crashes do, against a model: nothing lost, nothing twice, all in order.
//!
//! `PROPTEST_CASES` sets how many sequences are tried.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use follow_bench::{Bench, record};
use proptest::prelude::*;
use watcher::follow::FileKey;

const NAMES: [&str; 4] = [
    "p/a.jsonl",
    "p/b.jsonl",
    "q/c.jsonl",
    "p/a/subagents/agent-1.jsonl",
];

#[derive(Debug, Clone)]
enum Action {
    Append(usize, usize),
    /// A part of a record in hundredths, split wherever that is; the next append brings the rest.
    Half(usize, usize),
    /// A whole record that has no newline yet.
    Unterminated(usize),
    Truncate(usize),
    /// Written anew in place, keeping so many of its records.
    Rewrite(usize, usize, usize),
    /// Renamed to a name that is no transcript's.
    Rotate(usize),
    Rename(usize, usize),
    /// Replaced by a longer copy of itself, as editors do.
    Replace(usize, usize),
    /// Copied, to a transcript's name or another, then truncated.
    CopyTruncate(usize, bool),
    Delete(usize),
    RemoveDirectory(usize),
    Step,
    Settle,
    AcknowledgeHalf,
    Save,
    /// The checkpoint on disk loses its second half.
    Tear,
    Crash,
    Quiet,
}

fn actions() -> impl Strategy<Value = Action> {
    let name = 0..NAMES.len();
    prop_oneof![
        8 => (name.clone(), 1usize..20).prop_map(|(name, n)| Action::Append(name, n)),
        3 => (name.clone(), 0usize..100).prop_map(|(name, at)| Action::Half(name, at)),
        1 => name.clone().prop_map(Action::Unterminated),
        1 => name.clone().prop_map(Action::Truncate),
        1 => (name.clone(), 0usize..30, 1usize..20).prop_map(|(a, b, c)| Action::Rewrite(a, b, c)),
        1 => name.clone().prop_map(Action::Rotate),
        1 => (name.clone(), name.clone()).prop_map(|(from, to)| Action::Rename(from, to)),
        2 => (name.clone(), 0usize..3).prop_map(|(name, n)| Action::Replace(name, n)),
        1 => (name.clone(), any::<bool>()).prop_map(|(name, glob)| Action::CopyTruncate(name, glob)),
        1 => name.clone().prop_map(Action::Delete),
        1 => name.prop_map(Action::RemoveDirectory),
        6 => Just(Action::Step),
        3 => Just(Action::Settle),
        2 => Just(Action::AcknowledgeHalf),
        3 => Just(Action::Save),
        1 => Just(Action::Tear),
        2 => Just(Action::Crash),
        1 => Just(Action::Quiet),
    ]
}

/// A record as writers leave them, and as they should not: which way goes by its number, so that it is written anew alike.
fn line(id: u64) -> Vec<u8> {
    let plain = record(&id.to_string());
    let bare = plain.trim_end();
    let text = match id % 9 {
        1 => format!("{bare}\r\n"),
        2 => format!("\u{feff}{bare}\n"),
        // Sequences of two to four bytes, to be split in.
        3 => format!(
            "{{\"words\":\"{}\",{}\n",
            "h\u{e9}\u{20ac}\u{1f600}".repeat(20),
            &bare[1..]
        ),
        4 => format!("{{\"type\":\"summary\"}}{bare}\n"),
        5 => format!("{{\"type\":\"user\",\"message\":{{\"role\":\"us{bare}\n"),
        6 => format!("{}{bare}\n", "\0".repeat(70)),
        7 => format!("\n  \n{bare}\n"),
        _ => plain,
    };
    let mut bytes = text.into_bytes();
    if id % 9 == 8 {
        // No text at all.
        bytes.splice(..0, *b"\xff\xfe\xc3");
    }
    bytes
}

/// The number of a line's record; none of what was glued before it and went out alone.
fn id_of(line: &[u8]) -> Option<u64> {
    const ID: &[u8] = b"\"id\":\"";
    let at = line.windows(ID.len()).rposition(|part| part == ID)?;
    let digits = line[at + ID.len()..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One file as the model knows it.
#[derive(Default, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "what has happened to a file is that many yes or no"
)]
struct Modelled {
    /// Ids of its records, in order.
    ids: Vec<u64>,
    /// The rest of its unfinished record.
    rest: Option<(u64, Vec<u8>)>,
    /// It was there in a step, so the follower knows it.
    seen: bool,
    /// It was renamed since: a short file that is replaced before that is noticed is a stranger.
    strange: bool,
    /// Since a checkpoint knew it: under another name, and with another inode. After both, a restart finds only the
    /// content to know it by, which is too short here to be sure.
    renamed: bool,
    replaced: bool,
}

struct Model {
    bench: Bench,
    files: BTreeMap<String, Modelled>,
    /// Rotated away: still read, but not found again by a follower that never saved them.
    rotated: BTreeSet<u64>,
    next: u64,
    /// Must come, sooner or later.
    due: BTreeSet<u64>,
    came: BTreeSet<u64>,
    may_repeat: BTreeSet<u64>,
    /// Stand in a copy, or a file written anew, that a restart does not recognise.
    copied: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    /// What the checkpoint says is acknowledged, and the one before it; none where that is torn.
    saved: Option<BTreeSet<u64>>,
    saved_before: Option<BTreeSet<u64>>,
    waiting: Vec<(FileKey, u64, u64)>,
    last: HashMap<FileKey, u64>,
}

impl Model {
    fn new(inotify: bool) -> Self {
        let mut bench = Bench::tree();
        bench.options.inotify = inotify;
        // The clock of the test runs ahead of the one that stamps files.
        bench.options.lookback = Duration::from_hours(100);
        bench.start();
        Self {
            bench,
            files: BTreeMap::new(),
            rotated: BTreeSet::new(),
            next: 0,
            due: BTreeSet::new(),
            came: BTreeSet::new(),
            may_repeat: BTreeSet::new(),
            copied: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            saved: None,
            saved_before: None,
            waiting: Vec::new(),
            last: HashMap::new(),
        }
    }

    fn new_record(&mut self) -> (u64, Vec<u8>) {
        self.next += 1;
        (self.next, line(self.next))
    }

    fn checkpoint(&self) -> std::path::PathBuf {
        self.bench.dir.path().join("state/checkpoint.json")
    }

    fn append(&mut self, name: &str, count: usize) {
        let mut text = Vec::new();
        if let Some((id, rest)) = self.files.entry(name.into()).or_default().rest.take() {
            text.extend(rest);
            self.finished(name, id);
        }
        for _ in 0..count {
            let (id, line) = self.new_record();
            text.extend(line);
            self.finished(name, id);
        }
        self.bench.append(name, text);
    }

    fn finished(&mut self, name: &str, id: u64) {
        self.files.entry(name.into()).or_default().ids.push(id);
        if !self.came.contains(&id) {
            self.due.insert(id);
        }
    }

    fn begin(&mut self, name: &str, hundredths: Option<usize>) {
        self.append(name, 0);
        let (id, line) = self.new_record();
        let at = hundredths.map_or(line.len() - 1, |part| line.len() * part / 100);
        let (now, later) = line.split_at(at);
        self.bench.append(name, now);
        self.files.get_mut(name).unwrap().rest = Some((id, later.into()));
    }

    /// What was not read yet of a file that is gone cannot be asked for.
    fn gone(&mut self, file: &Modelled) {
        for id in &file.ids {
            self.due.remove(id);
        }
    }

    /// A restart may take what it has for another file's.
    fn lost_track(&mut self, file: &Modelled) {
        if file.renamed && file.replaced {
            self.copied.extend(&file.ids);
            self.copied.extend(file.rest.iter().map(|(id, _)| id));
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.bench.path(name)
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append(name, count) => self.append(NAMES[name], count),
            Action::Half(name, at) => self.begin(NAMES[name], Some(at)),
            Action::Unterminated(name) => self.begin(NAMES[name], None),
            Action::Step => self.step(),
            Action::Settle => {
                self.settle();
                self.acknowledge(usize::MAX);
            }
            Action::AcknowledgeHalf => self.acknowledge(self.waiting.len() / 2),
            Action::Save => {
                // A follower that was restarted writes the same once more: the one before it is as good then.
                let file = |path| fs::metadata(path).ok().map(|file| file.ino());
                let before = file(self.checkpoint());
                self.bench.save();
                if file(self.checkpoint()) != before {
                    self.saved_before = self.saved.replace(self.acknowledged.clone());
                }
                for file in self
                    .files
                    .values_mut()
                    .filter(|file| file.seen && !file.strange)
                {
                    file.renamed = false;
                    file.replaced = false;
                }
            }
            Action::Tear => {
                if let Ok(bytes) = fs::read(self.checkpoint()) {
                    fs::write(self.checkpoint(), &bytes[..bytes.len() / 2]).unwrap();
                    self.saved = None;
                }
            }
            Action::Crash => self.crash(),
            Action::Quiet => {
                self.bench.pass(Duration::from_secs(3));
                self.step();
            }
            Action::Truncate(name)
            | Action::Rewrite(name, ..)
            | Action::Rotate(name)
            | Action::Rename(name, _)
            | Action::Replace(name, _)
            | Action::CopyTruncate(name, _)
            | Action::Delete(name)
            | Action::RemoveDirectory(name) => {
                if let Some(file) = self.files.get(NAMES[name]).cloned() {
                    self.change(action, NAMES[name], file);
                }
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table of what each action does")]
    fn change(&mut self, action: &Action, name: &str, file: Modelled) {
        let path = self.path(name);
        match *action {
            Action::Truncate(_) => {
                self.gone(&file);
                fs::write(&path, "").unwrap();
                self.files.insert(
                    name.into(),
                    Modelled {
                        seen: file.seen,
                        ..Modelled::default()
                    },
                );
            }
            Action::Rewrite(_, keep, fresh) => {
                self.gone(&file);
                let mut ids = file.ids;
                ids.truncate(keep);
                let text: Vec<u8> = ids.iter().flat_map(|id| line(*id)).collect();
                self.copied.extend(&ids);
                self.due
                    .extend(ids.iter().filter(|id| !self.came.contains(id)));
                fs::write(&path, text).unwrap();
                self.files.insert(
                    name.into(),
                    Modelled {
                        strange: false,
                        renamed: file.renamed,
                        replaced: file.replaced,
                        ids,
                        seen: file.seen,
                        rest: None,
                    },
                );
                self.append(name, fresh);
            }
            Action::Rotate(_) => {
                fs::rename(&path, format!("{}.{}", path.display(), self.next)).unwrap();
                self.next += 1;
                if !file.seen {
                    self.gone(&file);
                }
                self.rotated.extend(&file.ids);
                self.files.remove(name);
            }
            Action::Rename(_, to) => {
                if NAMES[to] == name {
                    return;
                }
                fs::create_dir_all(self.path(NAMES[to]).parent().unwrap()).unwrap();
                fs::rename(&path, self.path(NAMES[to])).unwrap();
                self.files.remove(name);
                let file = Modelled {
                    strange: true,
                    renamed: true,
                    ..file
                };
                if !file.seen {
                    self.may_repeat.extend(&file.ids);
                    self.may_repeat.extend(file.rest.iter().map(|(id, _)| id));
                }
                self.lost_track(&file);
                if let Some(old) = self.files.insert(NAMES[to].into(), file) {
                    self.gone(&old);
                }
            }
            Action::Replace(_, fresh) => {
                if file.strange {
                    self.may_repeat.extend(&file.ids);
                    self.may_repeat.extend(file.rest.iter().map(|(id, _)| id));
                }
                let temporary = self.path("temporary");
                fs::copy(&path, &temporary).unwrap();
                fs::rename(&temporary, &path).unwrap();
                // A file of its own, that nobody looked at yet.
                let file = self.files.get_mut(name).unwrap();
                file.seen = false;
                file.replaced = true;
                let file = file.clone();
                self.lost_track(&file);
                self.append(name, fresh);
            }
            Action::CopyTruncate(_, glob) => {
                let copy = format!(
                    "{}.{}{}",
                    path.display(),
                    self.next,
                    if glob { ".jsonl" } else { "" }
                );
                self.next += 1;
                fs::copy(&path, copy).unwrap();
                fs::write(&path, "").unwrap();
                if glob {
                    self.copied.extend(&file.ids);
                    self.copied.extend(file.rest.iter().map(|(id, _)| id));
                } else {
                    self.gone(&file);
                }
                self.files.insert(
                    name.into(),
                    Modelled {
                        seen: file.seen,
                        ..Modelled::default()
                    },
                );
            }
            Action::Delete(_) => {
                self.gone(&file);
                fs::remove_file(&path).unwrap();
                self.files.remove(name);
            }
            Action::RemoveDirectory(_) => {
                let dir = name.split('/').next().unwrap();
                fs::remove_dir_all(self.path(dir)).unwrap();
                let inside = self.files.keys().filter(|name| name.starts_with(dir));
                for name in inside.cloned().collect::<Vec<_>>() {
                    let file = self.files.remove(&name).unwrap();
                    self.gone(&file);
                }
                let rotated = std::mem::take(&mut self.rotated);
                self.due.retain(|id| !rotated.contains(id));
                // Copies under other names went with it.
                let on_disk: BTreeSet<u64> = self
                    .files
                    .values()
                    .flat_map(|file| file.ids.clone())
                    .collect();
                self.due.retain(|id| on_disk.contains(id));
            }
            _ => unreachable!(),
        }
    }

    /// Long enough after the last one for a sweep: what was there in a step was seen.
    fn step(&mut self) {
        self.bench.pass(Duration::from_secs(1));
        let lines = self.bench.step();
        for file in self.files.values_mut() {
            file.seen = true;
            file.strange = false;
        }
        for line in lines {
            let Some(id) = id_of(&line.bytes) else {
                let text = String::from_utf8_lossy(&line.bytes);
                assert!(
                    text.starts_with("{\"type\":\"summary\"}"),
                    "no record: {text}"
                );
                continue;
            };
            assert!(
                self.last.insert(line.file, id).is_none_or(|last| last < id),
                "{id} came after a later one of its file"
            );
            if line.replay {
                assert!(self.came.contains(&id), "{id} is replayed and never came");
                continue;
            }
            assert!(
                self.came.insert(id) || self.may_repeat.remove(&id) || self.copied.contains(&id),
                "{id} came twice; due: {:?}",
                self.due
            );
            self.due.remove(&id);
            self.waiting.push((line.file, line.end, id));
        }
    }

    fn settle(&mut self) {
        // Long enough for sweeps, resting copies and last lines; a step a second.
        for _ in 0..6 {
            self.step();
        }
        assert!(self.due.is_empty(), "never came: {:?}", self.due);
    }

    fn acknowledge(&mut self, count: usize) {
        for (file, end, id) in self.waiting.drain(..count.min(self.waiting.len())) {
            self.bench.follower.as_mut().unwrap().acknowledge(file, end);
            self.acknowledged.insert(id);
        }
    }

    fn crash(&mut self) {
        let is_torn = self.saved.is_none() && self.checkpoint().exists();
        self.bench.start();
        self.last.clear();
        self.waiting.clear();
        if is_torn {
            // The one before it may know files under names and inodes that changed since.
            let known = self.files.values().flat_map(|file| file.ids.clone());
            self.copied.extend(known);
            let halves = self.files.values().filter_map(|file| file.rest.as_ref());
            self.copied.extend(halves.map(|(id, _)| id));
            self.saved = self.saved_before.take();
        }
        let saved = self.saved.clone().unwrap_or_default();
        self.acknowledged.clone_from(&saved);
        // What was not acknowledged comes again where it still stands; what only a handle kept is gone.
        let again = self
            .came
            .difference(&saved)
            .copied()
            .collect::<BTreeSet<_>>();
        let on_disk: BTreeSet<u64> = self
            .files
            .values()
            .flat_map(|file| file.ids.clone())
            .collect();
        self.due.retain(|id| on_disk.contains(id));
        self.due.extend(again.intersection(&on_disk));
        self.may_repeat.extend(&again);
        for file in self.files.values_mut() {
            file.seen = false;
        }
    }
}

fn run(actions: &[Action], inotify: bool) {
    let mut model = Model::new(inotify);
    for action in actions {
        model.act(action);
    }
    model.settle();
    model.acknowledge(usize::MAX);
    model.bench.save();
}

#[test]
fn a_torn_checkpoint_costs_nothing_where_the_same_was_written_before_it() {
    let actions = [
        Action::Append(0, 1),
        Action::Settle,
        Action::Save,
        Action::Crash,
        Action::Save,
        Action::Tear,
        Action::Crash,
    ];
    run(&actions, false);
    run(&actions, true);
}

/// What is written anew ends, where the follower stands in the middle of a record, as the old did.
#[test]
fn an_unfinished_record_that_is_written_over_hides_nothing_behind_its_end() {
    let copied = [
        Action::Append(0, 4),
        Action::Append(2, 5),
        Action::Half(1, 88),
        Action::Append(0, 6),
        Action::Step,
        Action::CopyTruncate(1, false),
        Action::Append(1, 1),
    ];
    let rewritten = [
        Action::Half(0, 0),
        Action::Append(1, 15),
        Action::Half(0, 90),
        Action::Half(1, 0),
        Action::Append(1, 28),
        Action::Step,
        Action::Rewrite(0, 1, 1),
    ];
    for inotify in [false, true] {
        run(&copied, inotify);
        run(&rewritten, inotify);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_repeated_with_polling_alone(
        actions in prop::collection::vec(actions(), 1..40),
    ) {
        run(&actions, false);
    }

    #[test]
    fn nothing_is_lost_or_repeated_with_inotify(
        actions in prop::collection::vec(actions(), 1..40),
    ) {
        run(&actions, true);
    }
}

#[test]
fn the_model_holds_on_a_real_overlayfs_and_a_real_tmpfs() {
    follow_bench::on_other_file_systems("overlayfs");
}
