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
        for Bad {
            path,
            rule,
            names,
            value,
        } in bad
        {
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{} {} {error}", error.instance_path(), error.schema_path()))
                .collect();
            let refused = errors.iter().any(|error| {
                let mut words = error.splitn(3, ' ');
                let (at, by) = (words.next().unwrap(), words.next().unwrap());
                at == path
                    && by.split('/').any(|part| part == rule)
                    && words.next().unwrap().contains(&names)
            });
            assert!(
                refused,
                "{chart}: {path} against {rule} is not refused by name: {errors:?}"
            );
        }
    }
}

/// Values with one rule broken: where, which, and a word the refusal must say.
struct Bad {
    path: String,
    rule: &'static str,
    names: String,
    value: Value,
}

/// In a path, the one item of a list.
const ITEM: &str = "0";
/// In a path, some key of a mapping whose keys are a person's own.
const SOME_KEY: &str = "someKey";

/// Lists, for every rule of a schema, what is in lists and mappings included, the values with that rule broken.
fn spoil(schema: &Value, path: &mut Vec<String>, good: &Value, bad: &mut Vec<Bad>) {
    let mut put = |rule: &'static str, key: Option<&str>, value: Value| {
        let mut place = path.clone();
        place.extend(key.map(str::to_owned));
        let at: String = path.iter().flat_map(|part| ["/", part.as_str()]).collect();
        bad.push(Bad {
            path: at,
            rule,
            names: key.unwrap_or_default().to_owned(),
            value: with(good.clone(), &place, value),
        });
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
        put("type", None, other.1);
    }
    for rule in ["enum", "const"] {
        if schema.get(rule).is_some() {
            put(rule, None, json!("no such word"));
        }
    }
    if let Some(minimum) = schema["minimum"].as_i64() {
        put("minimum", None, json!(minimum - 1));
    }
    if let Some(maximum) = schema["maximum"].as_i64() {
        put("maximum", None, json!(maximum + 1));
    }
    if schema.get("pattern").is_some() {
        put("pattern", None, json!("!"));
    }
    if schema.get("minLength").is_some() {
        put("minLength", None, json!(""));
    }
    if let Some(length) = schema["maxLength"].as_u64() {
        let long = "x".repeat(usize::try_from(length).unwrap() + 1);
        put("maxLength", None, json!(long));
    }
    if schema.get("minItems").is_some() {
        put("minItems", None, json!([]));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let many: Vec<_> = (0..=most).collect();
        put("maxItems", None, json!(many));
    }
    if schema["uniqueItems"] == true {
        put("uniqueItems", None, json!(["x", "x"]));
    }
    if schema.get("propertyNames").is_some() {
        put("propertyNames", None, json!({"not a name!": "x"}));
    }
    if schema["additionalProperties"] == false {
        put("additionalProperties", Some("noSuchKey"), json!(1));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        put("required", Some(key.as_str().unwrap()), json!("REMOVE"));
    }
    let parts = schema["properties"].as_object().into_iter().flatten();
    let parts = parts.map(|(key, rule)| (key.as_str(), rule));
    let further = [(ITEM, "items"), (SOME_KEY, "additionalProperties")];
    let further = further
        .into_iter()
        .filter_map(|(key, rule)| Some((key, schema.get(rule)?)));
    for (key, rule) in parts.chain(further).filter(|(_, rule)| rule.is_object()) {
        path.push(key.to_owned());
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
        node = child(node, key);
    }
    if value == "REMOVE" {
        if !node.is_object() {
            *node = json!({});
        }
        node.as_object_mut().unwrap().remove(last);
    } else {
        *child(node, last) = value;
    }
    tree
}

/// What stands in a node under this key, made where it is not there.
fn child<'a>(node: &'a mut Value, key: &str) -> &'a mut Value {
    if key == ITEM {
        *node = json!([null]);
        &mut node[0]
    } else {
        if !node.is_object() {
            *node = json!({});
        }
        &mut node[key]
    }
}

#[test]
fn the_rules_of_lists_and_of_free_mappings_are_spoilt_too() {
    let mut bad = Vec::new();
    let umbrella = schema(UMBRELLA);
    spoil(&umbrella, &mut Vec::new(), &values(UMBRELLA), &mut bad);
    for (path, rule) in [
        (
            "/injector/webhooks/pods/matchConditions/0/name",
            "minLength",
        ),
        ("/injector/webhooks/pods/matchConditions/0", "required"),
        ("/policy/actions", "maxItems"),
        ("/policy/actions/0", "enum"),
        ("/discord/monitoring/resources/limits/someKey", "pattern"),
    ] {
        let found = bad.iter().any(|bad| bad.path == path && bad.rule == rule);
        assert!(found, "{path} {rule}");
    }
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
