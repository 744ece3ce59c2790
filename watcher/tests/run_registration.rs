//! A run at the bot: registered, told of, handed its input, and ended. The bot, Discord and the bridge are one server
//! that does what each test says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::discord::{Answer, Discord, Request, TOKEN};
use support::watcher::Pod;
use support::{eventually, line};

const API_TOKEN: &str = "the-bots-api-token-never-to-be-seen";
const RUN_TOKEN: &str = "the-runs-own-token-never-to-be-seen";

fn ok(status: u16, body: &Value) -> Answer {
    Answer::Say(
        status,
        "content-type: application/json\r\n",
        body.to_string(),
    )
}

/// What the bot answers to POST /runs.
fn granted(discord: &Discord) -> Value {
    json!({"channelId": "77", "webhookUrl": discord.webhook(9), "runToken": RUN_TOKEN, "attempt": 1,
        "expiresAt": "2030-01-01T00:00:00Z", "somethingNew": true})
}

/// A bot that grants, takes figures and holds polls for a while.
fn bot(request: &Request, grant: &Value) -> Answer {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/runs") => ok(201, grant),
        ("POST", "/runs/77/report") => Answer::Say(204, "", String::new()),
        ("POST", "/runs/77/finalize") => Answer::Say(202, "", String::new()),
        _ => Answer::Save,
    }
}

fn pod(discord: &Discord) -> Pod {
    let mut pod = Pod::without_webhook();
    std::fs::write(pod.path("token"), format!("{API_TOKEN}\n")).unwrap();
    let token = pod.path("token").to_str().unwrap().to_owned();
    pod.set("BOT_URL", &format!("http://127.0.0.1:{}/", discord.port));
    pod.set("BOT_TOKEN_FILE", &token);
    pod.set("RUN_OWNER", "Job/fix-bug");
    pod.set("POD_NAMESPACE", "agents");
    pod.set("POD_UID", "0f3c2a1b-1111-2222-3333-444455556666");
    pod.set("FLUSH_SECONDS", "5");
    pod
}

fn of<'a>(requests: &'a [Request], path: &str) -> Vec<&'a Request> {
    requests
        .iter()
        .filter(|one| one.path.starts_with(path))
        .collect()
}

fn json_of(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}

fn assert_silent_about_tokens(pod: &Pod) {
    let log = pod.log();
    assert!(
        !log.contains(API_TOKEN) && !log.contains(RUN_TOKEN),
        "{log}"
    );
}

#[test]
fn a_run_without_a_webhook_of_its_own_is_posted_to_the_channel_the_bot_gives_and_ended_there() {
    let discord = Discord::start();
    let grant = granted(&discord);
    discord.script(move |request, _| bot(request, &grant));
    let pod = pod(&discord);
    for number in 0..3 {
        pod.append(&line(number));
    }
    let watcher = pod.start();
    until("three events", || discord.events().len() == 3);
    until("a report", || {
        !of(&discord.requests(), "/runs/77/report").is_empty()
    });
    let metric = |name| pod.metric(name).unwrap();
    assert_eq!(metric("registered"), 1);
    assert_eq!(metric("registrations_granted_total"), 1);
    assert_eq!(metric("registrations_failed_total"), 0);
    assert!(metric("bot_silent_seconds") < 60);
    assert_eq!(watcher.end(), Some(0));
    let requests = discord.requests();
    let registered = of(&requests, "/runs");
    let key = json_of(registered[0]);
    assert_eq!(
        key,
        json!({"taskId": "fix-bug", "shortId": "0f3c2a1b", "namespace": "agents", "input": false})
    );
    assert!(discord.events() == [0, 1, 2], "{:?}", discord.events());
    let ended = of(&requests, "/runs/77/finalize");
    assert_eq!(ended.len(), 1);
    let last = json_of(ended[0]);
    assert!(last["summary"]["tokens"]["output"].is_number(), "{last}");
    assert!(
        ["succeeded", "unknown"].contains(&last["status"].as_str().unwrap()),
        "{last}"
    );
    // The final summary is Discord's before the bot closes the channel.
    let summary = requests
        .iter()
        .rposition(|one| one.path.contains("/webhooks/9/"))
        .unwrap();
    let end = requests
        .iter()
        .position(|one| one.path == "/runs/77/finalize")
        .unwrap();
    assert!(summary < end);
    assert_silent_about_tokens(&pod);
}

#[test]
fn input_is_acknowledged_only_after_the_bridge_took_it_and_in_order() {
    let (discord, bridge) = (Discord::start(), Discord::start());
    let grant = granted(&discord);
    let open = Arc::new(AtomicBool::new(false));
    discord.script(move |request, _| {
        let Some(query) = request.path.strip_prefix("/runs/77/input?") else {
            return bot(request, &grant);
        };
        let after = query
            .split('&')
            .next()
            .unwrap()
            .strip_prefix("after=")
            .unwrap();
        let all = [
            json!({"seq": 4, "kind": "text", "text": "one"}),
            json!({"seq": 5, "kind": "interrupt"}),
            json!({"seq": 6, "text": "two"}),
        ];
        let items: Vec<_> = all
            .iter()
            .filter(|item| item["seq"].as_i64() > after.parse().ok())
            .collect();
        if items.is_empty() {
            return Answer::Say(204, "", String::new());
        }
        ok(200, &json!({ "items": items }))
    });
    let door = Arc::clone(&open);
    bridge.script(move |_, _| {
        if door.load(Ordering::SeqCst) {
            Answer::Say(200, "", String::new())
        } else {
            Answer::Say(503, "", r#"{"detail":"nobody reads"}"#.to_owned())
        }
    });
    let mut pod = pod(&discord);
    pod.set("BRIDGE_URL", &format!("http://127.0.0.1:{}", bridge.port));
    // The bridge is on 127.0.0.1: a proxy for the way out must not be asked for it.
    pod.set("NO_PROXY", "");
    let watcher = pod.start();
    until("two tries", || bridge.requests().len() >= 2);
    assert!(
        of(&discord.requests(), "/runs/77/input")
            .iter()
            .all(|one| one.path.ends_with("after=0"))
    );
    open.store(true, Ordering::SeqCst);
    until("an acknowledgement", || {
        of(&discord.requests(), "/runs/77/input?after=6").len() > 1
    });
    watcher.kill();
    let taken: Vec<_> = bridge
        .requests()
        .iter()
        .skip_while(|one| one.path == "/input" && one.body.contains("one"))
        .map(|one| (one.path.clone(), one.body.clone()))
        .collect();
    assert_eq!(
        taken,
        [
            ("/interrupt".to_owned(), String::new()),
            ("/input".to_owned(), r#"{"text":"two"}"#.to_owned())
        ]
    );
    assert!(json_of(of(&discord.requests(), "/runs")[0])["input"] == true);
    assert_silent_about_tokens(&pod);
}

#[test]
fn input_that_waits_in_the_bridge_for_a_slow_agent_is_acknowledged_when_it_is_written() {
    let (discord, bridge) = (Discord::start(), Discord::start());
    let grant = granted(&discord);
    discord.script(move |request, _| {
        if request.path == "/runs/77/input?after=0" {
            return ok(200, &json!({"items": [{"seq": 1, "text": "slow"}]}));
        }
        if request.path.starts_with("/runs/77/input") {
            return Answer::Say(204, "", String::new());
        }
        bot(request, &grant)
    });
    let written = Arc::new(AtomicBool::new(false));
    let is_written = Arc::clone(&written);
    bridge.script(move |_, _| {
        let is_written = is_written.load(Ordering::SeqCst);
        ok(200, &json!({ "written": is_written }))
    });
    let mut pod = pod(&discord);
    pod.set("BRIDGE_URL", &format!("http://127.0.0.1:{}", bridge.port));
    let watcher = pod.start();
    until("a second question", || bridge.requests().len() >= 2);
    let acknowledged = || !of(&discord.requests(), "/runs/77/input?after=1").is_empty();
    assert!(!acknowledged());
    assert_eq!(pod.metric("input_delivered_total"), Some(0));
    written.store(true, Ordering::SeqCst);
    until("an acknowledgement", acknowledged);
    assert_eq!(pod.metric("input_delivered_total"), Some(1));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn an_input_the_bridge_will_never_take_is_given_up_and_the_next_one_passes() {
    let (discord, bridge) = (Discord::start(), Discord::start());
    let grant = granted(&discord);
    discord.script(move |request, _| {
        if request.path == "/runs/77/input?after=0" {
            return ok(200, &json!({"items": [{"seq": 1, "text": "bad"}, {"seq": 2, "kind": "dance"}, {"seq": 3, "text": "good"}]}));
        }
        if request.path.starts_with("/runs/77/input") {
            return Answer::Say(204, "", String::new());
        }
        bot(request, &grant)
    });
    bridge.script(|request, _| {
        let status = if request.body.contains("bad") {
            413
        } else {
            200
        };
        Answer::Say(status, "", String::new())
    });
    let mut pod = pod(&discord);
    pod.set("BRIDGE_URL", &format!("http://127.0.0.1:{}", bridge.port));
    let watcher = pod.start();
    until("an acknowledgement", || {
        !of(&discord.requests(), "/runs/77/input?after=3").is_empty()
    });
    assert_eq!(
        of(&discord.requests(), "/runs/77/input?after=3")[0].path,
        "/runs/77/input?after=3&refused=1,2"
    );
    assert_eq!(bridge.requests().len(), 2);
    assert_eq!(pod.metric("input_refused_total"), Some(2));
    assert_eq!(pod.metric("input_delivered_total"), Some(1));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn while_the_bot_is_down_the_feed_waits_in_the_file_and_nothing_is_lost() {
    let discord = Discord::start();
    let grant = granted(&discord);
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    discord.script(move |request, _| {
        if request.path == "/runs" && !is_up.load(Ordering::SeqCst) {
            return Answer::Say(
                503,
                "retry-after: 1\r\n",
                r#"{"detail":"Discord is away"}"#.to_owned(),
            );
        }
        bot(request, &grant)
    });
    let mut pod = pod(&discord);
    // A webhook of one's own is not for when the bot is only down: the run would stand in two places.
    pod.set("DISCORD_WEBHOOK_URL", &discord.webhook(1));
    for number in 0..40 {
        pod.append(&line(number));
    }
    let watcher = pod.start();
    until("two tries", || of(&discord.requests(), "/runs").len() >= 2);
    until("a word on it", || {
        pod.health().to_string().contains("Discord is away")
    });
    assert!(discord.events().is_empty());
    assert!(pod.metric("registrations_failed_total") >= Some(2));
    assert_eq!(pod.metric("registered"), Some(0));
    up.store(true, Ordering::SeqCst);
    until("all events", || discord.events().len() == 40);
    assert_eq!(pod.metric("registered"), Some(1));
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), (0..40).collect::<Vec<_>>());
    assert!(
        discord
            .requests()
            .iter()
            .all(|one| !one.path.contains("/webhooks/1/"))
    );
}

#[test]
fn a_bot_that_refuses_or_a_missing_token_leaves_a_webhook_of_ones_own_in_use() {
    for missing in [true, false] {
        let discord = Discord::start();
        discord.script(|request, _| match request.path.as_str() {
            "/runs" => Answer::Say(
                403,
                "",
                json!({"detail": format!("not for {API_TOKEN}")}).to_string(),
            ),
            _ => Answer::Save,
        });
        let mut pod = pod(&discord);
        if missing {
            std::fs::remove_file(pod.path("token")).unwrap();
        }
        pod.set("DISCORD_WEBHOOK_URL", &discord.webhook(1));
        pod.append(&line(0));
        let watcher = pod.start();
        until("the event", || discord.events() == [0]);
        assert!(pod.metric("registrations_refused_total") >= Some(1));
        assert_eq!(pod.metric("registrations_granted_total"), Some(0));
        assert_eq!(watcher.end(), Some(0));
        assert_silent_about_tokens(&pod);
    }
}

#[test]
fn a_token_made_later_is_picked_up() {
    let discord = Discord::start();
    let grant = granted(&discord);
    discord.script(move |request, _| bot(request, &grant));
    let pod = pod(&discord);
    std::fs::remove_file(pod.path("token")).unwrap();
    pod.append(&line(0));
    let watcher = pod.start();
    until("a word on it", || {
        pod.health().to_string().contains("no token")
    });
    std::fs::write(pod.path("token"), API_TOKEN).unwrap();
    until("the event", || discord.events() == [0]);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_restarted_watcher_registers_the_same_run_and_goes_on_where_it_was() {
    let discord = Discord::start();
    let grant = granted(&discord);
    discord.script(move |request, _| bot(request, &grant));
    let pod = pod(&discord);
    pod.append(&line(0));
    let watcher = pod.start();
    until("the event", || discord.events() == [0]);
    pod.all_is_saved();
    watcher.kill();
    pod.append(&line(1));
    let watcher = pod.start();
    until("the second event", || discord.events().len() > 1);
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [0, 1]);
    let requests = discord.requests();
    let keys: Vec<_> = requests
        .iter()
        .filter(|one| one.path == "/runs")
        .map(json_of)
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    let stored = std::fs::read_dir(pod.path("state")).unwrap().flatten();
    for file in stored.filter(|file| file.path().is_file()) {
        let text = std::fs::read(file.path()).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(
            !text.contains(TOKEN) && !text.contains(RUN_TOKEN),
            "a token is in {file:?}"
        );
    }
}

/// How often the run was registered, or tried to be.
fn registrations(discord: &Discord) -> usize {
    let requests = discord.requests();
    requests.iter().filter(|one| one.path == "/runs").count()
}

#[test]
fn a_run_whose_token_ended_or_that_the_bot_forgot_or_ended_is_registered_again() {
    let discord = Discord::start();
    let grant = granted(&discord);
    let polls = AtomicUsize::new(0);
    discord.script(move |request, _| {
        if !request.path.starts_with("/runs/77/input") {
            return bot(request, &grant);
        }
        match polls.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Say(401, "", String::new()),
            1 => Answer::Say(404, "", String::new()),
            2 => Answer::Say(410, "", String::new()),
            _ => Answer::Say(204, "", String::new()),
        }
    });
    let mut pod = pod(&discord);
    pod.set("BRIDGE_URL", "http://127.0.0.1:9");
    let watcher = pod.start();
    until("four registrations", || registrations(&discord) == 4);
    until("input is asked for again", || {
        of(&discord.requests(), "/runs/77/input").len() >= 5
    });
    pod.append(&line(0));
    until("the event", || discord.events() == [0]);
    assert_eq!(registrations(&discord), 4, "what lasts is kept");
    assert_eq!(watcher.end(), Some(0));
    let told = discord.requests();
    assert_eq!(of(&told, "/runs/77/finalize").len(), 1);
}

#[test]
fn a_run_that_somebody_ended_is_asked_for_seldom_and_at_once_when_discord_refuses_its_webhook() {
    let discord = Discord::start();
    let first = granted(&discord);
    let mut second = first.clone();
    second["webhookUrl"] = json!(discord.webhook(10));
    let gone = Arc::new(AtomicBool::new(false));
    let (asked, is_gone) = (AtomicUsize::new(0), Arc::clone(&gone));
    discord.script(move |request, _| {
        if request.path == "/runs" {
            return match asked.fetch_add(1, Ordering::SeqCst) {
                0 => ok(201, &first),
                1 => Answer::Say(410, "", String::new()),
                _ => ok(200, &second),
            };
        }
        if request.path.starts_with("/runs/77/input") && asked.load(Ordering::SeqCst) < 3 {
            return Answer::Say(410, "", String::new());
        }
        if request.path.contains("/webhooks/9/") && is_gone.load(Ordering::SeqCst) {
            return Answer::Say(
                404,
                "content-type: application/json\r\n",
                r#"{"message":"Unknown Webhook","code":10015}"#.to_owned(),
            );
        }
        if request.path.starts_with("/runs/77/input") {
            return Answer::Say(204, "", String::new());
        }
        bot(request, &json!({}))
    });
    let mut pod = pod(&discord);
    pod.set("BRIDGE_URL", "http://127.0.0.1:9");
    let watcher = pod.start();
    until("the refusal", || registrations(&discord) == 2);
    pod.append(&line(0));
    until("the event", || discord.events() == [0]);
    assert_eq!(registrations(&discord), 2, "not asked in a loop");
    gone.store(true, Ordering::SeqCst);
    pod.append(&line(1));
    // Well before it would have asked by itself.
    until("the second event", || discord.events() == [0, 1]);
    assert_eq!(registrations(&discord), 3);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_webhook_that_discord_refuses_is_asked_for_anew() {
    let discord = Discord::start();
    let grants = Arc::new(Mutex::new(vec![
        {
            let mut second = granted(&discord);
            second["webhookUrl"] = json!(discord.webhook(10));
            second
        },
        granted(&discord),
    ]));
    discord.script(move |request, _| {
        if request.path == "/runs" {
            return ok(200, &grants.lock().unwrap().pop().unwrap());
        }
        if request.path.contains("/webhooks/9/") {
            return Answer::Say(
                404,
                "content-type: application/json\r\n",
                r#"{"message":"Unknown Webhook","code":10015}"#.to_owned(),
            );
        }
        bot(request, &json!({}))
    });
    let pod = pod(&discord);
    pod.append(&line(0));
    let watcher = pod.start();
    until("the event", || discord.events() == [0]);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_bot_that_never_answers_keeps_no_pod_alive() {
    let discord = Discord::start();
    discord.script(|_, _| Answer::Hang(Duration::from_mins(2)));
    let mut pod = pod(&discord);
    pod.set("FLUSH_SECONDS", "2");
    pod.append(&line(0));
    let watcher = pod.start();
    until("it is at work", || {
        pod.log().contains("registering the run")
    });
    let asked = Instant::now();
    assert_eq!(watcher.end(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(
        pod.termination()["unsent"]
            .as_u64()
            .map(|unsent| unsent > 0),
        Some(true)
    );
}

#[test]
fn the_bot_hears_of_the_end_even_when_discord_does_not_answer() {
    let discord = Discord::start();
    let grant = granted(&discord);
    discord.script(move |request, _| {
        if request.path.contains("/webhooks/") {
            return Answer::Say(500, "", String::new());
        }
        bot(request, &grant)
    });
    let pod = pod(&discord);
    pod.append(&line(0));
    let watcher = pod.start();
    until("a try", || {
        !of(&discord.requests(), "/api/webhooks/9").is_empty()
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(of(&discord.requests(), "/runs/77/finalize").len(), 1);
}

#[test]
fn secrets_that_came_by_file_are_redacted_to_the_letter() {
    let discord = Discord::start();
    discord.script(|request, _| match request.path.as_str() {
        "/runs" => Answer::Say(403, "", String::new()),
        _ => Answer::Save,
    });
    let mut pod = pod(&discord);
    // None of these has a shape that is known.
    std::fs::write(
        pod.path("url"),
        format!(
            "http://127.0.0.1:{}/api/webhooks/1/plain-words-in-file",
            discord.port
        ),
    )
    .unwrap();
    std::fs::write(pod.path("token"), "another plain secret\n").unwrap();
    let url = pod.path("url").to_str().unwrap().to_owned();
    pod.set("DISCORD_WEBHOOK_URL_FILE", &url);
    pod.append(&line(0).replace(
        "event-000000",
        "event-000000 plain-words-in-file another plain secret",
    ));
    let watcher = pod.start();
    until("a post", || discord.requests().iter().any(Request::is_feed));
    assert_eq!(watcher.end(), Some(0));
    for request in discord.requests() {
        let body = &request.body;
        assert!(
            !body.contains("plain-words") && !body.contains("another plain"),
            "{body}"
        );
    }
}

#[test]
fn the_end_says_what_a_transcript_can_tell() {
    let ended = concat!(
        r#"{"type":"assistant","uuid":"a-1","sessionId":"s","timestamp":"2026-11-22T00:00:09.000Z","#,
        r#""message":{"role":"assistant","id":"m-1","model":"claude-sonnet-4-5","stop_reason":"end_turn","#,
        r#""content":[{"type":"text","text":"done"}]}}"#,
        "\n"
    );
    let stopped = line(5).replace("event-000005", "[Request interrupted by user]");
    for (text, status) in [
        (line(0), "unknown"),
        (format!("{}{ended}", line(0)), "succeeded"),
        (format!("{}{ended}{}{stopped}", line(0), line(1)), "stopped"),
        (format!("{}{stopped}{}", line(0), line(6)), "unknown"),
    ] {
        let discord = Discord::start();
        let grant = granted(&discord);
        discord.script(move |request, _| bot(request, &grant));
        let pod = pod(&discord);
        pod.append(&text);
        let watcher = pod.start();
        until("the first event", || !discord.events().is_empty());
        assert_eq!(watcher.end(), Some(0));
        let requests = discord.requests();
        let last = json_of(of(&requests, "/runs/77/finalize")[0]);
        assert_eq!(last["status"], status, "{text}");
    }
}
