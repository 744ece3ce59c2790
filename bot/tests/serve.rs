//! The binary as an operator meets it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
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
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let mut bot = Bot(Command::new(env!("CARGO_BIN_EXE_bot"))
        .args(["serve", "--listen", &address])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap());
    let mut first = String::new();
    BufReader::new(bot.0.stderr.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("serving"), "{first}");
    for path in ["/live", "/ready", "/metrics"] {
        let text = ask(&address, path);
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
    let kill = Command::new("kill")
        .args(["-TERM", &bot.0.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    assert!(bot.0.wait().unwrap().success());
}
