//! A container cut into pieces of JSON where Pods differ, so that rendering one is copying.

use crate::json;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// An entry of a list, with the name that identifies it (an env's name, a mount's volume).
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) json: String,
}

/// A container in pieces. Everything is JSON text but the names.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) env: Vec<Piece>,
    pub(crate) mounts: Vec<Piece>,
    pub(crate) security: Vec<(String, String)>,
    /// All other fields.
    pub(crate) fields: Vec<(String, String)>,
}

/// How one Pod's container differs from the definition.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// A name other than the definition's, when the Pod has a container of that name already.
    pub(crate) name: Option<&'a str>,
    /// Variables added, or put in the place of the definition's of that name; the text is the whole entry.
    pub(crate) env: Vec<(Cow<'a, str>, String)>,
    /// Variables left out.
    pub(crate) without_env: Vec<&'a str>,
    /// Mounts added; the text is the whole entry.
    pub(crate) mounts: Vec<String>,
    /// Volumes that go by another name in this Pod: (the definition's, the Pod's).
    pub(crate) renamed: Vec<(&'a str, &'a str)>,
    /// Fields of the security context set to JSON, or left out.
    pub(crate) security: Vec<(&'static str, Option<Cow<'a, str>>)>,
    /// Other fields set to JSON, or left out.
    pub(crate) fields: Vec<(&'static str, Option<Cow<'a, str>>)>,
}

impl Pieces {
    /// Cuts a container of the definition.
    pub(crate) fn cut(container: &Map<String, Value>) -> Self {
        let text = |key: &str| {
            container
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let list = |key: &str| {
            let entries = container.get(key).and_then(Value::as_array);
            entries
                .into_iter()
                .flatten()
                .map(|entry| Piece {
                    name: entry
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                    json: entry.to_string(),
                })
                .collect()
        };
        let members = |map: &Map<String, Value>| -> Vec<(String, String)> {
            map.iter()
                .map(|(key, value)| (key.clone(), value.to_string()))
                .collect()
        };
        let security = container.get("securityContext").and_then(Value::as_object);
        let mut fields = members(container);
        fields.retain(|(key, _)| {
            !matches!(
                key.as_str(),
                "name" | "image" | "env" | "volumeMounts" | "securityContext"
            )
        });
        Self {
            name: text("name"),
            image: text("image"),
            env: list("env"),
            mounts: list("volumeMounts"),
            security: security.map(members).unwrap_or_default(),
            fields,
        }
    }

    /// The JSON of one field that is not cut further.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Appends the container as JSON, changed as `changes` say.
    pub(crate) fn render(&self, changes: &Changes<'_>, out: &mut String) {
        out.push('{');
        json::text_member(out, "name", changes.name.unwrap_or(&self.name));
        if !changes.fields.iter().any(|(key, _)| *key == "image") {
            json::text_member(out, "image", &self.image);
        }
        merge(out, &self.fields, &changes.fields);
        self.render_env(changes, out);
        self.render_mounts(changes, out);
        if !self.security.is_empty() || changes.security.iter().any(|(_, value)| value.is_some()) {
            json::member(out, "securityContext", "{");
            merge(out, &self.security, &changes.security);
            out.push('}');
        }
        out.push('}');
    }

    fn render_env(&self, changes: &Changes<'_>, out: &mut String) {
        json::member(out, "env", "[");
        let start = out.len();
        for piece in &self.env {
            if changes.without_env.contains(&piece.name.as_str()) {
                continue;
            }
            // The last one said wins, in the place of the first.
            let changed = changes.env.iter().rfind(|(name, _)| *name == piece.name);
            item(out, start, changed.map_or(&piece.json, |(_, text)| text));
        }
        for (at, (name, text)) in changes.env.iter().enumerate() {
            let known = self.env.iter().any(|piece| piece.name == *name)
                && !changes.without_env.contains(&&**name);
            let again = changes
                .env
                .iter()
                .skip(at + 1)
                .any(|(later, _)| later == name);
            if !known && !again {
                item(out, start, text);
            }
        }
        out.push(']');
    }

    fn render_mounts(&self, changes: &Changes<'_>, out: &mut String) {
        json::member(out, "volumeMounts", "[");
        let start = out.len();
        for piece in &self.mounts {
            let renamed = changes.renamed.iter().find(|(from, _)| *from == piece.name);
            match renamed {
                Some((_, to)) => item(out, start, &with_name(&piece.json, to)),
                None => item(out, start, &piece.json),
            }
        }
        for text in &changes.mounts {
            item(out, start, text);
        }
        out.push(']');
    }
}

/// The same object under another `name`.
pub(crate) fn with_name(object: &str, name: &str) -> String {
    match serde_json::from_str::<Map<String, Value>>(object) {
        Ok(mut map) => {
            map.insert("name".to_owned(), name.into());
            Value::Object(map).to_string()
        }
        Err(_) => object.to_owned(),
    }
}

fn item(out: &mut String, start: usize, text: &str) {
    if out.len() > start {
        out.push(',');
    }
    out.push_str(text);
}

/// Members of the definition, some replaced or left out, then what is new.
fn merge(
    out: &mut String,
    given: &[(String, String)],
    changes: &[(&'static str, Option<Cow<'_, str>>)],
) {
    let changed = |key: &str| changes.iter().rfind(|(name, _)| *name == key);
    for (key, value) in given {
        match changed(key) {
            None => json::member(out, key, value),
            Some((_, Some(value))) => json::member(out, key, value),
            Some((_, None)) => {}
        }
    }
    for (at, (key, value)) in changes.iter().enumerate() {
        let again = changes.iter().skip(at + 1).any(|(later, _)| later == key);
        if let (Some(value), false, false) =
            (value, again, given.iter().any(|(name, _)| name == key))
        {
            json::member(out, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container() -> Map<String, Value> {
        let value = json!({
            "name": "w", "image": "i:1", "args": ["a"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1},
        });
        value.as_object().unwrap().clone()
    }

    fn rendered(changes: &Changes<'_>) -> Value {
        let mut text = String::new();
        Pieces::cut(&container()).render(changes, &mut text);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn pieces_put_together_are_the_container() {
        assert_eq!(rendered(&Changes::default()), Value::Object(container()));
    }

    #[test]
    fn changes_replace_add_and_leave_out() {
        let changes = Changes {
            name: Some("w-2"),
            env: vec![
                ("B".into(), json::env("B", "3")),
                ("C".into(), json::env("C", "4")),
                ("C".into(), json::env("C", "5")),
            ],
            without_env: vec!["A"],
            mounts: vec![r#"{"name":"x","mountPath":"/x"}"#.into()],
            renamed: vec![("v", "v-2")],
            security: vec![("runAsUser", None), ("runAsGroup", Some("7".into()))],
            fields: vec![("restartPolicy", Some("\"Always\"".into())), ("args", None)],
        };
        assert_eq!(
            rendered(&changes),
            json!({
                "name": "w-2", "image": "i:1", "restartPolicy": "Always",
                "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "5"}],
                "volumeMounts": [{"name": "v-2", "mountPath": "/v"}, {"name": "x", "mountPath": "/x"}],
                "securityContext": {"runAsNonRoot": true, "runAsGroup": 7},
            })
        );
    }
}
