//! Reads one JSON object field by field, in Discord's words, and remembers what was wrong.
//!
//! Lengths are Unicode code points after trimming (discord-api-docs 1315), never bytes or UTF-16 units.

use serde_json::{Map, Value};

use super::error::{ApiError, ErrorTree};

/// Collects errors (Discord refuses) and violations (only the double minds).
#[derive(Debug, Default)]
pub struct Checker {
    tree: ErrorTree,
    /// What real Discord would have let pass in silence.
    pub violations: Vec<String>,
}

/// How a string may look.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Most code points.
    pub max: usize,
    /// Whether the field must be there.
    pub required: bool,
}

impl Text {
    /// An optional string of at most `max` code points.
    pub const fn up_to(max: usize) -> Self {
        Self {
            max,
            required: false,
        }
    }

    /// A required string of 1 to `max` code points.
    pub const fn required(max: usize) -> Self {
        Self {
            max,
            required: true,
        }
    }
}

/// Where in the body we are.
pub type Path = Vec<String>;

/// `path` with one more step.
pub fn at(path: &Path, step: impl std::fmt::Display) -> Path {
    let mut path = path.clone();
    path.push(step.to_string());
    path
}

impl Checker {
    /// Remembers an error that makes the request fail.
    pub fn error(&mut self, path: &Path, code: &str, message: &str) {
        self.tree.push(path.clone(), code, message);
    }

    /// Remembers a breach that only the double minds.
    pub fn violation(&mut self, path: &Path, what: &str) {
        let place = if path.is_empty() {
            "body".to_owned()
        } else {
            path.join(".")
        };
        self.violations.push(format!("{place}: {what}"));
    }

    /// The errors so far as one answer.
    pub fn finish(self) -> (Option<ApiError>, Vec<String>) {
        let error = (!self.tree.is_empty()).then(|| self.tree.into_error());
        (error, self.violations)
    }

    /// `value` as an object; anything else is an error. Keys outside `known` are violations.
    pub fn object<'a>(
        &mut self,
        value: &'a Value,
        path: &Path,
        known: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(map) = value.as_object() else {
            self.error(
                path,
                "MODEL_TYPE_CONVERT",
                "Only dictionaries may be used in a ModelType",
            );
            return None;
        };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.violation(&at(path, key), "Discord does not know this field");
        }
        Some(map)
    }

    /// A list field: `None` when absent, null or of the wrong type.
    pub fn list<'a>(
        &mut self,
        map: &'a Map<String, Value>,
        path: &Path,
        key: &str,
        max: usize,
    ) -> Option<&'a Vec<Value>> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        let path = at(path, key);
        let Some(list) = value.as_array() else {
            self.error(
                &path,
                "LIST_TYPE_CONVERT",
                "Only iterables may be used in a ListType",
            );
            return None;
        };
        if list.len() > max {
            let message = format!("Must be {max} or fewer in length.");
            self.error(&path, "BASE_TYPE_MAX_LENGTH", &message);
        }
        Some(list)
    }

    /// A string field, trimmed. Whitespace only counts as empty and is refused.
    pub fn text(
        &mut self,
        map: &Map<String, Value>,
        path: &Path,
        key: &str,
        rule: Text,
    ) -> Option<String> {
        let path = at(path, key);
        let Some(value) = map.get(key).filter(|value| !value.is_null()) else {
            if rule.required {
                self.error(&path, "BASE_TYPE_REQUIRED", "This field is required");
            }
            return None;
        };
        let Some(text) = value.as_str() else {
            self.error(
                &path,
                "STRING_TYPE_CONVERT",
                "Could not interpret as string.",
            );
            return None;
        };
        let text = text.trim();
        if text.is_empty() {
            self.error(&path, "BASE_TYPE_REQUIRED", "This field is required");
            return None;
        }
        if text.contains('\0') {
            self.violation(&path, "holds a NUL character");
        }
        if text.chars().count() > rule.max {
            let max = rule.max;
            let (code, message) = if rule.required {
                let message = format!("Must be between 1 and {max} in length.");
                ("BASE_TYPE_BAD_LENGTH", message)
            } else {
                let message = format!("Must be {max} or fewer in length.");
                ("BASE_TYPE_MAX_LENGTH", message)
            };
            self.error(&path, code, &message);
        }
        Some(text.to_owned())
    }

    /// A URL of one of `schemes`, at most 2048 code points.
    pub fn url(
        &mut self,
        map: &Map<String, Value>,
        path: &Path,
        key: &str,
        schemes: &[&str],
    ) -> Option<String> {
        let url = self.text(map, path, key, Text::up_to(2048))?;
        let path = at(path, key);
        let Some((scheme, rest)) = url.split_once("://") else {
            self.error(&path, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
            return None;
        };
        if !schemes.contains(&scheme) {
            let message = format!(
                "Scheme \"{scheme}\" must be one of ('{}').",
                schemes.join("', '")
            );
            self.error(&path, "URL_TYPE_INVALID_SCHEME", &message);
            return None;
        }
        if rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace) {
            self.error(&path, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
            return None;
        }
        Some(url)
    }

    /// A whole number within `min..=max`.
    pub fn integer(
        &mut self,
        map: &Map<String, Value>,
        path: &Path,
        key: &str,
        min: i64,
        max: i64,
    ) -> Option<i64> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        let path = at(path, key);
        let Some(number) = value.as_i64() else {
            let message = format!("Value \"{value}\" is not int.");
            self.error(&path, "NUMBER_TYPE_COERCE", &message);
            return None;
        };
        if number < min {
            let message = format!("int value should be greater than or equal to {min}.");
            self.error(&path, "NUMBER_TYPE_MIN", &message);
        } else if number > max {
            let message = format!("int value should be less than or equal to {max}.");
            self.error(&path, "NUMBER_TYPE_MAX", &message);
        }
        Some(number)
    }

    /// A true or false.
    pub fn boolean(&mut self, map: &Map<String, Value>, path: &Path, key: &str) -> Option<bool> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.error(
                &at(path, key),
                "BOOLEAN_TYPE_CONVERT",
                "Must be either true or false.",
            );
        }
        flag
    }
}
