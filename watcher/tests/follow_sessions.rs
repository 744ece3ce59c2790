//! Which files are followed: old and new sessions, subagents, workspaces, directories that come and go.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use follow_bench::{Bench, record};
use watcher::follow::{FollowOptions, Root, WakeUps};

const OLD: Duration = Duration::from_hours(1);

#[test]
fn a_thousand_old_sessions_are_neither_read_nor_opened_and_follow_when_they_grow() {
    let mut bench = Bench::tree();
    for n in 0..1000 {
        let name = format!("p/{n}.jsonl");
        bench.append(&name, record(&format!("old-{n}")));
        bench.age(&name, OLD);
    }
    bench.append("p/live.jsonl", record("live"));
    bench.start();
    assert_eq!(bench.ids(), ["live"]);
    let status = bench.follower().status();
    assert_eq!((status.files, status.open, status.old), (1, 1, 1000));
    assert_eq!(status.bytes_read, record("live").len() as u64);

    // A resumed one is followed from where it stood; a touched one is not.
    bench.append("p/7.jsonl", record("resumed"));
    let touched = fs::File::options()
        .write(true)
        .open(bench.path("p/8.jsonl"))
        .unwrap();
    touched.set_modified(bench.now.wall + OLD).unwrap();
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.ids(), ["resumed"]);
    bench.save();

    // And so it is after a restart.
    bench.append("p/9.jsonl", record("also-resumed"));
    bench.start();
    let lines = bench.lines();
    let replayed = lines.iter().filter(|line| line.replay).count();
    assert_eq!(
        (lines.len(), replayed),
        (3, 2),
        "live and resumed again, the rest of 9 new"
    );
    assert_eq!(bench.follower().status().old, 998);
}

#[test]
fn an_old_session_whose_last_line_was_cut_goes_on_with_that_line() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("old") + "{\"id\":\"cut");
    bench.age("p/a.jsonl", OLD);
    bench.start();
    bench.lines();
    bench.append("p/a.jsonl", "-off\"}\n");
    assert_eq!(bench.ids(), ["cut-off"]);
}

#[test]
fn a_session_that_appears_while_we_run_is_new_whatever_its_time_says() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    bench.append("p/b.jsonl", record("two"));
    bench.age("p/b.jsonl", OLD);
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_clock_set_back_makes_no_session_old() {
    let mut bench = Bench::tree();
    bench.start();
    bench.ids();
    bench.now.wall -= OLD;
    bench.append("p/a.jsonl", record("one"));
    bench.age("p/a.jsonl", Duration::ZERO);
    assert_eq!(bench.ids(), ["one"]);
}

#[test]
fn two_live_sessions_and_their_subagents_are_told_apart() {
    let mut bench = Bench::tree();
    for name in [
        "p/s1.jsonl",
        "p/s2.jsonl",
        "p/s1/subagents/agent-x.jsonl",
        "p/s1/subagents/workflows/w/agent-y.jsonl",
    ] {
        bench.append(name, record(name));
    }
    bench.append("p/agent-z.jsonl", "{\"id\":\"z\",\"sessionId\":\"s2\"}\n");
    bench.append("p/s1/tool-results/out.txt", "not a transcript\n");
    bench.append("p/s1/tool-results/trap.jsonl", "not one either\n");
    bench.append("p/s1/subagents/journal.jsonl", "nor this\n");
    bench.append("history.jsonl", "nor the prompt history\n");
    bench.start();
    let lines = bench.lines();
    let mut sources: Vec<(String, Option<String>)> = lines
        .iter()
        .map(|line| bench.follower.as_ref().unwrap().source(line.file).unwrap())
        .map(|source| (source.session.clone(), source.subagent.clone()))
        .collect();
    sources.sort();
    let expected = [
        ("s1", None),
        ("s1", Some("x")),
        ("s1", Some("y")),
        ("s2", None),
        ("s2", Some("z")),
    ];
    let expected = expected.map(|(session, sub)| (session.to_owned(), sub.map(str::to_owned)));
    assert_eq!(sources, expected);
}

#[test]
fn a_directory_of_transcripts_and_one_around_projects_are_trees_too() {
    for name in ["a.jsonl", "projects/p/a.jsonl", "a/subagents/agent-1.jsonl"] {
        let mut bench = Bench::tree();
        bench.append(name, record("one"));
        bench.start();
        assert_eq!(bench.ids(), ["one"], "{name}");
    }
}

#[test]
fn a_subagents_directory_that_comes_later_is_followed_in_the_same_step() {
    let mut bench = Bench::tree();
    bench.append("p/s1.jsonl", record("one"));
    fs::create_dir(bench.path("p/s1")).unwrap();
    bench.start();
    bench.ids();
    // Directory and file at once: the event of the file cannot be had.
    bench.append("p/s1/subagents/agent-x.jsonl", record("sub"));
    assert_eq!(bench.step().len(), 1);
}

#[test]
fn a_path_that_does_not_exist_yet_is_waited_for() {
    for inotify in [true, false] {
        for name in ["later.jsonl", "later/p/a.jsonl"] {
            let mut bench =
                Bench::with(|dir| Root::File(dir.join(name.split('/').next().unwrap())));
            bench.options.inotify = inotify;
            bench.start();
            bench.ids();
            assert!(bench.follower().status().nothing_found_for.is_some());
            bench.append(name, record("one"));
            assert_eq!(bench.ids(), ["one"], "{name}");
            assert!(bench.follower().status().nothing_found_for.is_none());
        }
    }
}

#[test]
fn directories_removed_and_made_again_are_followed_again() {
    for inotify in [true, false] {
        let mut bench = Bench::tree();
        bench.options.inotify = inotify;
        bench.append("p/a.jsonl", record("one"));
        bench.start();
        bench.ids();
        fs::remove_dir_all(bench.path("")).unwrap();
        bench.ids();
        bench.append("p/a.jsonl", record("two"));
        assert_eq!(bench.ids(), ["two"]);
        bench.append("p/a.jsonl", record("three"));
        assert_eq!(
            bench.step().len(),
            1,
            "inotify {inotify}: the new directory is watched"
        );
    }
}

#[test]
fn a_linked_projects_directory_is_followed() {
    let mut bench = Bench::with(|dir| Root::Tree {
        projects: vec![dir.join("link")],
        workspace: None,
    });
    bench.append("real/p/a.jsonl", record("one"));
    std::os::unix::fs::symlink(bench.path("real"), bench.path("link")).unwrap();
    std::os::unix::fs::symlink(bench.path("real"), bench.path("real/loop")).unwrap();
    bench.start();
    assert_eq!(bench.ids(), ["one"]);
    bench.append("real/p/a.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn only_sessions_of_the_workspace_are_followed_and_their_subagents_with_them() {
    let mut bench = Bench::with(|dir| Root::Tree {
        projects: vec![dir],
        workspace: Some("/work/ours".into()),
    });
    let at = |id: &str, cwd: &str| format!("{{\"id\":\"{id}\",\"cwd\":\"{cwd}\"}}\n");
    bench.append(
        "p/ours.jsonl",
        record("first-without-cwd") + &at("ours", "/work/ours/deep"),
    );
    bench.append("p/theirs.jsonl", at("theirs", "/work/ourselves"));
    bench.append("p/ours/subagents/agent-1.jsonl", record("sub"));
    bench.append(
        "p/theirs/subagents/agent-2.jsonl",
        at("their-sub", "/work/ourselves"),
    );
    bench.append("p/unknown.jsonl", record("unknown"));
    bench.start();
    let mut ids = bench.ids();
    ids.sort();
    assert_eq!(ids, ["first-without-cwd", "ours", "sub"]);
    bench.append("p/unknown.jsonl", at("known", "/work/ours"));
    assert_eq!(bench.ids(), ["unknown", "known"]);
    bench.append("p/theirs.jsonl", at("more", "/work/ourselves"));
    assert_eq!(bench.ids(), [""; 0]);
    assert_eq!(bench.follower().status().foreign, 2);
}

#[test]
fn what_is_no_regular_file_is_never_opened() {
    let mut bench = Bench::tree();
    fs::create_dir_all(bench.path("p/dir.jsonl")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("p/fifo.jsonl"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    assert_eq!(bench.ids(), ["one"]);
}

#[test]
fn what_cannot_be_read_is_reported_with_its_owner_and_read_once_it_can_be() {
    if rustix::process::geteuid().is_root() {
        // Root reads everything, so permissions cannot be refused here: a loop of links can.
        let mut bench = Bench::file();
        std::os::unix::fs::symlink(bench.path("a.jsonl"), bench.path("a.jsonl")).unwrap();
        bench.start();
        bench.ids();
        assert_eq!(bench.follower().status().unreadable.len(), 1);
        fs::remove_file(bench.path("a.jsonl")).unwrap();
        bench.append("a.jsonl", record("one"));
        assert_eq!(bench.ids(), ["one"]);
        assert!(bench.follower().status().unreadable.is_empty());
        return;
    }
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    fs::set_permissions(bench.path("p/a.jsonl"), Permissions::from_mode(0o000)).unwrap();
    bench.start();
    assert_eq!(bench.ids(), [""; 0]);
    let status = bench.follower().status();
    assert_eq!(status.unreadable.len(), 1);
    assert_eq!(
        status.unreadable[0].owner,
        Some(rustix::process::geteuid().as_raw())
    );
    fs::set_permissions(bench.path("p/a.jsonl"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bench.ids(), ["one"]);
    assert!(bench.follower().status().unreadable.is_empty());
}

#[test]
fn a_path_that_could_not_be_looked_at_for_a_moment_is_no_trouble_any_more() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    let away = bench.dir.path().join("away");
    fs::rename(bench.path("p"), &away).unwrap();
    // A link to itself: neither there nor absent.
    std::os::unix::fs::symlink(bench.path("p"), bench.path("p")).unwrap();
    bench.step();
    let status = bench.follower().status();
    assert_eq!(status.unreadable.len(), 1, "{status:?}");
    fs::remove_file(bench.path("p")).unwrap();
    fs::rename(&away, bench.path("p")).unwrap();
    bench.step();
    let status = bench.follower().status();
    assert!(status.unreadable.is_empty(), "{status:?}");
    bench.append("p/a.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_directory_that_cannot_be_listed_stays_reported_while_other_things_happen() {
    let mut bench = Bench::with(|dir| Root::Tree {
        projects: vec![dir.clone(), dir.with_file_name("loop")],
        workspace: None,
    });
    let link = bench.dir.path().join("loop");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    assert_eq!(bench.follower().status().unreadable.len(), 1);
    for name in ["p/b.jsonl", "q/c.jsonl"] {
        bench.append(name, record(name));
        bench.step();
        let status = bench.follower().status();
        assert_eq!(status.unreadable.len(), 1, "{status:?}");
    }
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    bench.ids();
    assert!(bench.follower().status().unreadable.is_empty());
}

#[test]
fn hundreds_of_live_files_share_a_bounded_number_of_handles() {
    let mut bench = Bench::tree();
    for n in 0..200 {
        bench.append(&format!("p/{n}.jsonl"), record(&n.to_string()));
    }
    bench.start();
    assert_eq!(bench.ids().len(), 200);
    assert!(bench.follower().status().open <= 64);
    for n in 0..200 {
        bench.append(&format!("p/{n}.jsonl"), record(&format!("more-{n}")));
    }
    assert_eq!(bench.ids().len(), 200);
    assert!(bench.follower().status().open <= 64);
}

#[test]
fn more_live_files_than_the_list_holds_are_followed_all_the_same() {
    let mut bench = Bench::tree();
    for n in 0..1100 {
        bench.append(&format!("p/{n}.jsonl"), record(&n.to_string()));
    }
    bench.start();
    let mut ids = bench.ids();
    for _ in 0..5 {
        bench.pass(Duration::from_secs(10));
        ids.extend(bench.ids());
    }
    assert_eq!(ids.len(), 1100);
    let status = bench.follower().status();
    assert!(
        status.files <= 1024 && status.dropped_files >= 76,
        "{status:?}"
    );
    bench.append("p/3.jsonl", record("grown"));
    bench.pass(Duration::from_secs(10));
    assert_eq!(
        bench.ids(),
        ["grown"],
        "nothing of a dropped one comes twice"
    );
}

#[tokio::test]
async fn inotify_ends_the_wait_for_an_append_long_before_the_next_poll() {
    let bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    let mut options = FollowOptions::new(bench.options.root.clone());
    options.poll = Duration::from_hours(1);
    let (mut follower, _) = watcher::follow::Follower::open(options).unwrap();
    assert_eq!(follower.next(10, 1000).await.len(), 1);
    assert_eq!(follower.status().wake_ups, WakeUps::Inotify);
    let append = async {
        tokio::task::yield_now().await;
        bench.append("p/a.jsonl", record("two"));
        tokio::task::yield_now().await;
        bench.append("p/b.jsonl", record("three"));
    };
    // With polling alone this would take an hour.
    let read = async {
        let mut lines = Vec::new();
        while lines.len() < 2 {
            lines.extend(follower.next(10, 1000).await);
        }
    };
    let both = async { tokio::join!(read, append) };
    let patience = Duration::from_mins(1);
    let came = tokio::time::timeout(patience, both).await;
    assert!(came.is_ok(), "both lines come long before the next poll");
}

#[test]
fn more_directories_than_are_watched_are_polled_and_the_status_says_so() {
    let mut bench = Bench::tree();
    for n in 0..600 {
        bench.append(&format!("p{n}/a.jsonl"), record(&format!("first-{n}")));
    }
    bench.start();
    assert_eq!(bench.ids().len(), 600);
    let status = bench.follower().status().wake_ups;
    assert!(
        matches!(&status, WakeUps::Degraded(why) if why.contains("directories")),
        "{status:?}"
    );
    for n in 0..600 {
        bench.append(&format!("p{n}/a.jsonl"), record(&format!("second-{n}")));
    }
    // A sweep of so many is due only now and then.
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.ids().len(), 600);
}

#[test]
fn an_overflow_of_the_systems_queue_is_made_up_for_by_looking_at_everything() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    // Touching two files by turns makes an event each time; the system keeps so many of them.
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let noise = ["p/x.txt", "p/y.txt"];
    for n in 0..=limit {
        bench.append(noise[n % 2], "x");
    }
    // The system dropped these: no event tells of them.
    bench.append("p/sub/subagents/agent-1.jsonl", record("dropped"));
    bench.append("q/b.jsonl", record("dropped-too"));
    let mut came: Vec<String> = bench
        .step()
        .iter()
        .map(|line| follow_bench::id(&line.bytes))
        .collect();
    came.sort();
    assert_eq!(
        came,
        ["dropped", "dropped-too"],
        "in the next step, not at the next sweep"
    );
}

#[tokio::test]
async fn a_wait_that_is_cancelled_loses_no_line() {
    let bench = Bench::tree();
    let mut options = FollowOptions::new(bench.options.root.clone());
    options.poll = Duration::from_millis(1);
    let (mut follower, _) = watcher::follow::Follower::open(options).unwrap();
    let mut lines = Vec::new();
    for n in 0..50 {
        bench.append("p/a.jsonl", record(&n.to_string()));
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            more = follower.next(1, 1000) => lines.extend(more),
        }
    }
    while lines.len() < 50 {
        lines.extend(follower.next(7, 10_000).await);
    }
    assert!(lines.windows(2).all(|pair| pair[0].end == pair[1].start));
}
