//! Reads a setting's value from the text of an annotation or an environment variable.

use crate::setting::{Kind, Setting};
use serde::{Serialize, Serializer};

/// A value that lies within its setting's range.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Text`], [`Kind::Path`] or [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::List`].
    List(Vec<String>),
    /// Of [`Kind::Object`].
    Object(serde_json::Map<String, serde_json::Value>),
}

impl Value {
    /// The value as JSON, as `FILTERS` and `STATS` carry it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The value as the text of an environment variable of its own.
    pub fn to_env(&self) -> String {
        match self {
            Self::Text(value) => value.clone(),
            other => serde_json::to_string(other).unwrap_or_default(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => value.serialize(serializer),
            Self::Integer(value) => value.serialize(serializer),
            Self::Text(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Object(map) => map.serialize(serializer),
        }
    }
}

/// A text that is not a legal value of its setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {found:?} is not legal; it takes {range}")]
pub struct ParseError {
    /// Path of the setting.
    pub path: &'static str,
    /// The text, cut to 40 characters.
    pub found: String,
    /// What would be legal.
    pub range: String,
}

/// Reads `text` as a value of `setting`; surrounding blanks do not count.
pub fn parse(setting: &'static Setting, text: &str) -> Result<Value, ParseError> {
    let text = text.trim();
    let value = match setting.kind {
        Kind::Bool => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Integer { min, max } => text
            .parse::<i64>()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .map(Value::Integer),
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Path => text.starts_with('/').then(|| Value::Text(text.to_owned())),
        Kind::List => list(text),
        Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        Kind::Object => serde_json::from_str(text).ok().map(Value::Object),
    };
    value.ok_or_else(|| ParseError {
        path: setting.path,
        found: text.chars().take(40).collect(),
        range: setting.range(),
    })
}

/// A JSON array of texts, or a bare word. What starts like JSON but is not an array is refused, since a person who
/// wrote `["Bash"` surely meant no tool of that name.
fn list(text: &str) -> Option<Value> {
    if text.starts_with('[') {
        return serde_json::from_str(text).ok().map(Value::List);
    }
    if text.starts_with(['{', '"']) {
        return None;
    }
    let words = if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    };
    Some(Value::List(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{SETTINGS, find};
    use proptest::prelude::*;

    fn read(path: &str, text: &str) -> Result<Value, ParseError> {
        parse(find(path).unwrap(), text)
    }

    #[test]
    fn a_bare_word_is_a_list_of_one() {
        assert_eq!(
            read("filters.includeTools", "Bash"),
            Ok(Value::List(vec!["Bash".into()]))
        );
        assert_eq!(
            read("filters.includeTools", r#"["Bash","mcp__*"]"#),
            Ok(Value::List(vec!["Bash".into(), "mcp__*".into()]))
        );
        assert_eq!(read("filters.includeTools", ""), Ok(Value::List(vec![])));
        assert!(read("filters.includeTools", r#"["Bash""#).is_err());
    }

    #[test]
    fn a_bad_value_names_key_value_and_range() {
        let message = read("polling.intervalMs", "5").unwrap_err().to_string();
        assert!(message.contains("polling.intervalMs"), "{message}");
        assert!(message.contains("\"5\""), "{message}");
        assert!(message.contains("10 to 60000"), "{message}");
    }

    #[test]
    fn both_ends_of_a_range_are_legal() {
        for (text, legal) in [
            ("9", false),
            ("10", true),
            ("60000", true),
            ("60001", false),
        ] {
            assert_eq!(read("polling.intervalMs", text).is_ok(), legal, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,200}") {
            for setting in SETTINGS {
                let _ = parse(setting, &text);
            }
        }
    }
}
