//! The bridge as a process, with a FIFO and an agent's end of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
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
        let (child, port) = spawn(dir.path(), env);
        Self {
            dir,
            port,
            child,
            env: env.to_vec(),
        }
    }

    fn fifo(&self) -> PathBuf {
        self.dir.path().join("stdin")
    }

    /// Kills it as a lack of memory would.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it and starts another.
    fn restart(&mut self) {
        self.kill();
        (self.child, self.port) = spawn(self.dir.path(), &self.env);
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

/// Starts a bridge on a port of the kernel's choice, which its log names.
fn spawn(dir: &Path, env: &[(&str, &str)]) -> (Child, u16) {
    let log = dir.join("log");
    let child = Command::new(env!("CARGO_BIN_EXE_watcher"))
        .args(["bridge", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("AGENT_STDIN", dir.join("stdin"))
        .envs(env.iter().copied())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    (child, port_in(&log))
}

/// The port that a bridge's log names, once it does.
fn port_in(log: &Path) -> u16 {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        let address = text.split("127.0.0.1:").nth(1);
        // The line may be half written: a port is whole when something follows it.
        let port = address.and_then(|rest| rest.split_once(|c: char| !c.is_ascii_digit()));
        if let Some((port, _)) = port {
            return port.parse().unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What an answer says of the line.
fn is_written(answer: &(u16, String)) -> bool {
    assert_eq!(answer.0, 200, "{}", answer.1);
    if answer.1.contains(r#"{"written":true}"#) {
        return true;
    }
    assert!(answer.1.contains(r#"{"written":false}"#), "{}", answer.1);
    false
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

/// The middle of how long these took.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_slow_agent_loses_nothing_and_keeps_nobody_waiting() {
    let bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    let texts: Vec<String> = (0..7)
        .map(|at: u8| char::from(b'a' + at).to_string().repeat(900_000))
        .collect();
    let mut times = Vec::new();
    for text in &texts {
        let start = Instant::now();
        assert!(!is_written(&bridge.post("", text)), "no FIFO holds so much");
        times.push(start.elapsed());
    }
    // 50 ms are promised of a release build on a machine that is not busy.
    let half = median(times);
    assert!(half < Duration::from_millis(500), "{half:?}");
    for text in &texts {
        assert!(next(&mut agent) == *text);
    }
}

#[test]
fn half_of_all_inputs_are_answered_within_50_ms_and_are_in_the_fifo_by_then() {
    let bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    let mut times = Vec::new();
    for number in 0..101 {
        let start = Instant::now();
        assert!(is_written(&bridge.post("", &format!("input {number}"))));
        times.push(start.elapsed());
        assert_eq!(next(&mut agent), format!("input {number}"));
    }
    let half = median(times);
    assert!(half < Duration::from_millis(50), "{half:?}");
}

#[test]
fn what_was_written_outlives_a_bridge_that_is_killed_the_moment_after() {
    let mut bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    for number in 0..20 {
        let text = format!("input {number}");
        assert!(is_written(&bridge.post("", &text)));
        bridge.restart();
        assert_eq!(next(&mut agent), text);
    }
}

#[test]
fn an_input_with_a_name_is_taken_once_and_what_became_of_it_can_be_asked() {
    let mut bridge = Bridge::start(&[]);
    let mut agent = bridge.agent();
    let (long, name) = ("x".repeat(500_000), "x-input-id: 77-4\r\n");
    assert!(!is_written(&bridge.post(name, &long)));
    assert!(
        !is_written(&bridge.post(name, &long)),
        "asked again, it waits on"
    );
    // The bridge dies with it; whoever was told that it waits sends it again.
    bridge.restart();
    let start = Instant::now();
    let reader = std::thread::spawn(move || {
        let mut texts = Vec::new();
        while texts.last().map(String::as_str) != Some("end") {
            let mut line = String::new();
            assert!(agent.read_line(&mut line).unwrap() > 0);
            // The part that the killed bridge had written is no record.
            let record = serde_json::from_str::<serde_json::Value>(&line).ok();
            let text = record.and_then(|one| {
                one["message"]["content"][0]["text"]
                    .as_str()
                    .map(str::to_owned)
            });
            texts.extend(text);
        }
        texts
    });
    while !is_written(&bridge.post(name, &long)) {
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    assert!(
        is_written(&bridge.post(name, &long)),
        "asked once more, it was written"
    );
    assert!(is_written(&bridge.post("x-input-id: 77-5\r\n", "end")));
    assert_eq!(reader.join().unwrap(), [long, "end".to_owned()]);
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
