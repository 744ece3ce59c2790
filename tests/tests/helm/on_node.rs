//! What only an API server can tell of the charts: which Pods the webhooks are asked about, and that an upgrade, a
//! rollback and a diff leave alone what the injector wrote. No image is needed: no injector runs here.

mod certificate;
mod policy;

use crate::support::{Outcome, chart, helm_4, run, tool, values_file};
use serde_json::{Value, json};
use sidecar::names::INJECT;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn kubectl(args: &[&str], input: Option<&Value>) -> Outcome {
    let mut child = tool("kubectl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl");
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(input.unwrap_or(&Value::Null).to_string().as_bytes())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Outcome {
        ok: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Without KUBECONFIG kubectl and helm would fall back to a person's own cluster.
fn demand_a_cluster() {
    let named = std::env::var_os("KUBECONFIG").is_some_and(|path| !path.is_empty());
    assert!(
        named,
        "KUBECONFIG names no cluster; `make node-up` starts one and says which"
    );
}

fn must(outcome: Outcome) -> String {
    assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

/// A release without replicas, seen by namespaces of its own alone, and gone at the end.
struct Release {
    name: String,
    helm: fn() -> Command,
}

impl Release {
    fn new(what: &str) -> Self {
        Self::with(what, || tool("helm"))
    }

    /// By this helm.
    fn with(what: &str, helm: fn() -> Command) -> Self {
        demand_a_cluster();
        Self {
            name: format!("charts-{what}-{}", std::process::id()),
            helm,
        }
    }

    /// A word of helm's about this release.
    fn helm(&self, words: &[&str]) -> Outcome {
        run((self.helm)().args(words).args(["--namespace", &self.name]))
    }

    fn injector(&self) -> String {
        format!("{}-discord-monitoring-injector", self.name)
    }

    /// Installs or upgrades with these values over what keeps the release to itself.
    fn apply(&self, values: &Value) -> Outcome {
        let own = values_file(&json!({
            "injector": {"replicaCount": 0, "namespaceSelector": {"matchLabels": {"charts-test": self.name}}}}));
        let given = values_file(values);
        run((self.helm)()
            .args(["upgrade", "--install", &self.name])
            .arg(chart("discord-monitoring"))
            .args(["--namespace", &self.name, "--create-namespace", "--values"])
            .arg(own.path())
            .arg("--values")
            .arg(given.path()))
    }

    /// A namespace the webhooks see, with further labels.
    fn namespace(&self, suffix: &str, labels: &[&str]) -> String {
        let name = format!("{}-{suffix}", self.name);
        must(kubectl(&["create", "namespace", &name], None));
        let ours = format!("charts-test={}", self.name);
        must(kubectl(
            &[&["label", "namespace", &name, &ours], labels].concat(),
            None,
        ));
        name
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        // Nothing here may panic: a failed test is cleaned up after all the same.
        let _ = (self.helm)()
            .args(["uninstall", &self.name, "--namespace", &self.name])
            .output();
        for namespace in [
            self.name.clone(),
            format!("{}-plain", self.name),
            format!("{}-asking", self.name),
        ] {
            let _ = tool("kubectl")
                .args([
                    "delete",
                    "namespace",
                    &namespace,
                    "--ignore-not-found",
                    "--wait=false",
                ])
                .output();
        }
    }
}

/// The entry that was asked about this Pod. Nobody answers and failurePolicy is Fail, so to be asked is to be refused
/// by the entry's name. A dry run: nothing starts.
fn asked(namespace: &str, given: &Value) -> Option<&'static str> {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"containers": [{"name": "agent", "image": "agent"}]},
    });
    json_merge(&mut pod, given);
    let outcome = kubectl(&["create", "--dry-run=server", "-f", "-"], Some(&pod));
    let entry = [
        "pods.discord-monitoring.io",
        "namespaces.discord-monitoring.io",
    ]
    .into_iter()
    .find(|entry| outcome.stderr.contains(entry));
    assert!(outcome.ok != entry.is_some(), "{given}: {}", outcome.stderr);
    entry
}

fn json_merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                json_merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[test]
fn only_pods_that_ask_reach_the_injector() {
    let release = Release::new("asked");
    must(release.apply(&json!({"injector": {"webhooks": {"failurePolicy": "Fail"}}})));
    let plain = release.namespace("plain", &[]);
    let asking = release.namespace("asking", &[&format!("{INJECT}=enabled")]);
    let began = Instant::now();
    while asked(&asking, &json!({})).is_none() {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "the webhooks are not heeded"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let annotated = |value: &str| json!({"metadata": {"annotations": {INJECT: value}}});
    let and = |more: Value| {
        let mut pod = annotated("true");
        json_merge(&mut pod, &more);
        pod
    };
    let (by_pod, by_namespace) = (
        Some("pods.discord-monitoring.io"),
        Some("namespaces.discord-monitoring.io"),
    );
    for (pod, in_plain, in_asking) in [
        (json!({}), None, by_namespace),
        (
            json!({"metadata": {"annotations": {"other": "x"}}}),
            None,
            by_namespace,
        ),
        (annotated("true"), by_pod, by_namespace),
        (annotated("false"), None, None),
        (annotated("yes"), None, by_namespace),
        (
            and(json!({"spec": {"os": {"name": "linux"}}})),
            by_pod,
            by_namespace,
        ),
        (
            and(json!({"spec": {"os": {"name": "windows"}}})),
            None,
            None,
        ),
        (
            and(json!({"spec": {"nodeSelector": {"disk": "fast"}}})),
            by_pod,
            by_namespace,
        ),
        (
            and(json!({"spec": {"nodeSelector": {"kubernetes.io/os": "windows"}}})),
            None,
            None,
        ),
        (
            and(
                json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "discord-monitoring"}}}),
            ),
            None,
            None,
        ),
    ] {
        assert_eq!(asked(&plain, &pod), in_plain, "without the label: {pod}");
        assert_eq!(asked(&asking, &pod), in_asking, "with the label: {pod}");
    }
    let off = json!({"injector": {"webhooks": {"failurePolicy": "Fail",
        "pods": {"enabled": false}, "namespaces": {"enabled": false}}}});
    must(release.apply(&off));
    for namespace in [&plain, &asking] {
        // The API server heeds a changed configuration when its own watch has brought it.
        let began = Instant::now();
        while asked(namespace, &annotated("true")).is_some() {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "still asked after it was switched off"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn upgrade_rollback_and_diff_leave_alone_what_the_injector_wrote() {
    live_and_let_live(&Release::new("upgrade"));
}

#[test]
fn helm_4_installs_upgrades_rolls_back_and_uninstalls() {
    if std::env::var("FULL").as_deref() == Ok("true") {
        live_and_let_live(&Release::with("four", helm_4));
    } else {
        println!("skipped: Helm 4, which FULL=true runs");
    }
}

/// A release's whole life, with the injector's own writing in between: nothing of the injector's is lost, nothing differs from
/// what helm believes, and in the end nothing is left.
fn live_and_let_live(release: &Release) {
    must(release.apply(&json!({})));
    let injector = release.injector();
    let account = format!("--as=system:serviceaccount:{}:{injector}", release.name);
    let secret = format!("{injector}-tls");

    // As the injector does it, with its rights and no more.
    let kept: Value = serde_json::from_str(&must(kubectl(
        &[
            "get",
            "secret",
            &secret,
            "--namespace",
            &release.name,
            "--output=json",
            &account,
        ],
        None,
    )))
    .unwrap();
    let version = &kept["metadata"]["resourceVersion"];
    let data = json!({"tls.crt": "QQ==", "tls.key": "Qg=="});
    let written = json!({"metadata": {"resourceVersion": version}, "data": data}).to_string();
    must(kubectl(
        &[
            "patch",
            "secret",
            &secret,
            "--namespace",
            &release.name,
            "--type=merge",
            "--patch",
            &written,
            &account,
        ],
        None,
    ));
    let entries = [
        "pods.discord-monitoring.io",
        "namespaces.discord-monitoring.io",
    ]
    .map(|name| json!({"name": name, "clientConfig": {"caBundle": "LS0tLS1CRUdJTg=="}}));
    let bundle = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": injector},
        "webhooks": entries,
    });
    must(kubectl(
        &[
            "apply",
            "--server-side",
            "--field-manager=injector",
            "--filename=-",
            &account,
        ],
        Some(&bundle),
    ));

    let state = || {
        let data = must(kubectl(
            &[
                "get",
                "secret",
                &secret,
                "--namespace",
                &release.name,
                "--output=jsonpath={.data}",
            ],
            None,
        ));
        let bundles = must(kubectl(
            &[
                "get",
                "mutatingwebhookconfiguration",
                &injector,
                "--output=jsonpath={.webhooks[*].clientConfig.caBundle}",
            ],
            None,
        ));
        (data, bundles)
    };
    let before = state();
    assert_eq!(before.1, "LS0tLS1CRUdJTg== LS0tLS1CRUdJTg==");
    let unchanged = |after: &str| {
        assert_eq!(state(), before, "after {after}");
        let manifest = release.helm(&["get", "manifest", &release.name]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), must(manifest)).unwrap();
        let path = file.path().to_str().unwrap();
        for how in [
            &[][..],
            &[
                "--server-side",
                "--field-manager=argocd-controller",
                "--force-conflicts",
            ],
        ] {
            let diff = kubectl(&[&["diff", "--filename", path], how].concat(), None);
            assert!(diff.ok, "after {after}: {}{}", diff.stdout, diff.stderr);
        }
    };
    unchanged("the install");
    must(release.apply(&json!({})));
    unchanged("an upgrade with the same values");
    must(release.apply(
        &json!({"injector": {"webhooks": {"timeoutSeconds": 2, "pods": {"enabled": false}}}}),
    ));
    unchanged("an upgrade with others");
    must(release.apply(&json!({"injector": {"webhooks": {"namespaces": {"enabled": false}}}})));
    unchanged("the namespaces' entry was switched off");
    must(release.helm(&["rollback", &release.name, "1"]));
    unchanged("a rollback");
    must(release.apply(&json!({"policy": {"enabled": true}})));
    unchanged("a policy");

    must(release.helm(&["uninstall", &release.name]));
    let left = must(kubectl(
        &[
            "get",
            "mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings",
            &format!("--selector=app.kubernetes.io/instance={}", release.name),
            "--output=name",
        ],
        None,
    ));
    assert_eq!(
        left, "",
        "an uninstall leaves nothing that could hold a Pod"
    );
}

#[test]
fn an_upgraded_retention_reaches_the_bot_and_restarts_nothing() {
    let release = Release::new("retention");
    let namespace = release.name.as_str();
    // What the bot's Pods are made of, and what they have mounted.
    let state = |hours: u32| {
        must(release.apply(&json!({
            "discord": {"monitoring": {"retention": {"channelHours": hours}}},
            "bot-service": {"enabled": true, "replicaCount": 0}})));
        let get = |what: &str, path: &str| {
            let output = format!("--output=jsonpath={path}");
            must(kubectl(
                &["get", what, "--namespace", namespace, &output],
                None,
            ))
        };
        let bot = format!("deployment/{namespace}-bot-service");
        let mounted = format!("configmap/{namespace}-discord-retention");
        let uses = get(
            &bot,
            "{.spec.template.spec.volumes[?(@.name=='retention')].configMap.name}",
        );
        assert_eq!(format!("configmap/{uses}"), mounted);
        (
            get(&bot, "{.metadata.generation}"),
            get(&mounted, "{.data.channelHours}"),
        )
    };
    let (generation, hours) = state(72);
    assert_eq!(hours, "72");
    assert_eq!(state(48), (generation, "48".to_owned()));
}

#[test]
fn the_injector_may_do_its_own_work_and_no_more() {
    let release = Release::new("rights");
    must(release.apply(&json!({})));
    let (own, namespace) = (release.injector(), release.name.as_str());
    let account = format!("--as=system:serviceaccount:{namespace}:{own}");
    let secret = format!("secrets/{own}-tls");
    let webhook = format!("mutatingwebhookconfigurations/{own}");
    for (verb, resource, allowed) in [
        ("get", secret.as_str(), true),
        ("update", secret.as_str(), false),
        ("patch", secret.as_str(), true),
        ("delete", secret.as_str(), false),
        ("get", "secrets/other", false),
        ("list", "secrets", false),
        ("create", "secrets", false),
        ("get", webhook.as_str(), true),
        ("patch", webhook.as_str(), true),
        ("update", webhook.as_str(), false),
        ("delete", webhook.as_str(), false),
        ("patch", "mutatingwebhookconfigurations/other", false),
        ("list", "pods", false),
        ("create", "pods", false),
        ("get", "configmaps", false),
    ] {
        let said = kubectl(
            &[
                "auth",
                "can-i",
                verb,
                resource,
                "--namespace",
                namespace,
                &account,
            ],
            None,
        );
        assert_eq!(
            said.stdout.trim() == "yes",
            allowed,
            "{verb} {resource}: {}",
            said.stderr
        );
    }
}

#[test]
fn the_api_server_takes_every_scenario_and_every_file_to_start_from() {
    demand_a_cluster();
    let examples = crate::docs::examples()
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let mut examples: Vec<_> = examples.collect();
    for name in crate::support::CHARTS {
        let mut files = crate::support::scenarios(name);
        if name == "discord-monitoring" {
            files.append(&mut examples);
        }
        for (scenario, path) in files {
            if scenario == "disabled" || scenario.starts_with("cert-manager") {
                continue;
            }
            let mut args = vec!["--values", path.to_str().unwrap(), "--namespace", "default"];
            if name == "discord-monitoring" {
                // Kinds of the Prometheus operator's, which a bare cluster does not know.
                args.extend([
                    "--set",
                    "injector.serviceMonitor.enabled=false,watcherPodMonitor.enabled=false,prometheusRule.enabled=false,\
                     bot-service.serviceMonitor.enabled=false,bot-service.prometheusRule.enabled=false",
                ]);
            } else {
                args.extend([
                    "--set",
                    "serviceMonitor.enabled=false,prometheusRule.enabled=false",
                ]);
            }
            let text = crate::support::template(name, &args);
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let path = file.path().to_str().unwrap();
            let taken = kubectl(&["apply", "--dry-run=server", "--filename", path], None);
            assert!(taken.ok, "{name} {scenario}: {}", taken.stderr);
            // Not of the objects, but of what else is on the cluster: a release of the same name, an injector that is asked.
            let warned = taken.stderr.lines().find(|line| {
                line.contains("Warning")
                    && !line.contains("last-applied-configuration")
                    && !line.contains("Warning: discord-monitoring:")
            });
            assert_eq!(warned, None, "{name} {scenario}");
        }
    }
}
