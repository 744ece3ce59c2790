//! The client against a server that answers what each test scripts, byte by byte.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use bytes::Bytes;
use discord::bot::CallReport;
use discord::{Bot, Client, ClientOptions, Embed, Error, File, Message, WebhookUrl};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TOKEN: &str = "s3cr3t-T0ken_that-must-not-leak";

fn saved(id: &str) -> String {
    answer("200 OK", "", &format!(r#"{{"id":"{id}"}}"#))
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

/// Reads one request, head and body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Answers the requests of one connection from the script; hangs when it is used up.
async fn play(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &mut std::vec::IntoIter<String>,
    seen: &mpsc::UnboundedSender<String>,
) {
    while let Some(text) = request(&mut stream).await {
        let _ = seen.send(text);
        match script.next().as_deref() {
            Some("reset") => return,
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
    }
}

/// A server with a script; returns the webhook and what it received.
async fn server(script: Vec<String>) -> (WebhookUrl, mpsc::UnboundedReceiver<String>) {
    let (base, received) = based(script).await;
    (hook_at(&base), received)
}

fn hook_at(base: &str) -> WebhookUrl {
    WebhookUrl::parse(&format!("{base}/webhooks/42/{TOKEN}")).unwrap()
}

/// The same server by the base of its API.
async fn based(script: Vec<String>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut script = script.into_iter();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            play(stream, &mut script, &seen).await;
        }
    });
    (format!("http://{address}/api"), received)
}

fn client() -> Client {
    Client::new(&ClientOptions {
        request_timeout: Duration::from_millis(500),
        ..ClientOptions::default()
    })
    .unwrap()
}

fn message(text: &str) -> Message {
    Message {
        embeds: vec![Embed {
            description: Some(text.into()),
            ..Embed::default()
        }],
        ..Message::default()
    }
}

fn assert_silent(error: &Error) {
    let said = format!("{error} {error:?} {error:#?}");
    assert!(!said.contains(TOKEN), "{said}");
}

#[tokio::test]
async fn a_send_waits_for_discord_to_save_and_names_us() {
    let (hook, mut seen) = server(vec![saved("7")]).await;
    let id = client()
        .execute_webhook(&hook, message("hi"))
        .await
        .unwrap();
    assert_eq!(id.as_deref(), Some("7"));
    let text = seen.recv().await.unwrap();
    assert!(
        text.starts_with(&format!("POST /api/webhooks/42/{TOKEN}?wait=true HTTP/1.1")),
        "{text}"
    );
    assert!(text.contains("user-agent: DiscordBot ("), "{text}");
    assert!(
        text.contains(r#""allowed_mentions":{"parse":[]}"#),
        "{text}"
    );
}

#[tokio::test]
async fn an_edit_keeps_mentions_off_and_a_lost_message_is_known() {
    let gone = answer(
        "404 Not Found",
        "",
        r#"{"message":"Unknown Message","code":10008}"#,
    );
    let (hook, mut seen) = server(vec![saved("7"), gone]).await;
    let client = client();
    client
        .edit_webhook_message(&hook, "7", message("a"))
        .await
        .unwrap();
    let text = seen.recv().await.unwrap();
    assert!(
        text.starts_with(&format!("PATCH /api/webhooks/42/{TOKEN}/messages/7 ")),
        "{text}"
    );
    assert!(
        text.contains(r#""allowed_mentions":{"parse":[]}"#),
        "{text}"
    );
    let error = client
        .edit_webhook_message(&hook, "7", message("b"))
        .await
        .unwrap_err();
    assert_eq!(error, Error::MessageGone);
}

#[tokio::test]
async fn files_go_as_multipart_with_their_attachments() {
    let (hook, mut seen) = server(vec![saved("7")]).await;
    let message = Message {
        files: vec![File {
            name: "out put.txt".into(),
            content: Bytes::from_static(b"the content"),
            description: Some("stdout".into()),
        }],
        ..message("x")
    };
    client().execute_webhook(&hook, message).await.unwrap();
    let text = seen.recv().await.unwrap();
    for part in [
        r#"name="payload_json""#,
        r#""attachments":[{"id":"0","filename":"out_put.txt","description":"stdout"}]"#,
        r#"name="files[0]"; filename="out_put.txt""#,
        "the content",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn an_illegal_message_never_leaves() {
    let (hook, mut seen) = server(vec![]).await;
    let error = client()
        .execute_webhook(&hook, message(&"x".repeat(4097)))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Rejected { code: None, reason } if reason.contains("4097")),
        "{error}"
    );
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_429_is_waited_out_before_the_next_request() {
    let limited = answer(
        "429 Too Many Requests",
        "x-ratelimit-scope: user\r\nretry-after: 0\r\n",
        r#"{"message":"m","retry_after":0.3,"global":false}"#,
    );
    let (hook, _seen) = server(vec![limited, saved("1")]).await;
    let client = client();
    let error = client
        .execute_webhook(&hook, message("a"))
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let start = Instant::now();
    client.execute_webhook(&hook, message("a")).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(290),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn an_empty_bucket_is_waited_for_before_a_429() {
    let headers =
        "x-ratelimit-bucket: b\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset-after: 0.3\r\n";
    let (hook, _seen) = server(vec![answer("200 OK", headers, r#"{"id":"1"}"#), saved("2")]).await;
    let client = client();
    client.execute_webhook(&hook, message("a")).await.unwrap();
    let start = Instant::now();
    client.execute_webhook(&hook, message("b")).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(290),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let there = answer("302 Found", "location: http://127.0.0.1:1/\r\n", "");
    let (hook, _seen) = server(vec![there]).await;
    let error = client()
        .execute_webhook(&hook, message("a"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Retry { slow: true, .. }), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (hook, _seen) = server(vec![format!(
        "HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n{}",
        "x".repeat(1024 * 1024)
    )])
    .await;
    let error = client()
        .execute_webhook(&hook, message("a"))
        .await
        .unwrap_err();
    assert!(error.is_retryable() && !error.maybe_saved(), "{error}");
}

#[tokio::test]
async fn a_hanging_or_broken_answer_may_have_been_saved_and_an_unreachable_one_not() {
    let (hook, _seen) = server(vec!["reset".into()]).await;
    let client = client();
    for _ in 0..2 {
        let error = client
            .execute_webhook(&hook, message("a"))
            .await
            .unwrap_err();
        assert!(error.maybe_saved(), "{error:?}");
        assert_silent(&error);
    }
    let nobody = WebhookUrl::parse(&format!("http://127.0.0.1:1/webhooks/1/{TOKEN}")).unwrap();
    let error = client
        .execute_webhook(&nobody, message("a"))
        .await
        .unwrap_err();
    assert!(error.is_retryable() && !error.maybe_saved(), "{error:?}");
    assert_silent(&error);
}

#[tokio::test]
async fn no_failure_shows_the_token() {
    let echo = format!(
        r#"{{"message":"no {TOKEN} here","code":0,"errors":{{"{TOKEN}":{{"_errors":[{{}}]}}}}}}"#
    );
    let mut script: Vec<String> = [
        "400 B", "401 U", "403 F", "404 N", "405 M", "413 L", "429 T", "500 I", "502 G",
    ]
    .iter()
    .map(|status| answer(status, "", &echo))
    .collect();
    for code in [10015, 10003, 50027, 50035] {
        let echo = echo.replace("\"code\":0", &format!("\"code\":{code}"));
        script.extend(["400 B", "401 U", "404 N"].map(|status| answer(status, "", &echo)));
    }
    script.push("garbage, no HTTP at all\r\n\r\n".into());
    let count = script.len();
    let (hook, _seen) = server(script).await;
    let client = client();
    for _ in 0..count {
        assert_silent(
            &client
                .execute_webhook(&hook, message("a"))
                .await
                .unwrap_err(),
        );
    }
    let name = "no-such-host.invalid";
    let lost = WebhookUrl::parse(&format!("https://{name}/webhooks/1/{TOKEN}")).unwrap();
    assert_silent(
        &client
            .execute_webhook(&lost, message("a"))
            .await
            .unwrap_err(),
    );
    let said = format!("{client:?} {hook:?} {lost:?}");
    assert!(!said.contains(TOKEN), "{said}");
}

mod over_tls {
    use super::*;
    use std::sync::Arc;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};

    /// A server whose certificate an own CA signed; returns its webhook and the CA in PEM.
    async fn tls_server(script: Vec<String>) -> (WebhookUrl, String) {
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let _received = received;
            let mut script = script.into_iter();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(stream) = acceptor.accept(stream).await {
                    play(stream, &mut script, &seen).await;
                }
            }
        });
        let url = format!("https://localhost:{port}/api/webhooks/42/{TOKEN}");
        (WebhookUrl::parse(&url).unwrap(), ca_pem)
    }

    #[tokio::test]
    async fn a_foreign_ca_is_refused() {
        let (hook, _ca) = tls_server(vec![saved("1")]).await;
        let error = client()
            .execute_webhook(&hook, message("a"))
            .await
            .unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("certificate") && !error.maybe_saved(),
            "{said}"
        );
        assert_silent(&error);
    }

    #[tokio::test]
    async fn an_extra_ca_is_trusted() {
        let (hook, ca) = tls_server(vec![saved("1")]).await;
        let client = Client::new(&ClientOptions {
            extra_ca_pem: Some(ca.into_bytes()),
            ..ClientOptions::default()
        })
        .unwrap();
        let id = client.execute_webhook(&hook, message("a")).await.unwrap();
        assert_eq!(id.as_deref(), Some("1"));
    }
}

/// A bot at this server, and what it was told of its calls.
fn watched(base: &str) -> (Bot, Reports) {
    let reports = Reports::default();
    let told = std::sync::Arc::clone(&reports);
    let observer = std::sync::Arc::new(move |report: CallReport| {
        told.lock().unwrap().push((report.route, report.status));
    });
    let token = "b0t-token".to_owned().into();
    let bot = Bot::new(client(), base, token, Some(observer)).unwrap();
    (bot, reports)
}

type Reports = std::sync::Arc<std::sync::Mutex<Vec<(&'static str, Option<u16>)>>>;

#[tokio::test]
async fn a_bot_is_told_of_its_webhook_calls_as_of_all_others() {
    let gone = answer(
        "404 Not Found",
        "",
        r#"{"message":"Unknown Message","code":10008}"#,
    );
    let (base, _seen) = based(vec![saved("7"), gone, "reset".to_owned()]).await;
    let ((bot, reports), hook) = (watched(&base), hook_at(&base));
    let client = bot.client();
    client.execute_webhook(&hook, message("a")).await.unwrap();
    let edit = client.edit_webhook_message(&hook, "7", message("b")).await;
    assert_eq!(edit, Err(Error::MessageGone));
    let lost = client.delete_webhook_message(&hook, "7").await;
    assert!(lost.is_err());
    let one = "/webhooks/{webhook}/{token}";
    let told: Vec<_> = reports.lock().unwrap().clone();
    let told: Vec<_> = told
        .iter()
        .map(|(route, status)| (route.replace(one, "W"), *status))
        .collect();
    assert_eq!(
        told,
        [
            ("POST W".to_owned(), Some(200)),
            ("PATCH W/messages/{message}".to_owned(), Some(404)),
            ("DELETE W/messages/{message}".to_owned(), None),
        ]
    );
}

#[tokio::test]
async fn refusals_of_webhook_calls_end_all_calls_long_before_a_ban_and_say_nothing_of_the_bots_token()
 {
    let no = answer(
        "401 Unauthorized",
        "",
        r#"{"message":"Invalid Webhook Token","code":50027}"#,
    );
    let me = answer("200 OK", "", r#"{"id":"1"}"#);
    let script = [vec![no.clone(), me], vec![no; 2000]].concat();
    let (base, mut seen) = based(script).await;
    let ((bot, _), hook) = (watched(&base), hook_at(&base));
    assert!(
        bot.client()
            .execute_webhook(&hook, message("a"))
            .await
            .is_err()
    );
    bot.application().await.unwrap();
    let mut calls = 1;
    while let Err(Error::Final { .. }) = bot.client().execute_webhook(&hook, message("a")).await {
        calls += 1;
        assert!(calls < 1000, "still calling");
    }
    assert!(matches!(
        bot.client().execute_webhook(&hook, message("a")).await,
        Err(Error::RateLimited { after: Some(_), .. })
    ));
    assert!(bot.application().await.is_err(), "nor the bot's own");
    let mut arrived = 0;
    while seen.try_recv().is_ok() {
        arrived += 1;
    }
    assert_eq!(arrived, calls + 1, "what was refused here was never sent");
}
