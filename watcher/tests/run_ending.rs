//! The last word of a run: its colour, its place, and who else hears it; after any kill, and with a Discord that fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use support::discord::{Answer, Discord, Request};
use support::watcher::Pod;
use support::{PATIENCE, eventually, line, lines};

const GREEN: u64 = 0x0057_F287;
const RED: u64 = 0x00ED_4245;
const AMBER: u64 = 0x00F0_B132;

fn record(number: usize, of: &Value) -> String {
    let mut record = json!({"uuid": format!("r-{number}"), "sessionId": "s", "cwd": "/w",
        "timestamp": format!("2026-11-22T01:00:{number:02}.000Z")});
    for (key, value) in of.as_object().unwrap() {
        record[key] = value.clone();
    }
    format!("{record}\n")
}

fn assistant(number: usize, stop: &str, content: &Value) -> String {
    record(
        number,
        &json!({"type": "assistant", "message": {"role": "assistant", "id": format!("m-{number}"),
            "model": "claude-sonnet-4-5", "stop_reason": stop, "content": [content],
            "usage": {"input_tokens": 10, "output_tokens": 5}}}),
    )
}

/// A turn that ended well.
fn answered(number: usize) -> String {
    assistant(
        number,
        "end_turn",
        &json!({"type": "text", "text": "Complete"}),
    )
}

/// A command that is still running.
fn running(number: usize) -> String {
    let input = json!({"command": "make"});
    let content =
        json!({"type": "tool_use", "id": format!("t-{number}"), "name": "Bash", "input": input});
    assistant(number, "tool_use", &content)
}

fn api_error(number: usize) -> String {
    record(
        number,
        &json!({"type": "assistant", "isApiErrorMessage": true, "message": {"role": "assistant",
            "id": format!("m-{number}"), "model": "<synthetic>", "stop_reason": "stop_sequence",
            "content": [{"type": "text", "text": "API Error: 529 Overloaded"}]}}),
    )
}

fn result(number: usize, subtype: &str, is_error: bool) -> String {
    let result = json!({"type": "result", "subtype": subtype, "is_error": is_error, "num_turns": 3,
        "duration_ms": 1000, "total_cost_usd": 0.5, "result": "the result"});
    record(number, &result)
}

fn is_summary(request: &Request) -> bool {
    request.body.contains("Tool calls")
}

fn embed(request: &Request) -> Value {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    body["embeds"][0].clone()
}

fn title(request: &Request) -> String {
    embed(request)["title"].as_str().unwrap().to_owned()
}

/// The final summary: the last message posted.
fn last_word(discord: &Discord) -> Request {
    let requests = discord.requests();
    let last = requests
        .iter()
        .rfind(|one| one.method == "POST" && one.path.contains("/webhooks/"));
    let last = last.unwrap().clone();
    assert!(is_summary(&last), "{}", last.body);
    last
}

fn assert_last_word(discord: &Discord, words: &str, color: u64) {
    let last = embed(&last_word(discord));
    assert!(last["title"].as_str().unwrap().contains(words), "{last}");
    assert_eq!(last["color"], color, "{last}");
}

/// Follows the text, then ends the watcher.
fn follow(pod: &Pod, discord: &Discord, text: &str) {
    pod.append(text);
    let watcher = pod.start();
    eventually("a live summary", || {
        discord.requests().iter().any(is_summary).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
}

/// What runs end in, by what the transcript ended with, how that is called, and what the bot is told.
#[test]
fn the_last_word_is_green_only_when_nothing_speaks_against_it() {
    for (text, words, color) in [
        (answered(1), "Finished", GREEN),
        (result(1, "success", false), "Finished", GREEN),
        (result(1, "success", true), "Failed", RED),
        (result(1, "error_max_turns", false), "Failed", RED),
        (api_error(1), "Failed", RED),
        (
            format!("{}{}", api_error(1), answered(2)),
            "Finished",
            GREEN,
        ),
        (running(1), "Stopped while working", AMBER),
        // Another turn began after the result of the first.
        (
            format!("{}{}", result(1, "success", false), running(2)),
            "Stopped while working",
            AMBER,
        ),
    ] {
        let discord = Discord::start();
        let pod = Pod::new(&discord);
        follow(&pod, &discord, &format!("{}{text}", line(0)));
        assert_last_word(&discord, words, color);
        assert_eq!(pod.termination()["unsent"], 0, "{text}");
    }
}

#[test]
fn a_run_that_failed_is_one_in_the_feed_at_the_end_and_at_the_bot() {
    let discord = Discord::start();
    let grant = json!({"channelId": "77", "webhookUrl": discord.webhook(9), "runToken": "the-runs-own-token",
        "attempt": 1, "expiresAt": "2030-01-01T00:00:00Z"});
    discord.script(move |request, _| match request.path.as_str() {
        "/runs" => Answer::Say(201, "", grant.to_string()),
        path if path.starts_with("/runs/77/") => Answer::Say(204, "", String::new()),
        _ => Answer::Save,
    });
    let mut pod = Pod::without_webhook();
    pod.set("BOT_URL", &format!("http://127.0.0.1:{}", discord.port));
    pod.set("BOT_TOKEN", "the-bots-own-token");
    follow(
        &pod,
        &discord,
        &format!("{}{}", line(0), result(1, "error_max_turns", false)),
    );
    assert_last_word(&discord, "Failed", RED);
    let requests = discord.requests();
    let told = |words: &str| {
        let posts = requests.iter().filter(|one| one.is_feed());
        let found = posts.filter(|one| one.path.contains("/webhooks/"));
        found
            .flat_map(|one| {
                let body: Value = serde_json::from_str(&one.body).unwrap();
                body["embeds"].as_array().cloned().unwrap_or_default()
            })
            .find(|embed| embed["title"].as_str().unwrap_or_default().contains(words))
    };
    assert_eq!(told("The run failed").unwrap()["color"], RED);
    let end = requests.iter().find(|one| one.path.ends_with("/finalize"));
    let end: Value = serde_json::from_str(&end.unwrap().body).unwrap();
    assert_eq!(end["status"], "failed", "{end}");
}

#[test]
fn posts_that_are_missing_make_no_green_end() {
    let discord = Discord::start();
    // One event is refused in every form.
    discord.script(|request, _| {
        let refused = request.is_feed()
            && (request.body.contains("event-000001") || request.body.contains("no ones"));
        if refused {
            let body = r#"{"code":50035,"message":"no ones"}"#;
            Answer::Say(400, "", body.to_owned())
        } else {
            Answer::Save
        }
    });
    let pod = Pod::new(&discord);
    follow(&pod, &discord, &format!("{}{}", lines(0..3), answered(9)));
    assert_last_word(&discord, "Ended, incomplete", AMBER);
    let last = last_word(&discord);
    assert!(last.body.contains("1 posts were refused"), "{}", last.body);
    // What is lost is not posted.
    let report = pod.termination();
    assert_eq!(
        (&report["lost"], &report["posted"]),
        (&json!(1), &json!(3)),
        "{report}"
    );
}

#[test]
fn every_field_of_the_last_word_is_on_the_page() {
    let discord = Discord::start();
    // All there are: what is optional as well.
    discord.script(|_, _| Answer::Say(500, "", "{}".into()));
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "1");
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("a try", || (!discord.requests().is_empty()).then_some(()));
    assert_eq!(watcher.end(), Some(0));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/watcher.md");
    let page = std::fs::read_to_string(page).unwrap();
    let report = pod.termination();
    let fields = report.as_object().unwrap();
    assert!(
        fields.contains_key("trouble") && fields.len() >= 9,
        "{report}"
    );
    for field in fields.keys() {
        assert!(page.contains(&format!("| `{field}` |")), "{field}");
    }
}

/// A watcher that is killed once all is acknowledged, and another that finds nothing new.
fn killed_when_all_was_said(discord: &Discord, pod: &Pod, text: &str) {
    pod.append(text);
    let watcher = pod.start();
    eventually("the first event", || {
        discord.events().contains(&0).then_some(())
    });
    pod.all_is_saved();
    watcher.kill();
}

#[test]
fn a_watcher_that_was_restarted_and_finds_nothing_new_still_says_the_last_word() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    killed_when_all_was_said(&discord, &pod, &format!("{}{}", line(0), answered(1)));
    let before = discord.requests().len();
    let watcher = pod.start();
    eventually("health", || pod.health()["ready"].as_bool());
    assert_eq!(watcher.end(), Some(0));
    assert_last_word(&discord, "Finished", GREEN);
    let live = discord
        .requests()
        .iter()
        .filter(|one| one.saved && is_summary(one))
        .count();
    assert!(live >= 2, "the last word is the live summary");
    let after = discord.requests();
    assert!(after[before..].iter().any(|one| one.method == "DELETE"));
    assert_eq!(discord.events(), [0]);
    // And once only.
    let requests = discord.requests().len();
    let watcher = pod.start();
    eventually("health", || pod.health()["ready"].as_bool());
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.requests().len(), requests);
}

#[test]
fn a_live_summary_left_behind_by_a_kill_is_set_right_without_news() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("the first event", || {
        discord.events().contains(&0).then_some(())
    });
    // The turn's end is counted and not posted; the edit that would show it has to wait for its five seconds.
    let quiet = assistant(1, "end_turn", &json!({"type": "text", "text": "quiet"}));
    pod.append(&quiet);
    pod.all_is_saved();
    watcher.kill();
    let is_idle = |request: &Request| request.method == "PATCH" && title(request).contains("Idle");
    let before = discord.requests().len();
    assert!(
        !discord.requests().iter().any(is_idle),
        "the edit came before the kill"
    );
    let watcher = pod.start();
    eventually("an edit", || {
        discord.requests()[before..]
            .iter()
            .any(is_idle)
            .then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_bot_hears_from_a_restarted_watcher_what_the_agent_does() {
    let discord = Discord::start();
    let grant = json!({"channelId": "77", "webhookUrl": discord.webhook(9), "runToken": "the-runs-own-token",
        "attempt": 1, "expiresAt": "2030-01-01T00:00:00Z"});
    discord.script(move |request, _| match request.path.as_str() {
        "/runs" => Answer::Say(201, "", grant.to_string()),
        path if path.starts_with("/runs/77/") => Answer::Say(204, "", String::new()),
        _ => Answer::Save,
    });
    let mut pod = Pod::without_webhook();
    pod.set("BOT_URL", &format!("http://127.0.0.1:{}", discord.port));
    pod.set("BOT_TOKEN", "the-bots-own-token");
    killed_when_all_was_said(&discord, &pod, &format!("{}{}", line(0), running(1)));
    let before = discord.requests().len();
    let watcher = pod.start();
    let report = eventually("a report", || {
        let requests = discord.requests();
        let mut later = requests[before..].iter();
        let report = later.find(|one| one.path.ends_with("/report"))?;
        serde_json::from_str::<Value>(&report.body).ok()
    });
    assert_eq!(
        (&report["state"], &report["tools"]),
        (&json!("working"), &json!(1))
    );
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_live_summary_that_cannot_be_taken_away_at_first_is_gone_in_the_end() {
    let discord = Discord::start();
    let failures = Arc::new(AtomicUsize::new(0));
    let failed = Arc::clone(&failures);
    discord.script(move |request, _| {
        if request.method == "DELETE" && failed.fetch_add(1, Ordering::SeqCst) < 2 {
            return Answer::Say(500, "", "{}".into());
        }
        Answer::Save
    });
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "25");
    follow(&pod, &discord, &format!("{}{}", line(0), answered(1)));
    assert_eq!(failures.load(Ordering::SeqCst), 3);
    assert_last_word(&discord, "Finished", GREEN);
    assert!(
        discord
            .requests()
            .iter()
            .any(|one| one.method == "DELETE" && one.saved)
    );
}

#[test]
fn a_live_summary_that_cannot_be_taken_away_says_what_the_final_one_says() {
    for status in [405, 500] {
        let discord = Discord::start();
        discord.script(move |request, _| match request.method.as_str() {
            "DELETE" => Answer::Say(status, "", "{}".into()),
            _ => Answer::Save,
        });
        let mut pod = Pod::new(&discord);
        pod.set("FLUSH_SECONDS", "3");
        follow(&pod, &discord, &format!("{}{}", line(0), answered(1)));
        let requests = discord.requests();
        let edit = requests.iter().rfind(|one| one.method == "PATCH").unwrap();
        assert!(title(edit).contains("Finished"), "{}", edit.body);
        let last = last_word(&discord);
        assert_eq!(embed(edit), embed(&last));
    }
}

#[test]
fn once_gives_up_on_a_discord_that_takes_nothing_and_the_next_time_sends_the_rest() {
    let discord = Discord::start();
    let saved = AtomicUsize::new(0);
    // The live summary is not posted with --once: ten events come through, then nothing.
    discord.script(move |_, _| {
        if saved.fetch_add(1, Ordering::SeqCst) == 0 {
            Answer::Save
        } else {
            Answer::Say(500, "", "{}".into())
        }
    });
    let mut pod = Pod::new(&discord);
    pod.set("ONCE_PATIENCE_SECONDS", "2");
    pod.append(&lines(0..25));
    let start = Instant::now();
    let output = pod.run(&["--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("the checkpoint keeps what is left"), "{log}");
    let some = discord.events().len();
    assert!(some > 0 && some < 25, "{some}");
    discord.script(|_, _| Answer::Save);
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), (0..25).collect::<Vec<_>>());
}

#[test]
fn once_without_its_final_summary_has_not_done_all() {
    let discord = Discord::start();
    discord.script(|request, _| {
        if is_summary(request) {
            Answer::Say(500, "", "{}".into())
        } else {
            Answer::Save
        }
    });
    let mut pod = Pod::new(&discord);
    pod.set("ONCE_PATIENCE_SECONDS", "2");
    pod.append(&lines(0..3));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(1));
    assert_eq!(discord.events(), [0, 1, 2]);
}

#[test]
fn once_beside_an_agent_that_is_writing_a_line_has_done_all_there_is() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let unfinished = line(1);
    pod.append(&line(0));
    pod.append(unfinished.get(..unfinished.len() / 2).unwrap());
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), [0]);
    assert_last_word(&discord, "Finished", GREEN);
}

#[test]
fn a_message_given_up_under_way_may_stand_twice_and_is_counted() {
    let discord = Discord::start();
    let hang = std::time::Duration::from_mins(1);
    discord.script(move |request, _| {
        if is_summary(request) {
            Answer::Save
        } else {
            Answer::Hang(hang)
        }
    });
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "1");
    pod.append(&line(0));
    let watcher = pod.start();
    eventually("a post under way", || {
        discord
            .requests()
            .iter()
            .any(Request::is_feed)
            .then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    let report = pod.termination();
    assert_eq!(
        (&report["maybeTwice"], &report["unsent"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
}
