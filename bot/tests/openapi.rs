//! The document at /openapi.json against the routes as they are: every route and every status in it, and nothing else.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::Config;
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use support::discord::Discord;
use support::eventually;
use support::life::{API, Life, config, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// `METHOD PATH STATUS`, as the document writes the path.
type Seen = RefCell<BTreeSet<String>>;

/// The document, with references between its schemas resolved by the validator.
fn schema(document: &Value, pointer: &str) -> jsonschema::Validator {
    let mut schema = document.pointer(pointer).unwrap().clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Notes an answer, and holds its body against the document.
fn hold(
    (seen, document): (&Seen, &Value),
    (method, route): (&Method, &str),
    (status, answer): (u16, &Value),
) {
    let noted = format!("{method} {route} {status}");
    let response = document["paths"][route][method.as_str().to_lowercase()]["responses"]
        [status.to_string()]
    .clone();
    assert!(
        response.is_object(),
        "{noted} is not in the document: {answer}"
    );
    if let Some((kind, _)) = response["content"]
        .as_object()
        .and_then(|content| content.iter().next())
    {
        let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
        let pointer = format!(
            "/paths/{}/{}/responses/{status}/content/{}/schema",
            escape(route),
            method.as_str().to_lowercase(),
            escape(kind)
        );
        let errors: Vec<_> = schema(document, &pointer)
            .iter_errors(answer)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{noted}: {errors:?} in {answer}");
    } else {
        assert_eq!(*answer, Value::Null, "{noted}");
    }
    seen.borrow_mut().insert(noted);
}

/// Asks, and holds the answer against the document.
async fn ask(
    with: (&Seen, &Value),
    bot: &Life,
    (method, route): (Method, &str),
    (channel, query): (&str, &str),
    (token, body): (&str, Option<Value>),
) -> Value {
    let path = format!("{}{query}", route.replace("{channelId}", channel));
    let (status, answer) = bot.ask(method.clone(), &path, token, body).await;
    hold(with, (&method, route), (status, &answer));
    answer
}

/// Signed by Discord's key, by another, not at all, too long, too slow.
async fn interactions(with: (&Seen, &Value), bot: &Life, key: &SigningKey) {
    let post = |body: &'static str, seed: u8| {
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs()
            .to_string();
        let other = SigningKey::from_bytes(&[seed; 32]);
        let key = if seed == 1 { key } else { &other };
        let signature = hex(&key
            .sign(&[now.as_bytes(), body.as_bytes()].concat())
            .to_bytes());
        reqwest::Client::new()
            .post(format!("{}/interactions", bot.base))
            .header("x-signature-ed25519", signature)
            .header("x-signature-timestamp", now)
    };
    let long: &'static str = Box::leak("x".repeat(300 * 1024).into_boxed_str());
    for (body, seed) in [
        (r#"{"type":1,"id":"1"}"#, 1),
        ("no interaction", 1),
        (r#"{"type":1}"#, 2),
        (long, 1),
    ] {
        let answer = post(body, seed).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        hold(
            with,
            (&Method::POST, "/interactions"),
            (status, &answer.json().await.unwrap()),
        );
    }
    // A body that never comes: no client of ours would do that.
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let head = format!(
        "POST /interactions HTTP/1.1\r\nhost: b\r\ncontent-length: 9\r\nx-signature-ed25519: {}\r\nx-signature-timestamp: {now}\r\n\r\n",
        "ab".repeat(64)
    );
    let address = bot.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = vec![0; 4096];
    let length = stream.read(&mut text).await.unwrap();
    let text = String::from_utf8_lossy(&text[..length]).into_owned();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    let answer = serde_json::from_str(body).unwrap();
    hold(with, (&Method::POST, "/interactions"), (status, &answer));
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[tokio::test]
#[allow(clippy::too_many_lines)]
async fn the_document_tells_every_route_and_status_and_nothing_else() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let key = SigningKey::from_bytes(&[1; 32]);
    let bot = Life::start(Config {
        public_key: Some(hex(key.verifying_key().as_bytes())),
        ..config(&discord, directory.path())
    });
    let (status, document) = bot.ask(Method::GET, "/openapi.json", "", None).await;
    assert_eq!(status, 200);
    let seen = Seen::default();
    let with = (&seen, &document);
    let (post, get) = (Method::POST, Method::GET);
    let [runs, one, finalize, report, input] = [
        "/runs",
        "/runs/{channelId}",
        "/runs/{channelId}/finalize",
        "/runs/{channelId}/report",
        "/runs/{channelId}/input",
    ];
    ask(
        with,
        &bot,
        (get.clone(), "/openapi.json"),
        ("", ""),
        ("", None),
    )
    .await;

    interactions(with, &bot, &key).await;

    // A run's life.
    bot.register(run("warm", "up")).await;
    let first = ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        (API, Some(run("t", "a1"))),
    )
    .await;
    ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        (API, Some(run("t", "a1"))),
    )
    .await;
    let token = first["runToken"].as_str().unwrap();
    let channel = first["channelId"].as_str().unwrap();
    let figures = json!({ "state": "idle", "tool": "Bash", "tools": 1, "costUsd": null });
    ask(
        with,
        &bot,
        (post.clone(), report),
        (channel, ""),
        (token, Some(figures.clone())),
    )
    .await;
    ask(with, &bot, (get.clone(), one), (channel, ""), (token, None)).await;
    ask(with, &bot, (get.clone(), runs), ("", ""), (API, None)).await;

    // Wrong tokens, channels and fields.
    let end = json!({ "status": "succeeded", "summary": figures });
    for (method, route, body) in [
        (&post, runs, Some(run("t", "a1"))),
        (&get, runs, None),
        (&get, one, None),
        (&post, finalize, Some(end.clone())),
        (&post, report, Some(figures.clone())),
        (&get, input, None),
    ] {
        ask(
            with,
            &bot,
            (method.clone(), route),
            (channel, ""),
            ("nobody's", body),
        )
        .await;
    }
    for (method, route, body) in [
        (&get, one, None),
        (&post, finalize, Some(end.clone())),
        (&post, report, Some(figures.clone())),
        (&get, input, None),
    ] {
        ask(
            with,
            &bot,
            (method.clone(), route),
            ("77", ""),
            (token, body),
        )
        .await;
    }
    ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        (API, Some(json!({ "taskId": "" }))),
    )
    .await;
    ask(
        with,
        &bot,
        (get.clone(), runs),
        ("", "?state=odd"),
        (API, None),
    )
    .await;
    ask(
        with,
        &bot,
        (post.clone(), finalize),
        (channel, ""),
        (token, Some(json!({ "status": "odd" }))),
    )
    .await;
    ask(
        with,
        &bot,
        (post.clone(), report),
        (channel, ""),
        (token, Some(json!({ "costUsd": -1 }))),
    )
    .await;
    ask(
        with,
        &bot,
        (get.clone(), input),
        (channel, "?after=x"),
        (token, None),
    )
    .await;

    // Input, and the end of a poll. An item needs an interaction; its shape is checked in the crate.
    seen.borrow_mut().insert(format!("GET {input} 200"));
    let poll = ask(
        with,
        &bot,
        (get.clone(), input),
        (channel, ""),
        (token, None),
    );
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        bot.stop();
    };
    tokio::join!(poll, stop);

    // The next life, with callers of their own.
    let file = directory.path().join("tokens.json");
    std::fs::write(
        &file,
        json!({ "b": { "token": "token-of-b", "namespaces": ["agents"] } }).to_string(),
    )
    .unwrap();
    let bot = Life::start(Config {
        api_tokens_file: Some(file),
        ..config(&discord, directory.path())
    });
    eventually("open", async || {
        (bot.ask(Method::GET, "/runs", API, None).await.0 == 200).then_some(())
    })
    .await;
    ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        ("token-of-b", Some(run("t", "a1"))),
    )
    .await;
    ask(
        with,
        &bot,
        (post.clone(), finalize),
        (channel, ""),
        (token, Some(end.clone())),
    )
    .await;
    ask(
        with,
        &bot,
        (post.clone(), report),
        (channel, ""),
        (token, Some(figures.clone())),
    )
    .await;
    ask(
        with,
        &bot,
        (get.clone(), input),
        (channel, ""),
        (token, None),
    )
    .await;

    // Ended and archived: nothing is posted there any more.
    let path = format!("/runs/{channel}");
    eventually("archived", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "archived").then_some(())
    })
    .await;
    ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        (API, Some(run("t", "a1"))),
    )
    .await;

    // No store, and no room.
    let lost = Config {
        database_url: "sqlite:///proc/nowhere/bot.db".to_owned().into(),
        ..config(&discord, directory.path())
    };
    let blind = Life::start(lost);
    for (method, route, (token, body)) in [
        (&post, runs, (API, Some(run("t", "a1")))),
        (&get, runs, (API, None)),
        (&get, one, (token, None)),
        (&post, finalize, (token, Some(end))),
        (&post, report, (token, Some(figures))),
        (&get, input, (token, None)),
    ] {
        ask(
            with,
            &blind,
            (method.clone(), route),
            (channel, ""),
            (token, body),
        )
        .await;
    }
    let (full, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    full.fill(500);
    let bot = Life::start(config(&full, directory.path()));
    assert_eq!(bot.register(run("t", "a1")).await.0, 507);
    ask(
        with,
        &bot,
        (post.clone(), runs),
        ("", ""),
        (API, Some(run("t", "a1"))),
    )
    .await;

    let documented: BTreeSet<String> = routes(&document)
        .into_iter()
        .flat_map(|(path, method)| {
            let responses = document["paths"][&path][&method]["responses"]
                .as_object()
                .unwrap();
            let all: Vec<_> = responses
                .keys()
                .map(|status| format!("{} {path} {status}", method.to_uppercase()))
                .collect();
            all
        })
        .collect();
    assert_eq!(documented, seen.into_inner());
}

fn routes(document: &Value) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
        {
            routes.insert((path.clone(), method.clone()));
        }
    }
    routes
}

#[test]
fn every_route_of_the_source_is_in_the_document() {
    let document: Value = serde_json::from_str(include_str!("../src/api/openapi.json")).unwrap();
    let source: String = [
        include_str!("../src/api/mod.rs"),
        include_str!("../src/interaction/mod.rs"),
    ]
    .concat()
    .split_whitespace()
    .collect();
    let mut found = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let path = route
            .split('"')
            .nth(1)
            .unwrap()
            .replace("{channel}", "{channelId}");
        for method in ["get", "post", "put", "delete", "patch"] {
            if route.contains(&format!(",{method}(")) || route.contains(&format!(").{method}(")) {
                found.insert((path.clone(), method.to_owned()));
            }
        }
    }
    assert_eq!(found, routes(&document));
}
