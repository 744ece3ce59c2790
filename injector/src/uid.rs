//! The uid of a review that does not parse: an answer under another uid counts as a failed call, and the message in it
//! would be lost.
//!
//! A scan that knows no more of JSON than strings and depth, so that it survives what a parser does not: a cut end, a
//! key that stands twice, any nesting. One pass, no recursion, nothing kept.

/// The uid in `request`, wherever it stands there; `None` when there is none that could be one.
pub(crate) fn uid(body: &[u8]) -> Option<String> {
    let mut scan = Scan { body, at: 0 };
    let mut depth = 0_usize;
    // Whether the member at depth 1 that is being read is `request`, and whether depth 2 is its object.
    let (mut named, mut inside) = (false, false);
    while let Some(byte) = scan.next() {
        match byte {
            b'"' => {
                let text = scan.string()?;
                if !scan.skip(b':') {
                    continue;
                }
                if depth == 1 {
                    named = text == b"request";
                } else if depth == 2 && inside && text == b"uid" && scan.skip(b'"') {
                    return legal(scan.string()?);
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth == 2 {
                    inside = named && byte == b'{';
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
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
        }
    }
}
