//! Halves of surrogate pairs. A client that cuts a text by UTF-16 units writes them as escapes, which JSON's grammar
//! allows and a parser that makes UTF-8 of them refuses.

use std::borrow::Cow;

/// Bytes of `\uXXXX`.
const ESCAPE: usize = 6;

/// The 16 bits of an escape at the beginning of `raw`.
pub(super) fn unit(raw: &str) -> Option<u32> {
    let digits = raw.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// The JSON text with a replacement character for each half that has no other; borrowed when there is none.
pub(super) fn mended(json: &str) -> Cow<'_, str> {
    let mut whole = String::new();
    // What was not copied yet, and how much of it is known to be in order.
    let (mut rest, mut good) = (json, 0);
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes().get(good..).unwrap_or_default()) {
        good += at;
        let here = rest.get(good..).unwrap_or_default();
        let next = here.get(ESCAPE..).and_then(unit);
        good += match unit(here) {
            Some(0xD800..0xDC00) if matches!(next, Some(0xDC00..0xE000)) => 2 * ESCAPE,
            Some(0xD800..0xE000) => {
                whole.push_str(rest.get(..good).unwrap_or_default());
                whole.push_str("\\ufffd");
                rest = here.get(ESCAPE..).unwrap_or_default();
                good = 0;
                continue;
            }
            // The character after a backslash is never the beginning of an escape, and may have any length.
            _ => 1 + here.chars().nth(1).map_or(0, char::len_utf8),
        };
    }
    if whole.is_empty() {
        return json.into();
    }
    whole.push_str(rest);
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_half_without_its_other_becomes_a_replacement_character() {
        for (json, expected) in [
            (r#""a\ud83dz""#, r#""a\ufffdz""#),
            (r#""\uDE00\ud83d\u0041""#, r#""\ufffd\ufffd\u0041""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d\\\ud83d""#, r#""\\ud83d\\\ufffd""#),
            (r#""\ud83d\"#, r#""\ufffd\"#),
        ] {
            assert_eq!(mended(json), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_is_read(units in proptest::collection::vec(prop_oneof![0xD7FF_u16..0xE001, any::<u16>()], 0..20)) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = escapes.concat();
            let read: String = serde_json::from_str(&mended(&format!("\"{json}\""))).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn nothing_else_is_touched(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert!(matches!(mended(&json), Cow::Borrowed(_)));
        }

        #[test]
        fn any_text_is_survived(text in "[\\\\udD8CcEe0é]{0,40}") {
            prop_assert_eq!(mended(&mended(&text)).into_owned(), mended(&text).into_owned());
        }
    }
}
