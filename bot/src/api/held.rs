//! The document's request schemas against what the routes take: one body after the other, each wrong or right in one
//! place, judged by both.

use super::wire::{self, Finalize, Register};
use crate::config::Config;
use crate::desk::Report;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn document() -> Value {
    serde_json::from_str(include_str!("openapi.json")).unwrap()
}

/// Values around the limits that a schema tells, and values of every other kind.
fn candidates(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolved(document, schema);
    let mut all = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(0.5),
        json!({}),
    ];
    // An object's values in a row are let pass for the object, as serde does; nobody is told of it.
    if !schema["properties"].is_object() {
        all.push(json!([]));
    }
    all.extend(
        [
            "",
            " ",
            "x",
            "12",
            "a\nb",
            "a\u{85}b",
            "é",
            "a b",
            "https://x",
            "https://x y",
        ]
        .map(Value::from),
    );
    all.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    if let Some(max) = schema["maxLength"].as_u64() {
        let max = usize::try_from(max).unwrap();
        for start in ["", "https://"] {
            all.push(format!("{start}{}", "x".repeat(max - start.len())).into());
            all.push(format!("{start}{}", "x".repeat(max + 1 - start.len())).into());
        }
    }
    // The pattern of a namespace, and of an id.
    all.extend([20, 21, 63, 64].map(|length| Value::from("7".repeat(length))));
    for limit in ["minimum", "maximum", "exclusiveMaximum"] {
        if let Some(limit) = schema[limit].as_i64() {
            all.extend([limit - 1, limit, limit + 1].map(Value::from));
        }
    }
    if let Some(items) = schema.get("items") {
        let legal = json!({ "url": "https://example.org" });
        all.push(json!([legal, legal]));
        if let Some(max) = schema["maxItems"].as_u64() {
            let max = usize::try_from(max).unwrap();
            all.push(vec![legal.clone(); max].into());
            all.push(vec![legal.clone(); max + 1].into());
        }
        all.extend(
            bodies(document, items, &legal)
                .into_iter()
                .map(|one| json!([one])),
        );
    } else if schema["properties"].is_object() {
        all.extend(bodies(document, &schema, &json!({})));
    }
    all
}

/// The schema itself, or what stands for it beside null.
fn resolved(document: &Value, schema: &Value) -> Value {
    if let Some(first) = schema["oneOf"].get(0) {
        return resolved(document, first);
    }
    match schema["$ref"].as_str() {
        Some(name) => document
            .pointer(name.trim_start_matches('#'))
            .unwrap()
            .clone(),
        None => schema.clone(),
    }
}

/// The legal body with one field changed or taken away, for each field and value.
fn bodies(document: &Value, schema: &Value, legal: &Value) -> Vec<Value> {
    let schema = resolved(document, schema);
    let mut all = vec![legal.clone()];
    let with = |field: &str, value: Option<Value>| {
        let mut body: Map<String, Value> = legal.as_object().unwrap().clone();
        match value {
            Some(value) => body.insert(field.to_owned(), value),
            None => body.remove(field),
        };
        Value::Object(body)
    };
    for (field, schema) in schema["properties"].as_object().unwrap() {
        all.push(with(field, None));
        let values = candidates(document, schema);
        all.extend(values.into_iter().map(|value| with(field, Some(value))));
    }
    all.push(with("somethingNew", Some(json!({ "from": "later" }))));
    all
}

/// Holds a route's own judgement against the document's; how many bodies were taken and refused.
fn held(name: &str, legal: &Value, judge: impl Fn(Value) -> bool) -> (usize, usize) {
    let document = document();
    let root = json!({ "$ref": format!("#/components/schemas/{name}"), "components": document["components"] });
    let schema = jsonschema::draft202012::new(&root).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for body in bodies(&document, &json!({ "$ref": root["$ref"] }), legal) {
        // What is as long as a limit is ASCII: the document counts characters, the routes bytes, and says so.
        let told = schema.is_valid(&body);
        assert_eq!(
            judge(body.clone()),
            told,
            "the document says {told} of {body}"
        );
        if told {
            taken += 1;
        } else {
            refused += 1;
        }
    }
    (taken, refused)
}

fn read<T: DeserializeOwned>(body: Value) -> Option<T> {
    serde_json::from_value(body).ok()
}

#[test]
fn what_the_document_says_of_a_registration_is_what_is_taken() {
    let legal = json!({ "taskId": "t", "shortId": "s" });
    let (taken, refused) = held("Register", &legal, |body| {
        // Which guilds a bot serves is its own settings' matter, which no document can say.
        let named = body["guildId"].as_str().map(ToOwned::to_owned);
        let config = Config {
            guild_id: Some("7".to_owned()),
            guild_ids: named.into_iter().collect(),
            ..Config::default()
        };
        read::<Register>(body).is_some_and(|body| body.check(&config, "caller").is_ok())
    });
    assert!(taken > 60 && refused > 100, "{taken} {refused}");
}

#[test]
fn what_the_document_says_of_a_report_and_of_an_end_is_what_is_taken() {
    let (taken, refused) = held("Report", &json!({}), |body| {
        read::<Report>(body).is_some_and(|body| wire::checked(body).is_ok())
    });
    assert!(taken > 40 && refused > 40, "{taken} {refused}");
    let legal = json!({ "status": "succeeded" });
    let (taken, refused) = held("Finalize", &legal, |body| {
        read::<Finalize>(body).is_some_and(|body| match body.summary {
            Some(summary) => wire::checked(summary).is_ok(),
            None => true,
        })
    });
    assert!(taken > 40 && refused > 40, "{taken} {refused}");
}
