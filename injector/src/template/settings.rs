//! The settings' values that hold for every Pod: the chart's where it says one, the table's defaults elsewhere.

use serde_json::{Map, Value as Json};
use sidecar::{SETTINGS, Setting, Value};

/// One value, or none, for each row of the table, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    values: Vec<Option<Value>>,
}

impl Settings {
    /// Reads nested values (`polling: {intervalMs: 100}`). What is not legal is noted, and the default stays.
    pub(crate) fn read(nested: &Map<String, Json>, notes: &mut Vec<String>) -> Self {
        let values = SETTINGS
            .iter()
            .map(|setting| {
                let default = || {
                    setting
                        .default
                        .and_then(|text| legal(setting, &serde_json::from_str(text).ok()?))
                };
                match lookup(nested, setting.path) {
                    None | Some(Json::Null) => default(),
                    Some(Json::String(text)) if text.is_empty() => default(),
                    Some(given) => legal(setting, given).or_else(|| {
                        notes.push(format!(
                            "settings.{}: {given} is not legal; it takes {}; the default stays",
                            setting.path,
                            setting.range()
                        ));
                        default()
                    }),
                }
            })
            .collect();
        Self { values }
    }

    /// The value at `path`; an empty text is no value.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let row = SETTINGS.iter().position(|setting| setting.path == path)?;
        let value = self.values.get(row)?.as_ref()?;
        (*value != Value::Text(String::new())).then_some(value)
    }
}

fn lookup<'a>(nested: &'a Map<String, Json>, path: &str) -> Option<&'a Json> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let value = nested.get(first)?;
    if rest.is_empty() {
        Some(value)
    } else {
        lookup(value.as_object()?, rest)
    }
}

fn legal(setting: &'static Setting, json: &Json) -> Option<Value> {
    match json {
        Json::String(text) if text.is_empty() => None,
        Json::String(text) => sidecar::parse(setting, text).ok(),
        other => sidecar::parse(setting, &other.to_string()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Settings, Vec<String>) {
        let mut notes = Vec::new();
        (
            Settings::read(&serde_json::from_str(json).unwrap(), &mut notes),
            notes,
        )
    }

    #[test]
    fn the_chart_wins_over_the_default() {
        let (settings, notes) = read(r#"{"polling":{"intervalMs":250},"mode":"plain"}"#);
        assert_eq!(
            settings.get("polling.intervalMs"),
            Some(&Value::Integer(250))
        );
        assert_eq!(settings.get("polling.batchSize"), Some(&Value::Integer(10)));
        assert_eq!(settings.get("mode"), Some(&Value::Text("plain".into())));
        assert_eq!(settings.get("transcriptPath"), None);
        assert!(notes.is_empty());
    }

    #[test]
    fn an_illegal_value_leaves_the_default_and_a_note() {
        let (settings, notes) = read(r#"{"polling":{"intervalMs":1}}"#);
        assert_eq!(
            settings.get("polling.intervalMs"),
            Some(&Value::Integer(100))
        );
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("polling.intervalMs") && notes[0].contains("10 to 60000"));
    }
}
