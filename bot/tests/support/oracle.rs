//! What the bot has sent, against Discord's own OpenAPI document: the double's rules are written by hand, these are not.

use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tests::double::sent::Sent;

/// What the document does not take of these bodies, each kind of fault once.
pub fn faults<'a>(sent: impl Iterator<Item = &'a Sent>) -> Vec<String> {
    let Some(document) = tests::oracle::document() else {
        return Vec::new();
    };
    let mut faults: Vec<String> = sent.filter_map(|one| fault(document, one)).collect();
    faults.sort_unstable();
    faults.dedup();
    faults
}

fn fault(document: &Value, sent: &Sent) -> Option<String> {
    let what = format!("{} {}: {}", sent.method, sent.path, sent.json);
    let sent = &Sent {
        json: numbered(sent.json.clone()),
        ..sent.clone()
    };
    let Some(template) = template(document, &sent.path) else {
        return Some(format!("{what}: no such path"));
    };
    let method = sent.method.to_lowercase();
    let content = &document["paths"][template][&method]["requestBody"]["content"];
    let schema = &content["application/json"]["schema"];
    if !schema.is_object() {
        return Some(format!("{what}: no body is taken there"));
    }
    let mut why = Vec::new();
    for (name, one) in variants(document, schema) {
        let known = compiled(document, &format!("{method} {template} {name}"), one);
        let mut errors: Vec<String> = known
            .iter_errors(&sent.json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        errors.extend(unknown(document, one, &sent.json));
        if errors.is_empty() {
            return None;
        }
        why.push(format!("{name}: {}", errors.join("; ")));
    }
    Some(format!("{what}: {}", why.join(" | ")))
}

/// Permission bits as integers. Discord's own documentation writes them as texts, as it answers them (resources/channel.mdx,
/// Overwrite Object), its schema of requests as integers, and it takes both.
fn numbered(mut body: Value) -> Value {
    let list = body.get_mut("permission_overwrites");
    for overwrite in list.and_then(Value::as_array_mut).into_iter().flatten() {
        for bits in ["allow", "deny"] {
            let number = overwrite[bits].as_str().map(str::parse::<u64>);
            if let Some(Ok(number)) = number {
                overwrite[bits] = number.into();
            }
        }
    }
    body
}

/// The path's template; of several, the one with the most words of its own.
fn template<'a>(document: &'a Value, path: &str) -> Option<&'a str> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        let same = |(part, asked): (&&str, &&str)| part.starts_with('{') || part == asked;
        parts.len() == asked.len() && parts.iter().zip(&asked).all(same)
    };
    let paths = document["paths"].as_object()?;
    let own = |template: &&String| template.matches('{').count();
    paths
        .keys()
        .filter(fits)
        .min_by_key(own)
        .map(String::as_str)
}

/// The schemas of which a body has to fit one. Discord lists those of all kinds of channels side by side, and takes no
/// unknown field for a fault: only the one that knows every field of a body can be meant.
fn variants<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a str, &'a Value)> {
    if let Some(all) = schema["anyOf"].as_array() {
        return all.iter().flat_map(|one| variants(document, one)).collect();
    }
    match schema["$ref"].as_str() {
        Some(name) => {
            let pointer = name.trim_start_matches('#');
            let found = document.pointer(pointer).unwrap();
            vec![(name.rsplit('/').next().unwrap(), found)]
        }
        None => vec![("its own", schema)],
    }
}

/// Fields of the body that the schema does not name.
fn unknown(document: &Value, schema: &Value, body: &Value) -> Vec<String> {
    let mut known: Vec<&Map<String, Value>> = Vec::new();
    known.extend(schema["properties"].as_object());
    for part in schema["allOf"].as_array().into_iter().flatten() {
        for (_, part) in variants(document, part) {
            known.extend(part["properties"].as_object());
        }
    }
    let fields = body.as_object().into_iter().flat_map(Map::keys);
    fields
        .filter(|field| !known.iter().any(|known| known.contains_key(*field)))
        .map(|field| format!("{field} is unknown"))
        .collect()
}

/// Built once a process: the document is large.
fn compiled(document: &Value, name: &str, schema: &Value) -> Arc<jsonschema::Validator> {
    type Known = Mutex<HashMap<String, Arc<jsonschema::Validator>>>;
    static KNOWN: LazyLock<Known> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(name) {
        return Arc::clone(found);
    }
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    let built = jsonschema::draft202012::options().build(&root).unwrap();
    let built = Arc::new(built);
    known.insert(name.to_owned(), Arc::clone(&built));
    built
}
