//! Texts in a review that does not parse: its uid, for an answer under another counts as a failed call, and the message in
//! it would be lost; and whether its Pod would rather be refused than go without a watcher.
//!
//! A scan that knows no more of JSON than strings and depth, so that it survives what a parser does not: a cut end, a
//! key that stands twice, any nesting. One pass, no recursion, nothing kept.

use sidecar::names::ON_ERROR;

/// The uid in `request`, wherever it stands there; `None` when there is none that could be one.
pub(crate) fn uid(body: &[u8]) -> Option<String> {
    legal(text_at(body, &["request", "uid"])?)
}

/// Whether the Pod in `request` asks `on-error: deny`.
pub(crate) fn asks_deny(body: &[u8]) -> bool {
    let path = ["request", "object", "metadata", "annotations", ON_ERROR];
    text_at(body, &path) == Some(b"deny")
}

/// The text behind the keys of `path`, each in the object of the one before; the first one when there are several.
fn text_at<'a>(body: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    let mut scan = Scan { body, at: 0 };
    // How many objects and lists are open, how many of the outermost are those of the path, and whether the value that
    // comes next is the next of them.
    let (mut depth, mut on_path, mut next) = (0_usize, 0_usize, false);
    while let Some(byte) = scan.next() {
        match byte {
            b'"' => {
                let text = scan.string()?;
                next = false;
                if !scan.skip(b':') || depth == 0 || on_path != depth {
                    continue;
                }
                let named = path
                    .get(depth - 1)
                    .is_some_and(|key| key.as_bytes() == text);
                if named && depth < path.len() {
                    next = true;
                } else if named && scan.skip(b'"') {
                    return scan.string();
                }
            }
            b'{' | b'[' => {
                if on_path == depth && byte == b'{' && (depth == 0 || next) {
                    on_path += 1;
                }
                depth += 1;
                next = false;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                on_path = on_path.min(depth);
            }
            b',' => next = false,
            _ => {}
        }
    }
    None
}

/// Kubernetes' uids are UUIDs; what needs escaping is none, and is not echoed.
fn legal(text: &[u8]) -> Option<String> {
    let fits = !text.is_empty()
        && text.len() <= 128
        && text
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    let text = std::str::from_utf8(text).ok()?;
    fits.then(|| text.to_owned())
}

struct Scan<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.body.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// The rest of a string whose opening quote is behind us, without its quotes; `None` when it never ends.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => return self.body.get(start..self.at - 1),
                b'\\' => drop(self.next()?),
                _ => {}
            }
        }
    }

    /// Steps over blanks, and over `wanted` if it comes next.
    fn skip(&mut self, wanted: u8) -> bool {
        while self.body.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let found = self.body.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(body: &str) -> Option<String> {
        uid(body.as_bytes())
    }

    #[test]
    fn the_uid_is_found_in_what_does_not_parse() {
        for (body, expected) in [
            (r#"{"request":{"uid":"a-1","object":5}}"#, Some("a-1")),
            (r#"{"request":{"kind":7,"uid":"a-1"}}"#, Some("a-1")),
            (
                r#"{"kind":"R","request":{"uid":"a-1","object":{"spec"#,
                Some("a-1"),
            ),
            (r#"{"request":{"uid" : "a-1", oops"#, Some("a-1")),
            // One of the two; the first, as the API server writes it.
            (r#"{"request":{"uid":"a-1","uid":"b-2"}}"#, Some("a-1")),
            (
                r#"{"request":{"uid":"a-1"},"request":{"uid":"b-2"}}"#,
                Some("a-1"),
            ),
            // A Pod has a uid of its own, and may talk about requests.
            (
                r#"{"request":{"object":{"metadata":{"uid":"pod"}},"uid":"a-1", oops"#,
                Some("a-1"),
            ),
            (
                r#"{"request":{"object":{"request":{"uid":"pod"}},"uid":"a-1", oops"#,
                Some("a-1"),
            ),
            (
                r#"{"uid":"outer","x":{"uid":"other"},"request":{"note":"\"uid\":\"no\"","uid":"a-1" oops"#,
                Some("a-1"),
            ),
            (r#"{"request":["uid","a-1"] oops"#, None),
            (r#"{"request":{"uid":"a\"b", oops"#, None),
            (r#"{"request":{"uid":"cut"#, None),
            ("", None),
            ("\u{0}", None),
        ] {
            assert_eq!(found(body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn what_the_pod_asks_for_in_case_of_an_error_is_found_in_what_does_not_parse() {
        let key = r#""discord-monitoring.io/on-error":"deny""#;
        for (body, expected) in [
            (format!(r#"{{"request":{{"object":{{"metadata":{{"annotations":{{"a":"b",{key}}} oops"#), true),
            (format!(r#"{{"request":{{"kind":[{{}}],"object":{{"spec":{{}},"metadata":{{"annotations":{{{key}}}}}}}}}}}"#), true),
            (format!(r#"{{"request":{{"oldObject":{{"metadata":{{"annotations":{{{key}}} oops"#), false),
            (format!(r#"{{"request":{{"object":{{"metadata":{{"labels":{{{key}}} oops"#), false),
            (format!(r#"{{"request":{{"object":{{"spec":{{"metadata":{{"annotations":{{{key}}} oops"#), false),
            (format!(r#"{{"request":{{"object":[{{"metadata":{{"annotations":{{{key}}} oops"#), false),
            (format!(r#"{{"request":{{"object":1,"x":{{"metadata":{{"annotations":{{{key}}} oops"#), false),
            (r#"{"request":{"object":{"metadata":{"annotations":{"discord-monitoring.io/on-error":"admit"}}}} oops"#.to_owned(), false),
        ] {
            assert_eq!(asks_deny(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn no_nesting_is_too_deep() {
        for open in ["[", "{\"a\":"] {
            let deep = open.repeat(1_000_000);
            let body = format!("{{\"request\":{{\"object\":{deep}");
            assert_eq!(found(&body), None);
            let body = format!("{{\"request\":{{\"uid\":\"a-1\",\"object\":{deep}");
            assert_eq!(found(&body).as_deref(), Some("a-1"));
        }
    }

    proptest! {
        #[test]
        fn a_review_cut_anywhere_behind_its_uid_is_answered_under_it(cut in 0_usize..200, text in "\\PC{0,40}") {
            let text = serde_json::Value::from(text).to_string();
            let start = format!("{{\"kind\":{text},\"request\":{{\"name\":{text},\"uid\":\"705ab4f5-6393\"");
            let whole = format!("{start},\"object\":{{\"metadata\":{{\"uid\":\"other\",\"x\":{text}}}}}}}}}");
            let end = (start.len() + cut).min(whole.len());
            prop_assert_eq!(uid(&whole.as_bytes()[..end]).unwrap(), "705ab4f5-6393");
        }

        #[test]
        fn no_body_makes_the_scan_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = uid(&body);
            let _ = asks_deny(&body);
        }
    }
}
