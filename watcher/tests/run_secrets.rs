//! No secret of the watcher's own is on any path that leaves it: messages, log, metrics, health, the last word, files of its
//! state, what the commands for people print, what the bridge says. The one on a panic is beside the hook, in src/cli.rs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use support::discord::{Answer, Discord, TOKEN};
use support::watcher::{Pod, Watcher};
use support::{eventually, line};

/// None of these has a shape that a pattern knows.
const BOT_TOKEN: &str = "plain words for the bot";
const BRIDGE_SECRET: &str = "plain words for the bridge";
const LOGIN: &str = "team:plain password in a URL";

fn assert_none(place: &str, text: &str) {
    for secret in [TOKEN, BOT_TOKEN, BRIDGE_SECRET, LOGIN, "plain password"] {
        assert!(!text.contains(secret), "{secret:?} is in {place}: {text}");
    }
}

fn assert_none_below(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_none_below(&path);
        } else if path.is_file() {
            let text = std::fs::read(&path).unwrap();
            assert_none(&path.display().to_string(), &String::from_utf8_lossy(&text));
        }
    }
}

/// A prompt in which somebody pasted all of them.
fn leak(number: usize) -> String {
    let event = format!("event-{number:06}");
    let said = format!("{event} {TOKEN} {BOT_TOKEN} {BRIDGE_SECRET} {LOGIN}");
    line(number).replace(&event, &said)
}

fn pod(discord: &Discord) -> Pod {
    let mut pod = Pod::new(discord);
    pod.set(
        "BOT_URL",
        &format!("http://{LOGIN}@127.0.0.1:{}", discord.port),
    );
    pod.set("BOT_TOKEN", BOT_TOKEN);
    pod.set("BRIDGE_SECRET", BRIDGE_SECRET);
    pod
}

#[test]
fn no_secret_of_its_own_leaves_a_run_that_reads_them_all() {
    let discord = Discord::start();
    // The bot refuses and repeats what it was sent; Discord refuses one message and repeats the webhook's token.
    discord.script(|request, _| {
        if request.path == "/runs" {
            let body = format!(r#"{{"detail":"not for {BOT_TOKEN}"}}"#);
            return Answer::Say(403, "", body);
        }
        if request.body.contains("event-000002") && !request.body.contains("Shown in part") {
            let body = format!(r#"{{"code":50035,"message":"no {TOKEN}"}}"#);
            return Answer::Say(400, "", body);
        }
        Answer::Save
    });
    let pod = pod(&discord);
    pod.append(&leak(0));
    pod.append(&leak(1));
    let watcher = pod.start();
    eventually("two events", || (discord.events().len() >= 2).then_some(()));
    assert_none("health", &pod.health().to_string());
    pod.metric("events_posted_total").unwrap();
    watcher.kill();
    assert_none_below(&pod.path("state"));
    pod.append(&leak(2));
    let watcher = pod.start();
    eventually("the third", || discord.events().contains(&2).then_some(()));
    assert_eq!(watcher.end(), Some(0));
    assert_none_below(&pod.path("state"));
    assert_none("the log", &pod.log());
    assert_none("the last word", &pod.termination().to_string());
    for request in discord.requests() {
        assert_none("a message", &request.body);
    }
}

#[test]
fn no_secret_of_its_own_is_in_what_the_commands_for_people_print() {
    let discord = Discord::start();
    let mut pod = pod(&discord);
    for from_file in [false, true] {
        if from_file {
            std::fs::write(pod.path("url"), discord.webhook(1)).unwrap();
            let file = pod.path("url").to_str().unwrap().to_owned();
            pod.set("DISCORD_WEBHOOK_URL", "")
                .set("DISCORD_WEBHOOK_URL_FILE", &file);
        }
        let transcript = pod.path("leaky.jsonl");
        std::fs::write(&transcript, format!("{}{}", leak(0), leak(1))).unwrap();
        let (transcript, page) = (transcript.to_str().unwrap(), pod.path("page.html"));
        let page_text = page.to_str().unwrap();
        for arguments in [
            &["preview", transcript][..],
            &["preview", transcript, "--html", page_text],
            &["stats", transcript],
            &["stats", "--json", transcript],
        ] {
            let output = pod.run(arguments);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}");
            for text in [&output.stdout, &output.stderr] {
                assert_none(&arguments.join(" "), &String::from_utf8_lossy(text));
            }
        }
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.contains("event-000001"));
        assert_none("the page", &html);
    }
}

#[test]
fn the_bridge_says_neither_its_secret_nor_what_it_was_sent() {
    let mut pod = Pod::without_webhook();
    pod.set("BRIDGE_SECRET", BRIDGE_SECRET);
    pod.set(
        "AGENT_STDIN",
        pod.path("stdin").to_str().unwrap().to_owned().as_str(),
    );
    let log = std::fs::File::create(pod.path("log")).unwrap();
    let mut command = pod.command(&["bridge", "--listen", "127.0.0.1:0"]);
    let bridge = Watcher::of(command.stderr(log).spawn().unwrap());
    let port: u16 = eventually("its port", || {
        let log = pod.log();
        let rest = log.split("address=127.0.0.1:").nth(1)?;
        rest.split_once(|letter: char| !letter.is_ascii_digit())?
            .0
            .parse()
            .ok()
    });
    let mut answers = String::new();
    for signature in ["", "x-input-signature: sha256=00\r\n"] {
        for path in ["/input", "/interrupt", "/metrics", "/ready", "/none"] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: {}\r\n{signature}\r\n{TOKEN}",
                TOKEN.len()
            );
            stream.write_all(request.as_bytes()).unwrap();
            let _ = stream.read_to_string(&mut answers);
        }
    }
    assert!(answers.contains("401"));
    assert_none("an answer", &answers);
    assert_eq!(bridge.end(), Some(0));
    assert_none("the bridge's log", &pod.log());
}
