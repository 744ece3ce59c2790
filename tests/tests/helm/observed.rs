//! What looks at the injector and its watchers: alerts, a dashboard, `helm test`, and the API server's own look.

use crate::support::{objects, one, repository, sidecar, try_template};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every metric of the project, as Prometheus names it, without the suffixes of its kind.
fn metrics() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (prefix, sources) in [
        ("injector", &["injector/src/metrics.rs"][..]),
        ("discord_watcher", &["watcher/src/metrics.rs"]),
        (
            "discord_bot",
            &["bot/src/metrics/mod.rs", "bot/src/metrics/buckets.rs"],
        ),
    ] {
        let read = |source: &&str| std::fs::read_to_string(repository().join(source)).unwrap();
        let text: String = sources.iter().map(read).collect();
        assert!(text.contains(&format!("\"{prefix}\"")), "{prefix}");
        // Names are the only texts in quotes that are one word of this shape.
        for word in text.split('"').skip(1).step_by(2) {
            let named =
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if named && word != prefix {
                found.insert(format!("{prefix}_{word}"));
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

/// The names in a query that begin as ours do.
fn named(query: &str) -> Vec<String> {
    query
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| {
            ["injector_", "discord_watcher_", "discord_bot_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .map(str::to_owned)
        .collect()
}

fn exists(metric: &str, known: &BTreeSet<String>) -> bool {
    [
        "",
        "_total",
        "_seconds",
        "_seconds_bucket",
        "_bucket",
        "_count",
        "_sum",
    ]
    .iter()
    .filter_map(|suffix| metric.strip_suffix(suffix))
    .any(|base| known.contains(base))
}

fn observed(more: &Value) -> Vec<Value> {
    let mut values = json!({
        "discord": {"monitoring": {"probes": {"type": "http"}}},
        "injector": {"serviceMonitor": {"enabled": true}},
        "bot-service": {"enabled": true, "serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}},
        "watcherPodMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}, "dashboard": {"enabled": true}});
    for (key, value) in more.as_object().unwrap() {
        values[key] = value.clone();
    }
    objects("discord-monitoring", &values)
}

fn dashboard(objects: &[Value]) -> Value {
    let map = objects
        .iter()
        .find(|object| object["data"]["discord-monitoring.json"].is_string())
        .expect("a ConfigMap with the dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    serde_json::from_str(map["data"]["discord-monitoring.json"].as_str().unwrap()).unwrap()
}

/// The rules of all alerts: the injector's and watchers', and the bot's.
fn alerts(objects: &[Value]) -> Vec<Value> {
    let rules: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == "PrometheusRule")
        .flat_map(|rule| {
            rule["spec"]["groups"][0]["rules"]
                .as_array()
                .unwrap()
                .clone()
        })
        .collect();
    assert!(rules.len() >= 12, "{} alerts", rules.len());
    rules
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let rendered = observed(&json!({}));
    let dashboard = dashboard(&rendered);
    let alerts = alerts(&rendered)
        .into_iter()
        .map(|rule| rule["expr"].clone());
    let panels = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default())
        .map(|target| target["expr"].clone());
    let known = metrics();
    let mut asked = BTreeSet::new();
    for query in alerts.chain(panels) {
        let query = query.as_str().unwrap();
        let names = named(query);
        assert!(!names.is_empty() || query.contains("up{"), "{query}");
        for name in names {
            assert!(
                exists(&name, &known),
                "{name} of {query} is no metric of ours"
            );
            asked.insert(name);
        }
    }
    assert!(asked.len() > 20, "{asked:?}");
    assert!(!exists("injector_requets_total", &known));
}

#[test]
fn alerts_ask_for_the_jobs_that_the_servicemonitors_make() {
    let rendered = observed(&json!({}));
    let jobs: Vec<_> = rendered
        .iter()
        .filter(|object| object["kind"] == "ServiceMonitor")
        .map(|monitor| monitor["metadata"]["name"].clone())
        .collect();
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        let made = rendered
            .iter()
            .any(|object| object["kind"] == "Service" && object["metadata"]["name"] == *job);
        assert!(made, "{job}");
    }
    for alert in alerts(&rendered) {
        let query = alert["expr"].as_str().unwrap();
        let of_a_job = jobs.iter().any(|job| query.contains(&format!("job={job}")));
        assert!(of_a_job || query.contains("discord_watcher_"), "{query}");
        assert!(
            alert["annotations"]["summary"].is_string()
                && alert["annotations"]["description"].is_string()
        );
    }
}

#[test]
fn the_dashboard_overlaps_nowhere_and_names_each_panel_once() {
    let dashboard = dashboard(&observed(&json!({})));
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_i64().unwrap()),
            "{}",
            panel["title"]
        );
        let at = |key: &str| panel["gridPos"][key].as_i64().unwrap();
        for x in at("x")..at("x") + at("w") {
            assert!(x < 24, "{}", panel["title"]);
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "{} lies over another", panel["title"]);
            }
        }
    }
}

#[test]
fn watchers_are_read_where_they_show_metrics_and_nowhere_else() {
    let rendered = observed(&json!({}));
    let monitor = &one(&rendered, "PodMonitor")["spec"];
    let watcher = sidecar(&rendered)["watcher"].clone();
    assert_eq!(
        monitor["podMetricsEndpoints"][0]["port"],
        watcher["ports"][0]["name"]
    );
    assert_eq!(
        monitor["selector"]["matchLabels"],
        json!({sidecar::names::INJECTED: "true"})
    );
    let outcome = try_template(
        "discord-monitoring",
        &["--set", "watcherPodMonitor.enabled=true"],
    );
    assert!(
        !outcome.ok
            && outcome
                .stderr
                .contains("set discord.monitoring.probes.type to http"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn helm_test_asks_for_a_watcher_as_a_person_would() {
    let rendered = objects("discord-monitoring", &json!({}));
    let pod = one(&rendered, "Pod");
    let metadata = &pod["metadata"];
    assert_eq!(metadata["name"], "dm-discord-monitoring-test-injection");
    assert_eq!(metadata["annotations"]["helm.sh/hook"], "test");
    assert_eq!(metadata["annotations"][sidecar::names::INJECT], "true");
    // The webhooks pass over our own Pods, and the injector's Service must not select this one.
    let part_of = &metadata["labels"]["app.kubernetes.io/part-of"];
    assert_ne!(part_of, "discord-monitoring");
    let webhook = &one(&rendered, "MutatingWebhookConfiguration")["webhooks"][0];
    assert_eq!(
        webhook["objectSelector"]["matchExpressions"][0]["values"],
        json!(["discord-monitoring"])
    );
    let selector = &one(&rendered, "Service")["spec"]["selector"];
    let selects = selector
        .as_object()
        .unwrap()
        .iter()
        .all(|(key, value)| metadata["labels"][key] == *value);
    assert!(!selects, "{selector}");
    let injector = &one(&rendered, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(
        pod["spec"]["containers"][0]["image"],
        injector["containers"][0]["image"]
    );
    assert_eq!(pod["spec"]["securityContext"], injector["securityContext"]);
    let off = objects(
        "discord-monitoring",
        &json!({"injector": {"test": {"enabled": false}}}),
    );
    assert!(off.iter().all(|object| object["kind"] != "Pod"));
}

#[test]
fn helm_test_makes_no_pod_that_no_webhook_would_see() {
    let pods = |values: Value| {
        let rendered = objects("discord-monitoring", &values);
        rendered
            .iter()
            .filter(|object| object["kind"] == "Pod")
            .count()
    };
    let selected = json!({"matchLabels": {"team": "agents"}});
    let expressed = json!({"matchExpressions": [{"key": "team", "operator": "Exists"}]});
    for (injector, made) in [
        (json!({}), 1),
        (json!({"namespaceSelector": selected}), 0),
        (json!({"namespaceSelector": expressed}), 0),
        (json!({"webhooks": {"pods": {"enabled": false}}}), 0),
        (json!({"excludedNamespaces": ["monitoring"]}), 0),
        // Whoever labelled the release's namespace says so.
        (
            json!({"namespaceSelector": selected, "test": {"enabled": true}}),
            1,
        ),
        (json!({"test": {"enabled": false}}), 0),
    ] {
        assert_eq!(pods(json!({"injector": injector})), made, "{injector}");
    }
}

#[test]
fn no_absence_is_told_of_what_nobody_scrapes() {
    let names = |values: &Value| {
        let rendered = objects("discord-monitoring", values);
        alerts(&rendered)
            .iter()
            .filter_map(|rule| rule["alert"].as_str().map(str::to_owned))
            .filter(|name| name.ends_with("Absent"))
            .collect::<Vec<_>>()
    };
    let rules = json!({"prometheusRule": {"enabled": true},
        "bot-service": {"enabled": true, "prometheusRule": {"enabled": true}}});
    assert!(names(&rules).is_empty(), "for ever");
    let mut scraped = rules.clone();
    scraped["injector"] = json!({"serviceMonitor": {"enabled": true}});
    scraped["bot-service"]["serviceMonitor"] = json!({"enabled": true});
    assert_eq!(
        names(&scraped),
        ["DiscordBotAbsent", "DiscordInjectorAbsent"]
    );
}

#[test]
fn the_policy_looks_where_the_webhooks_look() {
    let values = json!({"policy": {"enabled": true}, "injector": {"namespaceSelector": {
        "matchLabels": {"team": "agents"}, "matchExpressions": [{"key": "stage", "operator": "Exists"}]}}});
    let rendered = objects("discord-monitoring", &values);
    let policy = one(&rendered, "ValidatingAdmissionPolicy");
    let seen = &policy["spec"]["matchConstraints"]["namespaceSelector"];
    let mut asked =
        one(&rendered, "MutatingWebhookConfiguration")["webhooks"][0]["namespaceSelector"].clone();
    // But for the opt-in label, which decides between the two entries.
    let expressions = asked["matchExpressions"].as_array_mut().unwrap();
    expressions.retain(|expression| expression["key"] != sidecar::names::INJECT);
    assert_eq!(*seen, asked);
    assert_eq!(seen["matchLabels"], json!({"team": "agents"}));
    assert!(
        policy.to_string().contains("seccompProfile"),
        "hardened is hardened in full"
    );
    for twice in ["{Warn,Warn}", "{Audit,Warn,Audit}"] {
        let set = format!("policy.enabled=true,policy.actions={twice}");
        let outcome = try_template("discord-monitoring", &["--set", &set]);
        assert!(
            !outcome.ok && outcome.stderr.contains("/policy/actions"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn the_policy_is_off_by_default_and_only_warns_when_on() {
    let policies = |values: Value| {
        let rendered = objects("discord-monitoring", &values);
        rendered
            .into_iter()
            .filter(|object| {
                object["kind"]
                    .as_str()
                    .unwrap()
                    .starts_with("ValidatingAdmissionPolicy")
            })
            .collect::<Vec<_>>()
    };
    assert!(policies(json!({})).is_empty());
    let on = policies(json!({"policy": {"enabled": true}}));
    let (policy, binding) = (
        one(&on, "ValidatingAdmissionPolicy"),
        one(&on, "ValidatingAdmissionPolicyBinding"),
    );
    assert_eq!(binding["spec"]["validationActions"], json!(["Warn"]));
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    assert_eq!(
        policy["spec"]["failurePolicy"], "Ignore",
        "an error of the policy's holds no Pod"
    );
    let outcome = try_template(
        "discord-monitoring",
        &["--set", "policy.enabled=true,policy.actions={Warn,Deny}"],
    );
    assert!(
        !outcome.ok && outcome.stderr.contains("/policy/actions"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_large_user_of_the_injectors_stays_a_whole_number() {
    let values = json!({"injector": {"podSecurityContext": {"runAsUser": 1_000_660_000}}});
    let rendered = objects("discord-monitoring", &values);
    let user =
        &one(&rendered, "Deployment")["spec"]["template"]["spec"]["securityContext"]["runAsUser"];
    assert!(user.is_i64() && user == 1_000_660_000, "{user}");
}
