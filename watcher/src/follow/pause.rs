//! How long to wait before looking again, where inotify would say so anyway.
//!
//! Each time a sleeping process wakes costs more than what it looks at. Where every followed file lies in a watched
//! directory of a file system that announces its writers' changes, the sweep's pace is enough; everywhere else, and as
//! soon as a change was found that nothing had announced, it is the polling interval.

use std::path::Path;
use std::time::Instant;

use rustix::fs::statfs;

use super::follower::Follower;
use super::status::WakeUps;
use super::tracked::{Place, Tracked};

/// Magic numbers (statfs(2), Linux's magic.h) of file systems whose writers all are on this kernel: ext2 to ext4, XFS,
/// btrfs, F2FS, bcachefs, ZFS, overlayfs, tmpfs, ramfs. On others (NFS, CIFS, Ceph, FUSE, 9p, virtiofs) a writer may be
/// elsewhere, and its changes come without an event.
const LOCAL: [u32; 9] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0xCA45_1A4E,
    0x2FC1_2FC1,
    0x794C_7630,
    0x0102_1994,
    0x8584_58F6,
];

/// Whether all that changes in this directory is announced to inotify.
pub(super) fn announces(directory: &Path) -> bool {
    statfs(directory).is_ok_and(|found| {
        let magic = u32::try_from(found.f_type & 0xFFFF_FFFF);
        magic.is_ok_and(|magic| LOCAL.contains(&magic))
    })
}

impl Follower {
    /// When to look next, if nothing is announced before.
    pub(super) fn next_look(&self, now: Instant) -> Instant {
        let look = now + self.options.poll;
        let announced = self.found_any
            && self.wake.status() == WakeUps::Inotify
            && self
                .files
                .values()
                .all(|tracked| self.is_announced(tracked));
        match self.next_sweep {
            Some(sweep) if announced => look.max(sweep),
            _ => look,
        }
    }

    fn is_announced(&self, tracked: &Tracked) -> bool {
        let directory = tracked.source.path.parent();
        tracked.place == Place::Here
            && tracked.wait_until.is_none()
            && !tracked.unannounced
            && directory.is_some_and(|directory| self.wake.announces(directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::{FollowOptions, Now, Root};
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::time::Duration;

    const RECORD: &[u8] = b"{\"type\":\"user\",\"uuid\":\"1\",\"sessionId\":\"s\"}\n";

    fn follow(path: PathBuf, inotify: bool) -> Follower {
        let options = FollowOptions {
            inotify,
            ..FollowOptions::new(Root::File(path))
        };
        Follower::open(options).unwrap().0
    }

    fn append(path: &Path) {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(RECORD).unwrap();
    }

    /// The pause after everything there is was read.
    fn pause(follower: &mut Follower) -> Duration {
        let now = Now::real();
        while !follower.poll_once(now, 64, 1 << 20).is_empty() {}
        follower.next_look(now.instant) - now.instant
    }

    #[test]
    fn an_announced_file_is_looked_at_once_a_second_and_any_other_at_the_polling_interval() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let interval = Duration::from_millis(100);
        let mut waiting = follow(path.clone(), true);
        assert_eq!(pause(&mut waiting), interval, "nothing there yet");

        File::create(&path).unwrap().write_all(RECORD).unwrap();
        assert!(
            announces(dir.path()),
            "the tests' folder is on a disk of this machine"
        );
        let mut announced = follow(path.clone(), true);
        assert!(pause(&mut announced) > interval * 9);
        append(&path);
        assert!(pause(&mut announced) > interval * 7, "inotify said so");

        let mut polling = follow(path, false);
        assert_eq!(pause(&mut polling), interval);
    }

    #[test]
    fn a_change_that_nothing_announced_brings_the_polling_interval_back() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let real = elsewhere.join("b.jsonl");
        File::create(&real).unwrap().write_all(RECORD).unwrap();
        // The watched directory has only a link: what happens to the file happens in another one.
        let path = dir.path().join("a.jsonl");
        std::os::unix::fs::symlink(&real, &path).unwrap();

        let mut follower = follow(path, true);
        let interval = Duration::from_millis(100);
        assert!(pause(&mut follower) > interval);
        append(&real);
        assert_eq!(pause(&mut follower), interval);
    }

    #[test]
    fn file_systems_of_other_machines_writers_are_not_trusted() {
        assert!(!announces(Path::new("/proc/self")));
        assert!(!announces(Path::new("/does/not/exist")));
    }
}
