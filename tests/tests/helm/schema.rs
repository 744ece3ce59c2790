//! The schemas of the charts' values: whole, strict, one for both copies, and each rule of theirs with a value it refuses.

use crate::support::{self, hold, repository, try_template, values_file, yaml};
use serde_json::{Value, json};

const UMBRELLA: &str = "charts/discord-monitoring";
const LIBRARY: &str = "charts/watcher-sidecar";

fn schema(chart: &str) -> Value {
    support::json(&format!("{chart}/values.schema.json"))
}

fn values(chart: &str) -> Value {
    yaml(&format!("{chart}/values.yaml"))
}

#[test]
fn the_umbrella_repeats_the_watchers_values_word_for_word() {
    let own = std::fs::read_to_string(repository().join(LIBRARY).join("values.yaml")).unwrap();
    let body = own.split_once("\n\n").unwrap().1;
    let indented: String = body
        .lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("    {line}\n")
            }
        })
        .collect();
    let path = format!("{UMBRELLA}/values.yaml");
    let text = std::fs::read_to_string(repository().join(&path)).unwrap();
    let begin = text.find("# BEGIN watcher-sidecar").unwrap();
    let start = begin + text[begin..].find('\n').unwrap() + 1;
    let end = text.find("    # END watcher-sidecar").unwrap();
    hold(
        &path,
        &format!("{}{indented}{}", &text[..start], &text[end..]),
    );
}

#[test]
fn the_umbrella_repeats_the_watchers_schema() {
    let library = schema(LIBRARY);
    let umbrella = schema(UMBRELLA);
    let copy = &umbrella["properties"]["discord"]["properties"]["monitoring"];
    let mut properties = library["properties"].clone();
    properties.as_object_mut().unwrap().remove("global");
    assert_eq!(
        copy["properties"], properties,
        "copy the properties from {LIBRARY} to {UMBRELLA}"
    );
    let mut required = library["required"].clone();
    required.as_array_mut().unwrap().insert(0, json!("enabled"));
    assert_eq!(copy["required"], required);
    assert_eq!(copy["additionalProperties"], false);
}

#[test]
fn every_value_has_a_rule_and_every_rule_a_value() {
    for chart in [UMBRELLA, LIBRARY, "charts/bot-service"] {
        same_keys(chart, &schema(chart), &values(chart));
    }
}

fn same_keys(path: &str, schema: &Value, values: &Value) {
    let (Some(rules), Some(values)) = (schema["properties"].as_object(), values.as_object()) else {
        return;
    };
    if schema["additionalProperties"] != false {
        return;
    }
    for (key, value) in values {
        let rule = rules
            .get(key)
            .unwrap_or_else(|| panic!("{path}.{key} has no rule"));
        same_keys(&format!("{path}.{key}"), rule, value);
    }
    for (key, rule) in rules {
        // Helm passes these two to a subchart; an old spelling is there to be refused with the new one; and a probe
        // or an optional number may well have no default.
        let unlisted = ["global", "enabled", "initialDelaySeconds"].contains(&key.as_str())
            || rule.get("const").is_some();
        assert!(
            values.contains_key(key) || unlisted,
            "{path}.{key} is not in values.yaml"
        );
    }
}

#[test]
fn subcharts_admit_what_helm_passes_them() {
    for chart in [LIBRARY, "charts/bot-service"] {
        let properties = &schema(chart)["properties"];
        assert!(
            properties["global"].is_object() && properties["enabled"].is_object(),
            "{chart}"
        );
    }
}

#[test]
fn every_rule_refuses_a_bad_value_and_names_it() {
    for chart in [UMBRELLA, LIBRARY, "charts/bot-service"] {
        let schema = schema(chart);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let good = values(chart);
        if let Some(error) = validator.iter_errors(&good).next() {
            panic!(
                "{chart}: its own values are refused: {} {error}",
                error.instance_path()
            );
        }
        let mut bad = Vec::new();
        spoil(&schema, &mut Vec::new(), &good, &mut bad);
        assert!(bad.len() > 100, "{chart}: {} bad values", bad.len());
        for (name, value) in bad {
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{} {error}", error.instance_path()))
                .collect();
            assert!(
                errors.iter().any(|error| error.contains(&name)),
                "{chart}: a bad {name} is not refused by name: {errors:?}"
            );
        }
    }
}

/// Lists, for every rule of a schema, the values with that rule broken, and the key the refusal must name.
fn spoil(schema: &Value, path: &mut Vec<String>, good: &Value, bad: &mut Vec<(String, Value)>) {
    let mut put = |path: &[String], value: Value| {
        let name = path.last().cloned().unwrap_or_default();
        bad.push((name, with(good.clone(), path, value)));
    };
    if let Some(types) = schema.get("type") {
        let admitted = |word: &str| {
            types == word
                || types
                    .as_array()
                    .is_some_and(|all| all.contains(&json!(word)))
        };
        let other = [
            ("array", json!([1])),
            ("object", json!({"x": 1})),
            ("string", json!("!")),
            ("boolean", json!(true)),
        ]
        .into_iter()
        .find(|(word, _)| !admitted(word))
        .unwrap();
        put(path, other.1);
    }
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        put(path, json!("no such word"));
    }
    if let Some(minimum) = schema["minimum"].as_i64() {
        put(path, json!(minimum - 1));
    }
    if let Some(maximum) = schema["maximum"].as_i64() {
        put(path, json!(maximum + 1));
    }
    if schema.get("pattern").is_some() {
        put(path, json!("!"));
    }
    if schema.get("minLength").is_some() {
        put(path, json!(""));
    }
    if let Some(length) = schema["maxLength"].as_u64() {
        put(
            path,
            json!("x".repeat(usize::try_from(length).unwrap() + 1)),
        );
    }
    if schema.get("minItems").is_some() {
        put(path, json!([]));
    }
    if schema["items"].get("type").is_some() {
        put(path, json!([true]));
    }
    if schema.get("propertyNames").is_some() {
        put(path, json!({"not a name!": "x"}));
    }
    let child = |path: &[String], key: &str| [path, &[key.to_owned()]].concat();
    match &schema["additionalProperties"] {
        Value::Bool(false) => put(&child(path, "noSuchKey"), json!(1)),
        Value::Object(_) => put(&child(path, "someKey"), json!([1])),
        _ => {}
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        put(&child(path, key.as_str().unwrap()), json!("REMOVE"));
    }
    for (key, rule) in schema["properties"].as_object().into_iter().flatten() {
        path.push(key.clone());
        spoil(rule, path, good, bad);
        path.pop();
    }
}

/// A tree with one value set, or taken out when the value is `REMOVE`.
fn with(mut tree: Value, path: &[String], value: Value) -> Value {
    let Some((last, parents)) = path.split_last() else {
        return value;
    };
    let mut node = &mut tree;
    for key in parents {
        if !node[key.as_str()].is_object() {
            node[key.as_str()] = json!({});
        }
        node = &mut node[key.as_str()];
    }
    if value == "REMOVE" {
        node.as_object_mut().unwrap().remove(last);
    } else {
        node[last.as_str()] = value;
    }
    tree
}

#[test]
fn helm_itself_refuses_with_the_name() {
    for (set, names) in [
        (
            "discord.monitoring.polling.intervalMs=9",
            "/discord/monitoring/polling/intervalMs",
        ),
        (
            "discord.monitoring.polling.batchSize=11",
            "/discord/monitoring/polling/batchSize",
        ),
        (
            "discord.monitoring.logging.level=loud",
            "/discord/monitoring/logging/level",
        ),
        (
            "discord.monitoring.probes.type=tcp",
            "/discord/monitoring/probes/type",
        ),
        ("discord.monitoring.pollling.intervalMs=9", "pollling"),
        (
            "injector.webhooks.timeoutSeconds=11",
            "/injector/webhooks/timeoutSeconds",
        ),
        ("injector.replicaCount=many", "/injector/replicaCount"),
        ("certs.mode=none", "/certs/mode"),
        ("bot-service.image.digest=sha256:1", "/image/digest"),
        ("watcher-sidecar.mode=other", "/mode"),
        ("injektor.replicaCount=1", "injektor"),
    ] {
        let outcome = try_template("discord-monitoring", &["--set", set]);
        assert!(
            !outcome.ok && outcome.stderr.contains(names),
            "{set}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn an_old_spelling_is_refused_with_the_new_one() {
    for (old, new) in [
        ("discord.monitoring.polling.interval", "polling.intervalMs"),
        ("discord.monitoring.polling.batch", "polling.batchSize"),
        ("discord.monitoring.webhook.url", "webhook.value"),
        (
            "discord.monitoring.webhook.secretName",
            "webhook.existingSecret",
        ),
        ("discord.monitoring.stats.cost", "stats.trackCost"),
        (
            "discord.monitoring.retention.hours",
            "retention.channelHours",
        ),
        ("discord.monitoring.logLevel", "logging.level"),
        ("discord.monitoring.webhookUrl", "webhook.value"),
        ("injector.replicas", "injector.replicaCount"),
        ("injector.failurePolicy", "injector.webhooks.failurePolicy"),
        ("injector.logLevel", "injector.logging.level"),
        ("botService.enabled", "bot-service"),
        ("bot-service.secrets.databaseUrl", "database.url"),
    ] {
        let outcome = try_template("discord-monitoring", &["--set", &format!("{old}=1")]);
        let said = format!("use {new} instead");
        assert!(
            !outcome.ok && outcome.stderr.contains(&said),
            "{old}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_bad_webhook_url_is_refused_without_repeating_it() {
    let file = values_file(
        &json!({"discord": {"monitoring": {"webhook": {"value": "https://example.com/s3cret"}}}}),
    );
    let outcome = try_template(
        "discord-monitoring",
        &["--values", file.path().to_str().unwrap()],
    );
    assert!(
        !outcome.ok
            && outcome
                .stderr
                .contains("webhook.value is not a webhook's URL"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}
