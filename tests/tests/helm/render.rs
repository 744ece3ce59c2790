//! Every scenario renders, lints, is valid Kubernetes, and renders the same twice.

use crate::support::{
    CHARTS, RELEASES, documents, hold, objects, repository, run, scenarios, template, tool,
    try_template,
};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn each_scenario_renders_as_its_golden_file_says() {
    for chart in CHARTS {
        for (scenario, path) in scenarios(chart) {
            let text = template(chart, &["--values", path.to_str().unwrap()]);
            hold(
                &format!("tests/golden/charts/{chart}-{scenario}.yaml"),
                &text,
            );
        }
    }
}

#[test]
fn lint_is_strict_and_content() {
    for chart in CHARTS {
        for (scenario, path) in scenarios(chart) {
            let outcome = run(tool("helm")
                .args(["lint", "--strict", "--values"])
                .arg(path)
                .arg(crate::support::chart(chart)));
            assert!(
                outcome.ok,
                "{chart} {scenario}: {}{}",
                outcome.stdout, outcome.stderr
            );
        }
    }
    for chart in ["watcher-sidecar", "own-chart"] {
        let outcome = run(tool("helm")
            .args(["lint", "--strict"])
            .arg(crate::support::chart(chart)));
        assert!(outcome.ok, "{chart}: {}{}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn every_object_is_valid_in_every_release() {
    let all: String = CHARTS
        .iter()
        .flat_map(|chart| {
            scenarios(chart)
                .into_iter()
                .map(move |(_, path)| (chart, path))
        })
        .map(|(chart, path)| template(chart, &["--values", path.to_str().unwrap()]))
        .chain([
            template("own-chart", &[]),
            template("own-chart", &["--set", "job=false"]),
        ])
        .collect();
    for release in RELEASES {
        // These kinds are not Kubernetes' own.
        let outcome = kubeconform(
            release,
            &[
                "-skip",
                "Certificate,Issuer,PodMonitor,PrometheusRule,ServiceMonitor",
            ],
            &all,
        );
        assert!(outcome.0, "Kubernetes {release}: {}", outcome.1);
    }
}

#[test]
fn the_validity_check_can_fail() {
    let broken =
        template("discord-monitoring", &[]).replace("revisionHistoryLimit", "revisionHistoryLimt");
    let (ok, said) = kubeconform("1.37", &[], &broken);
    assert!(!ok && said.contains("revisionHistoryLimt"), "{said}");
}

/// Checks objects against one release's schemas; says whether all are valid, and what was said.
pub(crate) fn kubeconform(release: &str, more: &[&str], yaml: &str) -> (bool, String) {
    let fetched = run(&mut Command::new(repository().join("hack/schemas.sh")));
    assert!(
        fetched.ok,
        "hack/schemas.sh: {}{}",
        fetched.stdout, fetched.stderr
    );
    let schemas = repository().join(format!(
        ".tools/schemas/v{release}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    ));
    let mut child = tool("kubeconform")
        .args(["-strict", "-schema-location"])
        .arg(schemas)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubeconform; `make tools` builds it");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(yaml.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn two_renders_are_the_same_bytes() {
    for chart in CHARTS {
        for (scenario, path) in scenarios(chart) {
            let render = || template(chart, &["--values", path.to_str().unwrap()]);
            assert_eq!(render(), render(), "{chart} {scenario}");
        }
    }
}

#[test]
fn no_template_asks_the_cluster_or_chance() {
    for folder in ["watcher-sidecar", "discord-monitoring", "bot-service"] {
        let templates = repository().join("charts").join(folder).join("templates");
        let files = [templates.clone(), templates.join("tests")]
            .into_iter()
            .filter(|folder| folder.exists())
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file());
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let words = [
                "lookup",
                "genCA",
                "genSigned",
                "genSelfSigned",
                "genPrivateKey",
                "rand",
                "uuidv4",
                "now ",
            ];
            for line in text.lines().filter(|line| line.contains("{{")) {
                for word in words {
                    let called = line.split(|c: char| !c.is_alphanumeric()).any(|part| {
                        part.starts_with(word.trim_end()) && !part.starts_with("randomly")
                    });
                    assert!(!called, "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn switched_off_nothing_is_rendered_the_bot_included() {
    let off = json!({
        "discord": {"monitoring": {"enabled": false}},
        "bot-service": {"enabled": true},
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "never"}}],
    });
    assert_eq!(objects("discord-monitoring", &off), Vec::<Value>::new());
    assert_eq!(
        objects("bot-service", &json!({"enabled": false})),
        Vec::<Value>::new()
    );
}

#[test]
fn the_bot_comes_only_when_both_say_so() {
    let bots = |enabled: bool| {
        objects(
            "discord-monitoring",
            &json!({"bot-service": {"enabled": enabled}}),
        )
        .iter()
        .filter(|object| object["metadata"]["labels"]["app.kubernetes.io/component"] == "bot")
        .count()
    };
    assert_eq!(bots(false), 0);
    assert!(bots(true) >= 3);
}

#[test]
fn a_retention_of_the_umbrella_reaches_watcher_and_bot() {
    let objects = documents(&template(
        "discord-monitoring",
        &[
            "--set",
            "discord.monitoring.retention.channelHours=72,bot-service.enabled=true",
        ],
    ));
    let map = objects
        .iter()
        .find(|object| object["metadata"]["name"] == "dm-discord-retention")
        .expect("the retention ConfigMap");
    assert_eq!(map["data"]["channelHours"], "72");
    let bot = objects
        .iter()
        .find(|object| {
            object["kind"] == "Deployment" && object["metadata"]["name"] == "dm-bot-service"
        })
        .expect("the bot's Deployment");
    let env = bot["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    let retention = env
        .iter()
        .find(|env| env["name"] == "RETENTION_HOURS")
        .unwrap();
    assert_eq!(
        retention["valueFrom"]["configMapKeyRef"],
        json!({"name": "dm-discord-retention", "key": "channelHours", "optional": true})
    );
    let watcher = crate::support::sidecar(&objects)["watcher"].clone();
    assert!(
        watcher["env"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "RETENTION_HOURS", "value": "72"})),
        "{watcher}"
    );
}

#[test]
fn every_object_carries_the_common_labels_and_stays_within_63_characters() {
    let long = "a-release-name-that-is-as-long-as-helm-allows-it-to-be";
    for (chart, values) in [
        (
            "discord-monitoring",
            json!({"fullnameOverride": long, "bot-service": {"enabled": true, "fullnameOverride": long}, "commonLabels": {"team": "x", "app.kubernetes.io/name": "stolen"}}),
        ),
        (
            "bot-service",
            json!({"fullnameOverride": long, "commonLabels": {"team": "x"}}),
        ),
    ] {
        for object in objects(chart, &values) {
            let labels = &object["metadata"]["labels"];
            assert_ne!(labels["app.kubernetes.io/name"], "stolen", "{object}");
            for label in [
                "name",
                "instance",
                "version",
                "managed-by",
                "part-of",
                "component",
            ] {
                assert!(
                    labels[format!("app.kubernetes.io/{label}")].is_string(),
                    "{label} of {object}"
                );
            }
            let name = object["metadata"]["name"].as_str().unwrap();
            assert!(name.len() <= 63, "{name}");
        }
    }
}

#[test]
fn an_older_kubernetes_is_refused_with_the_reason() {
    let outcome = try_template("discord-monitoring", &["--kube-version", "1.31.9"]);
    assert!(
        !outcome.ok && outcome.stderr.contains(">=1.32.0-0"),
        "{}",
        outcome.stderr
    );
    template("discord-monitoring", &["--kube-version", "1.32.1-gke.1"]);
}

#[test]
fn the_example_values_are_the_defaults() {
    let example = repository().join("charts/discord-monitoring/example-values.yaml");
    let given = template(
        "discord-monitoring",
        &["--values", example.to_str().unwrap()],
    );
    assert_eq!(given, template("discord-monitoring", &[]));
}
