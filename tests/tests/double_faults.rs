//! Rate limits over the wire, and every fault that can be ordered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod double_support;

use std::time::Duration;

use double_support::{Bench, quiet};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tests::double::DoubleOptions;
use tests::double::clock::Clock;
use tests::double::fault::{Action, Fault};
use tests::double::rate::RateLimits;

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

fn hello() -> Value {
    quiet(json!({"content": "hello"}))
}

fn limited() -> (Bench, Clock) {
    let clock = Clock::manual();
    let options = DoubleOptions {
        clock: clock.clone(),
        ..DoubleOptions::default()
    };
    (Bench::with(options), clock)
}

#[tokio::test]
async fn headers_announce_the_bucket_and_the_sixth_send_is_refused_until_its_reset() {
    let (bench, clock) = limited();
    for left in (0..5).rev() {
        let response = bench.send(&hello()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-ratelimit-remaining"), left.to_string());
        assert_eq!(header(&response, "x-ratelimit-limit"), "5");
        assert_eq!(header(&response, "x-ratelimit-reset-after"), "2.000");
    }
    clock.advance(Duration::from_millis(500));
    let response = bench.send(&hello()).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "retry-after"), "2");
    assert_eq!(header(&response, "x-ratelimit-scope"), "user");
    assert_eq!(header(&response, "x-ratelimit-global"), "");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (body["retry_after"].as_f64(), &body["global"]),
        (Some(1.5), &json!(false))
    );
    clock.advance(Duration::from_millis(1500));
    assert_eq!(bench.send(&hello()).await.status(), 200);
    let counters = bench.double.counters();
    assert_eq!(
        (counters.limited, counters.while_limited, counters.messages),
        (1, 1, 6)
    );
}

#[tokio::test]
async fn all_webhooks_show_the_same_bucket_and_have_their_own() {
    let (bench, _clock) = limited();
    for _ in 0..5 {
        bench.send(&hello()).await;
    }
    let first = bench.send(&hello()).await;
    let url = format!("{}?wait=true", bench.double.webhook_url("other"));
    let other = bench.client.post(url).json(&hello()).send().await.unwrap();
    assert_eq!(
        (first.status().as_u16(), other.status().as_u16()),
        (429, 200)
    );
    assert_eq!(
        header(&first, "x-ratelimit-bucket"),
        header(&other, "x-ratelimit-bucket")
    );
}

#[tokio::test]
async fn the_thirty_first_send_of_a_minute_is_refused_although_no_header_says_so() {
    let (bench, clock) = limited();
    for n in 0..30 {
        assert_eq!(bench.send(&hello()).await.status(), 200, "send {n}");
        clock.advance(Duration::from_millis(500));
    }
    let response = bench.send(&hello()).await;
    assert_eq!(response.status(), 429);
    assert_ne!(header(&response, "x-ratelimit-remaining"), "0");
    assert_eq!(header(&response, "retry-after"), "45");
    let counters = bench.double.counters();
    assert_eq!((counters.while_limited, counters.hidden_limited), (0, 1));
}

#[tokio::test]
async fn the_global_limit_says_so_in_header_and_body() {
    let (bench, _clock) = limited();
    for n in 0..50 {
        let url = format!("{}?wait=true", bench.double.webhook_url(&n.to_string()));
        assert_eq!(
            bench
                .client
                .post(url)
                .json(&hello())
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    let response = bench.send(&hello()).await;
    assert_eq!(header(&response, "x-ratelimit-global"), "true");
    assert_eq!(header(&response, "x-ratelimit-scope"), "global");
    assert_eq!(response.json::<Value>().await.unwrap()["global"], true);
}

#[tokio::test]
async fn too_many_refused_requests_end_in_a_ban_with_a_page_instead_of_json() {
    let clock = Clock::manual();
    let mut options = DoubleOptions {
        clock: clock.clone(),
        ..DoubleOptions::unlimited()
    };
    let ban =
        serde_json::from_value(json!({"ban": {"requests": 3, "perMs": 600_000}, "banMs": 5000}));
    options.limits = ban.unwrap();
    let bench = Bench::with(options);
    let wrong = format!("{}x", bench.url);
    for _ in 0..3 {
        assert_eq!(bench.client.get(&wrong).send().await.unwrap().status(), 401);
    }
    let response = bench.send(&hello()).await;
    assert_eq!(
        (
            response.status().as_u16(),
            header(&response, "retry-after").as_str()
        ),
        (429, "5")
    );
    assert!(header(&response, "content-type").starts_with("text/html"));
    assert_eq!(header(&response, "x-ratelimit-scope"), "");
    clock.advance(Duration::from_secs(5));
    assert_eq!(bench.send(&hello()).await.status(), 200);
    assert_eq!(bench.double.counters().banned, 1);
}

#[tokio::test]
async fn limits_can_be_changed_while_it_runs() {
    let (bench, _clock) = limited();
    let off = json!({"limits": RateLimits::off()});
    assert_eq!(bench.control(Method::PUT, "options", &off).await, 204);
    for _ in 0..60 {
        assert_eq!(bench.send(&hello()).await.status(), 200);
    }
}

#[tokio::test]
async fn ordered_answers_come_in_their_order_and_then_discord_is_well_again() {
    let bench = Bench::new();
    let orders = json!([
        {"action": "status", "status": 500, "times": 1},
        {"action": "status", "status": 502, "html": true, "times": 1},
        {"action": "rateLimited", "retryAfter": 0.25, "header": 1, "scope": "user", "times": 1},
        {"action": "rateLimited", "html": true, "times": 1},
        {"action": "unknownWebhook", "times": 1},
        {"action": "badToken", "times": 1},
        {"action": "garbledAnswer", "times": 1},
    ]);
    assert_eq!(bench.control(Method::POST, "faults", &orders).await, 204);
    let mut answers = Vec::new();
    for _ in 0..8 {
        let response = bench.send(&hello()).await;
        let status = response.status().as_u16();
        let kind = header(&response, "content-type");
        let body = response.text().await.unwrap();
        let code = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|body| body["code"].as_u64());
        answers.push((status, kind.starts_with("text/html"), code));
    }
    let want = [
        (500, false, Some(0)),
        (502, true, None),
        (429, false, None),
        (429, true, None),
        (404, false, Some(10015)),
        (401, false, Some(50027)),
        (200, false, None),
        (200, false, None),
    ];
    assert_eq!(answers, want);
    assert_eq!(
        bench.double.messages().len(),
        2,
        "the garbled answer's message was saved"
    );
}

#[tokio::test]
async fn a_fault_can_be_for_one_method_skip_some_and_end_with_time() {
    let clock = Clock::manual();
    let bench = Bench::with(DoubleOptions {
        clock: clock.clone(),
        ..DoubleOptions::unlimited()
    });
    bench.double.fault(Fault::status(503).method("PATCH"));
    assert_eq!(bench.send(&hello()).await.status(), 200);
    bench.double.clear_faults();
    bench
        .double
        .fault(Fault::status(503).after(1).lasting(Duration::from_mins(1)));
    assert_eq!(bench.send(&hello()).await.status(), 200);
    assert_eq!(bench.send(&hello()).await.status(), 503);
    clock.advance(Duration::from_mins(1));
    assert_eq!(bench.send(&hello()).await.status(), 200);
}

#[tokio::test]
async fn a_reset_after_the_save_leaves_the_message_and_no_answer() {
    let bench = Bench::new();
    let url = format!("{}?wait=true", bench.url);
    let send = || bench.client.post(&url).json(&hello()).send();
    bench
        .double
        .fault(Fault::new(Action::ResetAfterSave).times(1));
    assert!(send().await.is_err());
    assert_eq!(bench.double.messages().len(), 1);
    bench.double.fault(Fault::new(Action::Reset).times(1));
    assert!(send().await.is_err());
    assert_eq!(bench.double.messages().len(), 1);
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(bench.double.counters().statuses.get(&0), Some(&2));
}

#[tokio::test]
async fn a_hanging_discord_never_answers_and_a_slow_one_does() {
    let bench = Bench::new();
    bench.double.fault(Fault::new(Action::Hang).times(1));
    let url = format!("{}?wait=true", bench.url);
    let hanging = bench.client.post(&url).json(&hello()).send();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), hanging)
            .await
            .is_err()
    );
    bench
        .double
        .fault(Fault::new(Action::Slow { delay_ms: 30 }).times(1));
    let before = std::time::Instant::now();
    assert_eq!(bench.send(&hello()).await.status(), 200);
    assert!(before.elapsed() >= Duration::from_millis(30));
    assert_eq!(bench.double.messages().len(), 1);
}

#[tokio::test]
async fn a_sender_that_does_not_name_itself_is_noticed() {
    let bench = Bench::new();
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(nameless.get(&bench.url).send().await.unwrap().status(), 200);
    assert!(bench.double.violations()[0].contains("no User-Agent"));
}

#[tokio::test]
async fn secrets_are_not_in_the_record_of_requests() {
    let bench = Bench::new();
    bench.send(&hello()).await;
    let url = format!("{}/_double/requests", bench.double.base_url());
    let log = bench
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let token = bench.url.rsplit('/').next().unwrap();
    assert!(
        log.contains("POST webhook") && !log.contains(token),
        "{log}"
    );
}
