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
use std::time::SystemTime;
use support::discord::{Discord, SEED, hex};
use support::eventually;
use support::life::{API, Life, config, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The document, and what was seen of it: `METHOD PATH STATUS`, as the document writes the path.
struct Book {
    document: Value,
    seen: RefCell<BTreeSet<String>>,
}

/// One question: `METHOD PATH` as the document writes it, then channel, query, token and body.
type Question<'a> = (&'a str, &'a str, &'a str, &'a str, Option<Value>);

impl Book {
    /// The document, with references between its schemas resolved by the validator.
    fn schema(&self, pointer: &str) -> jsonschema::Validator {
        let mut schema = self.document.pointer(pointer).unwrap().clone();
        schema["components"] = self.document["components"].clone();
        jsonschema::draft202012::new(&schema).unwrap()
    }

    /// Notes an answer, and holds its body against the document.
    fn hold(&self, asked: &str, status: u16, answer: &Value) {
        let (method, route) = asked.split_once(' ').unwrap();
        let method = method.to_lowercase();
        let noted = format!("{asked} {status}");
        let response = &self.document["paths"][route][&method]["responses"][status.to_string()];
        assert!(
            response.is_object(),
            "{noted} is not in the document: {answer}"
        );
        let content = response["content"].as_object();
        if let Some(kind) = content.and_then(|content| content.keys().next()) {
            let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
            let (route, kind) = (escape(route), escape(kind));
            let pointer =
                format!("/paths/{route}/{method}/responses/{status}/content/{kind}/schema");
            let schema = self.schema(&pointer);
            let errors: Vec<_> = schema
                .iter_errors(answer)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{noted}: {errors:?} in {answer}");
        } else {
            assert_eq!(*answer, Value::Null, "{noted}");
        }
        self.seen.borrow_mut().insert(noted);
    }

    /// Asks, and holds the answer against the document.
    async fn ask(&self, bot: &Life, question: Question<'_>) -> Value {
        let (asked, channel, query, token, body) = question;
        let (method, route) = asked.split_once(' ').unwrap();
        let path = format!("{}{query}", route.replace("{channelId}", channel));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (status, answer) = bot.ask(method, &path, token, body).await;
        self.hold(asked, status, &answer);
        answer
    }
}

const RUNS: &str = "POST /runs";
const LIST: &str = "GET /runs";
const ONE: &str = "GET /runs/{channelId}";
const FINALIZE: &str = "POST /runs/{channelId}/finalize";
const REPORT: &str = "POST /runs/{channelId}/report";
const INPUT: &str = "GET /runs/{channelId}/input";

fn figures() -> Value {
    json!({ "state": "idle", "tool": "Bash", "tools": 1, "costUsd": null })
}

/// A body that the route takes.
fn body(asked: &str) -> Option<Value> {
    match asked {
        RUNS => Some(run("t", "a1")),
        FINALIZE => Some(json!({ "status": "succeeded", "summary": figures() })),
        REPORT => Some(figures()),
        _ => None,
    }
}

/// A run's life, and the first words to its agent.
async fn life(book: &Book, discord: &Discord, bot: &Life) -> (String, String) {
    book.ask(bot, ("GET /openapi.json", "", "", "", None)).await;
    bot.register(run("warm", "up")).await;
    let first = book.ask(bot, (RUNS, "", "", API, body(RUNS))).await;
    book.ask(bot, (RUNS, "", "", API, body(RUNS))).await;
    let text = |name: &str| first[name].as_str().unwrap().to_owned();
    let (channel, token) = (text("channelId"), text("runToken"));
    for asked in [REPORT, ONE] {
        book.ask(bot, (asked, &channel, "", &token, body(asked)))
            .await;
    }
    book.ask(bot, (LIST, "", "", API, None)).await;
    let option = json!({ "type": 3, "name": "text", "value": "go on" });
    let data = json!({ "id": "1", "type": 1, "name": "input", "options": [option] });
    let url = format!("{}/interactions", bot.base);
    let said = json!({ "url": url, "type": 2, "channel": channel, "waitMs": 0, "data": data });
    let person = format!("{}/_double/interact", discord.double.base_url());
    let sent = reqwest::Client::new().post(person).json(&said).send().await;
    assert_eq!(sent.unwrap().status(), 200);
    let heard = book.ask(bot, (INPUT, &channel, "", &token, None)).await;
    assert_eq!(heard["items"][0]["text"], "go on");
    (channel, token)
}

/// Wrong tokens, channels and fields.
async fn wrong(book: &Book, bot: &Life, channel: &str, token: &str) {
    for asked in [RUNS, LIST, ONE, FINALIZE, REPORT, INPUT] {
        book.ask(bot, (asked, channel, "", "nobody's", body(asked)))
            .await;
    }
    for asked in [ONE, FINALIZE, REPORT, INPUT] {
        book.ask(bot, (asked, "77", "", token, body(asked))).await;
    }
    for (asked, query, token, body) in [
        (RUNS, "", API, Some(json!({ "taskId": "" }))),
        (LIST, "?state=odd", API, None),
        (FINALIZE, "", token, Some(json!({ "status": "odd" }))),
        (REPORT, "", token, Some(json!({ "costUsd": -1 }))),
        (INPUT, "?after=x", token, None),
    ] {
        book.ask(bot, (asked, channel, query, token, body)).await;
    }
}

/// Ended and archived: nothing is posted there any more.
async fn over(book: &Book, bot: &Life, channel: &str, token: &str) {
    for asked in [FINALIZE, REPORT, INPUT] {
        book.ask(bot, (asked, channel, "", token, body(asked)))
            .await;
    }
    let path = format!("/runs/{channel}");
    eventually("archived", async || {
        let (_, run) = bot.ask(Method::GET, &path, API, None).await;
        (run["state"] == "archived").then_some(())
    })
    .await;
    book.ask(bot, (RUNS, "", "", API, body(RUNS))).await;
}

/// Signed by Discord's key, by another, not at all, too long, too slow.
async fn interactions(book: &Book, bot: &Life) {
    let now = || {
        SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs()
            .to_string()
    };
    let long = "x".repeat(300 * 1024);
    for (body, seed) in [
        (r#"{"type":1,"id":"1"}"#, SEED),
        ("no interaction", SEED),
        (r#"{"type":1}"#, [2; 32]),
        (&long, SEED),
    ] {
        let (key, now) = (SigningKey::from_bytes(&seed), now());
        let signature = key.sign(&[now.as_bytes(), body.as_bytes()].concat());
        let sent = reqwest::Client::new()
            .post(format!("{}/interactions", bot.base))
            .header("x-signature-ed25519", hex(&signature.to_bytes()))
            .header("x-signature-timestamp", now)
            .body(body.to_owned())
            .send();
        let answer = sent.await.unwrap();
        let status = answer.status().as_u16();
        book.hold("POST /interactions", status, &answer.json().await.unwrap());
    }
    // A body that never comes: no client of ours would do that.
    let head = format!(
        "POST /interactions HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: 9\r\nx-signature-ed25519: {}\r\nx-signature-timestamp: {}\r\n\r\n",
        "ab".repeat(64),
        now()
    );
    let (status, _, answer) = raw(bot, head.as_bytes()).await;
    book.hold("POST /interactions", status, &answer);
}

/// What no client of ours would send; the answer's status, head and JSON.
async fn raw(bot: &Life, request: &[u8]) -> (u16, String, Value) {
    let address = bot.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, head.to_lowercase(), json)
}

#[tokio::test]
async fn the_document_tells_every_route_and_status_and_nothing_else() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (status, document) = bot.ask(Method::GET, "/openapi.json", "", None).await;
    assert_eq!(status, 200);
    let seen = RefCell::default();
    let book = Book { document, seen };
    interactions(&book, &bot).await;
    let (channel, token) = life(&book, &discord, &bot).await;
    wrong(&book, &bot, &channel, &token).await;

    // The end of a poll: nothing came until the bot was asked to end.
    let poll = book.ask(&bot, (INPUT, &channel, "?after=1", &token, None));
    let stop = async {
        // It acknowledges what was said before, which the channel shows once the poll has arrived.
        eventually("the poll has arrived", async || {
            let texts = discord.state().texts(&channel);
            texts
                .iter()
                .any(|text| text.contains("delivered"))
                .then_some(())
        })
        .await;
        bot.stop();
    };
    tokio::join!(poll, stop);

    // The next life, with callers of their own.
    let file = directory.path().join("tokens.json");
    let callers = json!({ "b": { "token": "token-of-b", "namespaces": ["agents"] } });
    std::fs::write(&file, callers.to_string()).unwrap();
    let bot = Life::start(Config {
        api_tokens_file: Some(file),
        ..config(&discord, directory.path())
    });
    eventually("open", async || {
        (bot.ask(Method::GET, "/runs", API, None).await.0 == 200).then_some(())
    })
    .await;
    book.ask(&bot, (RUNS, "", "", "token-of-b", body(RUNS)))
        .await;
    over(&book, &bot, &channel, &token).await;

    // No store, and no room.
    let blind = Life::start(Config {
        database_url: "sqlite:///proc/nowhere/bot.db".to_owned().into(),
        ..config(&discord, directory.path())
    });
    for asked in [RUNS, LIST, ONE, FINALIZE, REPORT, INPUT] {
        let token = if matches!(asked, RUNS | LIST) {
            API
        } else {
            &token
        };
        book.ask(&blind, (asked, &channel, "", token, body(asked)))
            .await;
    }
    let (full, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    full.fill(500);
    let bot = Life::start(config(&full, directory.path()));
    assert_eq!(bot.register(run("t", "a1")).await.0, 507);
    book.ask(&bot, (RUNS, "", "", API, body(RUNS))).await;

    let mut documented = BTreeSet::new();
    for (path, method) in routes(&book.document) {
        let responses = &book.document["paths"][&path][&method]["responses"];
        for status in responses.as_object().unwrap().keys() {
            documented.insert(format!("{} {path} {status}", method.to_uppercase()));
        }
    }
    assert_eq!(documented, book.seen.into_inner());
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_whatever_is_asked() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    eventually("open", async || {
        (bot.ask(Method::GET, "/runs", API, None).await.0 == 200).then_some(())
    })
    .await;
    let get = |path: &str, token: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        )
    };
    // A chunk that is none: the body breaks off.
    let broken = format!(
        "POST /runs HTTP/1.1\r\nhost: b\r\nconnection: close\r\nauthorization: Bearer {API}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n"
    );
    for (request, wanted) in [
        (get("/nowhere", API), 404),
        (get("/runs/%FF", API), 404),
        (get("/runs/%FF", "nobody's"), 401),
        (get("/runs/%FF/input", API), 401),
        (get("/interactions", API), 405),
        (get("/openapi.json", API).replace("GET", "DELETE"), 405),
        (get("/runs/1", API).replace("GET", "PUT"), 405),
        (get("/runs?after=x", API), 422),
        (get("/runs?state", API), 422),
        (broken, 422),
    ] {
        let (status, head, problem) = raw(&bot, request.as_bytes()).await;
        assert_eq!(status, wanted, "{request}: {head}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{request}: {head}"
        );
        assert_eq!(problem["status"], wanted, "{request}");
        assert!(problem["detail"].is_string(), "{request}: {problem}");
        assert_eq!(head.contains("allow: "), wanted == 405, "{request}: {head}");
    }
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
