//! What is lost is counted and said; and what is remembered outlives the checkpoint.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use support::discord::Discord;
use support::watcher::Pod;
use support::{eventually, line, lines};

/// A prompt so long.
fn long_line(bytes: usize) -> String {
    line(900_000).replace("event-900000", &"x".repeat(bytes))
}

#[test]
fn lines_that_are_cut_and_records_that_are_broken_are_counted_and_said_everywhere() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    pod.set("MAX_LINE_BYTES", "65536");
    let giant = long_line(100_000);
    let excess = giant.len() as u64 - 1 - 65_536;
    let watcher = pod.start();
    pod.append(&(lines(0..2) + &giant + "{\"type\":\"user\",\"mess\nnothing\n" + &lines(2..4)));
    eventually("all events", || (discord.events().len() >= 4).then_some(()));
    for (name, count) in [
        ("records_lost_total", 3),
        ("lines_cut_total", 1),
        ("bytes_cut_total", excess),
        ("files_lost_total", 0),
        ("bytes_lost_total", 0),
    ] {
        eventually(name, || {
            (pod.metric(name).unwrap_or(u64::MAX) == count).then_some(())
        });
    }
    let said = "3 records could not be read; 1 lines were longer than MAX_LINE_BYTES";
    eventually("a word in health", || {
        pod.health()["losses"]
            .as_str()?
            .starts_with(said)
            .then_some(())
    });
    eventually("a line in the log", || {
        pod.log()
            .contains("of the transcripts so far")
            .then_some(())
    });
    pod.append("{\"type\":\"user\",\"and\n");
    pod.append(&lines(4..5));
    eventually("the last event", || {
        (discord.events().len() >= 5).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2, 3, 4]);
    let report = pod.termination();
    assert_eq!(report["lostRecords"], 4, "{report}");
    assert_eq!(report["cutLines"], 1, "{report}");
    assert_eq!(report["cutBytes"], excess, "{report}");
    // The flood is one line; the end has the last word.
    let log = pod.log();
    let said = log.matches("of the transcripts so far");
    assert!((2..=3).contains(&said.count()), "{log}");
    assert!(log.contains("so far: 4 records"), "{log}");
}

/// Everything of a first life is posted, then `damage` is done, then there is one line more.
fn after_damage(damage: impl Fn(&std::path::Path)) -> (Vec<usize>, String, serde_json::Value) {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    for n in 0..4 {
        pod.append(&lines(n * 50..n * 50 + 50));
        eventually("the events", || {
            (discord.events().len() >= n * 50 + 50).then_some(())
        });
    }
    assert_eq!(watcher.end(), Some(0));
    damage(&pod.path("state"));
    pod.append(&lines(200..201));
    let watcher = pod.start();
    eventually("the new event", || {
        discord.events().contains(&200).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    (discord.events(), pod.log(), pod.termination())
}

#[test]
fn a_damaged_checkpoint_repeats_no_post_and_is_reported() {
    for name in ["checkpoint.json", "checkpoint.previous.json"] {
        let damage = |state: &std::path::Path| {
            let path = state.join(name);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        };
        let (events, log, _) = after_damage(damage);
        assert_eq!(events, (0..201).collect::<Vec<_>>(), "{name}");
        let reported = log.contains("checkpoint.json could not be used");
        assert_eq!(reported, name == "checkpoint.json", "{log}");
    }
}

#[test]
fn with_every_checkpoint_damaged_what_was_posted_is_remembered_all_the_same() {
    let damage = |state: &std::path::Path| {
        for name in ["checkpoint.json", "checkpoint.previous.json"] {
            std::fs::write(state.join(name), "garbage").unwrap();
        }
    };
    let (events, log, report) = after_damage(damage);
    assert_eq!(events, (0..201).collect::<Vec<_>>());
    assert!(
        log.contains("checkpoint.previous.json could not be used"),
        "{log}"
    );
    assert_eq!(report["unreadBytes"], 0, "{report}");
}

#[test]
fn without_any_state_everything_is_posted_again() {
    let damage = |state: &std::path::Path| {
        for entry in std::fs::read_dir(state).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    };
    let (events, ..) = after_damage(damage);
    let all = (0..200).chain(0..201);
    assert_eq!(
        events,
        all.collect::<Vec<_>>(),
        "so the tests above can fail"
    );
}

#[test]
fn once_beside_a_writing_agent_leaves_an_unfinished_line_for_later() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let last = line(3);
    let (half, rest) = last.split_at(last.len() / 2);
    pod.append(&(lines(0..3) + half));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2]);
    assert_eq!(pod.termination()["unfinishedBytes"], half.len());
    pod.append(rest);
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2, 3]);
}
