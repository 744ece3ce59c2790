//! A fork of yesterday's session: neither its history nor its cost is today's.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::discord::Discord;
use support::eventually;
use support::watcher::{Pod, append};

/// A prompt and its answer, made so long ago.
fn turn(number: usize, session: &str, ago: Duration) -> [Value; 2] {
    let at = jiff::Timestamp::try_from(SystemTime::now() - ago).unwrap();
    let common = |uuid: String, kind: &str, message: Value| {
        json!({"parentUuid": null, "isSidechain": false, "cwd": "/w", "sessionId": session, "version": "2.1.126",
            "type": kind, "uuid": uuid, "timestamp": at.to_string(), "message": message})
    };
    [
        common(
            format!("u-{number}"),
            "user",
            json!({"role": "user", "content": format!("event-{number:06}")}),
        ),
        common(
            format!("a-{number}"),
            "assistant",
            json!({"id": format!("msg_{number}"), "role": "assistant", "model": "claude-opus-4-5-20251101",
                "content": [{"type": "text", "text": "Success"}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 1_000_000, "output_tokens": 0}}),
        ),
    ]
}

fn text(turns: impl IntoIterator<Item = [Value; 2]>) -> String {
    let lines = turns.into_iter().flatten();
    lines.map(|line| line.to_string() + "\n").collect()
}

#[test]
fn a_fork_of_yesterdays_session_posts_and_costs_what_is_its_own() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    let projects = pod.path("projects");
    std::fs::create_dir_all(projects.join("p")).unwrap();
    pod.set("TRANSCRIPT_PATH", projects.to_str().unwrap());
    let yesterday = Duration::from_hours(30);
    let old = projects.join("p/s1.jsonl");
    append(
        &old,
        text((0..40).map(|n| turn(n, "s1", yesterday))).as_bytes(),
    );
    let file = std::fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::now() - yesterday).unwrap();

    let watcher = pod.start();
    eventually("health", || pod.health()["ready"].as_bool());
    let history = (0..40).map(|n| turn(n, "s2", yesterday));
    let own = turn(77, "s2", Duration::ZERO);
    let fork = projects.join("p/s2.jsonl");
    append(&fork, text(history.chain([own])).as_bytes());
    eventually("its own prompt", || {
        (!discord.events().is_empty()).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [77]);
    let report = pod.termination();
    assert_eq!(report["tokens"], 1_000_000, "{report}");
    assert_eq!(report["costUsd"], 5.0, "{report}");
    assert_eq!(report["unreadBytes"], 0, "{report}");

    // And so it is after a restart.
    let watcher = pod.start();
    append(&fork, text([turn(78, "s2", Duration::ZERO)]).as_bytes());
    eventually("the next prompt", || {
        (discord.events().len() > 1).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [77, 78]);
    let report = pod.termination();
    assert_eq!(report["costUsd"], 10.0, "{report}");
}
