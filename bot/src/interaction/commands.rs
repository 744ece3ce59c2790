//! The commands as Discord shows them, and how ours are told from what it has.

use super::words::line;
use serde_json::{Map, Value, json};

/// Who sees `/input` and `/stop` unless the guild's admins say otherwise: `MANAGE_CHANNELS`.
const TALK: u64 = 1 << 4;
/// Who sees `/status` and `/cost`: `SEND_MESSAGES`.
const LOOK: u64 = 1 << 11;
/// Where commands are shown: in guilds, whose channels are the runs'.
const CONTEXTS: [u64; 1] = [0];
/// Most code points of a typed text (application-commands.mdx).
const MAX_TEXT: u64 = 6000;

/// All commands, by name.
pub(super) fn all() -> Vec<Value> {
    let run = json!({
        "type": 3, "name": "run", "description": "Another run than this channel's", "autocomplete": true,
    });
    let command = |name: &str, description: &str, who: u64, options: Vec<Value>| {
        json!({
            "type": 1,
            "name": name,
            "description": line(description, 100),
            "options": options,
            "default_member_permissions": who,
            "contexts": CONTEXTS,
        })
    };
    vec![
        command(
            "cost",
            "What the run has cost so far",
            LOOK,
            vec![run.clone()],
        ),
        command(
            "input",
            "Say something to the agent; without a text, a form opens",
            TALK,
            vec![
                json!({"type": 3, "name": "text", "description": "What the agent reads", "max_length": MAX_TEXT}),
                json!({"type": 11, "name": "attachment", "description": "A text file of at most 64 KiB, appended"}),
                run.clone(),
            ],
        ),
        command("status", "What the agent does", LOOK, vec![run.clone()]),
        command(
            "stop",
            "Interrupt what the agent does; it waits for input then",
            TALK,
            vec![run],
        ),
    ]
}

/// Whether Discord has other commands than ours. What it adds by itself (ids, versions, defaults) does not count.
pub(super) fn differ(theirs: &Value) -> bool {
    let Some(theirs) = theirs.as_array() else {
        return true;
    };
    // `contexts` is only promised for commands of all guilds: its absence says nothing, another value does.
    let elsewhere = |command: &Value| {
        let contexts = command
            .get("contexts")
            .filter(|contexts| !contexts.is_null());
        contexts.is_some_and(|contexts| *contexts != json!(CONTEXTS))
    };
    if theirs.iter().any(elsewhere) {
        return true;
    }
    let mut theirs: Vec<Value> = theirs.iter().map(normal).collect();
    theirs.sort_by_key(|command| command.get("name").map(Value::to_string));
    let ours: Vec<Value> = all().iter().map(normal).collect();
    theirs != ours
}

/// The parts of a command or option that we set, with defaults left out and numbers as Discord writes them.
fn normal(value: &Value) -> Value {
    const KEYS: [&str; 9] = [
        "name",
        "description",
        "type",
        "required",
        "autocomplete",
        "min_length",
        "max_length",
        "default_member_permissions",
        "choices",
    ];
    let mut parts = Map::new();
    for key in KEYS {
        let Some(part) = value.get(key) else { continue };
        let part = match (key, part) {
            (_, Value::Null | Value::Bool(false)) => continue,
            ("choices", Value::Array(list)) if list.is_empty() => continue,
            ("default_member_permissions", Value::Number(bits)) => Value::String(bits.to_string()),
            _ => part.clone(),
        };
        parts.insert(key.to_owned(), part);
    }
    if let Some(options) = value.get("options").and_then(Value::as_array)
        && !options.is_empty()
    {
        parts.insert("options".to_owned(), options.iter().map(normal).collect());
    }
    Value::Object(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ours as Discord gives them back: more fields, bits as text, another order.
    fn back() -> Value {
        let mut commands = all();
        commands.reverse();
        for (at, command) in commands.iter_mut().enumerate() {
            command["id"] = json!(at.to_string());
            command["version"] = json!("9");
            command["nsfw"] = json!(false);
            command["name_localizations"] = Value::Null;
            command["contexts"] = Value::Null;
            command["default_member_permissions"] =
                json!(command["default_member_permissions"].to_string());
            command["options"][0]["required"] = json!(false);
        }
        Value::Array(commands)
    }

    #[test]
    fn commands_as_discord_gives_them_back_are_no_others() {
        assert!(!differ(&back()));
    }

    #[test]
    fn a_changed_missing_or_further_command_differs() {
        for change in [
            |commands: &mut Value| commands[0]["description"] = json!("older"),
            |commands: &mut Value| commands[1]["default_member_permissions"] = json!("0"),
            |commands: &mut Value| commands[0]["options"] = json!([]),
            |commands: &mut Value| commands[2]["contexts"] = json!([0, 1]),
            |commands: &mut Value| drop(commands.as_array_mut().unwrap().pop()),
            |commands: &mut Value| {
                commands
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"name": "old", "type": 1}));
            },
            |commands: &mut Value| *commands = json!({}),
        ] {
            let mut commands = back();
            change(&mut commands);
            assert!(differ(&commands), "{commands}");
        }
        assert!(differ(&json!([])));
    }
}
