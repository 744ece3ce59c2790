//! Many peers at once, on the real process: memory stays bounded, and whoever asks is answered. FULL=true has thousands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "serve/process.rs"]
mod process;

use process::{Injector, PATIENCE, asked, certificate, client, client_with_identity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the API server gives a webhook of the chart's.
const SECOND: Duration = Duration::from_secs(1);

/// Resident bytes a container of the chart's may have.
const LIMIT: usize = 64 * 1024 * 1024;

fn full() -> bool {
    std::env::var("FULL").is_ok_and(|full| full == "true")
}

/// A TLS connection that has asked for nothing yet; `None` when the server did not take it in time.
fn connect(
    chain: &str,
    port: u16,
) -> Option<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    let chain = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    roots.add(chain).unwrap();
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream)
}

#[tokio::test]
async fn idle_connections_keep_memory_bounded_and_nobody_waiting() {
    let injector = Injector::start(None);
    injector.review("/inject", asked()).await;
    let before = injector.resident();
    let idle = if full() { 3_000 } else { 300 };
    // Nothing is read in between: the places run out in FULL, and the server makes room by itself. On a thread of its
    // own, so that the client of the reviews hears when it is asked to go.
    let (chain, port) = (injector.chain.clone(), injector.port());
    let connect_all =
        move || -> Vec<_> { (0..idle).filter_map(|_| connect(&chain, port)).collect() };
    let held = tokio::task::spawn_blocking(connect_all).await.unwrap();
    assert!(
        held.len() >= 250,
        "only {} connections were taken",
        held.len()
    );
    injector.review("/inject", asked()).await;
    let after = injector.resident();
    assert!(
        after < LIMIT,
        "{} connections: {before} bytes before, {after} after",
        held.len()
    );
    drop(held);
}

/// Opens so many connections that never say a word, and has a review answered by way of a new
/// connection, in the second that the API server gives a webhook. That the machine stalls is not the server's fault: of
/// five times once is enough, where it would be never.
async fn answers_within_a_second_beside(injector: &Injector, half_open: usize) {
    let mut took = Vec::new();
    while took.len() < 5 {
        let port = injector.port();
        let open_all = move || -> Vec<_> {
            let connect = |_| TcpStream::connect(("127.0.0.1", port)).ok();
            (0..half_open).filter_map(connect).collect()
        };
        let silent = tokio::task::spawn_blocking(open_all).await.unwrap();
        let fresh = client(&[&injector.chain]);
        let began = Instant::now();
        let request = fresh.post(injector.url("/inject"));
        let request = request.header("content-type", "application/json");
        let status = request.body("{}").send().await.unwrap().status();
        took.push(began.elapsed());
        assert_eq!(status, 400, "an answer, though to no review");
        drop(silent);
        if took.last().is_some_and(|took| *took < SECOND) {
            return;
        }
    }
    panic!("beside {half_open} half-open connections: {took:?}");
}

#[tokio::test]
async fn half_open_connections_leave_files_for_a_review_within_the_webhooks_second() {
    answers_within_a_second_beside(&Injector::start_with_files(256), 200).await;
}

#[tokio::test]
async fn half_open_connections_leave_places_for_a_review_within_the_webhooks_second() {
    // More than there are places, and fewer than would fill the kernel's backlog too: there a connection waits by itself.
    answers_within_a_second_beside(&Injector::start(None), own_files().min(1_500)).await;
}

/// As many connections as this process may open, beside some files.
fn own_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let most: usize = line
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    most.saturating_sub(200)
}

/// Sends all but the last byte of a body of 4 MiB, so that it is held, and waits for what becomes of it.
fn send_most_of_a_large_body(chain: &str, port: u16) {
    let Some(mut stream) = connect(chain, port) else {
        return;
    };
    let length = 4 * 1024 * 1024 - 1;
    let head = format!(
        "POST /inject HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    // Whoever is refused gets 503, or a reset when it is still sending.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&vec![b' '; length - 1]))
        .and_then(|()| stream.flush())
        .and_then(|()| stream.read(&mut [0; 32]));
}

#[tokio::test]
async fn many_large_bodies_at_once_are_refused_and_reviews_are_still_answered() {
    let injector = Injector::start(None);
    let began = Instant::now();
    let mut senders = Vec::new();
    let refused = "injector_requests_total{result=\"failed\",reason=\"busy\"}";
    // Three times as many as are held, and again: each is given up when its time is over.
    while injector.metric(refused).await.unwrap_or_default() < 1.0 {
        assert!(
            began.elapsed() < PATIENCE,
            "none of {} is refused",
            senders.len()
        );
        assert!(injector.resident() < LIMIT);
        for _ in 0..12 {
            let (chain, port) = (injector.chain.clone(), injector.port());
            let send = move || send_most_of_a_large_body(&chain, port);
            senders.push(tokio::task::spawn_blocking(send));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(injector.resident() < LIMIT);
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(injector.resident() < LIMIT);
    assert!(injector.review("/inject", asked()).await["patch"].is_string());
}

#[tokio::test]
async fn with_a_client_authority_only_its_callers_are_served_and_a_new_one_counts_at_once() {
    let (chain, key) = certificate();
    let injector = Injector::start_with_callers(&chain);
    let known = client_with_identity(&injector.chain, &chain, &key);
    let post = |client: &reqwest::Client| {
        let request = client.post(injector.url("/inject"));
        request
            .header("content-type", "application/json")
            .body("{}")
            .send()
    };
    assert_eq!(post(&known).await.unwrap().status(), 400);
    let stranger = client(&[&injector.chain]);
    assert!(
        post(&stranger).await.is_err(),
        "a caller without a certificate was served"
    );
    let (other, other_key) = certificate();
    let other_client = client_with_identity(&injector.chain, &other, &other_key);
    assert!(
        post(&other_client).await.is_err(),
        "a caller of another authority was served"
    );
    injector.swap_callers(&other);
    injector.wait_for("authorities of callers in force");
    assert_eq!(
        post(&client_with_identity(&injector.chain, &other, &other_key))
            .await
            .unwrap()
            .status(),
        400
    );
    // What is no certificate locks nobody out.
    injector.swap_callers("nothing");
    injector.wait_for("the old ones stay");
    assert_eq!(
        post(&client_with_identity(&injector.chain, &other, &other_key))
            .await
            .unwrap()
            .status(),
        400
    );
}
