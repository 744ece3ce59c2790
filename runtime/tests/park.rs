//! Connections that hyper does not hold while they wait: nobody notices but the memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs
)]

use axum::Router;
use axum::extract::Extension;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use runtime::park::Parking;
use runtime::serve::{Listener, ServeOptions, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARK: &[u8] = b"GET /park HTTP/1.1\r\nhost: x\r\n\r\n";
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
/// Longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the sockets between a server and a peer that does not read take.
const LARGE: usize = 32 * 1024 * 1024;

/// Counts those of its kind that are there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Seen {
    /// Handlers and answers of `/park` that are there now.
    handlers: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
    /// Ends a wait.
    go: Arc<Notify>,
}

impl Seen {
    async fn park(self, parking: Option<Extension<Parking>>) -> axum::response::Response {
        let _handler = Counted::new(&self.handlers);
        let answer = Counted::new(&self.answers);
        let go = Arc::clone(&self.go);
        let answer = async move {
            go.notified().await;
            drop(answer);
            "late".into_response()
        };
        Parking::wait(parking.map(|Extension(parking)| parking), answer).await
    }

    async fn counts(&self, handlers: usize, answers: usize) {
        let counts = || {
            (
                self.handlers.load(Ordering::SeqCst),
                self.answers.load(Ordering::SeqCst),
            )
        };
        let reached = async {
            while counts() != (handlers, answers) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(
            reached.is_ok(),
            "{:?}, not {:?}",
            counts(),
            (handlers, answers)
        );
    }
}

struct Server {
    address: SocketAddr,
    closing: CancellationToken,
    task: JoinHandle<()>,
    seen: Seen,
}

async fn start(options: ServeOptions) -> Server {
    let seen = Seen::default();
    let park = seen.clone();
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/large", get(|| async { vec![b'x'; LARGE] }))
        .route("/read", post(async |body: String| body))
        .route("/unread", post(|| async { "no" }))
        .route(
            "/park",
            get({
                let park = park.clone();
                move |parking| park.park(parking)
            })
            .post(move |parking| park.park(parking)),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = CancellationToken::new();
    let served = serve(Listener::Tcp(listener), router, options, closing.clone());
    Server {
        address,
        closing,
        task: tokio::spawn(served),
        seen,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection whose request is parked.
    async fn parked(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(PARK).await.unwrap();
        self.seen.counts(0, 1).await;
        stream
    }
}

/// What comes until it ends with `end`.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    let read = async {
        while !all.ends_with(end.as_bytes()) {
            let mut some = vec![0; 64 * 1024];
            let count = stream.read(&mut some).await.unwrap();
            let so_far = String::from_utf8_lossy(&all[all.len().saturating_sub(200)..]);
            assert!(count > 0, "closed after {so_far:?}");
            all.extend_from_slice(&some[..count]);
        }
    };
    let read = tokio::time::timeout(PATIENCE, read).await;
    assert!(read.is_ok(), "no {end:?}");
    String::from_utf8(all).unwrap()
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut all));
    read.await.expect("closed").unwrap();
    all
}

#[tokio::test]
async fn a_parked_request_is_answered_and_the_connection_goes_on() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.parked().await;
    for _ in 0..2 {
        server.seen.go.notify_one();
        let answer = until(&mut stream, "late").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-length: 4\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        stream.write_all(HELLO).await.unwrap();
        until(&mut stream, "hello").await;
        stream.write_all(PARK).await.unwrap();
        server.seen.counts(0, 1).await;
    }
}

#[tokio::test]
async fn a_peer_that_leaves_while_its_request_is_parked_is_not_waited_for() {
    let server = start(ServeOptions::default()).await;
    drop(server.parked().await);
    server.seen.counts(0, 0).await;
}

#[tokio::test]
async fn what_a_peer_sends_while_its_request_is_parked_is_its_next_request() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    // Together with the parked one, then in two parts while it waits.
    stream.write_all(&[PARK, HELLO].concat()).await.unwrap();
    server.seen.counts(0, 1).await;
    server.seen.go.notify_one();
    let answers = until(&mut stream, "hello").await;
    assert!(answers.contains("late"), "{answers}");
    stream.write_all(PARK).await.unwrap();
    server.seen.counts(0, 1).await;
    stream.write_all(&HELLO[..7]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.seen.go.notify_one();
    until(&mut stream, "late").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.write_all(&HELLO[7..]).await.unwrap();
    until(&mut stream, "hello").await;
}

#[tokio::test]
async fn a_parked_request_is_no_idleness_and_ends_with_the_request_time() {
    let options = ServeOptions {
        // How long a connection was idle is looked at no sooner.
        header_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_millis(50),
        request_timeout: Duration::from_secs(3),
        parting: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let server = start(options).await;
    let mut stream = server.parked().await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    server.seen.counts(0, 0).await;
}

#[tokio::test]
async fn on_shutdown_a_parked_request_is_answered_and_the_peer_told_to_leave() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.parked().await;
    server.closing.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.seen.go.notify_one();
    let answer = until_closed(&mut stream).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("late"), "{answer}");
    drop(stream);
    let ended = tokio::time::timeout(PATIENCE, server.task).await;
    ended.expect("the server ends").unwrap();
}

#[tokio::test]
async fn a_parked_request_that_is_never_answered_ends_with_the_drain() {
    let options = ServeOptions {
        drain: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let server = start(options).await;
    let mut stream = server.parked().await;
    server.closing.cancel();
    assert_eq!(until_closed(&mut stream).await, "");
    server.seen.counts(0, 0).await;
}

#[tokio::test]
async fn a_request_that_a_later_answer_would_not_fit_is_not_parked() {
    let server = start(ServeOptions::default()).await;
    for (request, closes) in [
        ("GET /park HTTP/1.1\r\nconnection: close\r\n\r\n", true),
        ("GET /park HTTP/1.0\r\n\r\n", true),
        ("HEAD /park HTTP/1.1\r\n\r\n", false),
        ("POST /park HTTP/1.1\r\n\r\n", false),
        ("GET /park HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody", false),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        server.seen.counts(1, 1).await;
        server.seen.go.notify_one();
        let head = until(
            &mut stream,
            if request.starts_with("HEAD") {
                "\r\n\r\n"
            } else {
                "late"
            },
        )
        .await;
        assert!(head.contains(" 200 OK\r\n"), "{request} {head}");
        if closes {
            assert_eq!(until_closed(&mut stream).await, "", "{request}");
        }
        server.seen.counts(0, 0).await;
    }
}

#[tokio::test]
async fn no_byte_of_an_earlier_answer_is_lost_to_a_request_that_could_be_parked() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    let both = [&b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n"[..], PARK];
    stream.write_all(&both.concat()).await.unwrap();
    // The peer does not read yet: the first answer stands in the way.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut large = String::new();
    while large.len() < LARGE {
        let mut some = vec![0; 1024 * 1024];
        let count = stream.read(&mut some).await.unwrap();
        assert!(count > 0, "closed after {} bytes", large.len());
        large.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    server.seen.go.notify_one();
    let rest = until(&mut stream, "late").await;
    let all = large + &rest;
    let (_, body) = all.split_once("\r\n\r\n").unwrap();
    assert_eq!(&body[LARGE - 1..=LARGE + 7], "xHTTP/1.1");
}

#[tokio::test]
async fn a_body_that_nobody_read_is_never_taken_for_a_request() {
    let server = start(ServeOptions::default()).await;
    for head in [
        format!(
            "POST /unread HTTP/1.1\r\ncontent-length: {}\r\n\r\n",
            HELLO.len()
        ),
        "POST /unread HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        until(&mut stream, "no").await;
        // Fails when the server has closed, which is as well.
        let _ = stream.write_all(HELLO).await;
        let mut more = Vec::new();
        let read = stream.read_to_end(&mut more);
        let _ = tokio::time::timeout(Duration::from_millis(500), read).await;
        let more = String::from_utf8_lossy(&more);
        assert!(!more.contains("hello"), "{more}");
    }
}

#[tokio::test]
async fn a_connection_is_good_for_requests_with_and_without_bodies_in_any_pieces() {
    let server = start(ServeOptions::default()).await;
    let mut stream = server.connect().await;
    let sized = b"POST /read HTTP/1.1\r\ncontent-length: 5\r\n\r\nsized".as_slice();
    let chunked =
        b"POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n7\r\nchunked\r\n0\r\n\r\n";
    for (request, end) in [(sized, "sized"), (chunked, "chunked"), (HELLO, "hello")] {
        for size in [1, 7, request.len()] {
            for piece in request.chunks(size) {
                stream.write_all(piece).await.unwrap();
                if size < request.len() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            let answer = until(&mut stream, end).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    // Pipelined, as many as there may be.
    stream.write_all(&HELLO.repeat(100)).await.unwrap();
    for _ in 0..100 {
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            answer.push(stream.read_u8().await.unwrap());
        }
    }
}

#[tokio::test]
async fn http2_is_known_by_its_first_bytes_in_any_pieces() {
    let server = start(ServeOptions::default()).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    for size in [1, 5, 24, preface.len()] {
        let mut stream = server.connect().await;
        for piece in preface.chunks(size) {
            stream.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "its settings: {head:?}");
    }
    // Whoever begins like it and goes on otherwise speaks HTTP/1, badly.
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/1.1\r\n\r\n").await.unwrap();
    until(&mut stream, "\r\n\r\n").await;
}
