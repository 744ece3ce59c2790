//! Every form in which Discord, or what stands before it, asks to wait or to go away.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::time::Duration;
use support::discord::{Answer, Discord, Request};
use support::watcher::Pod;
use support::{eventually, line, lines};

/// One 429 on the first post of events, in this form; what came after it.
fn limited_once(headers: &'static str, body: &'static str) -> (Pod, Vec<Request>) {
    let discord = Discord::start();
    let mut answered = false;
    discord.script(move |request, _| {
        if request.is_feed() && !std::mem::replace(&mut answered, true) {
            return Answer::Say(429, headers, body.to_owned());
        }
        Answer::Save
    });
    let pod = Pod::new(&discord);
    pod.append(&lines(0..3));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2]);
    (pod, discord.requests())
}

#[test]
fn a_429_of_any_form_is_obeyed_and_loses_nothing() {
    for (headers, body, millis) in [
        // A page of the network in front of Discord: only a header.
        (
            "retry-after: 1\r\ncontent-type: text/html\r\n",
            "<html>You are being rate limited",
            1000,
        ),
        // No scope, and the body alone says how long.
        (
            "",
            r#"{"message":"m","retry_after":0.6,"global":false}"#,
            600,
        ),
        // The longer of the two.
        (
            "retry-after: 1\r\nx-ratelimit-scope: shared\r\n",
            r#"{"message":"m","retry_after":0.3,"global":false}"#,
            1000,
        ),
        (
            "x-ratelimit-global: true\r\nx-ratelimit-scope: global\r\n",
            r#"{"message":"m","retry_after":0.7,"global":true}"#,
            700,
        ),
    ] {
        let (_pod, requests) = limited_once(headers, body);
        let at = requests.iter().position(|one| !one.saved).unwrap();
        let waited = requests[at + 1].at - requests[at].at;
        assert!(
            waited >= Duration::from_millis(millis),
            "{waited:?} after {headers:?} {body}"
        );
        assert_eq!(requests.iter().filter(|one| !one.saved).count(), 1);
    }
}

#[test]
fn while_a_global_limit_lasts_nothing_is_sent_not_even_an_edit() {
    let discord = Discord::start();
    let mut answered = false;
    discord.script(move |request, _| {
        if request.is_feed() && !std::mem::replace(&mut answered, true) {
            // Longer than the live summary waits with its first edit.
            let body = r#"{"message":"m","retry_after":7.0,"global":true}"#;
            return Answer::Say(429, "x-ratelimit-scope: global\r\n", body.to_owned());
        }
        Answer::Save
    });
    let pod = Pod::new(&discord);
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("the event", || discord.events().contains(&0).then_some(()));
    let requests = discord.requests();
    let at = requests.iter().position(|one| !one.saved).unwrap();
    let quiet = requests[at + 1].at - requests[at].at;
    assert!(quiet >= Duration::from_secs(7), "{quiet:?}");
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_wrong_token_ends_the_sender_for_good_and_is_said_once() {
    for (status, code) in [(401, 50027), (404, 10015)] {
        let discord = Discord::start();
        discord.script(move |_, _| {
            let body = format!(r#"{{"message":"no","code":{code}}}"#);
            Answer::Say(status, "content-type: application/json\r\n", body)
        });
        let mut pod = Pod::new(&discord);
        pod.set("FLUSH_SECONDS", "1");
        pod.set("LOG_LEVEL", "info");
        pod.append(&line(0));
        let watcher = pod.start();
        eventually("a word in health", || {
            let said = pod.health()["discord"].as_str()?.to_owned();
            said.contains(&code.to_string()).then_some(())
        });
        // More to say, and time to say it; each beat of a second could say it again.
        pod.append(&line(1));
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(watcher.end(), Some(0));
        assert_eq!(
            discord.requests().len(),
            1,
            "{status}: a refused webhook was used again"
        );
        let log = pod.log();
        let said = log.lines().filter(|line| line.contains(&code.to_string()));
        // The report at the end repeats what kept posts from being sent.
        let said = said.filter(|line| !line.contains("the run is over"));
        assert_eq!(said.count(), 1, "{log}");
        assert!(
            pod.termination()["trouble"]
                .as_str()
                .unwrap()
                .contains(&code.to_string())
        );
    }
}
