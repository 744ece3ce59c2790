//! What the tests of the real binary share: a scripted Discord, transcripts, and the watcher as a child process.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    unreachable_pub,
    reason = "a folder of helpers is private to each test that names it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

pub mod discord;
pub mod watcher;

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the long versions are asked for.
pub fn full() -> bool {
    std::env::var("FULL").as_deref() == Ok("true")
}

/// One line with one prompt, which every filter lets through.
pub fn line(number: usize) -> String {
    format!(
        concat!(
            r#"{{"type":"user","uuid":"u-{n}","sessionId":"s","cwd":"/w","timestamp":"2026-11-22T{h:02}:{m:02}:{s:02}.000Z","#,
            r#""message":{{"role":"user","content":"event-{n:06}"}}}}"#,
            "\n"
        ),
        n = number,
        h = number / 3600 % 24,
        m = number / 60 % 60,
        s = number % 60,
    )
}

/// The lines of a range, one after the other.
pub fn lines(range: std::ops::Range<usize>) -> String {
    range.map(line).collect()
}

/// The numbers of all events in a text, in order.
pub fn events_in(text: &str) -> Vec<usize> {
    text.match_indices("event-")
        .filter_map(|(at, _)| text.get(at + 6..at + 12)?.parse().ok())
        .collect()
}

/// Waits until `check` gives a value.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{what} did not happen in {PATIENCE:?}"
        );
        // Other processes' state cannot be awaited.
        std::thread::sleep(Duration::from_millis(5));
    }
}
