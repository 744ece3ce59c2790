//! Files that are renamed, replaced, copied, truncated, deleted, or meet a stranger's inode.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use follow_bench::{Bench, record};
use watcher::follow::Root;

/// More than the fingerprint of a head.
fn long(bench: &mut Bench, name: &str, tag: &str) -> String {
    let text: String = (0..30).map(|n| record(&format!("{tag}-{n}"))).collect();
    bench.append(name, &text);
    text
}

#[test]
fn two_sessions_that_begin_alike_are_two() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", "{\"type\":\"init\"}\n");
    bench.append("p/b.jsonl", "{\"type\":\"init\"}\n");
    bench.start();
    assert_eq!(bench.settle().len(), 2);
    bench.append("p/a.jsonl", record("a"));
    bench.append("p/b.jsonl", record("b"));
    assert_eq!(bench.settle().len(), 2);
    bench.append("p/c.jsonl", "{\"type\":\"init\"}\n");
    assert_eq!(bench.settle().len(), 1, "a third that begins like them");
    bench.save();
    bench.start();
    assert!(bench.lines().iter().all(|line| line.replay));
}

#[test]
fn an_inode_used_again_while_we_were_away_is_a_new_file() {
    let mut bench = Bench::tree();
    long(&mut bench, "p/a.jsonl", "old");
    bench.start();
    assert_eq!(bench.settle().len(), 30);
    bench.save();
    // The same inode with other content is what a reused one looks like.
    let fresh: String = (0..40).map(|n| record(&format!("new-{n}"))).collect();
    fs::write(bench.path("p/a.jsonl"), fresh).unwrap();
    bench.start();
    let lines = bench.lines();
    assert_eq!(lines.len(), 40);
    assert!(
        lines.iter().all(|line| !line.replay),
        "none of it was acknowledged"
    );
}

#[test]
fn a_stored_offset_behind_the_end_starts_over() {
    let mut bench = Bench::tree();
    long(&mut bench, "p/a.jsonl", "old");
    bench.start();
    bench.settle();
    bench.save();
    let head = fs::read(bench.path("p/a.jsonl")).unwrap();
    fs::write(bench.path("p/a.jsonl"), &head[..head.len() / 2]).unwrap();
    bench.append("p/a.jsonl", "\n");
    bench.start();
    let lines = bench.lines();
    assert!(!lines.is_empty() && lines.iter().all(|line| !line.replay));
}

#[test]
fn a_file_rewritten_longer_between_two_looks_is_read_from_its_head() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("old"));
    bench.start();
    bench.settle();
    fs::write(
        bench.path("a.jsonl"),
        record("new-1") + &record("new-2") + &record("new-3"),
    )
    .unwrap();
    assert_eq!(bench.ids(), ["new-1", "new-2", "new-3"]);
    assert_eq!(bench.follower().status().rewritten, 1);
}

#[test]
fn a_file_rewritten_with_the_same_head_and_another_rest_is_read_again() {
    let mut bench = Bench::file();
    let head = long(&mut bench, "a.jsonl", "same");
    bench.append("a.jsonl", record("old"));
    bench.start();
    bench.settle();
    fs::write(
        bench.path("a.jsonl"),
        head + &record("new") + &record("newer"),
    )
    .unwrap();
    let ids = bench.ids();
    assert!(ids.ends_with(&["new".into(), "newer".into()]), "{ids:?}");
}

#[test]
fn a_file_rewritten_to_the_same_size_is_noticed() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one"));
    bench.start();
    bench.settle();
    fs::write(bench.path("a.jsonl"), record("two")).unwrap();
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_truncated_file_starts_over_and_old_acknowledgements_do_not_count_for_it() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one") + &record("two"));
    bench.start();
    let old = bench.lines();
    fs::write(bench.path("a.jsonl"), record("new")).unwrap();
    let new = bench.lines();
    assert_eq!(new.len(), 1);
    assert_ne!(old[0].file, new[0].file);
    bench.acknowledge(&old);
    assert_eq!(bench.follower().status().bytes_behind, new[0].end);
    assert!(
        bench.follower().source(old[0].file).is_some(),
        "for lines under way"
    );
}

#[test]
fn a_half_line_that_is_taken_back_and_written_anew_repeats_nothing() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one") + "{\"half\":");
    bench.start();
    bench.settle();
    fs::write(bench.path("a.jsonl"), record("one") + &record("two")).unwrap();
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn copytruncate_loses_nothing_and_repeats_nothing() {
    for copy in ["p/a.copy.jsonl", "p/a.jsonl.1"] {
        let mut bench = Bench::tree();
        long(&mut bench, "p/a.jsonl", "one");
        bench.start();
        assert_eq!(bench.ids().len(), 30);
        bench.append("p/a.jsonl", record("late"));
        fs::copy(bench.path("p/a.jsonl"), bench.path(copy)).unwrap();
        assert_eq!(bench.step().len(), 1, "{copy}: read before it is truncated");
        File::options()
            .write(true)
            .truncate(true)
            .open(bench.path("p/a.jsonl"))
            .unwrap();
        bench.append("p/a.jsonl", record("after"));
        let ids = bench.ids();
        let expected: &[&str] = if copy.ends_with(".1") {
            &["after"]
        } else {
            &["late", "after"]
        };
        // The copy may bring `late` a second time: what the original held back when it was copied.
        assert!(ids == expected || ids == ["after"], "{copy}: {ids:?}");
    }
}

#[test]
fn a_copy_that_grows_while_it_is_found_is_still_a_copy() {
    let mut bench = Bench::tree();
    let text = long(&mut bench, "p/a.jsonl", "one");
    bench.start();
    assert_eq!(bench.ids().len(), 30);
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    bench.append("p/b.jsonl", first);
    assert_eq!(bench.ids(), [""; 0]);
    bench.append("p/b.jsonl", second);
    bench.append("p/b.jsonl", record("only-in-b"));
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.ids(), ["only-in-b"]);
}

#[test]
fn a_session_that_only_begins_like_another_is_read_after_all() {
    let mut bench = Bench::tree();
    let text = long(&mut bench, "p/a.jsonl", "one");
    bench.start();
    bench.ids();
    bench.append("p/b.jsonl", &text[..text.len() / 2]);
    bench.append("p/b.jsonl", "\n");
    bench.append("p/b.jsonl", record("fork"));
    bench.ids();
    bench.pass(Duration::from_secs(3));
    let ids = bench.ids();
    assert_eq!(ids.last().unwrap(), "fork", "{ids:?}");
}

#[test]
fn after_a_rotation_by_rename_the_old_writer_is_still_heard() {
    for moved in ["p/a.1.jsonl", "p/a.jsonl.1"] {
        let mut bench = Bench::tree();
        bench.append("p/a.jsonl", record("one"));
        let mut writer = File::options()
            .append(true)
            .open(bench.path("p/a.jsonl"))
            .unwrap();
        bench.start();
        bench.ids();
        fs::rename(bench.path("p/a.jsonl"), bench.path(moved)).unwrap();
        bench.append("p/a.jsonl", record("new-one"));
        let first = bench.ids();
        writer.write_all(record("two").as_bytes()).unwrap();
        let mut ids = first;
        ids.extend(bench.ids());
        bench.pass(Duration::from_secs(5));
        writer.write_all(record("three").as_bytes()).unwrap();
        ids.extend(bench.ids());
        ids.sort();
        assert_eq!(ids, ["new-one", "three", "two"], "{moved}");
    }
}

#[test]
fn unacknowledged_lines_of_a_rotated_file_survive_a_restart() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one") + &record("two"));
    bench.start();
    let lines = bench.lines();
    bench.acknowledge(&lines[..1]);
    bench.save();
    fs::rename(bench.path("p/a.jsonl"), bench.path("p/a.jsonl.1")).unwrap();
    bench.append("p/a.jsonl", record("three"));
    bench.start();
    let mut ids = bench.ids();
    ids.sort();
    assert_eq!(ids, ["three", "two"]);
}

#[test]
fn a_replacement_by_rename_goes_on_where_the_old_file_stopped() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    // Written after our last look, before the replacement.
    bench.append("p/a.jsonl", record("two"));
    let text = fs::read_to_string(bench.path("p/a.jsonl")).unwrap();
    fs::write(bench.path("p/tmp"), text + &record("three")).unwrap();
    fs::rename(bench.path("p/tmp"), bench.path("p/a.jsonl")).unwrap();
    assert_eq!(bench.ids(), ["two", "three"]);
    bench.save();
    bench.start();
    let lines = bench.lines();
    assert_eq!(
        lines.iter().map(|line| line.replay).collect::<Vec<_>>(),
        [true; 3]
    );
}

#[test]
fn a_replacement_while_we_were_away_goes_on_too() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    bench.save();
    let text = fs::read_to_string(bench.path("p/a.jsonl")).unwrap();
    fs::write(bench.path("p/tmp"), text + &record("two")).unwrap();
    fs::rename(bench.path("p/tmp"), bench.path("p/a.jsonl")).unwrap();
    bench.start();
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_then_let_go() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    bench.append("p/a.jsonl", record("two"));
    fs::remove_file(bench.path("p/a.jsonl")).unwrap();
    assert_eq!(bench.ids(), ["two"]);
    bench.pass(Duration::from_secs(40));
    bench.ids();
    let status = bench.follower().status();
    assert_eq!((status.files, status.open, status.lost_files), (0, 0, 0));
}

#[test]
fn a_session_deleted_and_created_again_is_read_again() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    fs::remove_file(bench.path("p/a.jsonl")).unwrap();
    bench.append("p/a.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_renamed_session_is_neither_repeated_nor_lost() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    fs::rename(bench.path("p/a.jsonl"), bench.path("p/b.jsonl")).unwrap();
    bench.append("p/b.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
    bench.save();
    fs::create_dir(bench.path("q")).unwrap();
    fs::rename(bench.path("p/b.jsonl"), bench.path("q/c.jsonl")).unwrap();
    bench.append("q/c.jsonl", record("three"));
    bench.start();
    assert_eq!(bench.ids(), ["three"], "renamed while we were away");
}

#[test]
fn a_second_name_of_a_file_is_not_a_second_file() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    fs::hard_link(bench.path("p/a.jsonl"), bench.path("p/b.jsonl")).unwrap();
    std::os::unix::fs::symlink(bench.path("p"), bench.path("q")).unwrap();
    bench.start();
    assert_eq!(bench.ids(), ["one"]);
    bench.append("p/a.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
}

#[test]
fn a_session_that_came_with_the_image_is_followed_when_its_first_write_copies_it_up() {
    // Only below `follow_bench::on_other_file_systems`, where there is a lower layer.
    let Some(image) = std::env::var_os("IMAGE").map(std::path::PathBuf::from) else {
        return;
    };
    let append = |text: String| {
        let mut file = File::options()
            .append(true)
            .open(image.join("p/a.jsonl"))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let mut bench = Bench::with(|_| Root::Tree {
        projects: vec![image.clone()],
        workspace: None,
    });
    bench.start();
    assert_eq!(bench.ids(), ["of-the-image"]);
    append(record("copied-up"));
    assert_eq!(bench.ids(), ["copied-up"]);
    bench.save();
    append(record("while-away"));
    bench.start();
    assert_eq!(bench.ids(), ["while-away"]);
}

#[test]
fn what_is_promised_of_places_holds_on_a_real_overlayfs_and_a_real_tmpfs() {
    follow_bench::on_other_file_systems("overlayfs");
}
