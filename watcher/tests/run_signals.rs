//! The end of a watcher that has hardly begun, or that hangs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::process::Command;
use std::time::{Duration, Instant};
use support::discord::Discord;
use support::watcher::{Pod, Watcher};
use support::{eventually, full, lines};

/// Whether a process has a handler for SIGTERM, as the kernel says.
fn hears(watcher: &Watcher) -> bool {
    let path = format!("/proc/{}/status", watcher.id());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 << 14 != 0)
}

fn terminate(watcher: &Watcher) {
    let id = Pid::from_raw(i32::try_from(watcher.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
}

/// Whether all of a run of three events arrived, and its final summary after them.
fn is_whole(discord: &Discord) -> bool {
    let requests = discord.requests();
    let last = requests.iter().rfind(|one| one.method == "POST");
    discord.events() == [0, 1, 2] && last.is_some_and(|one| one.body.contains("Finished"))
}

#[test]
fn a_watcher_that_is_asked_to_end_while_it_starts_exits_with_0_and_has_sent_everything() {
    let (mut heard, mut early) = (0, 0);
    let mut slowest = Duration::ZERO;
    for number in 0..if full() { 500 } else { 60 } {
        let discord = Discord::start();
        let mut pod = Pod::new(&discord);
        pod.set("LOG_LEVEL", "info");
        pod.append(&lines(0..3));
        let started = Instant::now();
        let watcher = pod.start();
        if number % 2 == 0 {
            // The very first moment at which it can hear anything.
            while !hears(&watcher) {
                assert!(started.elapsed() < support::PATIENCE);
            }
            slowest = slowest.max(started.elapsed());
        } else {
            // Any moment of the first milliseconds.
            std::thread::sleep(Duration::from_micros(number * 150 % 9000));
        }
        let could_hear = hears(&watcher);
        terminate(&watcher);
        let code = watcher.wait();
        if could_hear || code.is_some() {
            heard += 1;
            assert_eq!(code, Some(0), "{}", pod.log());
            assert!(is_whole(&discord), "{}", pod.log());
        } else {
            // No program hears anything before its first statement.
            early += 1;
            assert!(discord.requests().is_empty());
        }
    }
    println!(
        "{heard} heard it, {early} had not begun; the first statement came within {slowest:?}"
    );
    assert!(heard >= 30);
}

/// Starts a watcher that hangs before its loop begins: what should be a file is a FIFO that nobody writes.
fn hanging(discord: &Discord) -> (Pod, Watcher) {
    let mut pod = Pod::new(discord);
    let fifo = pod.path("prices.json");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    pod.set("PRICES_FILE", fifo.to_str().unwrap());
    pod.set("FLUSH_SECONDS", "1");
    let watcher = pod.start();
    eventually("its first words", || {
        pod.log().contains("following the agent").then_some(())
    });
    (pod, watcher)
}

#[test]
fn a_watcher_that_hangs_at_its_start_still_ends_with_0() {
    let discord = Discord::start();
    let (_pod, watcher) = hanging(&discord);
    let asked = Instant::now();
    terminate(&watcher);
    assert_eq!(watcher.wait(), Some(0));
    assert!(asked.elapsed() < support::PATIENCE);
}

#[test]
fn the_second_signal_ends_a_watcher_that_hangs_at_once() {
    let discord = Discord::start();
    let (_pod, mut watcher) = hanging(&discord);
    terminate(&watcher);
    // Two signals of one kind that nobody has heard yet are one.
    std::thread::sleep(Duration::from_millis(200));
    assert!(watcher.is_alive());
    terminate(&watcher);
    assert_eq!(watcher.wait(), Some(0));
}

#[test]
fn a_bridge_that_is_asked_to_end_while_it_starts_exits_with_0() {
    for _ in 0..10 {
        let pod = Pod::without_webhook();
        let mut command = pod.command(&["bridge", "--listen", "127.0.0.1:0"]);
        command.env("AGENT_STDIN", pod.path("stdin"));
        let watcher = Watcher::of(command.spawn().unwrap());
        while !hears(&watcher) {}
        terminate(&watcher);
        assert_eq!(watcher.wait(), Some(0));
    }
}

#[test]
fn a_command_for_a_person_ends_by_a_signal_as_any_program_does() {
    let pod = Pod::without_webhook();
    let fifo = pod.path("a.jsonl");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let mut command = pod.command(&["stats", fifo.to_str().unwrap()]);
    let watcher = Watcher::of(command.spawn().unwrap());
    std::thread::sleep(Duration::from_millis(200));
    assert!(!hears(&watcher));
    terminate(&watcher);
    assert_eq!(watcher.wait(), None);
}
