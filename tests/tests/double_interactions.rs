//! Interactions sent by the double: signed so that another library agrees, judged, and followed through a deferral.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod double_support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use double_support::{client, quiet};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tests::double::{Double, DoubleOptions};

type Said = Arc<Mutex<Vec<Value>>>;

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// A service that verifies with ring and gives the answers it was given, in order.
async fn answer(
    State((key, said)): State<(String, Said)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signed = [header("x-signature-timestamp").as_bytes(), &body].concat();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, unhex(&key));
    if key
        .verify(&signed, &unhex(&header("x-signature-ed25519")))
        .is_err()
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    axum::Json(said.lock().unwrap().remove(0)).into_response()
}

struct Desk {
    double: Double,
    url: String,
    said: Said,
}

impl Desk {
    async fn new(options: DoubleOptions) -> Self {
        let double = Double::start(options).unwrap();
        let key = format!("{}/_double/public-key", double.base_url());
        let key = client()
            .get(key)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let said = Said::default();
        let router = Router::new()
            .fallback(answer)
            .with_state((key, said.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/interactions", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { double, url, said }
    }

    async fn send(&self, kind: u8, said: Value, more: Value) -> Value {
        self.said.lock().unwrap().push(said);
        let mut body = json!({"url": self.url, "type": kind, "data": {"id": "1", "name": "status", "type": 1}, "waitMs": 0});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let url = format!("{}/_double/interact", self.double.base_url());
        let sent = client().post(url).json(&body).send().await.unwrap();
        sent.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_signature_holds_for_another_library_and_a_corrupted_one_does_not() {
    let desk = Desk::new(DoubleOptions::unlimited()).await;
    let pong = desk.send(1, json!({"type": 1}), json!({})).await;
    assert_eq!(
        (&pong["status"], &pong["violations"]),
        (&json!(200), &json!([]))
    );
    let spoilt = desk
        .send(1, json!({"type": 1}), json!({"corrupt": true}))
        .await;
    assert_eq!(
        (&spoilt["status"], &spoilt["violations"]),
        (&json!(401), &json!([]))
    );
    // This service looks at no clock and remembers no id: the double must say so.
    let late = desk
        .send(1, json!({"type": 1}), json!({"skewS": -301}))
        .await;
    assert!(
        late["violations"][0].as_str().unwrap().contains("401"),
        "{late}"
    );
    let id = pong["id"].as_str().unwrap().parse::<u64>().unwrap();
    let again = desk
        .send(1, json!({"type": 1}), json!({"replay": id}))
        .await;
    assert!(
        again["violations"][0].as_str().unwrap().contains("401"),
        "{again}"
    );
}

#[tokio::test]
async fn each_rule_of_a_first_answer_is_a_violation_when_broken() {
    let desk = Desk::new(DoubleOptions::unlimited()).await;
    let choice = json!({"name": "a", "value": "a"});
    let input = json!({"type": 4, "custom_id": "t", "style": 2, "label": "Text"});
    let modal = |title: &str| json!({"type": 9, "data": {"title": title, "custom_id": "m", "components": [{"type": 1, "components": [input]}]}});
    let say =
        |flags: i64| json!({"type": 4, "data": quiet(json!({"content": "x", "flags": flags}))});
    for (kind, said, fits) in [
        (1, json!({"type": 4}), false),
        (2, say(64), true),
        (2, say(128), false),
        (
            2,
            json!({"type": 4, "data": {"content": "no allowed_mentions"}}),
            false,
        ),
        (2, json!({"type": 5, "data": {"flags": 64}}), true),
        (2, json!({"type": 5, "data": {"flags": 4}}), false),
        (2, json!({"type": 8, "data": {"choices": []}}), false),
        (
            4,
            json!({"type": 8, "data": {"choices": vec![choice.clone(); 25]}}),
            true,
        ),
        (
            4,
            json!({"type": 8, "data": {"choices": vec![choice; 26]}}),
            false,
        ),
        (2, modal("Title"), true),
        (2, modal(&"t".repeat(46)), false),
        (5, modal("Title"), false),
    ] {
        let got = desk.send(kind, said.clone(), json!({})).await;
        assert_eq!(got["violations"] == json!([]), fits, "{kind} {said}: {got}");
    }
}

#[tokio::test]
async fn a_deferral_is_followed_until_its_token_dies() {
    let clock = tests::double::clock::Clock::manual();
    let desk = Desk::new(DoubleOptions {
        clock: clock.clone(),
        ..DoubleOptions::unlimited()
    })
    .await;
    let put_off = json!({"type": 5, "data": {"flags": 64}});
    let got = desk.send(2, put_off, json!({"channel": "run"})).await;
    assert_eq!(got["message"]["flags"], 64 | 128, "{got}");
    let id: u64 = got["id"].as_str().unwrap().parse().unwrap();
    let (token, application) = desk.double.with(|core| {
        (
            core.interactions[&id].token.clone(),
            core.options.bot.application_id,
        )
    });
    let base = format!(
        "{}/api/v10/webhooks/{application}/{token}",
        desk.double.base_url()
    );
    let original = format!("{base}/messages/@original");
    let edit = quiet(json!({"content": "done"}));
    let edited = client().patch(&original).json(&edit).send().await.unwrap();
    assert_eq!(edited.status(), 200);
    assert_eq!(edited.json::<Value>().await.unwrap()["flags"], 64);
    let follow = quiet(json!({"content": "and", "flags": 64}));
    let more = client()
        .post(format!("{base}?wait=true"))
        .json(&follow)
        .send();
    assert_eq!(more.await.unwrap().status(), 200);
    clock.advance(std::time::Duration::from_mins(15));
    let dead = client().patch(&original).json(&edit).send().await.unwrap();
    assert_eq!(dead.json::<Value>().await.unwrap()["code"], 50027);
    assert_eq!(desk.double.violations(), Vec::<String>::new());
}

/// The double as a process and a Pod: nothing but itself has made a client there before.
#[tokio::test]
async fn the_process_sends_interactions_too() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    let desk = Desk::new(DoubleOptions::default()).await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_discord-double"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let base = line
        .split("http://")
        .nth(1)
        .unwrap()
        .trim_end_matches("/\n");
    let body = json!({"url": desk.url, "type": 1, "waitMs": 0});
    desk.said.lock().unwrap().push(json!({"type": 1}));
    let sent = client()
        .post(format!("http://{base}/_double/interact"))
        .json(&body)
        .send()
        .await
        .unwrap();
    let told: Value = sent.json().await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // Both doubles sign with the same key unless told otherwise; what matters is that an answer came at all.
    assert!(!told["status"].is_null(), "{told}");
}
