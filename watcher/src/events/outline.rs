//! Any JSON as readable lines, its strings decoded: what stands escaped in JSON would hide secrets and control
//! characters from whoever looks for them.

use crate::record::Key;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt::{self, Write as _};

/// Bytes of the lines; the rest of a value is left out.
const MOST: usize = 64 * 1024;

/// `raw` as lines: `key: value`, `- element`, nested ones indented.
pub(super) fn outline(raw: &RawValue) -> String {
    let mut out = String::new();
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    // Deeper than the reader goes, a value is shown as far as it was read.
    let _ = Outline {
        out: &mut out,
        indent: 0,
    }
    .deserialize(&mut reader);
    out
}

struct Outline<'a> {
    out: &'a mut String,
    indent: usize,
}

impl Outline<'_> {
    fn write(self, value: impl fmt::Display) {
        if self.out.len() < MOST {
            let _ = write!(self.out, "{value}");
        }
    }

    /// Begins the line of an element.
    fn begin(&mut self, first: bool, label: impl fmt::Display) {
        if self.out.len() < MOST {
            if !first || self.indent > 1 {
                self.out.push('\n');
            }
            let _ = write!(
                self.out,
                "{:1$}{label}",
                "",
                self.indent.saturating_sub(1) * 2
            );
        }
    }
}

impl<'de> DeserializeSeed<'de> for Outline<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(value);
        Ok(())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(value);
        Ok(())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(value);
        Ok(())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(value);
        Ok(())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        // A cut in a string would leave half of what it holds: the whole string goes or stays.
        if value.len() <= MOST {
            self.write(value);
        } else {
            self.write(format_args!("({} bytes)", value.len()));
        }
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write("null");
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.indent += 1;
        let mut first = true;
        loop {
            // The label is written before it is known whether there is an element, and taken back when not.
            let before = self.out.len();
            self.begin(first, "- ");
            let element = Outline {
                out: self.out,
                indent: self.indent,
            };
            if list.next_element_seed(element)?.is_none() {
                self.out.truncate(before);
                return Ok(());
            }
            first = false;
        }
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.indent += 1;
        let mut first = true;
        while let Some(Key(key)) = map.next_key()? {
            self.begin(first, format_args!("{key}: "));
            map.next_value_seed(Outline {
                out: self.out,
                indent: self.indent,
            })?;
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        outline(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn strings_are_decoded_and_nesting_is_indented() {
        assert_eq!(
            shown(r#"{"a":"x\ny","b":{"c":[1,"\u001b"],"d":null},"e":true}"#),
            "a: x\ny\nb: \n  c: \n    - 1\n    - \u{1b}\n  d: null\ne: true"
        );
        assert_eq!(shown("[]"), "");
        assert_eq!(shown("\"only\""), "only");
    }

    #[test]
    fn it_is_bounded_in_size_and_depth() {
        let wide = format!("[{}1]", "1,".repeat(200_000));
        assert!(shown(&wide).len() < MOST + 64);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(shown(&deep).len() < MOST + 64);
    }
}
