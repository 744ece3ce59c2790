//! One table of settings: values.yaml, values.schema.json and the watcher's environment agree with `sidecar::SETTINGS`.

use crate::support::{objects, sidecar, yaml};
use serde_json::{Map, Value, json};
use sidecar::{Kind, SETTINGS, Setting, parse};
use std::collections::BTreeSet;

/// Values of the chart that are no settings of a Pod's watcher: they concern the installation, or are whole objects of
/// Kubernetes' own (a leading part of a path).
const CHART_ONLY: &[&str] = &[
    "agent.",
    "bridge.resources.",
    "env",
    "extraCA.",
    "imagePullSecrets",
    "openshift",
    "podSecurityContext.",
    "probes.command",
    "probes.liveness.",
    "probes.readiness.",
    "proxy.",
    "securityContext.",
];

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

#[test]
fn every_default_of_the_table_is_the_charts() {
    let values = yaml("charts/watcher-sidecar/values.yaml");
    for setting in SETTINGS {
        let found = values
            .pointer(&pointer(setting.path))
            .cloned()
            .unwrap_or(Value::Null);
        match setting.default {
            Some(default) => {
                let default: Value = serde_json::from_str(default).unwrap();
                assert_eq!(found, default, "{}", setting.path);
            }
            None => assert!(found.is_null() || found == "", "{}: {found}", setting.path),
        }
    }
}

#[test]
fn every_value_of_the_chart_is_in_the_table_or_stated_here() {
    let values = yaml("charts/watcher-sidecar/values.yaml");
    let mut leaves = Vec::new();
    collect(&values, "", &mut leaves);
    for leaf in leaves {
        let known = SETTINGS.iter().any(|setting| setting.path == leaf)
            || CHART_ONLY.iter().any(|part| leaf.starts_with(part));
        assert!(
            known,
            "{leaf} is a value of the chart but no setting of the table"
        );
    }
}

/// Dotted paths of what is no mapping, or an empty one.
fn collect(tree: &Value, path: &str, leaves: &mut Vec<String>) {
    match tree.as_object() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map {
                let inner = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(value, &inner, leaves);
            }
        }
        _ => leaves.push(path.to_owned()),
    }
}

#[test]
fn every_range_of_the_table_is_the_schemas() {
    let schema = crate::support::json("charts/watcher-sidecar/values.schema.json");
    for setting in SETTINGS {
        let mut rule = &schema;
        for key in setting.path.split('.') {
            rule = rule["properties"]
                .get(key)
                .unwrap_or_else(|| panic!("{} has no rule", setting.path));
        }
        let types = &rule["type"];
        let admits = |word: &str| {
            types == word
                || types
                    .as_array()
                    .is_some_and(|all| all.contains(&json!(word)))
        };
        let agree = match setting.kind {
            Kind::Bool => admits("boolean"),
            Kind::Integer { min, max } => {
                admits("integer") && rule["minimum"] == min && rule["maximum"] == max
            }
            Kind::Text => admits("string"),
            Kind::Path => admits("string") && rule["pattern"] == "^(/.*)?$",
            Kind::List => admits("array") && rule["items"] == json!({"type": "string"}),
            Kind::Choice(words) => rule["enum"] == json!(words),
            Kind::Object => admits("object"),
        };
        assert!(
            agree,
            "{}: the table says {:?}, the schema {rule}",
            setting.path, setting.kind
        );
    }
}

/// A legal value that is not the default, as Helm takes it.
fn sample(setting: &Setting) -> Value {
    match setting.kind {
        Kind::Bool => json!(setting.default != Some("true")),
        Kind::Integer { max, .. } => json!(max),
        Kind::Path => json!("/some/where"),
        Kind::List => json!(["it's \"one\"", "*"]),
        Kind::Choice(words) => json!(words.last().unwrap()),
        Kind::Object => json!({}),
        Kind::Text => json!(match setting.path {
            "bot.url" => "http://bot:8080",
            "plain.endsAfter" => "10m",
            "webhook.value" => "https://discord.com/api/webhooks/1/x",
            _ => "some-text",
        }),
    }
}

#[test]
fn every_environment_variable_of_the_table_carries_its_setting() {
    // One render for each setting, for some exclude others.
    for setting in SETTINGS.iter().filter(|setting| setting.env.is_some()) {
        let name = setting.env.unwrap();
        let value = sample(setting);
        let mut tree = value.clone();
        for key in setting.path.rsplit('.') {
            tree = Value::Object(Map::from_iter([(key.to_owned(), tree)]));
        }
        let container = sidecar(&objects(
            "discord-monitoring",
            &json!({"discord": {"monitoring": tree}}),
        ))["watcher"]
            .clone();
        let found = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .find(|env| env["name"] == name)
            .unwrap_or_else(|| panic!("{} sets no {name}", setting.path));
        let text = found["value"].as_str().unwrap();
        let arrived = match setting.env_key {
            Some(key) => serde_json::from_str::<Value>(text).unwrap()[key].clone(),
            None => parse(setting, text).unwrap().to_json(),
        };
        assert_eq!(arrived, value, "{} in {name}", setting.path);
    }
}

#[test]
fn the_injector_is_told_every_default_that_annotations_may_override() {
    let sidecar = sidecar(&objects("discord-monitoring", &json!({})));
    // Of these the containers themselves speak.
    let in_containers = [
        "image.",
        "resources.",
        "probes.",
        "bridge.image",
        "bridge.args",
    ];
    let mut told = BTreeSet::new();
    let mut leaves = Vec::new();
    collect(&sidecar["settings"], "", &mut leaves);
    told.extend(leaves);
    for setting in SETTINGS {
        if in_containers
            .iter()
            .any(|part| setting.path.starts_with(part))
        {
            continue;
        }
        if let Some(default) = setting.default.filter(|default| *default != "{}") {
            assert!(
                told.contains(setting.path),
                "{} = {default} is not told",
                setting.path
            );
        }
    }
    for path in &told {
        assert!(
            SETTINGS.iter().any(|setting| setting.path == path),
            "{path} is no setting"
        );
    }
}
