//! Each command, form and list against a desk.

use super::desk::view;
use super::{Scene, command, form, interaction};
use bot::desk::{Activity, InputKind, Queued, Report, RunState, Tokens};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn input_is_queued_with_its_author_and_the_interactions_id() {
    let scene = Scene::new();
    let ask = command("input", &[("text", "say `hi` @everyone\nplease")]);
    let answer = scene.ask(&ask).await;
    assert_eq!(answer.text(), "⏳ Queued for `build-1-abcd1234` (#3).");
    let inputs = scene.desk.inputs();
    let (channel, input) = &inputs[0];
    assert_eq!((channel.as_str(), input.kind), ("200", InputKind::Text));
    assert_eq!(input.text, "say `hi` @everyone\nplease");
    assert_eq!(
        (input.author.as_str(), json!(input.source)),
        ("Nick", ask["id"].clone())
    );
    assert_eq!(scene.last(), ("input", "queued"));
}

#[tokio::test]
async fn stop_queues_an_interrupt() {
    let scene = Scene::new();
    assert!(
        scene
            .ask(&command("stop", &[]))
            .await
            .text()
            .contains("to stop (#3)")
    );
    let inputs = scene.desk.inputs();
    assert_eq!(
        (inputs[0].1.kind, inputs[0].1.text.as_str()),
        (InputKind::Interrupt, "")
    );
}

#[tokio::test]
async fn what_the_desk_refuses_is_said_with_what_to_do() {
    for (verdict, says) in [
        (Queued::NoBridge, "bridge.enabled"),
        (Queued::Finished, "has ended"),
        (Queued::QueueFull, "waits for"),
        (Queued::TooLong, "64 KiB"),
        (Queued::Unknown, "No run belongs"),
    ] {
        let scene = Scene::new();
        *scene.desk.verdict.lock().unwrap() = verdict;
        let answer = scene.ask(&command("input", &[("text", "x")])).await;
        assert!(answer.text().contains(says), "{}", answer.text());
        assert_eq!(scene.last(), ("input", "not_queued"));
    }
    let scene = Scene::new();
    *scene.desk.broken.lock().unwrap() = true;
    for name in ["input", "status", "stop", "cost"] {
        let answer = scene.ask(&command(name, &[("text", "x")])).await;
        assert!(answer.text().contains("store"), "{}", answer.text());
        assert_eq!(scene.last(), (name, "unavailable"));
    }
}

#[tokio::test]
async fn a_channel_without_a_run_says_so() {
    let scene = Scene::new();
    for name in ["input", "status", "stop", "cost"] {
        let mut ask = command(name, &[]);
        ask["channel_id"] = json!("777");
        assert!(scene.ask(&ask).await.text().contains("No run belongs"));
        assert_eq!(scene.last(), (name, "unknown"));
    }
}

#[tokio::test]
async fn a_run_is_named_by_its_channel_its_label_or_the_start_of_it() {
    let scene = Scene::new();
    for (channel, short) in [("201", "aa"), ("202", "aab"), ("203", "b")] {
        scene
            .desk
            .runs
            .lock()
            .unwrap()
            .push(view(channel, "test", short));
    }
    for (named, channel) in [
        ("201", "201"),
        ("test-1-b", "203"),
        ("test-1-aa", "201"),
        (" ", "200"),
    ] {
        scene
            .ask(&command("input", &[("text", "x"), ("run", named)]))
            .await;
        assert_eq!(scene.desk.inputs().last().unwrap().0, channel, "{named}");
    }
    let before = scene.desk.inputs().len();
    for (named, says) in [
        ("test-", "Several"),
        ("nothing`@here", "No live run is called `nothing'@here`"),
    ] {
        let answer = scene
            .ask(&command("input", &[("text", "x"), ("run", named)]))
            .await;
        assert!(answer.text().contains(says), "{}", answer.text());
    }
    assert_eq!(scene.desk.inputs().len(), before);
}

#[tokio::test]
async fn input_without_a_text_opens_a_form_and_the_form_is_queued() {
    let scene = Scene::new();
    for ask in [
        command("input", &[]),
        command("input", &[("text", " \n")]),
        interaction(3, json!({"custom_id": "input", "component_type": 2})),
        interaction(3, json!({"custom_id": "input:200", "component_type": 2})),
    ] {
        let answer = scene.ask(&ask).await;
        assert_eq!(answer.body["type"], 9, "{}", answer.body);
        assert_eq!(answer.body["data"]["custom_id"], "input:200");
    }
    assert!(scene.desk.inputs().is_empty());
    let answer = scene.ask(&form("input:200", &"long ".repeat(800))).await;
    assert!(answer.text().contains("Queued"));
    assert_eq!(scene.desk.inputs()[0].1.text.len(), 4000);
    let empty = scene.ask(&form("input:200", "  ")).await;
    assert!(empty.text().contains("no text"));
    assert_eq!(scene.desk.inputs().len(), 1);
}

#[tokio::test]
async fn the_list_has_live_runs_alone_and_at_most_25() {
    let scene = Scene::new();
    {
        let mut runs = scene.desk.runs.lock().unwrap();
        for at in 0..40 {
            runs.push(view(&(500 + at).to_string(), "many", &format!("{at:02}")));
        }
        let mut ended = view("900", "ended", "1");
        ended.state = RunState::Finished;
        runs.push(ended);
        runs[0].title = Some("A title".repeat(40));
    }
    let list = async |typed: &str| {
        let options = json!([{"type": 3, "name": "text", "value": "x"},
            {"type": 3, "name": "run", "value": typed, "focused": true}]);
        let answer = scene
            .ask(&interaction(
                4,
                json!({"name": "input", "options": options}),
            ))
            .await;
        assert_eq!(answer.body["type"], 8);
        answer.body["data"]["choices"].as_array().unwrap().clone()
    };
    assert_eq!(list("").await.len(), 25);
    let found = list("build").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["value"], "200");
    assert!(
        found[0]["name"]
            .as_str()
            .unwrap()
            .starts_with("build-1-abcd1234 · A title")
    );
    assert!(list("ended").await.is_empty());
}

#[tokio::test]
async fn status_and_cost_show_the_last_report() {
    let scene = Scene::new();
    let before = scene.ask(&command("cost", &[])).await;
    assert!(before.text().contains("Nothing is known"));
    assert!(
        scene
            .ask(&command("status", &[]))
            .await
            .text()
            .contains("no figures")
    );
    {
        let mut runs = scene.desk.runs.lock().unwrap();
        runs[0].report_at = Some(1_700_000_100_000);
        runs[0].report = Some(Report {
            state: Some(Activity::Waiting),
            tool: Some("Ba`sh".to_owned()),
            tools: Some(12),
            errors: Some(2),
            tokens: Some(Tokens {
                input: 1,
                output: 2,
                cache_read: 3,
                cache_write: 4,
            }),
            cost_usd: Some(1.239),
            cost_is_lower_bound: Some(true),
            duration_seconds: Some(65.0),
        });
    }
    let status = scene.ask(&command("status", &[])).await;
    for part in [
        "is live",
        "waits for a person",
        "`Ba'sh`",
        "Tool calls: 12, errors: 2",
        "1 min 5 s",
        "<t:1700000100:R>",
    ] {
        assert!(status.text().contains(part), "{part} in {}", status.text());
    }
    let cost = scene.ask(&command("cost", &[])).await;
    assert!(cost.text().contains("at least $1.24"), "{}", cost.text());
    assert!(
        cost.text()
            .contains("1 read, 2 written, 3 read from the cache, 4 written to it")
    );
}

#[tokio::test]
async fn what_is_not_known_is_answered_politely() {
    let scene = Scene::new();
    for ask in [
        command("dance", &[]),
        interaction(3, json!({"custom_id": "another"})),
        form("another", "x"),
        interaction(6, json!({})),
        interaction(200, Value::Null),
        interaction(2, json!("a text")),
    ] {
        assert!(scene.ask(&ask).await.text().contains("does not know"));
        assert_eq!(scene.last().1, "unknown");
    }
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_does_not_answer_delays_neither_list_nor_form_nor_message() {
    let scene = Scene::new();
    scene.desk.hold();
    let start = tokio::time::Instant::now();
    let typed = interaction(
        4,
        json!({"name": "input", "options": [{"name": "run", "value": "", "focused": true}]}),
    );
    assert_eq!(scene.ask(&typed).await.body["data"]["choices"], json!([]));
    assert_eq!(
        scene.ask(&command("input", &[])).await.body["data"]["custom_id"],
        "input:200"
    );
    // There is no Discord here to answer later through.
    assert!(
        scene
            .ask(&command("status", &[]))
            .await
            .text()
            .contains("longer than Discord waits")
    );
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
}
