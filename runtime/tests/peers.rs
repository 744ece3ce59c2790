//! Peers that hold places, send slowly or never, and what they are told: over real sockets, HTTP/2 by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs
)]

use axum::Router;
use axum::routing::{get, post};
use runtime::serve::{Listener, ServeOptions, serve};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const SHORT: Duration = Duration::from_millis(80);
/// Longest wait of a test. A machine may be slow; what a test shows must not be over by then of itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// Until the first request; how long a connection was idle is looked at no sooner.
const FIRST: Duration = Duration::from_secs(3);
const NEVER: Duration = Duration::from_hours(1);

struct Server {
    address: SocketAddr,
    closing: CancellationToken,
    task: JoinHandle<()>,
    /// A request of `/wait` has come; and may go.
    asked: Arc<Notify>,
    answered: Arc<Notify>,
}

/// Every limit so long that no test sees it, but those that it sets.
fn patient() -> ServeOptions {
    ServeOptions {
        handshake_timeout: NEVER,
        header_timeout: NEVER,
        idle_timeout: NEVER,
        crowded_timeout: NEVER,
        request_timeout: NEVER,
        parting: NEVER,
        drain: NEVER,
        ..ServeOptions::default()
    }
}

async fn start(options: ServeOptions) -> Server {
    let (asked, answered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = (Arc::clone(&asked), Arc::clone(&answered));
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/body",
            post(|body: axum::body::Bytes| async move { body.len().to_string() }),
        )
        .route(
            "/wait",
            get(move || async move {
                wait.0.notify_one();
                wait.1.notified().await;
                "late"
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = CancellationToken::new();
    let task = tokio::spawn(serve(
        Listener::Tcp(listener),
        router,
        options,
        closing.clone(),
    ));
    Server {
        address,
        closing,
        task,
        asked,
        answered,
    }
}

impl Server {
    /// Until a request of `/wait` is at its handler.
    async fn is_asked(&self) {
        let asked = tokio::time::timeout(PATIENCE, self.asked.notified());
        asked.await.expect("the request arrives");
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// What the peer gets until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is a close too.
    let read = stream.read_to_end(&mut all);
    let _ = tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the server closes the connection");
    all
}

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing_is_dropped() {
    let options = ServeOptions {
        header_timeout: SHORT,
        parting: SHORT,
        ..patient()
    };
    let server = start(options).await;
    assert_eq!(until_closed(&mut server.connect().await).await, b"");
}

#[tokio::test]
async fn a_peer_that_sends_its_headers_byte_by_byte_is_dropped() {
    let options = ServeOptions {
        header_timeout: SHORT,
        parting: SHORT,
        ..patient()
    };
    let server = start(options).await;
    let mut stream = server.connect().await;
    let began = Instant::now();
    loop {
        // Writing succeeds for a while after the other side has closed.
        if stream.write_all(b"a").await.is_err() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "still fed after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_body_that_never_comes_whole_ends_with_the_request_time() {
    let options = ServeOptions {
        request_timeout: SHORT,
        header_timeout: FIRST,
        idle_timeout: SHORT,
        ..patient()
    };
    let server = start(options).await;
    let mut stream = server.connect().await;
    let head = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nfew";
    stream.write_all(head).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_is_no_longer_used_is_closed() {
    let options = ServeOptions {
        header_timeout: FIRST,
        idle_timeout: SHORT,
        ..patient()
    };
    let server = start(options).await;
    let mut stream = server.connect().await;
    stream.write_all(REQUEST).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn an_open_request_is_no_idleness() {
    let options = ServeOptions {
        header_timeout: FIRST,
        idle_timeout: Duration::from_millis(20),
        ..patient()
    };
    let server = start(options).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    server.is_asked().await;
    tokio::time::sleep(FIRST * 2).await;
    server.answered.notify_one();
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    assert!(answer.ends_with("late"), "{answer}");
}

/// A server with two places, both held by `hold`; a third peer is answered, or this panics. Whoever is to leave is given
/// for ever to do so, and the places are free nevertheless.
async fn makes_room(hold: impl AsyncFn(&Server) -> TcpStream) {
    let options = ServeOptions {
        max_connections: 2,
        crowded_timeout: SHORT,
        tls: Some(tls()),
        ..patient()
    };
    let server = start(options).await;
    let taken = [hold(&server).await, hold(&server).await];
    let mut waiting = shake_hands(server.connect().await).await;
    waiting.write_all(REQUEST).await.unwrap();
    let answered = tokio::time::timeout(PATIENCE, waiting.read(&mut [0; 256])).await;
    assert!(answered.expect("a place becomes free").unwrap() > 0);
    drop(taken);
}

const NAME: &str = "localhost";

fn tls() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = rustls::ServerConfig::builder().with_no_client_auth();
    Arc::new(
        tls.with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap(),
    )
}

/// TLS to a server whose certificate nobody looks at.
async fn shake_hands(stream: TcpStream) -> tokio_rustls::client::TlsStream<TcpStream> {
    let tls = rustls::ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let name = NAME.try_into().unwrap();
    let connect = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream);
    let shaken = tokio::time::timeout(PATIENCE, connect).await;
    shaken.expect("the server shakes hands").unwrap()
}

#[tokio::test]
async fn peers_that_never_shake_hands_make_room_when_all_places_are_taken() {
    makes_room(async |server| server.connect().await).await;
}

#[tokio::test]
async fn peers_that_shake_hands_and_say_nothing_make_room_when_all_places_are_taken() {
    makes_room(async |server| shake_hands(server.connect().await).await.into_inner().0).await;
}

#[tokio::test]
async fn idle_peers_that_do_not_leave_make_room_when_all_places_are_taken() {
    makes_room(async |server| {
        let mut stream = shake_hands(server.connect().await).await;
        stream.write_all(REQUEST).await.unwrap();
        assert!(stream.read(&mut [0; 256]).await.unwrap() > 0);
        stream.into_inner().0
    })
    .await;
}

/// One HTTP/2 frame: type, stream and payload.
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

async fn frame(stream: &mut TcpStream) -> Option<Frame> {
    let mut head = [0; 9];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut head))
        .await
        .unwrap()
        .ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    let id = u32::from_be_bytes(head[5..9].try_into().unwrap());
    Some(Frame {
        kind: head[3],
        flags: head[4],
        stream: id & 0x7fff_ffff,
        payload,
    })
}

async fn http2(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream
        .write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    stream
}

/// The server asks whether its word has arrived, and every client answers.
async fn pong(stream: &mut TcpStream, frame: &Frame) {
    if frame.kind == PING && frame.flags == 0 {
        let mut pong = vec![0, 0, 8, PING, 1, 0, 0, 0, 0];
        pong.extend_from_slice(&frame.payload);
        stream.write_all(&pong).await.unwrap();
    }
}

/// GET of `path` as stream 1: HPACK's static table, and two literals.
async fn ask(stream: &mut TcpStream, path: &str) {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(&[0x41, 1, b'x']);
    let mut bytes = vec![
        0,
        0,
        u8::try_from(block.len()).unwrap(),
        HEADERS,
        0x5,
        0,
        0,
        0,
        1,
    ];
    bytes.extend_from_slice(&block);
    stream.write_all(&bytes).await.unwrap();
}

#[tokio::test]
async fn http2_peers_are_told_the_limits() {
    let server = start(ServeOptions::default()).await;
    let mut stream = http2(&server).await;
    let settings = loop {
        let frame = frame(&mut stream).await.unwrap();
        if frame.kind == SETTINGS && !frame.payload.is_empty() {
            break frame.payload;
        }
    };
    let value = |key: u16| {
        settings
            .chunks_exact(6)
            .find(|one| u16::from_be_bytes([one[0], one[1]]) == key)
            .map(|one| u32::from_be_bytes(one[2..6].try_into().unwrap()))
    };
    assert_eq!(value(3), Some(250), "SETTINGS_MAX_CONCURRENT_STREAMS");
    assert_eq!(value(4), Some(128 * 1024), "SETTINGS_INITIAL_WINDOW_SIZE");
    assert_eq!(value(6), Some(16 * 1024), "SETTINGS_MAX_HEADER_LIST_SIZE");
}

#[tokio::test]
async fn on_shutdown_http2_peers_get_goaway_and_the_open_request_its_answer() {
    let server = start(patient()).await;
    let mut stream = http2(&server).await;
    ask(&mut stream, "/wait").await;
    server.is_asked().await;
    server.closing.cancel();
    let (mut goaway, mut answer) = (false, Vec::new());
    while let Some(frame) = frame(&mut stream).await {
        if frame.kind == GOAWAY {
            goaway = true;
            server.answered.notify_one();
        }
        pong(&mut stream, &frame).await;
        if frame.kind == DATA && frame.stream == 1 {
            answer.extend_from_slice(&frame.payload);
        }
    }
    assert!(goaway, "no GOAWAY");
    assert_eq!(answer, b"late");
    drop(stream);
    tokio::time::timeout(PATIENCE, server.task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_peer_that_ignores_goaway_is_dropped_after_the_drain() {
    let options = ServeOptions {
        drain: SHORT,
        ..patient()
    };
    let server = start(options).await;
    let mut stream = http2(&server).await;
    ask(&mut stream, "/").await;
    while frame(&mut stream).await.unwrap().kind != DATA {}
    server.closing.cancel();
    while frame(&mut stream).await.is_some() {}
    tokio::time::timeout(PATIENCE, server.task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_idle_http2_peer_gets_goaway_before_the_end() {
    let options = ServeOptions {
        header_timeout: FIRST,
        idle_timeout: SHORT,
        parting: SHORT,
        ..patient()
    };
    let server = start(options).await;
    let mut stream = http2(&server).await;
    ask(&mut stream, "/").await;
    let mut kinds = Vec::new();
    while let Some(frame) = frame(&mut stream).await {
        kinds.push(frame.kind);
    }
    assert!(
        kinds.contains(&HEADERS) && kinds.contains(&GOAWAY),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_request_that_crosses_the_goodbye_meets_no_broken_pipe() {
    let server = start(patient()).await;
    let mut stream = http2(&server).await;
    ask(&mut stream, "/").await;
    while frame(&mut stream).await.unwrap().kind != DATA {}
    server.closing.cancel();
    let mut goodbyes = 0;
    while goodbyes < 2 {
        let frame = frame(&mut stream).await.unwrap();
        goodbyes += usize::from(frame.kind == GOAWAY);
        pong(&mut stream, &frame).await;
    }
    // The server is done; a peer may not have looked yet. A reset comes with the first write and shows with the next.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ask(&mut stream, "/").await;
    }
    assert!(frame(&mut stream).await.is_none());
    drop(stream);
    let ended = tokio::time::timeout(PATIENCE, server.task).await;
    ended.expect("whoever left is not waited for").unwrap();
}

/// A server that waits for latecomers after the shutdown, which has come.
async fn leaving(tls: Option<Arc<rustls::ServerConfig>>) -> (Server, TcpStream) {
    let options = ServeOptions {
        tls,
        late: Duration::from_secs(2),
        ..patient()
    };
    let server = start(options).await;
    let early = server.connect().await;
    server.closing.cancel();
    // The accept loop and the connection learn of it.
    tokio::time::sleep(SHORT).await;
    (server, early)
}

async fn is_over(server: Server) {
    tokio::time::timeout(PATIENCE, server.task)
        .await
        .expect("the listener closes when nobody comes any more")
        .unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn whoever_comes_late_after_the_shutdown_is_answered_and_told_to_leave() {
    let (server, early) = leaving(None).await;
    drop(early);
    let mut late = server.connect().await;
    late.write_all(REQUEST).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut late).await).unwrap();
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");

    let mut late = http2(&server).await;
    ask(&mut late, "/").await;
    let (mut goaway, mut answer) = (false, Vec::new());
    while let Some(frame) = frame(&mut late).await {
        goaway |= frame.kind == GOAWAY;
        pong(&mut late, &frame).await;
        if frame.kind == DATA {
            answer.extend_from_slice(&frame.payload);
        }
    }
    assert!(goaway, "no GOAWAY");
    assert_eq!(answer, b"hello");
    drop(late);
    is_over(server).await;
}

/// Go's HTTP/1 client, the API server's among them, sends a POST once: one that meets a close is lost.
#[tokio::test]
async fn an_idle_http1_connection_outlives_the_withdrawal_and_its_next_answer_is_its_last() {
    let options = ServeOptions {
        withdrawal: Duration::from_secs(1),
        late: Duration::from_secs(2),
        ..patient()
    };
    let server = start(options).await;
    let mut idle = [server.connect().await, server.connect().await];
    for stream in &mut idle {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 256];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(
            answer.ends_with("hello") && !answer.contains("close"),
            "{answer}"
        );
    }
    let [mut first, mut second] = idle;
    let begun = Instant::now();
    server.closing.cancel();
    tokio::time::sleep(SHORT).await;
    first.write_all(REQUEST).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut first).await).unwrap();
    assert!(answer.contains("connection: close"), "{answer}");
    // The other asks nothing, and is kept until all is over.
    assert!(until_closed(&mut second).await.is_empty());
    let kept = begun.elapsed();
    assert!(kept >= Duration::from_secs(3), "{kept:?}");
    drop((first, second));
    is_over(server).await;
}

#[tokio::test]
async fn a_connection_that_the_shutdown_finds_before_its_first_request_is_answered_it_yet() {
    let (server, mut early) = leaving(None).await;
    early.write_all(REQUEST).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut early).await).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    drop(early);
    is_over(server).await;
}

#[tokio::test]
async fn a_connection_that_the_shutdown_finds_shaking_hands_is_answered_yet() {
    let (server, early) = leaving(Some(tls())).await;
    let mut early = shake_hands(early).await;
    early.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    let read = early.read_to_end(&mut answer);
    let _ = tokio::time::timeout(PATIENCE, read).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    drop(early);
    is_over(server).await;
}

#[tokio::test]
async fn whoever_comes_again_and_again_does_not_keep_the_listener_open() {
    let options = ServeOptions {
        late: SHORT,
        parting: SHORT,
        drain: SHORT,
        ..patient()
    };
    let server = start(options).await;
    server.closing.cancel();
    let again = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::time::sleep(SHORT / 8).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, again).await;
    ended.expect("the listener closes");
}

#[tokio::test]
async fn a_withdrawal_longer_than_any_clock_breaks_nothing() {
    let options = ServeOptions {
        withdrawal: Duration::MAX,
        late: Duration::MAX,
        ..patient()
    };
    let server = start(options).await;
    server.closing.cancel();
    tokio::time::sleep(SHORT).await;
    let mut late = server.connect().await;
    late.write_all(REQUEST).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut late).await).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    assert!(!server.task.is_finished(), "it serves on");
}

/// Takes any certificate: what is tested is the server's patience.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
