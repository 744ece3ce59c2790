//! Many peers at once, on the real process: memory stays bounded, and whoever asks is answered. FULL=true has thousands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "serve/process.rs"]
mod process;

use process::{Injector, asked, certificate, client, client_with_identity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

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
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut stream = rustls::StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream)
}

#[tokio::test]
async fn idle_and_half_open_connections_keep_memory_bounded_and_nobody_waiting() {
    let injector = Injector::start(None);
    injector.review("/inject", asked()).await;
    let before = injector.resident();
    let (idle, half_open) = if full() { (3_000, 1_000) } else { (300, 100) };
    // Nothing is read in between: the places run out in FULL, and the server makes room by itself. On a thread of its
    // own, so that the client of the reviews hears when it is asked to go.
    let (chain, port) = (injector.chain.clone(), injector.port());
    let connect_all =
        move || -> Vec<_> { (0..idle).filter_map(|_| connect(&chain, port)).collect() };
    let held = tokio::task::spawn_blocking(connect_all).await.unwrap();
    let sockets: Vec<_> = (0..half_open)
        .filter_map(|_| TcpStream::connect(("127.0.0.1", injector.port())).ok())
        .collect();
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
    drop((held, sockets));
}

#[tokio::test]
async fn many_large_bodies_at_once_are_refused_and_reviews_are_still_answered() {
    let injector = Injector::start(None);
    let mut senders = Vec::new();
    for _ in 0..12 {
        let mut stream = connect(&injector.chain, injector.port()).unwrap();
        let length = 4 * 1024 * 1024 - 1;
        let head = format!(
            "POST /inject HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // All but the last byte, so that each is held.
        let body = vec![b' '; length - 1];
        let sent = stream.write_all(&body).and_then(|()| stream.flush());
        senders.push((sent.is_ok(), stream));
    }
    // Whoever is refused gets 503, or a reset when it is still sending; whoever is held hears nothing yet.
    let mut held = 0;
    for (sent, stream) in &mut senders {
        let waits = |error: &std::io::Error| {
            use std::io::ErrorKind::{TimedOut, WouldBlock};
            matches!(error.kind(), TimedOut | WouldBlock)
        };
        let read = stream.read(&mut [0; 32]);
        held += usize::from(*sent && read.as_ref().is_err_and(waits));
    }
    assert!(
        (1..=4).contains(&held),
        "{held} of 12 bodies of 4 MiB are held"
    );
    assert!(injector.resident() < LIMIT);
    drop(senders);
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
