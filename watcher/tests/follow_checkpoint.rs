//! The checkpoint: what it keeps, what damages it, and what a restart makes of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::fs;

use follow_bench::{Bench, record};
use serde_json::json;
use watcher::follow::FollowError;

fn state(bench: &Bench, name: &str) -> std::path::PathBuf {
    bench.dir.path().join("state").join(name)
}

#[test]
fn the_memo_comes_back_and_an_unchanged_checkpoint_is_not_written_again() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one"));
    bench.start();
    assert!(bench.memo.is_null());
    bench.ids();
    bench.follower().save(&json!({"uuids": [1, 2]})).unwrap();
    fs::remove_file(state(&bench, "checkpoint.json")).unwrap();
    bench.follower().save(&json!({"uuids": [1, 2]})).unwrap();
    assert!(
        !state(&bench, "checkpoint.json").exists(),
        "nothing changed"
    );
    bench.follower().save(&json!({"uuids": [3]})).unwrap();
    bench.start();
    assert_eq!(bench.memo, json!({"uuids": [3]}));
}

#[test]
fn lines_in_flight_at_a_kill_come_again_and_no_others() {
    let mut bench = Bench::file();
    for n in 0..10 {
        bench.append("a.jsonl", record(&n.to_string()));
    }
    bench.start();
    let lines = bench.lines();
    bench.acknowledge(&lines[..4]);
    bench.save();
    bench.acknowledge(&lines[4..6]);
    bench.start();
    let replayed: Vec<bool> = bench.lines().iter().map(|line| line.replay).collect();
    assert_eq!(replayed, [vec![true; 4], vec![false; 6]].concat());
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used() {
    for damage in [
        &b"{\"version\":\"1\",\"first_st"[..],
        b"",
        b"\0\0\0\0",
        b"{\"version\":\"9\"}",
    ] {
        let mut bench = Bench::file();
        bench.append("a.jsonl", record("one") + &record("two"));
        bench.start();
        let lines = bench.lines();
        bench.acknowledge(&lines[..1]);
        bench.save();
        bench.acknowledge(&lines);
        bench.save();
        fs::write(state(&bench, "checkpoint.json"), damage).unwrap();
        bench.start();
        assert!(bench.follower().status().checkpoint.is_some(), "reported");
        assert_eq!(
            fs::read(state(&bench, "checkpoint.corrupt")).unwrap(),
            damage
        );
        assert_eq!(bench.memo, json!("memo"));
        assert_eq!(bench.ids(), ["two"], "at most what the last save had added");
        bench.save();
        assert!(bench.follower().status().checkpoint.is_none(), "healed");
    }
}

#[test]
fn with_nothing_but_damage_everything_starts_over() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one"));
    fs::create_dir(bench.dir.path().join("state")).unwrap();
    fs::write(state(&bench, "checkpoint.json"), "garbage").unwrap();
    fs::write(state(&bench, "checkpoint.previous.json"), "[]").unwrap();
    fs::write(state(&bench, "old.json"), "more garbage").unwrap();
    bench.start();
    assert!(bench.memo.is_null());
    assert_eq!(bench.ids(), ["one"]);
}

#[test]
fn a_half_written_temporary_file_is_of_no_account() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", record("one"));
    bench.start();
    bench.ids();
    bench.save();
    fs::write(state(&bench, "checkpoint.tmp"), "{\"version\":\"1\",").unwrap();
    bench.start();
    assert_eq!(bench.ids(), [""; 0]);
    assert!(bench.follower().status().checkpoint.is_none());
}

#[test]
fn a_state_directory_that_cannot_be_written_is_said_once_and_stops_nothing() {
    let mut bench = Bench::file();
    // A file where the directory should be: not even root can write into that.
    fs::write(bench.dir.path().join("state"), "in the way").unwrap();
    bench.append("a.jsonl", record("one"));
    bench.start();
    assert_eq!(bench.ids(), ["one"]);
    let error = bench.follower().save(&json!(1)).unwrap_err();
    assert!(matches!(error, FollowError::Checkpoint { .. }), "{error}");
    bench.follower().save(&json!(2)).unwrap();
    assert!(bench.follower().status().checkpoint.is_some());
    bench.append("a.jsonl", record("two"));
    assert_eq!(bench.ids(), ["two"]);
    fs::remove_file(bench.dir.path().join("state")).unwrap();
    bench.follower().save(&json!(3)).unwrap();
    assert!(bench.follower().status().checkpoint.is_none());
}

#[test]
fn a_replay_is_handed_out_in_pieces_and_before_all_new_lines() {
    let mut bench = Bench::tree();
    for name in ["a", "b"] {
        let text: String = (0..5000).map(|n| record(&format!("{name}-{n}"))).collect();
        bench.append(&format!("p/{name}.jsonl"), &text);
    }
    bench.start();
    assert_eq!(bench.ids().len(), 10_000);
    bench.save();
    bench.append("p/a.jsonl", record("new"));
    bench.append("p/c.jsonl", record("newer"));
    bench.start();
    let mut replays = Vec::new();
    loop {
        let lines = bench.step();
        assert!(lines.len() <= 1000, "{} at once", lines.len());
        if lines.is_empty() {
            break;
        }
        replays.extend(lines.iter().map(|line| line.replay));
    }
    assert_eq!(replays.len(), 10_002);
    assert!(replays[..10_000].iter().all(|replay| *replay));
}

#[test]
fn files_that_are_away_at_a_restart_are_not_forgotten() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("one"));
    bench.start();
    bench.ids();
    bench.save();
    fs::rename(bench.path("p"), bench.dir.path().join("away")).unwrap();
    bench.start();
    bench.ids();
    bench.save();
    fs::rename(bench.dir.path().join("away"), bench.path("p")).unwrap();
    bench.start();
    assert_eq!(bench.ids(), [""; 0]);
}

#[test]
fn a_checkpoint_holds_no_word_of_a_transcript() {
    let mut bench = Bench::tree();
    bench.append("p/a.jsonl", record("unmistakable"));
    bench.start();
    bench.ids();
    bench.save();
    for entry in fs::read_dir(bench.dir.path().join("state")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("unmistakable"));
    }
}
