//! Every event once and in order, whatever Discord does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::time::{Duration, Instant};
use support::discord::{Answer, Discord};
use support::watcher::Pod;
use support::{eventually, line, lines};

fn all(range: std::ops::Range<usize>) -> Vec<usize> {
    range.collect()
}

fn say(status: u16, body: &str) -> Answer {
    Answer::Say(status, "", body.to_owned())
}

#[test]
fn every_event_arrives_once_in_order_while_it_is_written_in_pieces() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    let text = lines(0..200);
    let mut rest = text.as_str();
    // Lines are cut anywhere.
    for size in [1, 7, 100, 3000].into_iter().cycle() {
        let (now, later) = rest.split_at(size.min(rest.len()));
        pod.append(now);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    eventually("all events", || {
        (discord.events().len() >= 200).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), all(0..200));
    assert_eq!(pod.termination()["posted"], 200);
}

#[test]
fn messages_are_full_and_legal() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    pod.append(&lines(0..100));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), all(0..100));
    let feed: Vec<_> = discord
        .requests()
        .into_iter()
        .filter(support::discord::Request::is_feed)
        .collect();
    // The first goes at once, all others are full.
    assert!(feed.len() <= 12, "{}", feed.len());
    for request in feed {
        assert!(request.body.contains(r#""allowed_mentions":{"parse":[]}"#));
        assert!(request.path.ends_with("?wait=true"), "{}", request.path);
    }
}

#[test]
fn an_outage_loses_nothing_and_keeps_the_order() {
    let discord = Discord::start();
    let end = Instant::now() + Duration::from_secs(3);
    discord.script(move |_, count| {
        if Instant::now() > end {
            return Answer::Save;
        }
        match count % 3 {
            0 => say(500, "{}"),
            1 => say(503, "<html>down"),
            _ => Answer::Hang(Duration::from_millis(200)),
        }
    });
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    for part in 0..20 {
        pod.append(&lines(part * 25..(part + 1) * 25));
    }
    eventually("all events", || {
        (discord.events().len() >= 500).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), all(0..500));
}

#[test]
fn a_429_is_obeyed_to_the_millisecond() {
    let discord = Discord::start();
    discord.script(|request, count| {
        if request.method == "POST" && count % 4 == 1 {
            let body = r#"{"message":"m","retry_after":0.4,"global":false}"#;
            Answer::Say(
                429,
                "retry-after: 0\r\nx-ratelimit-scope: user\r\n",
                body.to_owned(),
            )
        } else {
            Answer::Save
        }
    });
    let pod = Pod::new(&discord);
    pod.append(&lines(0..60));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), all(0..60));
    let requests = discord.requests();
    let limited: Vec<_> = requests.windows(2).filter(|pair| !pair[0].saved).collect();
    assert!(!limited.is_empty());
    for pair in limited {
        let waited = pair[1].at - pair[0].at;
        assert!(waited >= Duration::from_millis(400), "{waited:?}");
        assert!(waited < Duration::from_millis(900), "{waited:?}");
    }
}

#[test]
fn a_refused_event_is_shown_smaller_with_the_reason_and_the_others_in_full() {
    let discord = Discord::start();
    discord.script(|request, _| {
        if request.body.contains("event-000004") && !request.body.contains("Shown in part") {
            say(
                400,
                r#"{"code":50035,"message":"Invalid Form Body","errors":{"embeds":{"4":{"title":
                {"_errors":[{"code":"X","message":"no fours"}]}}}}}"#,
            )
        } else {
            Answer::Save
        }
    });
    let pod = Pod::new(&discord);
    pod.append(&lines(0..10));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), all(0..10));
    let requests = discord.requests();
    let smaller = requests
        .iter()
        .find(|request| request.body.contains("Shown in part"))
        .unwrap();
    assert!(smaller.body.contains("no fours"), "{}", smaller.body);
}

#[test]
fn a_message_saved_before_the_connection_broke_is_the_one_that_may_stand_twice() {
    let discord = Discord::start();
    discord.script(|request, _| {
        if request.body.contains("event-000003") {
            Answer::SaveAndReset
        } else {
            Answer::Save
        }
    });
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    pod.append(&lines(0..5));
    eventually("the repeat", || {
        (discord.events().iter().filter(|event| **event == 3).count() > 1).then_some(())
    });
    discord.script(|_, _| Answer::Save);
    eventually("all events", || discord.events().contains(&4).then_some(()));
    assert_eq!(watcher.end(), Some(0));
    assert!(pod.termination()["maybeTwice"].as_u64().unwrap() >= 1);
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_message_a_life() {
    const KILLS: usize = 30;
    let discord = Discord::start();
    // Slow enough that a kill mostly hits a message under way.
    discord.script(|_, _| {
        std::thread::sleep(Duration::from_millis(3));
        Answer::Save
    });
    let mut pod = Pod::new(&discord);
    pod.set("BATCH_SIZE", "5");
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for life in 0..KILLS {
        let watcher = pod.start();
        pod.append(&lines(life * 20..(life + 1) * 20));
        // A fixed sequence of moments between 0 and 250 ms.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis((seed >> 33) % 250));
        watcher.kill();
    }
    let watcher = pod.start();
    // One more, which only this life can send: what came before may all be there while it still starts.
    pod.append(&lines(KILLS * 20..KILLS * 20 + 1));
    eventually("all events", || {
        discord.events().contains(&(KILLS * 20)).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    let events = discord.events();
    let mut first: Vec<usize> = Vec::new();
    for event in &events {
        if !first.contains(event) {
            first.push(*event);
        }
    }
    assert_eq!(first, all(0..KILLS * 20 + 1), "lost or out of order");
    let repeated = events.len() - first.len();
    assert!(
        repeated <= KILLS * 5,
        "{repeated} repeated after {KILLS} kills"
    );
}

#[test]
fn live_summary_is_edited_in_place_and_the_final_one_stands_last() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    let start = Instant::now();
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(7) {
        pod.append(&line(number));
        number += 1;
        std::thread::sleep(Duration::from_millis(300));
    }
    eventually("all events", || {
        (discord.events().len() == number).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    let requests = discord.requests();
    assert!(
        requests[0].body.contains("Tool calls"),
        "the live summary is the first message"
    );
    let edits: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .collect();
    assert!((1..=2).contains(&edits.len()), "{}", edits.len());
    for pair in edits.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(4990));
    }
    let last = requests
        .iter()
        .rfind(|request| request.method == "POST")
        .unwrap();
    assert!(last.body.contains("Finished"), "{}", last.body);
    assert!(requests.iter().any(|request| request.method == "DELETE"));
}
