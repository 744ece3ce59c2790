//! JSON text read, and small pieces of it for output that is written rather than built as a tree.

use serde::Deserialize;
use serde::de::Error as _;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Reads a value. The bytes are looked at once as UTF-8, and not again string by string.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(error) => Err(serde_json::Error::custom(error)),
    }
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Appends `text` as it stands within a JSON string.
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (clean, from) = rest.split_at(at);
        out.push_str(clean);
        // What is escaped is ASCII: one byte is one character.
        let (escaped, after) = from.split_at(1);
        rest = after;
        match escaped {
            "\"" => out.push_str("\\\""),
            "\\" => out.push_str("\\\\"),
            "\n" => out.push_str("\\n"),
            "\r" => out.push_str("\\r"),
            "\t" => out.push_str("\\t"),
            other => {
                for byte in other.bytes() {
                    let _ = write!(out, "\\u{byte:04x}");
                }
            }
        }
    }
    out.push_str(rest);
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    // Some room for escapes: a text of JSON has a quote in every tenth place.
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 2);
    string(&mut out, text);
    out
}

/// Appends one member of an object, with a comma unless it is the first; `value` is JSON.
pub(crate) fn member(out: &mut String, key: &str, value: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    string(out, key);
    out.push(':');
    out.push_str(value);
}

/// The same with a string for a value.
pub(crate) fn text_member(out: &mut String, key: &str, value: &str) {
    member(out, key, "");
    string(out, value);
}

/// `{"name": name, "value": value}`, an environment variable as Kubernetes takes it.
pub(crate) fn env(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + value.len() / 8 + 24);
    out.push('{');
    text_member(&mut out, "name", name);
    text_member(&mut out, "value", value);
    out.push('}');
    out
}

/// Appends a JSON pointer as a JSON string: `path`, of which the API's own words and numbers are all, and one reference
/// token more.
pub(crate) fn pointer(out: &mut String, path: &str, token: Option<&str>) {
    debug_assert!(
        !path.contains(|c| c < ' ' || matches!(c, '"' | '\\')),
        "{path}"
    );
    out.push('"');
    out.push_str(path);
    if let Some(token) = token {
        out.push('/');
        each_piece(token, |piece| escape(out, piece));
    }
    out.push('"');
}

/// One reference token of a JSON pointer: `~` and `/` escaped.
pub(crate) fn pointer_token(text: &str) -> Cow<'_, str> {
    if !text.contains(['~', '/']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 4);
    each_piece(text, |piece| out.push_str(piece));
    out.into()
}

/// Hands on the pieces of a reference token in the form a pointer has them (RFC 6901).
fn each_piece(token: &str, mut take: impl FnMut(&str)) {
    for piece in token.split_inclusive(['~', '/']) {
        let (plain, escaped) = match piece.strip_suffix('~') {
            Some(plain) => (plain, "~0"),
            None => piece
                .strip_suffix('/')
                .map_or((piece, ""), |plain| (plain, "~1")),
        };
        take(plain);
        take(escaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_reads_back_as_it_was(text in any::<String>()) {
            let read: String = serde_json::from_str(&quoted(&text)).unwrap();
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn pointer_tokens_are_escaped_once() {
        assert_eq!(pointer_token("a/b~c"), "a~1b~0c");
        assert_eq!(pointer_token("~1/"), "~01~1");
        let mut out = String::new();
        pointer(&mut out, "/a~1", Some("\"x/y~"));
        assert_eq!(out, r#""/a~1/\"x~1y~0""#);
    }
}
