//! No value is there for show: changing it changes what is rendered, in one scenario or another.

use crate::support::{self, scenarios, template, try_template, values_file, yaml};
use serde_json::{Map, Value, json};

/// Values that change nothing here, each with its reason (a leading part of a path).
const SILENT: &[(&str, &str)] = &[
    (
        "watcher-sidecar",
        "discord.monitoring says everything in the umbrella",
    ),
    ("bot-service", "the subchart's own test asks"),
];

#[test]
fn every_value_changes_something() {
    for chart in support::CHARTS {
        let values = yaml(&format!("charts/{chart}/values.yaml"));
        let schema = support::json(&format!("charts/{chart}/values.schema.json"));
        let mut leaves = Vec::new();
        collect(&values, &schema, &mut Vec::new(), &mut leaves);
        assert!(leaves.len() > 50, "{chart}: {} values", leaves.len());
        let mut scenarios = scenarios(chart);
        // Most values show there.
        scenarios.sort_by_key(|(name, _)| name != "everything");
        let before: Vec<_> = scenarios
            .iter()
            .map(|(_, path)| template(chart, &["--values", path.to_str().unwrap()]))
            .collect();
        let unused: Vec<_> = leaves
            .into_iter()
            .filter(|(path, _)| {
                !SILENT
                    .iter()
                    .any(|(silent, _)| path.join(".").starts_with(silent))
            })
            .filter(|(path, others)| {
                !scenarios
                    .iter()
                    .zip(&before)
                    .any(|((_, scenario), before)| {
                        others.iter().any(|other| {
                            let file = values_file(&nest(path, other));
                            let files = [scenario.to_str().unwrap(), file.path().to_str().unwrap()]
                                .join(",");
                            // A combination that is refused has noticed the value too, but proves nothing of use.
                            let after = try_template(chart, &["--values", &files]);
                            after.ok && after.stdout != *before
                        })
                    })
            })
            .map(|(path, _)| path.join("."))
            .collect();
        assert!(
            unused.is_empty(),
            "{chart}: nothing changes with {unused:?}"
        );
    }
}

/// The paths of what is no mapping with fixed keys, each with other values its rule admits.
fn collect(
    values: &Value,
    rule: &Value,
    path: &mut Vec<String>,
    leaves: &mut Vec<(Vec<String>, Vec<Value>)>,
) {
    let keys = rule["properties"].as_object();
    if let (Some(keys), Some(map)) = (keys, values.as_object().filter(|map| !map.is_empty())) {
        for (key, value) in map {
            path.push(key.clone());
            collect(value, keys.get(key).unwrap_or(&Value::Null), path, leaves);
            path.pop();
        }
        return;
    }
    let validator = jsonschema::validator_for(rule).unwrap();
    let mut candidates = vec![
        json!(true),
        json!(false),
        json!(7),
        json!(5007),
        json!("other"),
        json!("/other"),
        json!("http://other"),
        json!("https://other/webhooks/7/other"),
        json!("postgres://other"),
        json!("7"),
        json!("11m"),
        json!(format!("sha256:{:064}", 7)),
        json!(["other"]),
        json!(["7"]),
        json!([7]),
        json!(["Deny"]),
        json!([{"name": "other", "token": "0123456789abcdef", "namespaces": ["other"]}]),
        json!([{"name": "other", "expression": "true"}]),
        json!([{"name": "other", "value": "x"}]),
        json!([{"host": "other"}]),
        json!({"other": "7"}),
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}]),
    ];
    candidates.extend(rule["enum"].as_array().into_iter().flatten().cloned());
    candidates.retain(|candidate| candidate != values && validator.is_valid(candidate));
    assert!(
        !candidates.is_empty(),
        "no other value for {}",
        path.join(".")
    );
    // The default itself, for scenarios that chose otherwise.
    candidates.push(values.clone());
    leaves.push((path.clone(), candidates));
}

fn nest(path: &[String], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, key| {
        Value::Object(Map::from_iter([(key.clone(), inner)]))
    })
}

/// What the templates of a chart ask of its values: each `.Values.a.b`, also through a variable that stands for a part of
/// them: whose values, which, and where it is asked.
fn asked(chart: &str) -> Vec<(String, String, String)> {
    let templates = support::repository()
        .join("charts")
        .join(chart)
        .join("templates");
    let mut found = Vec::new();
    for folder in [templates.clone(), templates.join("tests")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if !path.is_file() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let is_path = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            for action in text.split("{{").skip(1) {
                let action = action.split("}}").next().unwrap();
                if action
                    .trim_start_matches(['-', ' ', '\n'])
                    .starts_with("/*")
                {
                    continue;
                }
                for (at, _) in action.match_indices(".Values.") {
                    let (before, rest) = (&action[..at], &action[at + ".Values.".len()..]);
                    let start = before
                        .rfind(|c: char| !is_path(c) && c != '$')
                        .map_or(0, |end| end + 1);
                    let of = match &before[start..] {
                        "" | "$" | ".root" | "$root" => chart,
                        "$bot" => "bot-service",
                        other => panic!("{file}: whose values are {other}.Values?"),
                    };
                    let value: String = rest.chars().take_while(|c| is_path(*c)).collect();
                    found.push((of.to_owned(), value.clone(), file.clone()));
                    // `$name := .Values.a.b` and nothing else: what is asked of $name is asked of a.b.
                    let whole = action.trim_matches(['-', ' ']);
                    let Some((name, given)) = whole.split_once(" := ") else {
                        continue;
                    };
                    let plain = given == format!(".Values.{value}")
                        || given == format!(".root.Values.{value}");
                    if !plain || !name.starts_with('$') {
                        continue;
                    }
                    for rest in text.split(&format!("{name}.")).skip(1) {
                        let more: String = rest.chars().take_while(|c| is_path(*c)).collect();
                        found.push((of.to_owned(), format!("{value}.{more}"), file.clone()));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn every_value_that_a_template_asks_for_is_declared() {
    for chart in support::CHARTS {
        let asked = asked(chart);
        assert!(asked.len() > 60, "{chart}: {} questions", asked.len());
        for (of, path, file) in asked {
            let values = yaml(&format!("charts/{of}/values.yaml"));
            assert!(declared(&values, &path), "{of}: {file} asks for {path}");
        }
    }
    assert!(!declared(&json!({"a": {"b": 1}}), "a.c"));
}

/// Whether values.yaml has this path, or a part of it that is a person's own to fill.
fn declared(values: &Value, path: &str) -> bool {
    let mut node = values;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        match node {
            Value::Object(map) if map.is_empty() => return true,
            Value::Object(map) => match map.get(key) {
                Some(inner) => node = inner,
                None => return false,
            },
            _ => return false,
        }
    }
    true
}
