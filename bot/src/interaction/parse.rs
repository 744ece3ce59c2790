//! An interaction as far as it is read. Discord adds fields and types without warning, so everything but the id, the
//! type and the token may be missing, unknown or of another shape; none of that is an error.

use crate::config::is_snowflake;
use serde_json::Value;

/// Longest token taken, in bytes; Discord's are below 300.
const MAX_TOKEN: usize = 4096;
/// Depth to which a form's parts are searched.
const MAX_DEPTH: usize = 4;

/// What Discord calls the type, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 1.
    Ping,
    /// 2.
    Command,
    /// 3.
    Component,
    /// 4.
    Autocomplete,
    /// 5.
    Modal,
    /// One that came after this was written.
    Other,
}

/// One interaction.
#[derive(Debug, Clone)]
pub(super) struct Interaction {
    pub kind: Kind,
    /// Snowflake; empty only for a ping.
    pub id: String,
    /// The webhook that answers later go to.
    pub application_id: String,
    /// That webhook's token, a secret for 15 minutes.
    pub token: secrecy::SecretString,
    pub guild_id: Option<String>,
    pub channel_id: Option<String>,
    pub author: Author,
    data: Value,
}

/// Who sent it.
#[derive(Debug, Clone, Default)]
pub(super) struct Author {
    pub id: String,
    /// As the guild shows it.
    pub name: String,
    pub roles: Vec<String>,
}

/// A file that came with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attachment {
    pub name: String,
    /// Bytes, as Discord says.
    pub size: u64,
    pub content_type: String,
    pub url: String,
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn id(value: &Value, key: &str) -> Option<String> {
    text(value, key).filter(|id| is_snowflake(id))
}

impl Interaction {
    /// Reads a signed body; `None` when it is no interaction.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(body).ok()?;
        let kind = match value.as_object()?.get("type")?.as_u64()? {
            1 => Kind::Ping,
            2 => Kind::Command,
            3 => Kind::Component,
            4 => Kind::Autocomplete,
            5 => Kind::Modal,
            _ => Kind::Other,
        };
        let own = id(&value, "id");
        let token = text(&value, "token").filter(|token| (1..=MAX_TOKEN).contains(&token.len()));
        if kind != Kind::Ping && (own.is_none() || token.is_none()) {
            return None;
        }
        let data = value.get_mut("data").map(Value::take).unwrap_or_default();
        Some(Self {
            kind,
            id: own.unwrap_or_default(),
            application_id: id(&value, "application_id").unwrap_or_default(),
            token: token.unwrap_or_default().into(),
            guild_id: id(&value, "guild_id"),
            channel_id: id(&value, "channel_id")
                .or_else(|| value.get("channel").and_then(|channel| id(channel, "id"))),
            author: author(&value),
            data,
        })
    }

    /// Name of the command.
    pub(super) fn command(&self) -> &str {
        self.data
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The id that a component or form was given.
    pub(super) fn custom_id(&self) -> &str {
        self.data
            .get("custom_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn options(&self) -> impl Iterator<Item = &Value> {
        self.data
            .get("options")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// An option's text, also of one that is being typed.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options()
            .find(|option| option.get("name").and_then(Value::as_str) == Some(name))?
            .get("value")?
            .as_str()
    }

    /// The option that is being typed.
    pub(super) fn focused(&self) -> Option<&str> {
        self.options()
            .find(|option| option.get("focused").and_then(Value::as_bool) == Some(true))?
            .get("name")?
            .as_str()
    }

    /// The file of an option.
    pub(super) fn attachment(&self, option: &str) -> Option<Attachment> {
        let key = self.option(option)?;
        let found = self.data.get("resolved")?.get("attachments")?.get(key)?;
        Some(Attachment {
            name: text(found, "filename").unwrap_or_else(|| "attachment".to_owned()),
            size: found.get("size").and_then(Value::as_u64).unwrap_or(0),
            content_type: text(found, "content_type").unwrap_or_default(),
            url: text(found, "url")?,
        })
    }

    /// What was typed into the field of a form, in a label or in a row.
    pub(super) fn field(&self, custom_id: &str) -> Option<&str> {
        search(self.data.get("components")?, custom_id, MAX_DEPTH)
    }
}

fn search<'a>(value: &'a Value, custom_id: &str, depth: usize) -> Option<&'a str> {
    let deeper = depth.checked_sub(1)?;
    match value {
        Value::Array(parts) => parts.iter().find_map(|part| search(part, custom_id, depth)),
        Value::Object(part) => {
            if part.get("custom_id").and_then(Value::as_str) == Some(custom_id) {
                return part.get("value")?.as_str();
            }
            ["component", "components"]
                .iter()
                .filter_map(|key| part.get(*key))
                .find_map(|inner| search(inner, custom_id, deeper))
        }
        _ => None,
    }
}

fn author(value: &Value) -> Author {
    let member = value.get("member").unwrap_or(&Value::Null);
    let user = member
        .get("user")
        .or_else(|| value.get("user"))
        .unwrap_or(&Value::Null);
    let name = text(member, "nick")
        .or_else(|| text(user, "global_name"))
        .or_else(|| text(user, "username"))
        .unwrap_or_else(|| "somebody".to_owned());
    let roles = member.get("roles").and_then(Value::as_array);
    Author {
        id: id(user, "id").unwrap_or_default(),
        name: discord::limits::cut(&name, 80).into_owned(),
        roles: roles
            .into_iter()
            .flatten()
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: &Value) -> Option<Interaction> {
        Interaction::parse(value.to_string().as_bytes())
    }

    /// Uses everything an interaction has, so that nothing of it can fail.
    fn walk(body: &[u8]) {
        let Some(found) = Interaction::parse(body) else {
            return;
        };
        let _ = (found.command(), found.custom_id(), found.focused());
        let _ = (
            found.option("text"),
            found.attachment("attachment"),
            found.field("text"),
        );
    }

    #[test]
    fn a_ping_needs_nothing_but_its_type_and_the_others_an_id_and_a_token() {
        assert_eq!(read(&json!({"type": 1})).unwrap().kind, Kind::Ping);
        assert!(read(&json!({"type": 2})).is_none());
        assert!(read(&json!({"type": 2, "id": "1"})).is_none());
        assert!(read(&json!({"type": 2, "id": "x", "token": "t"})).is_none());
        assert!(read(&json!({"type": 2, "id": "1", "token": ""})).is_none());
        assert!(read(&json!({"type": 2, "id": "1", "token": "t"})).is_some());
        let later = read(&json!({"type": 99, "id": "1", "token": "t", "data": 7})).unwrap();
        assert_eq!(later.kind, Kind::Other);
        for wrong in [
            "",
            "1",
            "[]",
            "null",
            "{}",
            "{\"type\":\"1\"}",
            "{\"type\":-1}",
            "{\"type\":1.5}",
            "{\"type\":1",
        ] {
            assert!(Interaction::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_forms_field_is_found_in_a_label_and_in_a_row() {
        for parts in [
            json!([{"type": 18, "component": {"type": 4, "custom_id": "text", "value": "hi"}}]),
            json!([{"type": 10}, {"type": 1, "components": [{"type": 4, "custom_id": "text", "value": "hi"}]}]),
        ] {
            let form = json!({"type": 5, "id": "1", "token": "t", "data": {"components": parts}});
            assert_eq!(read(&form).unwrap().field("text"), Some("hi"));
        }
    }

    #[test]
    fn the_name_a_guild_shows_comes_first_and_fields_of_another_shape_count_as_missing() {
        let base = json!({"type": 2, "id": "1", "token": "t", "member": {
            "nick": "Nick", "roles": ["5", 6, null], "user": {"id": "9", "global_name": "Global", "username": "user"}}});
        let found = read(&base).unwrap();
        assert_eq!(
            (found.author.name.as_str(), found.author.id.as_str()),
            ("Nick", "9")
        );
        assert_eq!(found.author.roles, ["5"]);
        let mut odd = base;
        odd["member"]["nick"] = json!(7);
        odd["guild_id"] = json!({"new": "shape"});
        odd["channel"] = json!({"id": "44"});
        let found = read(&odd).unwrap();
        assert_eq!(
            (found.author.name.as_str(), found.guild_id),
            ("Global", None)
        );
        assert_eq!(found.channel_id.as_deref(), Some("44"));
    }

    /// JSON with the keys that are read, in every shape.
    fn shapes() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[0-9a-zé/:]{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["text", "attachment", "run", "1", "input"])
                .prop_map(Value::from),
        ];
        let keys = prop::sample::select(vec![
            "type",
            "id",
            "token",
            "data",
            "name",
            "options",
            "value",
            "focused",
            "resolved",
            "attachments",
            "1",
            "url",
            "components",
            "component",
            "custom_id",
            "member",
            "user",
            "roles",
            "channel",
            "guild_id",
        ]);
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((keys.clone(), inner), 0..8).prop_map(|parts| parts
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(body in prop::collection::vec(any::<u8>(), 0..400)) {
            walk(&body);
        }

        #[test]
        fn no_shape_breaks_it(data in shapes(), member in shapes(), kind in 0_u64..7) {
            let body = json!({"type": kind, "id": "1", "token": "t", "data": data, "member": member});
            prop_assert!(read(&body).is_some());
            walk(body.to_string().as_bytes());
        }

        #[test]
        fn nesting_is_no_way_to_the_stack(depth in 1_usize..3000) {
            walk(format!("{{\"type\":5,\"id\":\"1\",\"token\":\"t\",\"data\":{}", "{\"components\":[".repeat(depth)).as_bytes());
            walk(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        }
    }
}
