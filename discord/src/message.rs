//! A message, and the body of the request that carries it.

use crate::embed::{Embed, File};
use crate::limits;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde::Serialize;

/// Longest file name sent, in bytes; Discord documents no limit, file systems have 255.
const FILE_NAME: usize = 100;

/// What is sent or what an existing message becomes. Mentions are always off: no text of ours can ring anyone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Plain text in markdown; at most [`limits::CONTENT`] code points.
    pub content: Option<String>,
    /// At most [`limits::EMBEDS`], together at most [`limits::TOTAL`] code points.
    pub embeds: Vec<Embed>,
    /// At most [`limits::FILES`], together at most [`limits::REQUEST_BYTES`].
    pub files: Vec<File>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Embed]>::is_empty")]
    embeds: &'a [Embed],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    allowed_mentions: NoMentions,
}

#[derive(Serialize)]
struct Attachment<'a> {
    /// The file's place among the parts; text, as every id in Discord's own schema.
    id: String,
    filename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

/// An edit without it is parsed with the default allowances, so it stands on every send and every edit.
#[derive(Serialize, Default)]
struct NoMentions {
    parse: [(); 0],
}

impl Message {
    /// What makes Discord refuse this message, as the path of the part and the rule; `None` when it is legal.
    pub fn fault(&self) -> Option<String> {
        let content = self.content.as_deref().map_or(0, limits::length);
        if content == 0 && self.embeds.is_empty() && self.files.is_empty() {
            return Some("message: nothing to show".to_owned());
        }
        let over = |part: &str, found: usize, max: usize| {
            (found > max).then(|| format!("{part}: {found}, {max} are allowed"))
        };
        over("content: code points", content, limits::CONTENT)
            .or_else(|| over("embeds", self.embeds.len(), limits::EMBEDS))
            .or_else(|| {
                self.embeds.iter().enumerate().find_map(|(at, embed)| {
                    limits::fault(embed).map(|fault| format!("embeds.{at}.{fault}"))
                })
            })
            .or_else(|| {
                let total = self.embeds.iter().map(limits::size).sum();
                over("embeds: code points together", total, limits::TOTAL)
            })
            .or_else(|| over("files", self.files.len(), limits::FILES))
            .or_else(|| {
                self.files.iter().enumerate().find_map(|(at, file)| {
                    over(
                        &format!("files.{at}: bytes"),
                        file.content.len(),
                        limits::FILE_BYTES,
                    )
                })
            })
            .or_else(|| {
                over(
                    "request: bytes",
                    self.request_bytes(),
                    limits::REQUEST_BYTES,
                )
            })
    }

    /// Bytes of the request, never too low.
    fn request_bytes(&self) -> usize {
        let files: usize = self.files.iter().map(limits::request_bytes).sum();
        files
            + if self.files.is_empty() {
                0
            } else {
                self.json().len()
            }
    }

    /// The JSON part of the request.
    pub fn json(&self) -> Vec<u8> {
        let body = Body {
            content: self.content.as_deref(),
            embeds: &self.embeds,
            attachments: self
                .files
                .iter()
                .enumerate()
                .map(|(id, file)| Attachment {
                    id: id.to_string(),
                    filename: safe_name(&file.name),
                    description: file.description.as_deref(),
                })
                .collect(),
            allowed_mentions: NoMentions::default(),
        };
        // Plain structs of texts and numbers always serialise.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Puts the message into a request: JSON alone, or multipart when there are files.
    pub(crate) fn into_request(self, request: RequestBuilder) -> RequestBuilder {
        let json = self.json();
        if self.files.is_empty() {
            return request
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(json);
        }
        let mut form = Form::new().part(
            "payload_json",
            with_type(Part::bytes(json), "application/json"),
        );
        for (id, file) in self.files.into_iter().enumerate() {
            let length = file.content.len() as u64;
            let part =
                Part::stream_with_length(file.content, length).file_name(safe_name(&file.name));
            form = form.part(
                format!("files[{id}]"),
                with_type(part, "text/plain; charset=utf-8"),
            );
        }
        request.multipart(form)
    }
}

/// The part with its media type; a type that does not parse is simply left out.
fn with_type(part: Part, media_type: &'static str) -> Part {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(media_type),
    );
    part.headers(headers)
}

/// A file name that needs no quoting in any header, so that JSON and multipart name the same file.
fn safe_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => letter,
            _ => '_',
        })
        .collect();
    // The end is kept: it has the extension, which decides how Discord shows the file.
    let start = safe.len().saturating_sub(FILE_NAME);
    let safe = safe
        .get(start..)
        .unwrap_or_default()
        .trim_start_matches('.');
    if safe.is_empty() {
        "file".to_owned()
    } else {
        safe.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn embed(description: &str) -> Embed {
        Embed {
            description: Some(description.to_owned()),
            ..Embed::default()
        }
    }

    #[test]
    fn mentions_are_off_in_every_body() {
        let json = Message {
            embeds: vec![embed("@everyone")],
            ..Message::default()
        }
        .json();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"embeds":[{"description":"@everyone"}],"allowed_mentions":{"parse":[]}}"#
        );
    }

    #[test]
    fn the_6000_are_counted_over_all_embeds() {
        let full = Message {
            embeds: vec![embed(&"x".repeat(4096)), embed(&"y".repeat(1904))],
            ..Message::default()
        };
        assert_eq!(full.fault(), None);
        let over = Message {
            embeds: vec![embed(&"x".repeat(4096)), embed(&"y".repeat(1905))],
            ..Message::default()
        };
        assert!(over.fault().unwrap().contains("6001"));
    }

    #[test]
    fn a_file_above_the_limit_is_refused() {
        let file = |bytes: usize| File {
            name: "a.txt".into(),
            content: Bytes::from(vec![b'x'; bytes]),
            description: None,
        };
        let message = |files| Message {
            files,
            ..Message::default()
        };
        assert_eq!(message(vec![file(limits::FILE_BYTES)]).fault(), None);
        assert!(
            message(vec![file(limits::FILE_BYTES + 1)])
                .fault()
                .is_some()
        );
        let three = vec![file(limits::FILE_BYTES); 3];
        assert!(message(three).fault().unwrap().starts_with("request"));
    }

    #[test]
    fn names_of_files_are_the_same_in_json_and_multipart() {
        assert_eq!(safe_name("a b\"ü.txt"), "a_b__.txt");
        assert_eq!(
            safe_name(&format!("{}.diff", "x".repeat(300))).len(),
            FILE_NAME
        );
        assert_eq!(safe_name(".."), "file");
    }
}
