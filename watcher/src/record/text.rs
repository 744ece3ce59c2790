//! Strings of a record, without copying what nobody needs and without holding more than anybody can be shown.
//!
//! A JSON parser collects a string with escapes in a buffer that doubles, then it is copied out, then somebody keeps a
//! copy: of one line of 16 MiB that made more than a Pod's whole limit. Here it is unescaped once, straight into its place.

use super::surrogate::unit;
use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Bytes kept of the beginning of a text that is too long to be shown anywhere, attachments included.
const HEAD: usize = 7 << 20;
/// Bytes kept of its end.
const TAIL: usize = 512 << 10;
/// Longest text kept whole.
const LONGEST: usize = HEAD + TAIL;
/// What stands for the rest.
pub(crate) const LEFT_OUT: &str = "\n… left out: this is longer than an attachment may be …\n";

/// A string, borrowed from the line when it holds no escapes; `None` for any other value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<'de>(pub Option<Cow<'de, str>>);

impl<'de> Text<'de> {
    /// What `raw` holds. It is valid JSON already, and a string is recognised by its first byte.
    pub(super) fn of(raw: &'de RawValue) -> Self {
        let string = raw.get().strip_prefix('"');
        let string = string.and_then(|text| text.strip_suffix('"'));
        Self(string.map(unescaped))
    }

    /// The string, empty when there was none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The string when there is one and it is not empty.
    pub fn some(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// An owned copy, empty when there was none; of what is longer than 7.5 MiB both ends.
    pub fn owned(&self) -> String {
        kept(self.as_str())
    }

    /// The same, without a copy where it is owned already.
    pub fn into_owned(self) -> String {
        match self.0 {
            Some(Cow::Owned(text)) if text.len() <= LONGEST + LEFT_OUT.len() => text,
            Some(text) => kept(&text),
            None => String::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::of(<&'de RawValue>::deserialize(from)?))
    }
}

/// A text that may be kept: itself, or both ends of one that is too long.
pub(super) fn kept(text: &str) -> String {
    if text.len() <= LONGEST + LEFT_OUT.len() {
        return text.to_owned();
    }
    let head = text.get(..boundary(text, HEAD)).unwrap_or_default();
    let tail = text.get(boundary(text, text.len() - TAIL)..);
    [head, LEFT_OUT, tail.unwrap_or_default()].concat()
}

/// The next place at or behind `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

/// What stands between the quotes of a JSON string that a parser has accepted. Half a surrogate pair becomes a
/// replacement character.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return raw.into();
    }
    let mut text = String::with_capacity(raw.len().min(LONGEST + LEFT_OUT.len() + 8));
    let rest = unescape(raw, &mut text, LONGEST);
    if rest.is_empty() {
        return text.into();
    }
    // Too long: its end comes from where a line of it begins, which is no place inside an escape.
    text.truncate(boundary(&text, HEAD));
    text.push_str(LEFT_OUT);
    let near = rest.len().saturating_sub(TAIL);
    let tail = rest.get(boundary(rest, near)..).unwrap_or_default();
    let tail = tail.split_once("\\n").map_or("", |(_, tail)| tail);
    unescape(tail, &mut text, HEAD + LEFT_OUT.len() + TAIL);
    text.into()
}

/// Appends to `text` until it has more than `most` bytes; what is left then.
fn unescape<'a>(mut raw: &'a str, text: &mut String, most: usize) -> &'a str {
    while !raw.is_empty() {
        let at = memchr::memchr(b'\\', raw.as_bytes()).unwrap_or(raw.len());
        let room = (most + 1).saturating_sub(text.len());
        if room == 0 || at > room {
            let end = boundary(raw, room);
            text.push_str(raw.get(..end).unwrap_or_default());
            return raw.get(end..).unwrap_or_default();
        }
        let (plain, rest) = raw.split_at(at);
        text.push_str(plain);
        let mut chars = rest.chars();
        let escape = (chars.next(), chars.next()).1;
        raw = chars.as_str();
        match escape {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => {
                let (c, rest) = code_point(rest);
                text.push(c);
                raw = rest;
            }
            Some(c) => text.push(c),
            None => {}
        }
    }
    raw
}

/// The character of the `\u` escape at the beginning, or of a pair of them, and what follows.
fn code_point(raw: &str) -> (char, &str) {
    const BROKEN: char = char::REPLACEMENT_CHARACTER;
    let rest = raw.get(6..).unwrap_or_default();
    let Some(first) = unit(raw) else {
        return (BROKEN, rest);
    };
    if !(0xD800..0xDC00).contains(&first) {
        return (char::from_u32(first).unwrap_or(BROKEN), rest);
    }
    match unit(rest).filter(|second| (0xDC00..0xE000).contains(second)) {
        Some(second) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            let c = char::from_u32(code).unwrap_or(BROKEN);
            (c, rest.get(6..).unwrap_or_default())
        }
        None => (BROKEN, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Option<String> {
        let text: Text<'_> = serde_json::from_str(json).unwrap();
        text.0.map(Cow::into_owned)
    }

    proptest! {
        #[test]
        fn a_string_reads_as_a_parser_reads_it(text in any::<String>(), escape in any::<bool>()) {
            let mut json = serde_json::to_string(&text).unwrap();
            if escape {
                let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                json = format!("\"{}\"", units.collect::<String>());
            }
            prop_assert_eq!(read(&json), Some(text));
        }
    }

    #[test]
    fn every_escape_is_known_and_half_a_pair_costs_one_character() {
        assert_eq!(
            read(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#).unwrap(),
            "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}"
        );
        for (json, text) in [
            (r#""a\ud83dz""#, "a\u{fffd}z"),
            (r#""a\ud83d\nz""#, "a\u{fffd}\nz"),
            (r#""\ude00\ud83d\u0041""#, "\u{fffd}\u{fffd}A"),
        ] {
            assert_eq!(read(json).unwrap(), text, "{json}");
        }
        for json in ["7", "null", "[\"a\"]", "{\"a\":\"b\"}", "true"] {
            assert_eq!(read(json), None);
        }
    }

    #[test]
    fn of_what_is_too_long_both_ends_are_kept() {
        let line = "a \"line\" of h\u{e9}llo\n";
        let long = line.repeat((16 << 20) / line.len());
        let plain = "h\u{e9}llo ".repeat(2 << 20);
        for text in [long, plain] {
            let json = serde_json::to_string(&text).unwrap();
            let found: Text<'_> = serde_json::from_str(&json).unwrap();
            let found = found.into_owned();
            assert!(
                found.len() <= LONGEST + LEFT_OUT.len() + 8,
                "{}",
                found.len()
            );
            let (head, tail) = found.split_once(LEFT_OUT).unwrap();
            assert!(head.len() >= HEAD && text.starts_with(head));
            assert!(tail.len() >= TAIL * 3 / 4 && text.ends_with(tail));
        }
        let fits = "x\n".repeat(LONGEST / 2);
        let json = serde_json::to_string(&fits).unwrap();
        assert_eq!(read(&json).unwrap(), fits);
    }
}
