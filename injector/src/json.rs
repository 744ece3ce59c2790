//! Small pieces of JSON text, for output that is written rather than built as a tree.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(clean..at).unwrap_or_default());
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(text.get(clean..).unwrap_or_default());
    out.push('"');
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
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

/// `{"name": name, "value": value}`, an environment variable as Kubernetes takes it.
pub(crate) fn env(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + 24);
    out.push('{');
    member(&mut out, "name", &quoted(name));
    member(&mut out, "value", &quoted(value));
    out.push('}');
    out
}

/// One reference token of a JSON pointer: `~` and `/` escaped.
pub(crate) fn pointer_token(text: &str) -> Cow<'_, str> {
    if text.contains(['~', '/']) {
        text.replace('~', "~0").replace('/', "~1").into()
    } else {
        text.into()
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
    }
}
