//! What the webhook routes do with a message, and who may touch it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod double_support;

use std::time::Duration;

use double_support::{Bench, embeds, quiet};
use reqwest::Method;
use serde_json::{Value, json};
use tests::double::DoubleOptions;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_message_is_sent_read_edited_and_deleted_by_its_webhook() {
    let bench = Bench::new();
    let (status, sent) = bench
        .answer(&embeds(json!([{"title": "one", "color": 7}])))
        .await;
    assert_eq!(status, 200);
    let url = format!("{}/messages/{}", bench.url, sent["id"].as_str().unwrap());
    let got: Value = bench
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(got["embeds"][0]["title"], "one");
    assert_eq!(got["edited_timestamp"], Value::Null);

    let edit = embeds(json!([{"title": "two"}]));
    let edited = bench.client.patch(&url).json(&edit).send().await.unwrap();
    assert_eq!(edited.status(), 200);
    let edited: Value = edited.json().await.unwrap();
    assert_eq!(edited["embeds"][0]["title"], "two");
    assert!(edited["edited_timestamp"].is_string());
    let stored = &bench.double.messages()[0];
    assert_eq!(stored.edits[0].embeds[0]["title"], "one");

    let emptied = bench
        .client
        .patch(&url)
        .json(&embeds(json!([])))
        .send()
        .await
        .unwrap();
    assert_eq!(emptied.json::<Value>().await.unwrap()["code"], 50006);
    assert_eq!(bench.double.violations(), Vec::<String>::new());
    let careless = bench
        .client
        .patch(&url)
        .json(&json!({"content": "@everyone"}))
        .send()
        .await
        .unwrap();
    assert_eq!(careless.status(), 200);
    assert!(bench.double.violations()[0].contains("allowed_mentions"));

    assert_eq!(
        bench.client.delete(&url).send().await.unwrap().status(),
        204
    );
    let gone: Value = bench
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(gone["code"], 10008);
    assert!(bench.double.messages()[0].deleted);
    let other = bench.double.webhook_url("other");
    let id = bench.answer(&quiet(json!({"content": "x"}))).await.1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let foreign = bench
        .client
        .get(format!("{other}/messages/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.json::<Value>().await.unwrap()["code"], 10008);
}

#[tokio::test]
async fn the_versioned_path_is_the_same_api() {
    let bench = Bench::new();
    let url = bench.url.replace("/api/", "/api/v10/");
    let got: Value = bench
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(got["url"], bench.url);
}

#[tokio::test]
async fn without_wait_the_answer_is_empty_and_the_message_may_be_lost_without_a_word() {
    let bench = Bench::new();
    let send = async || {
        let body = quiet(json!({"content": "x"}));
        bench
            .client
            .post(&bench.url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(send().await, 204);
    assert_eq!(bench.double.messages().len(), 1);
    assert_eq!(
        bench
            .control(Method::PUT, "options", &json!({"saveUnwaited": false}))
            .await,
        204
    );
    assert_eq!(send().await, 204);
    assert_eq!(bench.double.messages().len(), 1);
    assert_eq!(bench.double.counters().unwaited, 2);
}

#[tokio::test]
async fn unknown_webhooks_and_wrong_tokens_have_discords_codes() {
    let bench = Bench::new();
    let base = bench.double.base_url();
    let ask = async |url: String| {
        let response = bench.client.get(url).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap()["code"].clone(),
        )
    };
    assert_eq!(
        ask(format!("{base}/api/webhooks/1/t")).await,
        (404, json!(10015))
    );
    assert_eq!(ask(format!("{}x", bench.url)).await, (401, json!(50027)));
    assert_eq!(
        ask(format!("{base}/api/webhooks/me/t")).await,
        (400, json!(50035))
    );
    assert_eq!(
        bench
            .client
            .delete(&bench.url)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(ask(bench.url.clone()).await, (404, json!(10015)));
}

#[tokio::test]
async fn a_webhook_can_be_chosen_by_the_test_or_made_at_its_first_use() {
    let bench = Bench::new();
    let chosen = bench
        .control(
            Method::PUT,
            "webhooks/42/secret",
            &json!({"channel": "picked"}),
        )
        .await;
    assert_eq!(chosen, 200);
    let url = format!(
        "{}/api/webhooks/42/secret?wait=true",
        bench.double.base_url()
    );
    let body = quiet(json!({"content": "hello"}));
    assert_eq!(
        bench
            .client
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let list = format!(
        "{}/_double/messages?channel=picked",
        bench.double.base_url()
    );
    let list: Value = bench
        .client
        .get(list)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (list[0]["content"].as_str(), list[0]["order"].as_u64()),
        (Some("hello"), Some(1))
    );

    assert_eq!(
        bench
            .control(Method::PUT, "options", &json!({"autoCreate": true}))
            .await,
        204
    );
    let url = format!("{}/api/webhooks/77/any?wait=true", bench.double.base_url());
    assert_eq!(
        bench
            .client
            .post(&url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let wrong = url.replace("any", "other");
    assert_eq!(
        bench
            .client
            .post(wrong)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

#[tokio::test]
async fn threads_and_forums_ask_for_the_thread() {
    let bench = Bench::new();
    let base = bench.double.base_url();
    let new = json!({"channel": "agents", "forum": true, "threads": ["run 1"]});
    let made = bench
        .client
        .put(format!("{base}/_double/webhooks/5/t"))
        .json(&new)
        .send()
        .await
        .unwrap();
    let thread = made.json::<Value>().await.unwrap()["threads"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let send = async |query: &str, extra: Value| {
        let mut body = quiet(json!({"content": "x"}));
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        let url = format!("{base}/api/webhooks/5/t?wait=true{query}");
        let response = bench.client.post(url).json(&body).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    assert_eq!(send("", json!({})).await["code"], 220_001);
    let post = send("", json!({"thread_name": "run 2"})).await;
    assert_ne!(post["channel_id"].as_str(), Some(thread.as_str()));
    let in_thread = send(&format!("&thread_id={thread}"), json!({})).await;
    assert_eq!(in_thread["channel_id"].as_str(), Some(thread.as_str()));
    let both = send(&format!("&thread_id={thread}"), json!({"thread_name": "x"})).await;
    assert_eq!(both["code"], 220_002);
    assert_eq!(send("&thread_id=1", json!({})).await["code"], 10003);
    let message = in_thread["id"].as_str().unwrap();
    let url = format!("{base}/api/webhooks/5/t/messages/{message}");
    assert_eq!(
        bench.client.get(&url).send().await.unwrap().status(),
        404,
        "it is in the thread"
    );
    let url = format!("{url}?thread_id={thread}");
    assert_eq!(bench.client.get(url).send().await.unwrap().status(), 200);
    let plain = quiet(json!({"content": "x", "thread_name": "no forum"}));
    assert_eq!(bench.answer(&plain).await.1["code"], 220_003);
}

#[tokio::test]
async fn the_stream_of_events_begins_with_what_was_there_and_goes_on() {
    let bench = Bench::new();
    bench.send(&quiet(json!({"content": "first"}))).await;
    let url = format!("{}/_double/events?after=0", bench.double.base_url());
    let mut stream = bench.client.get(url).send().await.unwrap();
    let mut seen = String::new();
    let mut more = async |word: &str| {
        while !seen.contains(word) {
            let chunk = tokio::time::timeout(SOON, stream.chunk())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    more("first").await;
    bench.send(&quiet(json!({"content": "second"}))).await;
    more("second").await;
    bench.send(&json!({"content": "third"})).await;
    more("event: violation").await;
}

#[tokio::test]
async fn over_https_the_double_is_trusted_through_its_own_ca_and_not_otherwise() {
    let bench = Bench::with(DoubleOptions::unlimited().with_tls());
    let url = bench.double.tls_webhook_url("run").unwrap();
    assert!(
        double_support::client().get(&url).send().await.is_err(),
        "a foreign CA"
    );
    let ca = reqwest::Certificate::from_pem(bench.double.ca_pem().unwrap().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent("test")
        .tls_certs_only([ca])
        .build()
        .unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    let pem = format!("{}/_double/ca.crt", bench.double.base_url());
    let pem = bench
        .client
        .get(pem)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(Some(pem.as_str()), bench.double.ca_pem());
}

#[tokio::test]
async fn waiting_ends_at_the_message_and_gives_up_in_time() {
    let bench = Bench::new();
    let gave_up = bench
        .double
        .wait_messages(1, Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(
        gave_up.to_string().contains("still not 1 messages"),
        "{gave_up}"
    );
    let (found, ()) = tokio::join!(bench.double.wait_text("needle", SOON), async {
        bench.send(&quiet(json!({"content": "hay"}))).await;
        bench
            .send(&embeds(
                json!([{"fields": [{"name": "n", "value": "a needle"}]}]),
            ))
            .await;
    });
    assert_eq!(found.unwrap().order, 2);
}

#[tokio::test]
async fn a_stream_of_what_comes_from_now_on_leaves_out_what_was_before_and_holds_up_nobody() {
    let bench = Bench::new();
    bench.send(&embeds(json!([{"title": "before"}]))).await;
    let events = format!("{}/_double/events", bench.double.base_url());
    let asked = tokio::time::timeout(SOON, bench.client.get(&events).send()).await;
    let mut stream = asked.expect("the stream begins").unwrap();
    let sent = tokio::time::timeout(SOON, bench.send(&embeds(json!([{"title": "after"}])))).await;
    assert_eq!(
        sent.expect("the double answers beside the stream").status(),
        200
    );
    let mut text = String::new();
    while !text.contains("after") {
        let chunk = tokio::time::timeout(SOON, stream.chunk())
            .await
            .expect("an event comes");
        text.push_str(&String::from_utf8_lossy(
            &chunk.unwrap().expect("the stream stays open"),
        ));
    }
    assert!(!text.contains("before"), "{text}");
}
