//! What comes in, and the one line it becomes.

use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// What one input becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A `user` record, as `--input-format stream-json` reads it.
    StreamJson,
    /// The text itself with a newline.
    Text,
}

/// A format that is not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format; use stream-json or text")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "stream-json" => Ok(Self::StreamJson),
            "text" => Ok(Self::Text),
            other => Err(FormatError(other.chars().take(40).collect())),
        }
    }
}

/// Why an input is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InputError {
    #[error("the body is not JSON with a text under the key `text`")]
    Json,
    #[error("the body is not UTF-8")]
    Utf8,
    #[error("the text is empty")]
    Empty,
}

/// Reads a body: JSON with the key `text`, or plain text.
pub(super) fn read(is_json: bool, body: &[u8]) -> Result<String, InputError> {
    #[derive(Deserialize)]
    struct Input {
        text: String,
    }
    let text = if is_json {
        serde_json::from_slice::<Input>(body)
            .map_err(|_| InputError::Json)?
            .text
    } else {
        String::from_utf8(body.to_vec()).map_err(|_| InputError::Utf8)?
    };
    if text.trim().is_empty() {
        Err(InputError::Empty)
    } else {
        Ok(text)
    }
}

/// The line, newline included.
pub(super) fn line(format: Format, text: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Record<'a> {
        r#type: &'a str,
        message: Message<'a>,
    }
    #[derive(Serialize)]
    struct Message<'a> {
        role: &'a str,
        content: [Block<'a>; 1],
    }
    #[derive(Serialize)]
    struct Block<'a> {
        r#type: &'a str,
        text: &'a str,
    }
    let mut line = match format {
        Format::Text => text.trim_end_matches('\n').as_bytes().to_vec(),
        Format::StreamJson => {
            let content = [Block {
                r#type: "text",
                text,
            }];
            let record = Record {
                r#type: "user",
                message: Message {
                    role: "user",
                    content,
                },
            };
            // Plain structs of texts always serialise.
            serde_json::to_vec(&record).unwrap_or_default()
        }
    };
    line.push(b'\n');
    line
}

/// The line that asks a stream-json agent to stop what it does, as the Agent SDK's control protocol has it; none for a
/// plain text agent, which would take any word for a prompt.
pub(super) fn interrupt(format: Format) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Record {
        r#type: &'static str,
        request_id: String,
        request: Request,
    }
    #[derive(Serialize)]
    struct Request {
        subtype: &'static str,
    }
    if format == Format::Text {
        return None;
    }
    let record = Record {
        r#type: "control_request",
        request_id: request_id(),
        request: Request {
            subtype: "interrupt",
        },
    };
    let mut line = serde_json::to_vec(&record).ok()?;
    line.push(b'\n');
    Some(line)
}

/// An id that the agent has not seen, also after a restart of the bridge.
fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("discord-{millis}-{count}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_one_line_that_a_client_reads() {
        assert_eq!(
            String::from_utf8(line(Format::StreamJson, "a\n\"b\"")).unwrap(),
            concat!(
                r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"a\n\"b\""}]}}"#,
                "\n"
            )
        );
        assert_eq!(line(Format::Text, "a\nb\n"), b"a\nb\n");
    }

    #[test]
    fn an_interrupt_is_a_control_request_of_its_own_id_and_nothing_in_plain_text() {
        let line = || interrupt(Format::StreamJson).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&line()).unwrap();
        assert_eq!(value["type"], "control_request");
        assert_eq!(value["request"]["subtype"], "interrupt");
        assert_ne!(line(), line());
        assert_eq!(interrupt(Format::Text), None);
    }

    #[test]
    fn what_is_no_input_is_refused() {
        assert_eq!(read(true, b"{\"text\":\"hi\"}"), Ok("hi".into()));
        assert_eq!(read(true, b"{}"), Err(InputError::Json));
        assert_eq!(read(false, b"\xff"), Err(InputError::Utf8));
        assert_eq!(read(false, b" \n"), Err(InputError::Empty));
    }

    proptest! {
        #[test]
        fn every_text_is_exactly_one_json_line(text in "\\PC{0,80}|[\\x00-\\x7f]{0,80}") {
            let line = line(Format::StreamJson, &text);
            prop_assert_eq!(memchr::memchr_iter(b'\n', &line).count(), 1);
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value["message"]["content"][0]["text"].as_str(), Some(text.as_str()));
        }
    }
}
