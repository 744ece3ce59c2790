//! The binary as an operator meets it.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use support::process::Process;

fn ask(base: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn health_routes_answer_without_discord_and_sigterm_ends_it_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let database = format!("sqlite://{}", directory.path().join("bot.db").display());
    let bot = Process::start(&log, &[("DATABASE_URL", &database)]);
    for path in ["/live", "/ready", "/metrics"] {
        let text = ask(&bot.base, path);
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
    assert!(bot.end());
}
