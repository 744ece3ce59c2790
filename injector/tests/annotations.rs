//! Every setting of the table that a Pod may set, set as an annotation, with the effect it has; and those it may not, with
//! the reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines
)]

use injector::{Circumstances, DEFAULT, Decision, Template, inject};
use serde_json::{Value, json};
use sidecar::SETTINGS;

const PREFIX: &str = "discord-monitoring.io/";

/// A Pod with these annotations, and what it says besides; the warnings, and the Pod as it comes out.
fn injected(
    template: &Template,
    annotations: &[(&str, &str)],
    fields: &Value,
) -> (Vec<String>, Value) {
    let mut pod = json!({"metadata": {"name": "p", "annotations": {"discord-monitoring.io/inject": "true"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}});
    json_patch::merge(&mut pod, fields);
    for (key, value) in annotations {
        pod["metadata"]["annotations"][format!("{PREFIX}{key}")] = (*value).into();
    }
    let outcome = inject(
        pod.to_string().as_bytes(),
        Circumstances::default(),
        template,
    );
    assert_eq!(outcome.decision, Decision::Injected, "{annotations:?}");
    let patch: json_patch::Patch = serde_json::from_str(&outcome.patch.unwrap()).unwrap();
    json_patch::patch(&mut pod, &patch).unwrap();
    (outcome.warnings, pod)
}

fn container<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    ["initContainers", "containers"]
        .iter()
        .filter_map(|list| pod["spec"][list].as_array())
        .flatten()
        .find(|one| one["name"] == name)
}

fn watcher(pod: &Value) -> &Value {
    container(pod, "discord-watcher").unwrap()
}

fn env(container: &Value, name: &str) -> Value {
    let mut all = container["env"].as_array().unwrap().iter();
    let found = all.rfind(|one| one["name"] == name);
    found.cloned().unwrap_or_default()
}

fn volume<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let all = pod["spec"]["volumes"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()
}

/// One key of the JSON object in a variable.
fn keyed(pod: &Value, variable: &str, key: &str) -> Value {
    let text = env(watcher(pod), variable);
    let object: Value = serde_json::from_str(text["value"].as_str().unwrap()).unwrap();
    object[key].clone()
}

/// What is set and to what, what must be set beside it, where its effect stands, and what it is.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    fn(&Value) -> Value,
    Value,
);

fn rows() -> Vec<Row> {
    vec![
        (
            "polling.intervalMs",
            "250",
            &[],
            |pod| env(watcher(pod), "POLL_INTERVAL_MS")["value"].clone(),
            json!("250"),
        ),
        (
            "polling.batchSize",
            "3",
            &[],
            |pod| env(watcher(pod), "BATCH_SIZE")["value"].clone(),
            json!("3"),
        ),
        (
            "filters.includeTools",
            "Read",
            &[],
            |pod| keyed(pod, "FILTERS", "includeTools"),
            json!(["Read"]),
        ),
        (
            "filters.includePatterns",
            r#"["a","b"]"#,
            &[],
            |pod| keyed(pod, "FILTERS", "includePatterns"),
            json!(["a", "b"]),
        ),
        (
            "filters.minStdoutLength",
            "7",
            &[],
            |pod| keyed(pod, "FILTERS", "minStdoutLength"),
            json!(7),
        ),
        (
            "stats.trackCost",
            "false",
            &[],
            |pod| keyed(pod, "STATS", "trackCost"),
            json!(false),
        ),
        (
            "stats.tokens",
            "false",
            &[],
            |pod| keyed(pod, "STATS", "tokens"),
            json!(false),
        ),
        (
            "stats.errors",
            "false",
            &[],
            |pod| keyed(pod, "STATS", "errors"),
            json!(false),
        ),
        (
            "parityMode",
            "true",
            &[],
            |pod| env(watcher(pod), "PARITY_MODE")["value"].clone(),
            json!("true"),
        ),
        (
            "logging.level",
            "debug",
            &[],
            |pod| env(watcher(pod), "LOG_LEVEL")["value"].clone(),
            json!("debug"),
        ),
        (
            "retention.channelHours",
            "0",
            &[],
            |pod| env(watcher(pod), "RETENTION_HOURS")["value"].clone(),
            json!("0"),
        ),
        (
            "transcriptPath",
            "/data/x.jsonl",
            &[],
            |pod| env(watcher(pod), "TRANSCRIPT_PATH")["value"].clone(),
            json!("/data/x.jsonl"),
        ),
        (
            "workspacePath",
            "/work",
            &[],
            |pod| env(watcher(pod), "WORKSPACE_PATH")["value"].clone(),
            json!("/work"),
        ),
        (
            "transcript.mount",
            "config",
            &[],
            |pod| pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"].clone(),
            json!("/home/node/.claude"),
        ),
        (
            "transcript.volume.existingClaim",
            "claim",
            &[],
            |pod| volume(pod, "discord-transcript")["persistentVolumeClaim"]["claimName"].clone(),
            json!("claim"),
        ),
        (
            "transcript.volume.perPod",
            "true",
            &[("transcript.volume.existingClaim", "claim")],
            |pod| {
                let mounts = watcher(pod)["volumeMounts"].as_array().unwrap();
                let found = mounts
                    .iter()
                    .find(|mount| mount["name"] == "discord-transcript");
                found.unwrap()["subPathExpr"].clone()
            },
            json!("$(AGENT_DISCORD_POD_UID)"),
        ),
        (
            "webhook.existingSecret",
            "mine",
            &[],
            |pod| {
                json!([
                    volume(pod, "discord-webhook")["secret"]["secretName"],
                    env(watcher(pod), "DISCORD_WEBHOOK_URL")["valueFrom"]["secretKeyRef"]["name"]
                ])
            },
            json!(["mine", "mine"]),
        ),
        (
            "webhook.key",
            "k",
            &[],
            |pod| env(watcher(pod), "DISCORD_WEBHOOK_URL_FILE")["value"].clone(),
            json!("/etc/discord-monitoring/webhook/k"),
        ),
        (
            "bot.url",
            "http://bot",
            &[],
            |pod| env(watcher(pod), "BOT_URL")["value"].clone(),
            json!("http://bot"),
        ),
        (
            "bot.existingSecret",
            "mine",
            &[("bot.url", "http://bot")],
            |pod| volume(pod, "discord-bot")["secret"]["secretName"].clone(),
            json!("mine"),
        ),
        (
            "bot.key",
            "k",
            &[("bot.url", "http://bot")],
            |pod| env(watcher(pod), "BOT_TOKEN")["valueFrom"]["secretKeyRef"]["key"].clone(),
            json!("k"),
        ),
        (
            "run.taskId",
            "task-1",
            &[],
            |pod| env(watcher(pod), "RUN_TASK_ID")["value"].clone(),
            json!("task-1"),
        ),
        (
            "bridge.enabled",
            "true",
            &[],
            |pod| container(pod, "discord-bridge").is_some().into(),
            json!(true),
        ),
        (
            "bridge.port",
            "7001",
            &[("bridge.enabled", "true")],
            |pod| {
                json!([
                    env(watcher(pod), "BRIDGE_URL")["value"],
                    env(container(pod, "discord-bridge").unwrap(), "BRIDGE_PORT")["value"]
                ])
            },
            json!(["http://127.0.0.1:7001", "7001"]),
        ),
        (
            "mode",
            "plain",
            &[("plain.endsAfter", "result")],
            |pod| pod["spec"]["containers"][1]["name"].clone(),
            json!("discord-watcher"),
        ),
        (
            "plain.endsAfter",
            "10m",
            &[("mode", "plain")],
            |pod| env(watcher(pod), "ENDS_AFTER")["value"].clone(),
            json!("10m"),
        ),
        (
            "shutdown.flushSeconds",
            "9",
            &[],
            |pod| env(watcher(pod), "FLUSH_SECONDS")["value"].clone(),
            json!("9"),
        ),
        (
            "automountServiceAccountToken",
            "true",
            &[],
            |pod| {
                pod["spec"]
                    .get("automountServiceAccountToken")
                    .is_none()
                    .into()
            },
            json!(true),
        ),
        (
            "image.tag",
            "9.9",
            &[],
            |pod| watcher(pod)["image"].clone(),
            json!("discord-monitoring/watcher:9.9"),
        ),
        (
            "image.digest",
            DIGEST,
            &[("image.tag", "9.9")],
            |pod| watcher(pod)["image"].clone(),
            json!(format!("discord-monitoring/watcher@{DIGEST}")),
        ),
        (
            "image.pullPolicy",
            "Always",
            &[],
            |pod| watcher(pod)["imagePullPolicy"].clone(),
            json!("Always"),
        ),
        (
            "resources.requests.cpu",
            "20m",
            &[],
            |pod| watcher(pod)["resources"]["requests"]["cpu"].clone(),
            json!("20m"),
        ),
        (
            "resources.requests.memory",
            "40Mi",
            &[],
            |pod| watcher(pod)["resources"]["requests"]["memory"].clone(),
            json!("40Mi"),
        ),
        (
            "resources.limits.cpu",
            "200m",
            &[],
            |pod| watcher(pod)["resources"]["limits"]["cpu"].clone(),
            json!("200m"),
        ),
        (
            "resources.limits.memory",
            "128Mi",
            &[],
            |pod| watcher(pod)["resources"]["limits"]["memory"].clone(),
            json!("128Mi"),
        ),
        (
            "probes.type",
            "http",
            &[],
            |pod| watcher(pod)["livenessProbe"]["httpGet"]["port"].clone(),
            json!(8081),
        ),
        (
            "probes.port",
            "9000",
            &[("probes.type", "http")],
            |pod| {
                json!([
                    watcher(pod)["readinessProbe"]["httpGet"]["port"],
                    env(watcher(pod), "HEALTH_ADDR")["value"]
                ])
            },
            json!([9000, "0.0.0.0:9000"]),
        ),
        (
            "securityContext.runAsUser",
            "1234",
            &[],
            |pod| watcher(pod)["securityContext"]["runAsUser"].clone(),
            json!(1234),
        ),
        (
            "securityContext.runAsGroup",
            "1234",
            &[],
            |pod| watcher(pod)["securityContext"]["runAsGroup"].clone(),
            json!(1234),
        ),
    ]
}

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Settings that no annotation sets, and why.
const KEPT: [(&str, &str); 7] = [
    (
        "transcript.volume.hostPath",
        "a directory of the node is the admin's to give",
    ),
    (
        "transcript.volume.emptyDir",
        "its size is counted against the node's disk",
    ),
    ("webhook.value", "a secret: annotations are read by many"),
    (
        "bridge.image",
        "which images run beside agents is the admin's to say",
    ),
    ("bridge.args", "as its image"),
    (
        "image.registry",
        "as bridge.image; tag and digest choose a version of it",
    ),
    ("image.repository", "as image.registry"),
];

#[test]
fn every_setting_that_a_pod_may_set_has_its_effect_as_an_annotation() {
    let template = Template::parse(DEFAULT).unwrap();
    let rows = rows();
    for setting in SETTINGS {
        let row = rows.iter().find(|row| row.0 == setting.path);
        let kept = KEPT.iter().any(|(path, _)| *path == setting.path);
        assert_eq!(
            (row.is_some(), kept),
            (setting.per_pod, !setting.per_pod),
            "{}",
            setting.path
        );
        let Some((path, value, beside, effect, expected)) = row else {
            continue;
        };
        let (_, without) = injected(&template, beside_alone(path, beside), &json!({}));
        let all = [*beside, &[(*path, *value)]].concat();
        let (warnings, with) = injected(&template, &all, &json!({}));
        assert_eq!(effect(&with), *expected, "{path}");
        if !beside_alone(path, beside).is_empty() || beside.is_empty() {
            assert_ne!(effect(&without), *expected, "{path} changes nothing");
        }
        let objection = warnings
            .iter()
            .find(|text| text.starts_with(&format!("{PREFIX}{path}")));
        assert_eq!(objection, None, "{path}");
    }
}

/// What stands beside a setting, where that alone makes a Pod that can be injected.
fn beside_alone<'a>(path: &str, beside: &'a [(&'a str, &'a str)]) -> &'a [(&'a str, &'a str)] {
    // A plain watcher needs the word on its end, and that word the plain watcher.
    if path == "plain.endsAfter" {
        &[]
    } else {
        beside
    }
}

#[test]
fn what_no_annotation_sets_is_told_and_changes_nothing() {
    let template = Template::parse(DEFAULT).unwrap();
    let (_, plain) = injected(&template, &[], &json!({}));
    for (path, _) in KEPT {
        let (warnings, pod) = injected(&template, &[(path, "/x")], &json!({}));
        assert!(
            warnings
                .iter()
                .any(|text| text.contains(path) && text.contains("not for annotations")),
            "{path}"
        );
        assert_eq!(pod["spec"], plain["spec"], "{path}");
    }
}

#[test]
fn an_admin_says_which_settings_pods_may_change() {
    let yaml = DEFAULT.replace(
        "overrides: [\"*\"]",
        "overrides: [polling.*, mode, env.HTTPS_PROXY]",
    );
    let template = Template::parse(&yaml).unwrap();
    let annotations = [
        ("polling.intervalMs", "250"),
        ("logging.level", "debug"),
        ("image.tag", "9"),
        ("env.HTTPS_PROXY", "http://proxy"),
        ("env.MORE", "1"),
    ];
    let (warnings, pod) = injected(&template, &annotations, &json!({}));
    let value = |name: &str| env(watcher(&pod), name)["value"].clone();
    assert_eq!(value("POLL_INTERVAL_MS"), "250");
    assert_eq!(value("HTTPS_PROXY"), "http://proxy");
    assert_eq!(value("LOG_LEVEL"), "info");
    assert_eq!(value("MORE"), Value::Null);
    assert_eq!(watcher(&pod)["image"], "discord-monitoring/watcher:0.1.0");
    for path in ["logging.level", "image.tag", "env.MORE"] {
        let told = |text: &String| text.contains(path) && text.contains("lets Pods change");
        assert!(warnings.iter().any(told), "{path}: {warnings:?}");
    }
}

#[test]
fn watcher_and_bridge_never_share_a_port() {
    let template = Template::parse(DEFAULT).unwrap();
    let annotations = [
        ("bridge.enabled", "true"),
        ("bridge.port", "8081"),
        ("probes.type", "http"),
    ];
    let (warnings, pod) = injected(&template, &annotations, &json!({}));
    let bridge = container(&pod, "discord-bridge").unwrap();
    assert_eq!(watcher(&pod)["livenessProbe"]["httpGet"]["port"], 8081);
    assert_eq!(env(bridge, "BRIDGE_PORT")["value"], "8082");
    assert_eq!(
        env(watcher(&pod), "BRIDGE_URL")["value"],
        "http://127.0.0.1:8082"
    );
    assert!(
        warnings.iter().any(|text| text.contains("8082")),
        "{warnings:?}"
    );
}

#[test]
fn on_the_nodes_network_probes_are_by_exec_and_there_is_no_bridge_and_both_are_told() {
    let template = Template::parse(DEFAULT).unwrap();
    let annotations = [("bridge.enabled", "true"), ("probes.type", "http")];
    let host = json!({"spec": {"hostNetwork": true}});
    let (warnings, pod) = injected(&template, &annotations, &host);
    assert!(watcher(&pod)["livenessProbe"]["exec"].is_object());
    assert!(watcher(&pod).get("ports").is_none());
    assert_eq!(container(&pod, "discord-bridge"), None);
    for word in ["probes by exec", "no bridge"] {
        assert!(
            warnings.iter().any(|text| text.contains(word)),
            "{warnings:?}"
        );
    }
}

#[test]
fn on_openshift_the_platform_gives_the_user_and_fs_group_is_set_where_the_chart_says_one_and_the_pod_none()
 {
    let yaml = DEFAULT
        .replace("openshift: false", "openshift: true")
        .replace("    runAsUser: 65532\n", "");
    let template = Template::parse(&format!("{yaml}  fsGroup: 7\n")).unwrap();
    let annotations = [("securityContext.runAsUser", "1000")];
    let (warnings, pod) = injected(&template, &annotations, &json!({}));
    assert!(watcher(&pod)["securityContext"].get("runAsUser").is_none());
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("runAsUser is ignored")),
        "{warnings:?}"
    );
    assert_eq!(pod["spec"]["securityContext"]["fsGroup"], 7);
    let own = json!({"spec": {"securityContext": {"fsGroup": 5}}});
    let (_, pod) = injected(&template, &[], &own);
    assert_eq!(pod["spec"]["securityContext"]["fsGroup"], 5);
    let default = Template::parse(DEFAULT).unwrap();
    let (_, pod) = injected(&default, &[], &json!({}));
    assert!(pod["spec"]["securityContext"].get("fsGroup").is_none());
}
