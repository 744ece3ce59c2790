//! A directory, a follower, and a clock that only moves when told to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly
#![allow(dead_code, unreachable_pub)] // each test file uses its part of it

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use watcher::follow::{FollowOptions, Follower, Line, Now, Root};

pub struct Bench {
    pub dir: TempDir,
    pub options: FollowOptions,
    pub follower: Option<Follower>,
    pub memo: Value,
    pub now: Now,
}

impl Bench {
    /// Follows the one file `a.jsonl`.
    pub fn file() -> Self {
        Self::with(|dir| Root::File(dir.join("a.jsonl")))
    }

    /// Follows the directory as a projects tree.
    pub fn tree() -> Self {
        Self::with(|dir| Root::Tree {
            projects: vec![dir],
            workspace: None,
        })
    }

    pub fn with(root: impl Fn(PathBuf) -> Root) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("projects");
        fs::create_dir(&data).unwrap();
        let mut options = FollowOptions::new(root(data));
        options.state_dir = Some(dir.path().join("state"));
        Self {
            dir,
            options,
            follower: None,
            memo: Value::Null,
            now: Now::real(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("projects").join(name)
    }

    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    /// Starts the follower; a running one is killed first.
    pub fn start(&mut self) {
        self.follower = None;
        let (follower, memo) = Follower::open(self.options.clone()).unwrap();
        self.follower = Some(follower);
        self.memo = memo;
    }

    pub fn follower(&mut self) -> &mut Follower {
        self.follower.as_mut().unwrap()
    }

    pub fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.wall += time;
    }

    /// One step, a polling interval after the last.
    pub fn step(&mut self) -> Vec<Line> {
        self.pass(self.options.poll);
        let now = self.now;
        self.follower().poll_once(now, 1000, 1 << 20)
    }

    /// All lines that come within the next second and a half: time enough for a sweep, not for a quiet last line.
    pub fn lines(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut quiet = Duration::ZERO;
        while quiet < Duration::from_millis(1500) {
            let more = self.step();
            quiet = if more.is_empty() {
                quiet + self.options.poll
            } else {
                Duration::ZERO
            };
            lines.extend(more);
        }
        lines
    }

    /// As text, and acknowledged at once.
    pub fn settle(&mut self) -> Vec<String> {
        let lines = self.lines();
        self.acknowledge(&lines);
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
            .collect()
    }

    pub fn acknowledge(&mut self, lines: &[Line]) {
        for line in lines {
            self.follower().acknowledge(line.file, line.end);
        }
    }

    pub fn save(&mut self) {
        self.follower().save(&json!("memo")).unwrap();
    }

    /// The ids of the records that come and are not replayed; all are acknowledged.
    pub fn ids(&mut self) -> Vec<String> {
        let lines = self.lines();
        self.acknowledge(&lines);
        lines
            .iter()
            .filter(|line| !line.replay)
            .map(|line| id(&line.bytes))
            .collect()
    }

    /// Makes a file look as if it was last written so long ago.
    pub fn age(&self, name: &str, age: Duration) {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(self.now.wall - age).unwrap();
    }
}

/// A record with an id of its own, long enough for its fingerprints.
pub fn record(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"text\":\"{id:>60}\"}}\n")
}

/// What [`record`] put in; the line itself when it is no such record.
pub fn id(line: &[u8]) -> String {
    match serde_json::from_slice::<Value>(line) {
        Ok(value) if value["id"].is_string() => value["id"].as_str().unwrap().to_owned(),
        _ => String::from_utf8_lossy(line).into_owned(),
    }
}

/// Runs all tests of this program, but those whose name holds `besides`, with their folders on a real overlayfs, then on a
/// real tmpfs: each mounted in a namespace of its own, for which nobody has to be root.
pub fn on_other_file_systems(besides: &str) {
    let overlay = "mount -t tmpfs none /mnt && mkdir -p /mnt/lower/image/p /mnt/upper /mnt/work /mnt/all \
        && printf '%s' \"$RECORD\" >/mnt/lower/image/p/a.jsonl && mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work none /mnt/all";
    let tmpfs = "mkdir -p /mnt && mount -t tmpfs none /mnt && mkdir -p /mnt/all/image/p \
        && printf '%s' \"$RECORD\" >/mnt/all/image/p/a.jsonl";
    for (kind, mount) in [("overlay", overlay), ("tmpfs", tmpfs)] {
        let script = format!(
            "{mount} || exit 99\n\
             grep -q ' /mnt/all {kind} \\| /mnt {kind} ' /proc/mounts || exit 98\n\
             IMAGE=/mnt/all/image TMPDIR=/mnt/all exec \"$0\" --skip {besides}"
        );
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env("RECORD", record("of-the-image"))
            .output();
        let Ok(output) = output else {
            println!("skipped: there is no unshare");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        // 1 and 99: the system allows no mounts, or none of this kind, to users.
        if !said.contains("running") && matches!(output.status.code(), Some(1 | 99)) {
            println!(
                "skipped: {kind}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            continue;
        }
        assert!(output.status.success(), "on {kind}: {said}");
        assert!(!said.contains("running 0 tests"), "{said}");
    }
}
