//! The bridge as a process, with a FIFO and an agent's end of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Bridge {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
    env: Vec<(&'static str, &'static str)>,
}

impl Bridge {
    fn start(env: &[(&'static str, &'static str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = spawn(&dir.path().join("stdin"), port, env);
        let bridge = Self {
            dir,
            port,
            child,
            env: env.to_vec(),
        };
        bridge.wait();
        bridge
    }

    fn fifo(&self) -> PathBuf {
        self.dir.path().join("stdin")
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the bridge does not listen"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it as a lack of memory would, and starts another.
    fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.fifo(), self.port, &self.env);
        self.wait();
    }

    /// The agent's end: open for reading and writing, as the documented command does it.
    fn agent(&self) -> BufReader<File> {
        BufReader::new(
            File::options()
                .read(true)
                .write(true)
                .open(self.fifo())
                .unwrap(),
        )
    }

    fn post(&self, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let head = format!(
            "POST /input HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A body that is too large may be refused before it is sent.
        let _ = stream.write_all(body.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        (
            answer.get(9..12).unwrap_or_default().parse().unwrap_or(0),
            answer,
        )
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(fifo: &std::path::Path, port: u16, env: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_watcher"))
        .arg("bridge")
        .env_clear()
        .env("AGENT_STDIN", fifo)
        .env("BRIDGE_PORT", port.to_string())
        .envs(env.iter().copied())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The text of the next record.
fn next(agent: &mut BufReader<File>) -> String {
    loop {
        let mut line = String::new();
        assert!(
            agent.read_line(&mut line).unwrap() > 0,
            "the agent saw an end of file"
        );
        if line.trim().is_empty() {
            continue;
        }
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        return record["message"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned();
    }
}

#[test]
fn nobody_reads_is_said_and_a_reader_gets_the_next_input() {
    let bridge = Bridge::start(&[]);
    let (status, answer) = bridge.post("", "lost?");
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer.contains("nobody reads") && answer.contains("application/problem+json"),
        "{answer}"
    );
    let mut agent = bridge.agent();
    assert_eq!(bridge.post("", "hello\nworld").0, 200);
    assert_eq!(
        bridge
            .post("content-type: application/json\r\n", r#"{"text":"again"}"#)
            .0,
        200
    );
    assert_eq!(next(&mut agent), "hello\nworld");
    assert_eq!(next(&mut agent), "again");
}

#[test]
fn a_slow_agent_loses_nothing_and_keeps_nobody_waiting() {
    let bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    let texts: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|letter| letter.repeat(900_000))
        .collect();
    for text in &texts {
        let start = Instant::now();
        assert_eq!(bridge.post("", text).0, 200);
        // 50 ms are promised of a release build on a machine that is not busy.
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
    }
    for text in &texts {
        assert!(next(&mut agent) == *text);
    }
}

#[test]
fn what_waits_is_bounded() {
    let bridge = Bridge::start(&[]);
    let _agent = bridge.agent();
    let text = "x".repeat(1_000_000);
    let refused = (0..20)
        .map(|_| bridge.post("", &text))
        .find(|(status, _)| *status != 200);
    let (status, answer) = refused.unwrap();
    assert_eq!(status, 503);
    assert!(answer.contains("bytes wait already"), "{answer}");
}

#[test]
fn too_large_and_malformed_inputs_are_refused() {
    let bridge = Bridge::start(&[]);
    let _agent = bridge.agent();
    assert_eq!(bridge.post("", &"x".repeat(1024 * 1024 + 1)).0, 413);
    assert_eq!(bridge.post("", " ").0, 400);
    assert_eq!(
        bridge.post("content-type: application/json\r\n", "{").0,
        400
    );
}

#[test]
fn killed_and_restarted_the_agent_sees_no_end_and_the_next_input_whole() {
    let mut bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    assert_eq!(bridge.post("", "one").0, 200);
    assert_eq!(next(&mut agent), "one");
    // Larger than the FIFO: the bridge dies with a part of it written.
    assert_eq!(bridge.post("", &"x".repeat(500_000)).0, 200);
    let mut part = vec![0; 10_000];
    agent.read_exact(&mut part).unwrap();
    bridge.restart();
    assert_eq!(bridge.post("", "two").0, 200);
    let mut rest = String::new();
    assert!(agent.read_line(&mut rest).unwrap() > 0);
    assert!(
        rest.trim().bytes().all(|byte| byte == b'x'),
        "a new record grew onto the part of an old one"
    );
    assert_eq!(next(&mut agent), "two");
}

#[test]
fn plain_text_is_passed_as_it_is() {
    let bridge = Bridge::start(&[("BRIDGE_FORMAT", "text")]);
    let mut agent = bridge.agent();
    assert_eq!(bridge.post("", "do it").0, 200);
    let mut line = String::new();
    agent.read_line(&mut line).unwrap();
    assert_eq!(line, "do it\n");
}

#[test]
fn with_a_secret_only_signed_input_is_taken() {
    let bridge = Bridge::start(&[("BRIDGE_SECRET", "Jefe")]);
    let mut agent = bridge.agent();
    let body = "what do ya want for nothing?";
    assert_eq!(bridge.post("", body).0, 401);
    let good = "x-input-signature: sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\r\n";
    assert_eq!(bridge.post(good, body).0, 200);
    assert_eq!(bridge.post(good, "something else").0, 401);
    assert_eq!(next(&mut agent), body);
}

#[test]
fn any_address_but_the_loopback_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_watcher"))
        .args(["bridge", "--listen", "0.0.0.0:0"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("127.0.0.1"));
}
