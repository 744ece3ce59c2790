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
            template("own-chart", &["--set", EVERYTHING_INCLUDED]),
        ])
        .collect();
    for release in RELEASES {
        let outcome = kubeconform(release, &[], &all);
        assert!(outcome.0, "Kubernetes {release}: {}", outcome.1);
    }
}

/// What a chart that includes the library can turn on.
const EVERYTHING_INCLUDED: &str = "watcher-sidecar.bridge.enabled=true,watcher-sidecar.imagePullSecrets={pull},\
    watcher-sidecar.bot.url=http://bot,watcher-sidecar.extraCA.configMap=ca,watcher-sidecar.probes.type=http,\
    watcher-sidecar.transcript.volume.existingClaim=claim,watcher-sidecar.transcript.volume.perPod=true";

#[test]
fn the_validity_check_can_fail() {
    let broken =
        template("discord-monitoring", &[]).replace("revisionHistoryLimit", "revisionHistoryLimt");
    let (ok, said) = kubeconform("1.37", &[], &broken);
    assert!(!ok && said.contains("revisionHistoryLimt"), "{said}");
    // The kinds that are not Kubernetes' own are held to schemas of ours.
    let on = "prometheusRule.enabled=true,injector.serviceMonitor.enabled=true,watcherPodMonitor.enabled=true,\
        discord.monitoring.probes.type=http,certs.mode=cert-manager";
    let foreign = template("discord-monitoring", &["--set", on]);
    for (word, wrong) in [
        ("secretName:", "secretNam:"),
        ("selfSigned:", "selfsigned:"),
        ("endpoints:", "endpoint:"),
        ("podMetricsEndpoints:", "podMetricEndpoints:"),
        ("expr:", "expression:"),
    ] {
        // The last: the first may stand in the text of a ConfigMap.
        let at = foreign.rfind(word).unwrap_or_else(|| panic!("no {word}"));
        let mut broken = foreign.clone();
        broken.replace_range(at..at + word.len(), wrong);
        let (ok, said) = kubeconform("1.37", &[], &broken);
        assert!(!ok, "{wrong} is taken: {said}");
    }
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
    // Of kinds of the Prometheus operator's and of cert-manager's: what we use of them.
    let foreign = repository().join("tests/tests/helm/schemas/{{.ResourceKind}}.json");
    let mut child = tool("kubeconform")
        .args(["-strict", "-schema-location"])
        .arg(schemas)
        .arg("-schema-location")
        .arg(foreign)
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

/// Functions whose answer is another at another time or place.
const UNSTEADY: &[&str] = &[
    "lookup",
    "gen",
    "rand",
    "uuidv4",
    "now",
    "ago",
    "getHostByName",
    "htpasswd",
    "bcrypt",
    "encryptAES",
    "env",
    "expandenv",
];

/// The first such function that a template calls, in however many lines an action is written.
fn unsteady(text: &str) -> Option<String> {
    for action in text.split("{{").skip(1) {
        let action = action.split("}}").next().unwrap();
        if action
            .trim_start_matches(['-', ' ', '\n'])
            .starts_with("/*")
        {
            continue;
        }
        // What stands in quotes is data, and what follows a dot or a dollar is a name of a value's.
        for code in action.split('"').step_by(2) {
            let mut before = ' ';
            for word in code.split_inclusive(|c: char| !c.is_alphanumeric()) {
                let name = word.trim_end_matches(|c: char| !c.is_alphanumeric());
                let called = UNSTEADY.iter().any(|bad| match *bad {
                    "gen" | "rand" => name.starts_with(bad),
                    _ => name == *bad,
                });
                if called && !"$._-".contains(before) {
                    return Some(format!("{name} in {action}"));
                }
                before = word.chars().last().unwrap_or(' ');
            }
        }
    }
    None
}

#[test]
fn no_template_asks_the_cluster_or_chance() {
    for folder in ["watcher-sidecar", "discord-monitoring", "bot-service"] {
        let templates = repository().join("charts").join(folder).join("templates");
        let files: Vec<_> = [templates.clone(), templates.join("tests")]
            .into_iter()
            .filter(|folder| folder.exists())
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        assert!(files.len() > 5, "{folder}");
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(unsteady(&text), None, "{}", path.display());
        }
    }
    for text in [
        "a: {{ now | date \"2006\" }}",
        "{{- $x := dict\n  \"a\" (randAlphaNum 5)\n-}}",
        "{{ (lookup \"v1\" \"Secret\" \"\" \"x\").data }}",
        "{{- $ca := genCA \"x\" 1 }}",
    ] {
        assert!(unsteady(text).is_some(), "{text}");
    }
    for text in [
        "{{ .Values.now }} now",
        "{{- /* now */ -}}",
        "{{ fail \"now\" }}",
        "{{ .Values.agent.env }}",
    ] {
        assert_eq!(unsteady(text), None, "{text}");
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

/// How the umbrella's retention stands in a render: in the watcher, in the ConfigMap, and the bot's Deployment.
fn retention(values: &Value) -> (Value, Value, Value) {
    let objects = objects("discord-monitoring", values);
    let named = |kind: &str, name: &str| {
        objects
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let watcher = crate::support::sidecar(&objects)["watcher"]["env"].clone();
    let told = watcher
        .as_array()
        .unwrap()
        .iter()
        .find(|env| env["name"] == "RETENTION_HOURS")
        .unwrap()["value"]
        .clone();
    (
        told,
        named("ConfigMap", "dm-discord-retention")["data"]["channelHours"].clone(),
        named("Deployment", "dm-bot-service").clone(),
    )
}

#[test]
fn a_retention_of_the_umbrella_reaches_watcher_and_bot() {
    let values = |hours: u32| json!({"discord": {"monitoring": {"retention": {"channelHours": hours}}}, "bot-service": {"enabled": true}});
    let (watcher, map, bot) = retention(&values(72));
    assert_eq!((watcher, map), (json!("72"), json!("72")));
    let pod = &bot["spec"]["template"]["spec"];
    let env = |name: &str| {
        let all = pod["containers"][0]["env"].as_array().unwrap();
        all.iter().find(|env| env["name"] == name).unwrap().clone()
    };
    assert_eq!(
        env("RETENTION_HOURS")["valueFrom"]["configMapKeyRef"],
        json!({"name": "dm-discord-retention", "key": "channelHours", "optional": true})
    );
    // The same as a file, for an environment is fixed for life: a directory, since a subPath sees no change.
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts
        .iter()
        .find(|mount| mount["name"] == "retention")
        .unwrap();
    assert!(mount.get("subPath").is_none());
    let file = format!("{}/channelHours", mount["mountPath"].as_str().unwrap());
    assert_eq!(env("RETENTION_HOURS_FILE")["value"], file);
    let volumes = pod["volumes"].as_array().unwrap();
    let volume = volumes
        .iter()
        .find(|volume| volume["name"] == "retention")
        .unwrap();
    assert_eq!(volume["configMap"]["name"], "dm-discord-retention");
    assert_eq!(volume["configMap"]["optional"], true);

    // An upgrade changes what is read again, and restarts nothing.
    let (watcher, map, upgraded) = retention(&values(48));
    assert_eq!((watcher, map), (json!("48"), json!("48")));
    assert_eq!(bot, upgraded);
}

#[test]
fn the_bots_own_retention_is_the_watchers_too() {
    // A watcher registers with the retention it was given, and a run's own wins.
    let (watcher, _, bot) = retention(&json!({
        "discord": {"monitoring": {"retention": {"channelHours": 72}}},
        "bot-service": {"enabled": true, "retention": {"channelHours": 168, "maxHours": 200}}}));
    assert_eq!(watcher, "168");
    let env = bot["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let env = env.as_array().unwrap();
    for (name, value) in [("RETENTION_HOURS", "168"), ("MAX_RETENTION_HOURS", "200")] {
        assert!(
            env.contains(&json!({"name": name, "value": value})),
            "{env:?}"
        );
    }
    assert!(env.iter().all(|env| env["name"] != "RETENTION_HOURS_FILE"));
    // Of a bot that is not installed nothing is taken.
    let off = json!({"bot-service": {"retention": {"channelHours": 168}}});
    let sidecar = crate::support::sidecar(&objects("discord-monitoring", &off));
    assert_eq!(sidecar["settings"]["retention"]["channelHours"], 24);
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
fn every_object_of_every_scenario_is_labelled_as_ours() {
    let mut seen = 0;
    for chart in CHARTS {
        for (scenario, path) in scenarios(chart) {
            for object in documents(&template(chart, &["--values", path.to_str().unwrap()])) {
                let name = object["metadata"]["name"].as_str().unwrap();
                // An object of a person's own is theirs to label.
                if name.ends_with("-extra") {
                    continue;
                }
                let labels = &object["metadata"]["labels"];
                let about = format!("{chart} {scenario}: {} {name}", object["kind"]);
                assert_eq!(labels["app.kubernetes.io/instance"], "dm", "{about}");
                assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "{about}");
                assert!(
                    labels["app.kubernetes.io/part-of"]
                        .as_str()
                        .is_some_and(|whole| whole.starts_with("discord-monitoring")),
                    "{about}"
                );
                let released = labels["helm.sh/chart"].as_str().unwrap();
                assert!(released.ends_with("-0.1.0"), "{about}: {released}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen} objects");
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
    // Word by word, for an empty file would render the same.
    let given = crate::support::yaml("charts/discord-monitoring/example-values.yaml");
    assert_eq!(
        given["discord"]["monitoring"],
        json!({
            "enabled": true,
            "polling": {"intervalMs": 100, "batchSize": 10},
            "filters": {
                "includeTools": ["Bash", "Write", "Edit"],
                "includePatterns": ["Error", "Success", "Complete", "Starting"],
                "minStdoutLength": 50
            },
            "stats": {"trackCost": true, "tokens": true, "errors": true},
            "parityMode": false,
            "logging": {"level": "info"},
            "retention": {"channelHours": 24},
            "webhook": {"existingSecret": "discord-webhook", "key": "url"},
            "resources": {
                "requests": {"cpu": "10m", "memory": "32Mi"},
                "limits": {"cpu": "100m", "memory": "64Mi"}
            }
        })
    );
}
