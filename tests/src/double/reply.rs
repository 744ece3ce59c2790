//! The first answer to an interaction, held against Discord's rules (interactions/receiving-and-responding.mdx).

use serde_json::{Map, Value, json};

use super::draft::{self, EPHEMERAL, Kind, LOADING};
use super::message;
use super::state::Core;

/// Takes an answer for an interaction, stores its message, and says which rules it breaks.
pub(super) fn accept(core: &mut Core, id: u64, answer: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(one) = core.interactions.get(&id).cloned() else {
        return vec!["no such interaction".to_owned()];
    };
    let kind = answer.get("type").and_then(Value::as_u64).unwrap_or(0);
    let allowed: &[u64] = match one.kind {
        1 => &[1],
        2 => &[4, 5, 9],
        3 => &[4, 5, 6, 7, 9],
        4 => &[8],
        _ => &[4, 5, 6, 7],
    };
    if !allowed.contains(&kind) {
        broken.push(format!(
            "type {kind} does not answer an interaction of type {}",
            one.kind
        ));
    }
    let empty = json!({});
    let data = answer.get("data").unwrap_or(&empty);
    let mut original = None;
    match kind {
        4 => original = said(core, data, &mut broken),
        5 => original = Some(deferred(core, data, &mut broken)),
        8 => choices(data, &mut broken),
        9 => modal(data, &mut broken),
        _ => {}
    }
    if broken.is_empty() {
        let stored = original.map(|mut new| {
            new.channel_id = one.channel_id;
            new.webhook_id = Some(core.options.bot.application_id);
            "agent-runs".clone_into(&mut new.username);
            let id = new.id;
            core.store(new);
            id
        });
        if let Some(one) = core.interactions.get_mut(&id) {
            one.answered = Some(kind);
            one.original = stored;
        }
    }
    broken
}

fn said(core: &mut Core, data: &Value, broken: &mut Vec<String>) -> Option<message::Built> {
    let (draft, violations) = draft::check(Kind::Reply, data, &[]);
    broken.extend(violations);
    match draft.and_then(|draft| message::build(core, &draft, &[])) {
        Ok(new) => Some(new),
        Err(error) => {
            broken.push(format!("data: {}", error.body()));
            None
        }
    }
}

/// Nothing but ephemerality can be said of an answer that is still to come.
fn deferred(core: &mut Core, data: &Value, broken: &mut Vec<String>) -> message::Built {
    let flags = data.get("flags").and_then(Value::as_i64).unwrap_or(0);
    if flags & !EPHEMERAL != 0 {
        broken.push(format!(
            "flags {flags}: only EPHEMERAL may be set on a deferral"
        ));
    }
    let other = data.as_object().into_iter().flat_map(Map::keys);
    broken.extend(
        other
            .filter(|key| *key != "flags")
            .map(|key| format!("data.{key}: not on a deferral")),
    );
    message::loading(core, flags | LOADING)
}

fn length(value: Option<&Value>) -> usize {
    value
        .and_then(Value::as_str)
        .map_or(0, |text| text.trim().chars().count())
}

fn choices(data: &Value, broken: &mut Vec<String>) {
    let Some(list) = data.get("choices").and_then(Value::as_array) else {
        broken.push("choices: missing".to_owned());
        return;
    };
    if list.len() > 25 {
        broken.push(format!("choices: {} of at most 25", list.len()));
    }
    for (n, one) in list.iter().enumerate() {
        if !(1..=100).contains(&length(one.get("name"))) {
            broken.push(format!("choices.{n}.name: not 1 to 100 in length"));
        }
        match one.get("value") {
            Some(Value::Number(_)) => {}
            value if (1..=100).contains(&length(value)) => {}
            _ => broken.push(format!(
                "choices.{n}.value: no number, and not 1 to 100 in length"
            )),
        }
    }
}

fn modal(data: &Value, broken: &mut Vec<String>) {
    for (key, max) in [("title", 45), ("custom_id", 100)] {
        if !(1..=max).contains(&length(data.get(key))) {
            broken.push(format!("{key}: not 1 to {max} in length"));
        }
    }
    let rows = data
        .get("components")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !(1..=5).contains(&rows.len()) {
        broken.push(format!("components: {}, not 1 to 5", rows.len()));
    }
    for (n, row) in rows.iter().enumerate() {
        // A row holds one input in a list; a label holds one and has the words itself.
        let (label, input) = match row.get("type").and_then(Value::as_u64) {
            Some(1) => {
                let input = row.pointer("/components/0");
                (input.and_then(|input| input.get("label")), input)
            }
            Some(18) => (row.get("label"), row.get("component")),
            Some(10) => continue,
            _ => {
                broken.push(format!("components.{n}: neither row, label nor text"));
                continue;
            }
        };
        if !(1..=45).contains(&length(label)) {
            broken.push(format!("components.{n}.label: not 1 to 45 in length"));
        }
        let Some(input) = input else {
            broken.push(format!("components.{n}: holds nothing"));
            continue;
        };
        if !(1..=100).contains(&length(input.get("custom_id"))) {
            broken.push(format!("components.{n}.custom_id: not 1 to 100 in length"));
        }
        if input.get("type").and_then(Value::as_u64) != Some(4) {
            continue;
        }
        if !matches!(input.get("style").and_then(Value::as_u64), Some(1 | 2)) {
            broken.push(format!("components.{n}.style: neither 1 nor 2"));
        }
        let number = |key: &str| input.get(key).and_then(Value::as_u64).unwrap_or(1);
        if number("max_length") > 4000 || number("max_length") == 0 || number("min_length") > 4000 {
            broken.push(format!("components.{n}: lengths of at most 4000"));
        }
        if length(input.get("placeholder")) > 100 || length(input.get("value")) > 4000 {
            broken.push(format!(
                "components.{n}: placeholder over 100 or value over 4000"
            ));
        }
    }
}
