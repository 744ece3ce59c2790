//! Whole generated sessions, every trap included, through the real binary to a double that is stricter than Discord.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::time::Duration;
use support::watcher::{Pod, append};
use tests::double::rate::{RateLimits, Window};
use tests::double::state::Message;
use tests::double::{Double, DoubleOptions};
use tests::transcript::{Kind, Options, Session, generate, step};

const PATIENCE: Duration = Duration::from_mins(1);

fn pod(webhook: &str) -> Pod {
    let mut pod = Pod::without_webhook();
    let projects = pod.path("projects");
    pod.set("DISCORD_WEBHOOK_URL", webhook);
    pod.set("TRANSCRIPT_PATH", projects.to_str().unwrap());
    pod.set("PARITY_MODE", "true");
    pod
}

/// Plays a session below the Pod's projects folder, as fast as it goes.
fn play(pod: &Pod, session: &Session) {
    let folder = pod.path("projects").join("-workspace");
    for chunk in &session.chunks {
        let path = folder.join(&*chunk.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        append(&path, &chunk.bytes);
    }
}

/// The serials of the agent's own commands that are shown.
fn steps(messages: &[Message], session: &Session) -> Vec<u32> {
    let mut shown = Vec::new();
    for message in messages.iter().filter(|message| !message.deleted) {
        let text = message.text();
        for (at, _) in text.match_indices("step ") {
            let serial = text
                .get(at + 5..at + 11)
                .and_then(|digits| digits.parse().ok());
            shown.extend(serial.filter(|serial| !shown.contains(serial)));
        }
    }
    let own: Vec<u32> = session.expected.steps().collect();
    shown.retain(|serial| own.contains(serial));
    shown
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .map(|part| std::str::from_utf8(part).unwrap())
        .collect();
    parts.reverse();
    parts.join(",")
}

fn check(double: &Double, session: &Session) {
    let messages = double.messages();
    assert_eq!(double.violations(), Vec::<String>::new());
    let expected: Vec<u32> = session.expected.steps().collect();
    let mut shown = steps(&messages, session);
    // Order is another test's: calls side by side are shown as their results come, files in no promised order.
    shown.sort_unstable();
    if let Some(at) =
        (0..expected.len().max(shown.len())).find(|at| expected.get(*at) != shown.get(*at))
    {
        let around = |serials: &[u32]| {
            serials
                .iter()
                .skip(at.saturating_sub(3))
                .take(8)
                .copied()
                .collect::<Vec<_>>()
        };
        panic!(
            "from the {at}th on, expected {:?} and saw {:?}",
            around(&expected),
            around(&shown)
        );
    }
    for message in &messages {
        let text = message.text();
        for secret in &session.expected.secrets {
            assert!(!text.contains(secret), "{secret} is shown in {text}");
        }
    }
    let last = messages
        .iter()
        .rfind(|message| !message.deleted)
        .unwrap()
        .text();
    let total = session.expected.total();
    for (what, number) in [("in ", total.input), ("cache read ", total.cache_read)] {
        let figure = format!("{what}{}", thousands(number));
        assert!(
            last.contains(&figure),
            "{figure} is not in the last message: {last}"
        );
    }
}

/// Plays a session to its end, and ends the watcher.
fn follow(kind: Kind, seed: u64, records: u64) {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let pod = pod(&double.webhook_url("run"));
    let session = generate(&Options::new(kind, seed).records(records));
    let watcher = pod.start();
    play(&pod, &session);
    let last = step(session.expected.steps().last().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(double.wait_text(&last, PATIENCE)).unwrap();
    assert_eq!(watcher.end(), Some(0));
    check(&double, &session);
}

#[test]
fn a_clean_session_arrives_whole_and_legal() {
    follow(Kind::Clean, 1, 400);
}

#[test]
fn a_session_with_every_trap_arrives_whole_and_legal() {
    for seed in 1..4 {
        follow(Kind::Traps, seed, 400);
    }
}

#[test]
fn once_over_https_with_a_ca_of_its_own() {
    let double = Double::start(DoubleOptions::unlimited().with_tls()).unwrap();
    let mut pod = pod(&double.tls_webhook_url("run").unwrap());
    let ca = pod.path("ca.crt");
    let session = generate(&Options::new(Kind::Demo, 1));
    play(&pod, &session);
    pod.set("FLUSH_SECONDS", "1")
        .set("EXTRA_CA_FILE", ca.to_str().unwrap());

    let watcher = pod.start();
    support::eventually("a word in health", || {
        pod.health()["discord"]
            .as_str()?
            .contains("certificate")
            .then_some(())
    });
    assert_eq!(double.messages().len(), 0, "a foreign CA was trusted");
    assert_eq!(watcher.end(), Some(0));

    std::fs::write(&ca, double.ca_pem().unwrap()).unwrap();
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    check(&double, &session);
}

#[test]
fn shown_and_hidden_limits_are_obeyed() {
    // The hidden limit of a channel, quicker than Discord's 30 a minute so that the test runs into it.
    let channel = Some(Window {
        requests: 6,
        per_ms: 4000,
    });
    let limits = RateLimits {
        channel,
        ..RateLimits::default()
    };
    let options = DoubleOptions {
        limits,
        ..DoubleOptions::default()
    };
    let double = Double::start(options).unwrap();
    let mut pod = pod(&double.webhook_url("run"));
    pod.set("BATCH_SIZE", "4");
    let session = generate(&Options::new(Kind::Clean, 2).records(150));
    play(&pod, &session);
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    check(&double, &session);
    let counters = double.counters();
    assert!(counters.hidden_limited > 0, "{counters:?}");
    assert_eq!(counters.while_limited, 0, "{counters:?}");
}
