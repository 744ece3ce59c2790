//! Every event once and in order, whatever Discord does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};
use support::discord::{Answer, Discord};
use support::watcher::Pod;
use support::{eventually, full, line, lines};

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
        // Not what a backoff would choose; the machine may be busy.
        assert!(waited < Duration::from_secs(5), "{waited:?}");
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
fn killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_message_a_kill() {
    const BATCH: usize = 5;
    // A restart reads all of the file again, so that in the long version lives bring less and last longer.
    let (kills, lines_a_life, longer) = if full() { (1000, 6, 250) } else { (30, 20, 0) };
    let discord = Discord::start();
    // Slow enough that a kill mostly hits a message under way.
    discord.script(|_, _| {
        std::thread::sleep(Duration::from_millis(3));
        Answer::Save
    });
    let mut pod = Pod::new(&discord);
    pod.set("BATCH_SIZE", &BATCH.to_string());
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    // How many requests had come when each life was over.
    let mut ends = Vec::new();
    let mut written = 0;
    for life in 0..kills {
        let watcher = pod.start();
        pod.append(&lines(written..written + lines_a_life));
        written += lines_a_life;
        // A fixed sequence of moments between 0 and 250 ms, later ones where there is much to read again.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(
            (seed >> 33) % (250 + longer * life / kills),
        ));
        watcher.kill();
        eventually("the end of what was sent", || {
            (discord.connections() == 0).then_some(())
        });
        ends.push(discord.requests().len());
    }
    let watcher = pod.start();
    // After many messages in a minute the last one waits for company, to spare Discord's hidden limit, but not at the end.
    eventually("all but the last events", || {
        std::thread::sleep(Duration::from_millis(50));
        discord
            .events()
            .contains(&(written - 2 * BATCH))
            .then_some(())
    });
    eventually("health", || pod.health()["ready"].as_bool());
    assert_eq!(watcher.end(), Some(0));
    let requests = discord.requests();
    ends.push(requests.len());
    let (mut told, mut in_order) = (HashSet::new(), Vec::new());
    let (mut begin, mut all_repeated) = (0, 0);
    for (life, end) in ends.iter().enumerate() {
        let sent = requests[begin..*end]
            .iter()
            .filter(|request| request.saved && request.is_feed());
        let mut repeated = 0;
        for event in sent.flat_map(|request| support::events_in(&request.body)) {
            if told.insert(event) {
                in_order.push(event);
            } else {
                repeated += 1;
            }
        }
        assert!(repeated <= BATCH, "{repeated} repeated after kill {life}");
        all_repeated += repeated;
        begin = *end;
    }
    assert_eq!(in_order, all(0..written), "lost or out of order");
    println!(
        "{kills} kills: {written} events, none lost, {all_repeated} twice, at most {BATCH} after a kill"
    );
}

/// Resident memory of a process in KiB, now and at most.
fn resident(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

#[test]
fn fifty_megabytes_written_in_an_outage_wait_in_the_file_and_arrive_once_and_in_order() {
    const EVENTS: usize = 2000;
    let outage = Duration::from_secs(if full() { 600 } else { 20 });
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    // As the chart sets them in a Pod.
    pod.set("MALLOC_ARENA_MAX", "1");
    pod.set("MALLOC_TRIM_THRESHOLD_", "131072");
    let watcher = pod.start();
    pod.append(&line(0));
    eventually("the first event", || {
        discord.events().contains(&0).then_some(())
    });
    let (before, _) = resident(watcher.id());
    let end = Instant::now() + outage;
    discord.script(move |_, count| {
        if Instant::now() > end {
            return Answer::Save;
        }
        match count % 3 {
            0 => say(500, "{}"),
            1 => say(503, "<html>down"),
            _ => Answer::Hang(Duration::from_secs(1)),
        }
    });
    // As the whole file that an edit keeps: the bulk of a transcript, and nothing to post.
    let ballast = format!(",\"ballast\":\"{}\"}}\n", "x".repeat(25_000));
    for part in 0..20 {
        let numbers = (part * EVENTS / 20).max(1)..(part + 1) * EVENTS / 20;
        let text: String = numbers
            .map(|number| line(number).trim_end().trim_end_matches('}').to_owned() + "}" + &ballast)
            .collect();
        pod.append(&text);
        std::thread::sleep(outage.mul_f64(0.9) / 20);
    }
    // The last message may wait for company until the end.
    let patience = Instant::now() + outage / 10 + Duration::from_secs(90);
    while discord.events().len() < EVENTS - 10 {
        assert!(
            Instant::now() < patience,
            "{} of {EVENTS} events came",
            discord.events().len()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let (_, most) = resident(watcher.id());
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), all(0..EVENTS));
    assert_eq!(pod.termination()["lost"], 0);
    // Eight times as much was written.
    assert!(
        most < before + 6 * 1024,
        "{before} KiB before the outage, {most} at most"
    );
    println!("outage of {outage:?}: {before} KiB before, {most} KiB at most");
}

#[test]
fn live_summary_is_edited_in_place_and_the_final_one_stands_last() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let start = Instant::now();
    let watcher = pod.start();
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
    assert!(!edits.is_empty());
    // Whatever delays a request on its way: no edit can come before its time.
    for (edit, at) in edits.iter().zip(1..) {
        let since = edit.at - start;
        assert!(
            since >= Duration::from_secs(5) * at,
            "edit {at} after {since:?}"
        );
    }
    let last = requests
        .iter()
        .rfind(|request| request.method == "POST")
        .unwrap();
    assert!(last.body.contains("Finished"), "{}", last.body);
    assert!(requests.iter().any(|request| request.method == "DELETE"));
}
