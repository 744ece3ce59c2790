//! The agent's ear: lines of its standard input as a bridge writes them, and the records they leave in the transcript.
//!
//! The FIFO is opened for reading and writing, as an agent started with `<>"$AGENT_STDIN"` does: it never waits for a
//! writer and never sees an end of file when one goes away.

use super::PlayerError;
use crate::transcript::ids;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Lines that wait for the agent; the FIFO holds what comes beyond.
const WAITING: usize = 16;
/// What an agent would say of an input is short.
const QUOTED: usize = 200;

/// What a line asks of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A prompt.
    Text(String),
    /// To stop.
    Interrupt,
}

/// An open standard input.
pub(super) struct Stdin {
    lines: Receiver<Input>,
    rng: SmallRng,
    session: String,
    cwd: String,
}

impl Stdin {
    /// Opens the FIFO, which is made when it is not there.
    pub(super) fn open(
        path: &Path,
        session: &str,
        cwd: &str,
        seed: u64,
    ) -> Result<Self, PlayerError> {
        let failed = |source| PlayerError::Stdin {
            path: PathBuf::from(path),
            source,
        };
        match mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let (heard, lines) = sync_channel(WAITING);
        std::thread::spawn(move || {
            for line in BufReader::new(file).lines() {
                let Ok(line) = line else { return };
                if let Some(input) = read(&line)
                    && heard.send(input).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            lines,
            // Not the generator's own numbers: its ids would come again.
            rng: SmallRng::seed_from_u64(!seed),
            session: session.to_owned(),
            cwd: cwd.to_owned(),
        })
    }

    /// What came in, if anything did within this time.
    pub(super) fn wait(&self, time: Duration) -> Option<Input> {
        match self.lines.recv_timeout(time) {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(time);
                None
            }
        }
    }

    /// The session's own file.
    pub(super) fn file(&self) -> String {
        format!("{}.jsonl", self.session)
    }

    /// The records that an input leaves: the prompt and an answer to it, or the note of an interruption.
    pub(super) fn records(&mut self, input: &Input) -> Vec<Vec<u8>> {
        match input {
            Input::Interrupt => {
                let content = json!([{"type": "text", "text": "[Request interrupted by user]"}]);
                vec![self.user(&content)]
            }
            Input::Text(text) => {
                let quoted: String = text.chars().take(QUOTED).collect();
                let answer = format!("Understood: \"{quoted}\". I go on with that in mind.");
                vec![self.user(&json!(text)), self.assistant(&answer)]
            }
        }
    }

    fn user(&mut self, content: &Value) -> Vec<u8> {
        self.record("user", &json!({"role": "user", "content": content}))
    }

    fn assistant(&mut self, text: &str) -> Vec<u8> {
        let id = ids::message(&mut self.rng);
        let usage = json!({
            "input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2048, "output_tokens": 24,
        });
        let message = json!({
            "id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage,
        });
        self.record("assistant", &message)
    }

    fn record(&mut self, kind: &str, message: &Value) -> Vec<u8> {
        let now = Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string();
        let record = json!({
            "parentUuid": null, "isSidechain": false, "userType": "external", "cwd": self.cwd, "sessionId": self.session,
            "version": "2.1.0", "type": kind, "message": message, "uuid": ids::uuid(&mut self.rng), "timestamp": now,
        });
        let mut line = record.to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// A line of `--input-format stream-json`, or plain text. What is neither a prompt nor an interruption is passed over.
fn read(line: &str) -> Option<Input> {
    if line.trim().is_empty() {
        return None;
    }
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Some(Input::Text(line.to_owned()));
    };
    match value.get("type").and_then(Value::as_str) {
        Some("user") => {
            let content = value.pointer("/message/content")?;
            let text = content
                .as_str()
                .or_else(|| content.pointer("/0/text").and_then(Value::as_str))?;
            Some(Input::Text(text.to_owned()))
        }
        Some("control_request") => {
            let subtype = value.pointer("/request/subtype").and_then(Value::as_str);
            (subtype == Some("interrupt")).then_some(Input::Interrupt)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_an_interruption_and_plain_text_are_told_apart() {
        let prompt =
            r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"hi"}]}}"#;
        assert_eq!(read(prompt), Some(Input::Text("hi".to_owned())));
        let stop =
            r#"{"type":"control_request","request_id":"1","request":{"subtype":"interrupt"}}"#;
        assert_eq!(read(stop), Some(Input::Interrupt));
        assert_eq!(
            read("plain words"),
            Some(Input::Text("plain words".to_owned()))
        );
        assert_eq!(read(r#"{"type":"keep_alive"}"#), None);
        assert_eq!(read("  "), None);
    }
}
