//! A webhook that posts into a thread of a text channel, or into a post of a forum: all a run says stands there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::json;
use std::time::Duration;
use support::watcher::Pod;
use support::{eventually, line};
use tests::double::fault::{Action, Fault};
use tests::double::state::{Channel, FORUM, Message, THREAD, Webhook, token};
use tests::double::{Double, DoubleOptions};

/// A webhook's address without a thread, its channel's id, and two threads in it.
struct Place {
    url: String,
    channel: u64,
    threads: [u64; 2],
}

fn place(double: &Double, forum: bool) -> Place {
    let webhook = double.with(|core| {
        if !forum {
            return core.webhook("run");
        }
        let channel_id = core.channel("runs", FORUM);
        let id = core.next_id();
        let webhook = Webhook {
            id,
            token: token(id),
            channel_id,
            name: "run".to_owned(),
            application_id: None,
        };
        core.webhooks.insert(id, webhook.clone());
        webhook
    });
    let open = |name| {
        double.with(|core| {
            let (id, guild) = (core.next_id(), core.options.guild_id);
            core.add_channel(Channel {
                id,
                parent_id: Some(webhook.channel_id),
                ..Channel::new(guild, THREAD, name)
            })
        })
    };
    Place {
        url: format!(
            "{}/api/webhooks/{}/{}",
            double.base_url(),
            webhook.id,
            webhook.token
        ),
        channel: webhook.channel_id,
        threads: [open("the run"), open("another run")],
    }
}

fn pod(url: &str) -> Pod {
    let mut pod = Pod::without_webhook();
    pod.set("DISCORD_WEBHOOK_URL", url);
    pod.set("PARITY_MODE", "true");
    pod
}

/// A command whose output is too long for a message, and so comes as a file.
fn long_command() -> String {
    let call = json!({"type": "assistant", "uuid": "c-1", "sessionId": "s", "cwd": "/w", "timestamp": "2026-11-22T00:01:00.000Z",
        "message": {"role": "assistant", "id": "m-1", "model": "claude-sonnet-4-5", "stop_reason": "tool_use",
            "usage": {"input_tokens": 10, "output_tokens": 5},
            "content": [{"type": "tool_use", "id": "t-1", "name": "Bash", "input": {"command": "make"}}]}});
    let stdout = "a line of what was made\n".repeat(2000);
    let answer = json!({"type": "user", "uuid": "c-2", "sessionId": "s", "cwd": "/w", "timestamp": "2026-11-22T00:01:01.000Z",
        "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t-1", "content": stdout}]},
        "toolUseResult": {"stdout": stdout, "stderr": "", "interrupted": false, "isImage": false}});
    format!("{call}\n{answer}\n")
}

fn is_summary(message: &Message) -> bool {
    message.text().contains("Tool calls")
}

/// Waits for a live summary in `thread` that was edited since it had `edits` edits.
fn edited(double: &Double, thread: u64, edits: usize) -> Message {
    eventually("an edit of the live summary", || {
        double.messages().into_iter().find(|message| {
            is_summary(message)
                && !message.deleted
                && message.channel_id == thread
                && message.edits.len() > edits
        })
    })
}

fn all_of_a_run_stands_in_its_thread(forum: bool) {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, forum);
    let [thread, _] = place.threads;
    let pod = pod(&format!("{}?thread_id={thread}", place.url));
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("a live summary", || {
        double.messages().iter().any(is_summary).then_some(())
    });
    pod.append(&long_command());
    let live = edited(&double, thread, 0);

    // Discord archives a thread that was silent; the next post opens it again, and edits go on.
    double.with(|core| core.channels.get_mut(&thread).unwrap().archived = true);
    // Later than all before, so that the summary has something new to say.
    pod.append(&line(120));
    let later = edited(&double, thread, live.edits.len());
    assert_eq!(later.id, live.id, "a second live summary was posted");
    assert!(!double.with(|core| core.channels[&thread].archived));
    assert_eq!(watcher.end(), Some(0));

    let messages = double.messages();
    assert_eq!(double.violations(), Vec::<String>::new());
    assert!(
        messages.iter().all(|message| message.channel_id == thread),
        "something stands outside the thread"
    );
    let text: Vec<String> = messages.iter().map(Message::text).collect();
    for what in ["event-000000", "event-000120", "make"] {
        assert!(text.iter().any(|text| text.contains(what)), "{what}");
    }
    let files = messages.iter().flat_map(|message| &message.attachments);
    assert!(files.count() > 0, "the long output came as no file");
    // The live summary is gone, and the final one is the last word.
    let shown: Vec<_> = messages
        .iter()
        .filter(|message| !message.deleted && is_summary(message))
        .collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].text().contains("Finished"), "{}", shown[0].text());
    assert_eq!(shown[0].id, messages.last().unwrap().id);
    assert!(messages.iter().any(|one| one.id == live.id && one.deleted));
}

#[test]
fn a_run_in_a_thread_of_a_text_channel_stands_wholly_in_it() {
    all_of_a_run_stands_in_its_thread(false);
}

#[test]
fn a_run_in_a_post_of_a_forum_stands_wholly_in_it() {
    all_of_a_run_stands_in_its_thread(true);
}

#[test]
fn another_thread_of_the_same_webhook_gets_a_live_summary_of_its_own() {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, false);
    let [one, other] = place.threads;
    let mut pod = pod(&format!("{}?thread_id={one}", place.url));
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("a live summary", || {
        double.messages().iter().any(is_summary).then_some(())
    });
    eventually("the checkpoint of it", || {
        let mut files = std::fs::read_dir(pod.path("state")).unwrap().flatten();
        files
            .any(|file| {
                std::fs::read_to_string(file.path())
                    .is_ok_and(|text| text.contains(&format!("/{one}\"")))
            })
            .then_some(())
    });
    watcher.kill();
    pod.set(
        "DISCORD_WEBHOOK_URL",
        &format!("{}?thread_id={other}", place.url),
    );
    pod.append(&line(1));
    let watcher = pod.start();
    eventually("a live summary in the other thread", || {
        let messages = double.messages();
        let mut there = messages.iter().filter(|one| one.channel_id == other);
        there.any(is_summary).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    let counters = double.counters();
    assert_eq!(
        counters.statuses.get(&404),
        None,
        "a message was looked for in a thread that never had it: {counters:?}"
    );
}

/// Starts a watcher on a webhook that cannot be posted to and returns what health says.
fn refused(double: &Double, url: &str) -> (Pod, String) {
    let mut pod = pod(url);
    pod.set("FLUSH_SECONDS", "1");
    pod.append(&line(0));
    let watcher = pod.start();
    let said = eventually("a word in health", || {
        pod.health()["discord"].as_str().map(str::to_owned)
    });
    // More to say, and time to say it: a webhook that is refused for good is left alone.
    pod.append(&line(1));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(double.messages().len(), 0);
    (pod, said)
}

#[test]
fn a_forum_without_a_thread_is_said_once_and_left_alone() {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, true);
    let (pod, said) = refused(&double, &place.url);
    assert!(said.contains("add ?thread_id=ID of a post"), "{said}");
    let log = pod.log();
    let said = log.lines().filter(|line| line.contains("220001"));
    // The report at the end repeats what kept posts from being sent.
    let said = said.filter(|line| !line.contains("the run is over"));
    assert_eq!(said.count(), 1, "{log}");
    assert_eq!(double.counters().requests, 1);
}

#[test]
fn a_thread_that_is_not_the_webhooks_is_said_once_and_left_alone() {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, false);
    let (_, said) = refused(
        &double,
        &format!("{}?thread_id={}", place.url, place.channel),
    );
    assert!(said.contains("thread_id"), "{said}");
    assert_eq!(double.counters().requests, 1);
}

#[test]
fn a_live_summary_in_an_archived_thread_waits_until_it_is_opened_again() {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, false);
    let [thread, _] = place.threads;
    let mut pod = Pod::without_webhook();
    pod.set(
        "DISCORD_WEBHOOK_URL",
        &format!("{}?thread_id={thread}", place.url),
    );
    pod.append(&line(0));
    let watcher = pod.start();
    // The post that follows the live summary would open the thread again.
    eventually("a live summary and a post", || {
        (double.messages().len() == 2).then_some(())
    });
    let archive = |archived| {
        double.with(|core| core.channels.get_mut(&thread).unwrap().archived = archived);
    };
    archive(true);
    // Something that is counted and not posted, so that no post opens the thread.
    let quiet = json!({"type": "assistant", "uuid": "q-1", "sessionId": "s", "timestamp": "2026-11-22T00:02:00.000Z",
        "message": {"role": "assistant", "id": "m-9", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
            "usage": {"input_tokens": 4321, "output_tokens": 5}, "content": [{"type": "text", "text": "quiet"}]}});
    pod.append(&format!("{quiet}\n"));
    eventually("an edit that the thread refuses", || {
        double.counters().statuses.get(&400).map(|_| ())
    });
    archive(false);
    let live = edited(&double, thread, 0);
    assert!(live.text().contains("4,321"), "{}", live.text());
    let summaries = double.messages().into_iter().filter(is_summary).count();
    assert_eq!(summaries, 1);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn posts_that_an_archived_thread_refuses_wait_and_the_cure_is_said() {
    let double = Double::start(DoubleOptions::unlimited()).unwrap();
    let place = place(&double, true);
    let [thread, _] = place.threads;
    double.fault(Fault {
        method: Some("POST".to_owned()),
        ..Fault::new(Action::Status {
            status: 400,
            html: false,
            body: Some(r#"{"message": "Thread is archived", "code": 50083}"#.to_owned()),
            retry_after: None,
        })
    });
    let pod = pod(&format!("{}?thread_id={thread}", place.url));
    pod.append(&line(0));
    let watcher = pod.start();
    let said = eventually("a word in health", || {
        pod.health()["discord"].as_str().map(str::to_owned)
    });
    assert!(said.contains("open it again in Discord"), "{said}");
    pod.append(&line(1));
    double.clear_faults();
    eventually("both events", || {
        let text: String = double.messages().iter().map(Message::text).collect();
        (text.contains("event-000000") && text.contains("event-000001")).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(double.violations(), Vec::<String>::new());
}
