//! Forks of sessions that were passed over as old: their history is neither news nor cost, and nothing of their own is
//! taken for it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::time::Duration;

use follow_bench::Bench;

const OLD: Duration = Duration::from_hours(30);

/// A record as clients write it, made so long before the start.
fn said(bench: &Bench, id: &str, session: &str, ago: Duration) -> String {
    let at = jiff::Timestamp::try_from(bench.now.wall - ago).unwrap();
    format!(
        "{{\"parentUuid\":null,\"type\":\"user\",\"id\":\"{id}\",\"sessionId\":\"{session}\",\"timestamp\":\"{at}\",\
         \"uuid\":\"uuid-of-{id}\"}}\n"
    )
}

fn history(bench: &Bench, session: &str, records: std::ops::Range<usize>) -> String {
    let ago = |n: usize| OLD + Duration::from_secs(3600 - n as u64 % 3600);
    records
        .map(|n| said(bench, &format!("old-{n}"), session, ago(n)))
        .collect()
}

/// What a client writes first in some versions: of no uuid, and of today.
fn settings(session: &str) -> String {
    format!(
        "{{\"type\":\"mode\",\"id\":\"settings\",\"mode\":\"normal\",\"sessionId\":\"{session}\"}}\n"
    )
}

fn with_old_session(records: usize) -> Bench {
    let mut bench = Bench::tree();
    let text = history(&bench, "s1", 0..records);
    bench.append("p/s1.jsonl", text);
    bench.age("p/s1.jsonl", OLD);
    for n in 0..20 {
        let name = format!("p/other-{n}.jsonl");
        let text = said(&bench, &format!("other-{n}"), "x", OLD);
        bench.append(&name, text);
        bench.age(&name, OLD);
    }
    bench.now.wall += Duration::from_secs(1);
    bench
}

#[test]
fn a_fork_of_an_old_session_brings_its_own_records_alone_also_after_a_restart() {
    for there_at_the_start in [true, false] {
        // A history of more than one slice and one chunk.
        let mut bench = with_old_session(5000);
        if !there_at_the_start {
            bench.start();
            bench.ids();
        }
        let text = history(&bench, "s2", 0..5000) + &said(&bench, "new", "s2", Duration::ZERO);
        bench.append("p/s2.jsonl", text);
        if there_at_the_start {
            bench.start();
        }
        assert_eq!(bench.ids(), ["new"]);
        assert_eq!(bench.follower().status().bytes_behind, 0);
        bench.save();
        let text = said(&bench, "newer", "s2", Duration::ZERO);
        bench.append("p/s2.jsonl", text);
        bench.start();
        let lines = bench.lines();
        let came: Vec<(bool, String)> = lines
            .iter()
            .map(|line| (line.replay, follow_bench::id(&line.bytes)))
            .collect();
        assert_eq!(came, [(true, "new".into()), (false, "newer".into())]);
    }
}

#[test]
fn a_copy_that_comes_in_pieces_is_one_all_the_same() {
    let mut bench = with_old_session(50);
    bench.start();
    bench.ids();
    bench.append("p/s2.jsonl", settings("s2"));
    bench.step();
    for n in 0..5 {
        let piece = history(&bench, "s2", n * 10..n * 10 + 10);
        let (one, other) = piece.split_at(piece.len() - 30);
        bench.append("p/s2.jsonl", one);
        assert_eq!(bench.ids(), [""; 0]);
        bench.append("p/s2.jsonl", other);
        assert_eq!(bench.ids(), [""; 0]);
    }
    // Nothing of its own yet: a restart has to find all this again.
    bench.save();
    bench.start();
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.ids(), [""; 0]);
    bench.append("p/s2.jsonl", settings("s2"));
    let text = said(&bench, "new", "s2", Duration::ZERO);
    bench.append("p/s2.jsonl", text);
    assert_eq!(
        bench.ids(),
        ["settings", "new"],
        "what has no uuid goes with what follows it"
    );
}

#[test]
fn a_fork_that_ends_without_a_newline_or_without_anything_of_its_own_hides_nothing() {
    let mut bench = with_old_session(50);
    bench.start();
    bench.ids();
    let last = said(&bench, "last", "s2", Duration::ZERO);
    let text = history(&bench, "s2", 0..50) + last.trim_end();
    bench.append("p/s2.jsonl", text);
    assert_eq!(bench.ids(), [""; 0]);
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.ids(), ["last"]);

    let text = history(&bench, "s3", 0..50) + &settings("s3");
    bench.append("p/s3.jsonl", text);
    assert_eq!(bench.ids(), [""; 0]);
    bench.follower().finish();
    assert_eq!(bench.ids(), ["settings"]);
    assert!(bench.follower().finished());
    assert_eq!(bench.follower().status().bytes_behind, 0);
}

#[test]
fn a_fork_of_a_session_that_was_followed_from_its_middle_repeats_neither_half() {
    let mut bench = with_old_session(50);
    bench.start();
    bench.ids();
    let resumed = said(&bench, "resumed", "s1", Duration::ZERO);
    bench.append("p/s1.jsonl", &resumed);
    assert_eq!(bench.ids(), ["resumed"]);
    let text = history(&bench, "s2", 0..50) + &resumed + &said(&bench, "new", "s2", Duration::ZERO);
    bench.append("p/s2.jsonl", text);
    // The one between was handed out: whoever read it knows it by its uuid.
    assert_eq!(bench.ids(), ["resumed", "new"]);
}

#[test]
fn records_of_yesterday_that_no_old_session_has_are_read_from_the_first() {
    let mut bench = with_old_session(50);
    // An agent that began long before us, and a transcript that is played again.
    let began = said(&bench, "began", "s2", OLD) + &said(&bench, "goes-on", "s2", Duration::ZERO);
    bench.append("p/s2.jsonl", began);
    bench.start();
    assert_eq!(bench.ids(), ["began", "goes-on"]);
    let played = said(&bench, "played-1", "s3", OLD) + &said(&bench, "played-2", "s3", OLD);
    bench.append("p/s3.jsonl", played);
    assert_eq!(bench.ids(), ["played-1", "played-2"]);
}

#[test]
fn a_session_of_another_project_can_be_forked_too() {
    let mut bench = with_old_session(50);
    bench.start();
    bench.ids();
    let text = history(&bench, "s2", 0..50) + &said(&bench, "new", "s2", Duration::ZERO);
    bench.append("another/s2.jsonl", text);
    assert_eq!(bench.ids(), ["new"]);
}
