//! What comes in, and the one line it becomes.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

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
