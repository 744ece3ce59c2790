//! The accept loop against real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use axum::Router;
use axum::routing::get;
use runtime::serve::{Listener, ServeOptions, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// Longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_hours(1);

/// `/slow` says when a request of its has come, and never answers.
fn router(asked: Arc<Notify>) -> Router {
    Router::new().route("/", get(|| async { "hello" })).route(
        "/slow",
        get(move || async move {
            asked.notify_one();
            std::future::pending::<()>().await;
        }),
    )
}

async fn start(options: ServeOptions) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    start_asked(options, Arc::default()).await
}

async fn start_asked(
    options: ServeOptions,
    asked: Arc<Notify>,
) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let token = CancellationToken::new();
    let task = tokio::spawn(serve(
        Listener::Tcp(listener),
        router(asked),
        options,
        token.clone(),
    ));
    (address, token, task)
}

/// What comes until the server closes; a reset is a close too.
async fn answer(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    request: &[u8],
) -> String {
    let mut bytes = Vec::new();
    let talk = async {
        stream.write_all(request).await?;
        stream.read_to_end(&mut bytes).await
    };
    let _ = tokio::time::timeout(PATIENCE, talk)
        .await
        .expect("the server closes");
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_request_over_tcp_is_answered() {
    let (address, token, task) = start(ServeOptions::default()).await;
    let text = answer(TcpStream::connect(address).await.unwrap(), LAST_REQUEST).await;
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with("hello"),
        "{text}"
    );
    token.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_request_over_a_unix_socket_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.sock");
    let listener = Listener::Unix(UnixListener::bind(&path).unwrap());
    let token = CancellationToken::new();
    let task = tokio::spawn(serve(
        listener,
        router(Arc::default()),
        ServeOptions::default(),
        token.clone(),
    ));
    let text = answer(UnixStream::connect(&path).await.unwrap(), LAST_REQUEST).await;
    assert!(text.ends_with("hello"), "{text}");
    token.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_never_finishes_its_headers_is_dropped() {
    let options = ServeOptions {
        header_timeout: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let (address, _token, _task) = start(options).await;
    let text = answer(
        TcpStream::connect(address).await.unwrap(),
        b"GET / HTTP/1.1\r\nhost:",
    )
    .await;
    assert!(!text.contains("200"), "{text}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_with_408_as_a_problem() {
    let options = ServeOptions {
        request_timeout: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let (address, _token, _task) = start(options).await;
    let request = b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let text = answer(TcpStream::connect(address).await.unwrap(), request).await;
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(
        text.contains("content-type: application/problem+json"),
        "{text}"
    );
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], 408);
}

#[tokio::test]
async fn a_connection_beyond_the_cap_waits_until_one_ends() {
    let options = ServeOptions {
        max_connections: 1,
        // Else the first would make room.
        crowded_timeout: NEVER,
        ..ServeOptions::default()
    };
    let (address, _token, _task) = start(options).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    let mut buffer = [0; 256];
    assert!(first.read(&mut buffer).await.unwrap() > 0);
    let second = tokio::spawn(async move {
        answer(TcpStream::connect(address).await.unwrap(), LAST_REQUEST).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        !second.is_finished(),
        "the second connection was served beside the first"
    );
    drop(first);
    assert!(second.await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn shutdown_ends_idle_connections_and_does_not_wait_beyond_the_drain_time() {
    let options = ServeOptions {
        drain: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let asked = Arc::new(Notify::new());
    let (address, token, task) = start_asked(options, Arc::clone(&asked)).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(REQUEST).await.unwrap();
    let mut buffer = [0; 256];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    let mut stuck = TcpStream::connect(address).await.unwrap();
    stuck
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, asked.notified())
        .await
        .expect("the slow request has come");
    token.cancel();
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert_eq!(
        idle.read(&mut buffer).await.unwrap(),
        0,
        "an idle connection is closed"
    );
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the listener is closed"
    );
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_is_dropped() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![key.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let options = ServeOptions {
        tls: Some(std::sync::Arc::new(tls)),
        handshake_timeout: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let (address, _token, _task) = start(options).await;
    let text = answer(TcpStream::connect(address).await.unwrap(), b"").await;
    assert_eq!(text, "");
}
