//! Reads one variable at a time through the table of settings, and collects what is wrong.

use sidecar::{Setting, Value, find, parse};
use std::str::FromStr;

/// The environment, and the problems found in it so far.
pub(super) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Env<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    /// The variable's text; an empty one counts as unset, as charts tend to write it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.trim().is_empty())
    }

    pub(super) fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    /// A value that is not in the table of settings; `range` says what would be legal.
    pub(super) fn other<T: FromStr>(&mut self, name: &str, range: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.trim().parse().ok();
        if value.is_none() {
            self.refuse(name, &text, range);
        }
        value
    }

    pub(super) fn refuse(&mut self, name: &str, text: &str, range: &str) {
        let found: String = text.chars().take(40).collect();
        self.problem(format!(
            "{name}: {found:?} is not legal; it takes {range}; the default is used"
        ));
    }

    /// The value of a setting by its path, from the variable of its own.
    pub(super) fn setting(&mut self, path: &str) -> Option<Value> {
        let setting = find(path)?;
        let env = setting.env?;
        if let Some(text) = self.text(env) {
            match parse(setting, &text) {
                Ok(value) => return Some(value),
                Err(error) => self.problem(format!("{env}: {error}; the default is used")),
            }
        }
        default(setting)
    }

    /// The values of the settings that share the JSON object of one variable, in the order of `paths`.
    pub(super) fn object<const N: usize>(
        &mut self,
        env: &str,
        paths: [&str; N],
    ) -> [Option<Value>; N] {
        let mut map = serde_json::Map::new();
        if let Some(text) = self.text(env) {
            match serde_json::from_str(&text) {
                Ok(found) => map = found,
                Err(_) => self.refuse(env, &text, "a JSON object"),
            }
        }
        let values = paths.map(|path| {
            let setting = find(path)?;
            let Some(found) = map.remove(setting.env_key?) else {
                return default(setting);
            };
            let text = found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned);
            match parse(setting, &text) {
                Ok(value) => Some(value),
                Err(error) => {
                    self.problem(format!("{env}: {error}; the default is used"));
                    default(setting)
                }
            }
        });
        for key in map.keys().take(5) {
            let known = paths.iter().filter_map(|path| find(path)?.env_key);
            let advice = sidecar::nearest(key, known)
                .map_or_else(String::new, |known| format!("; did you mean {known:?}?"));
            let key: String = key.chars().take(40).collect();
            self.problem(format!("{env}: the key {key:?} is not known{advice}"));
        }
        values
    }
}

/// The setting's default; the table's own test shows that every one is legal.
fn default(setting: &'static Setting) -> Option<Value> {
    let json: serde_json::Value = serde_json::from_str(setting.default?).ok()?;
    let text = json
        .as_str()
        .map_or_else(|| json.to_string(), str::to_owned);
    parse(setting, &text).ok()
}
