//! The one definition of the sidecar: the same by include and through the injector, and harmless to the Pod it joins.

use crate::support::{
    self, chart, documents, hold, objects, one, repository, run, scenarios, template,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar::names;
use std::fs;
use std::process::Command;

fn watcher(values: &Value) -> Value {
    let objects = objects(
        "discord-monitoring",
        &json!({"discord": {"monitoring": values}}),
    );
    support::sidecar(&objects)["watcher"].clone()
}

fn env<'a>(container: &'a Value, name: &str) -> Option<&'a Value> {
    let found: Vec<_> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|env| env["name"] == name)
        .collect();
    assert!(found.len() < 2, "{name} stands twice");
    found.first().copied()
}

#[test]
fn the_injectors_own_copy_is_what_the_chart_renders() {
    let out = tempfile::NamedTempFile::new().unwrap();
    let made = run(Command::new(repository().join("hack/default-sidecar.sh")).arg(out.path()));
    assert!(made.ok, "{}", made.stderr);
    // The script puts a new file in place of ours.
    hold(
        "injector/default-sidecar.yaml",
        &fs::read_to_string(out.path()).unwrap(),
    );
}

#[test]
fn names_are_those_of_the_contract() {
    let objects = objects(
        "discord-monitoring",
        &json!({"discord": {"monitoring": {
            "bot": {"url": "http://bot"}, "bridge": {"enabled": true}, "extraCA": {"configMap": "ca"}}}}),
    );
    let sidecar = support::sidecar(&objects);
    assert_eq!(sidecar["watcher"]["name"], names::WATCHER);
    assert_eq!(sidecar["bridge"]["name"], names::BRIDGE);
    assert_eq!(sidecar["agent"]["configDir"], names::DEFAULT_CONFIG_DIR);
    assert_eq!(sidecar["agent"]["runAsUser"], names::DEFAULT_UID);
    let mounts: Vec<_> = sidecar["watcher"]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            (
                mount["name"].as_str().unwrap(),
                mount["mountPath"].as_str().unwrap(),
                mount["readOnly"] == true,
            )
        })
        .collect();
    assert_eq!(
        mounts,
        [
            (names::STATE_VOLUME, names::STATE_DIR, false),
            (names::WEBHOOK_VOLUME, names::WEBHOOK_DIR, true),
            (names::BOT_VOLUME, names::BOT_DIR, true),
            (names::CA_VOLUME, names::CA_DIR, true),
        ]
    );
    assert_eq!(
        sidecar["bridge"]["volumeMounts"],
        json!([{"name": names::BRIDGE_VOLUME, "mountPath": names::BRIDGE_DIR}])
    );
    assert_eq!(
        env(&sidecar["bridge"], "AGENT_STDIN").unwrap()["value"],
        names::AGENT_STDIN
    );
    assert_eq!(
        env(&sidecar["watcher"], "STATE_DIR").unwrap()["value"],
        names::STATE_DIR
    );
    let volumes: Vec<_> = sidecar["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| volume["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        volumes,
        [
            names::STATE_VOLUME,
            names::WEBHOOK_VOLUME,
            names::BOT_VOLUME,
            names::CA_VOLUME,
            names::BRIDGE_VOLUME
        ]
    );
}

#[test]
fn no_missing_secret_or_configmap_can_hold_the_pod() {
    for (scenario, path) in scenarios("discord-monitoring")
        .into_iter()
        .filter(|(name, _)| name != "disabled")
    {
        let rendered = documents(&template(
            "discord-monitoring",
            &["--values", path.to_str().unwrap()],
        ));
        let sidecar = support::sidecar(&rendered);
        let mut references = 0;
        optional(&sidecar, &scenario, &mut references);
        assert!(
            references > 0 || scenario == "inline-webhook",
            "{scenario} refers to nothing"
        );
    }
}

fn optional(node: &Value, scenario: &str, references: &mut usize) {
    match node {
        Value::Object(map) => {
            for (key, value) in map {
                let refers = [
                    "secretKeyRef",
                    "configMapKeyRef",
                    "secretRef",
                    "configMapRef",
                    "secret",
                    "configMap",
                ];
                if refers.contains(&key.as_str()) {
                    *references += 1;
                    assert_eq!(value["optional"], true, "{scenario}: {key} {value}");
                }
                optional(value, scenario, references);
            }
        }
        Value::Array(all) => all
            .iter()
            .for_each(|value| optional(value, scenario, references)),
        _ => {}
    }
}

#[test]
fn the_container_is_hardened_and_bounded() {
    let watcher = watcher(&json!({}));
    assert_eq!(
        watcher["securityContext"],
        json!({
            "runAsNonRoot": true, "runAsUser": 65532, "readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    assert_eq!(
        watcher["resources"],
        json!({"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}})
    );
    assert!(
        watcher.get("startupProbe").is_none(),
        "a failing one would keep the agent from starting"
    );
    assert!(watcher.get("lifecycle").is_none());
    assert!(watcher.get("args").is_none() && watcher.get("command").is_none());
}

#[test]
fn probes_are_exec_by_default_and_http_by_value() {
    let exec = watcher(&json!({}));
    let http = watcher(&json!({"probes": {"type": "http", "port": 9000}}));
    for (probe, path) in [("livenessProbe", "/live"), ("readinessProbe", "/ready")] {
        assert_eq!(
            exec[probe]["exec"]["command"],
            json!(["/watcher", "--health"])
        );
        assert_eq!(
            http[probe]["httpGet"],
            json!({"path": path, "port": 9000, "scheme": "HTTP"})
        );
        assert!(http[probe].get("exec").is_none());
        let bare = |container: &Value| {
            let mut probe = container[probe].clone();
            probe
                .as_object_mut()
                .unwrap()
                .retain(|key, _| key != "exec" && key != "httpGet");
            probe
        };
        assert_eq!(bare(&exec), bare(&http), "{probe}");
    }
    assert!(exec.get("ports").is_none() && env(&exec, "HEALTH_ADDR").is_none());
    assert_eq!(http["ports"][0]["containerPort"], 9000);
    assert_eq!(env(&http, "HEALTH_ADDR").unwrap()["value"], "0.0.0.0:9000");
}

#[test]
fn an_env_of_a_persons_own_replaces_ours() {
    let watcher =
        watcher(&json!({"env": {"LOG_LEVEL": "trace", "SIZE": 100_000_000, "FLAG": true}}));
    for (name, value) in [
        ("LOG_LEVEL", "trace"),
        ("SIZE", "100000000"),
        ("FLAG", "true"),
    ] {
        assert_eq!(env(&watcher, name).unwrap()["value"], value);
    }
}

#[test]
fn a_removed_limit_stays_removed() {
    for given in [json!(null), json!("")] {
        let watcher = watcher(&json!({"resources": {"limits": {"cpu": given}}}));
        assert_eq!(
            watcher["resources"]["limits"],
            json!({"memory": "64Mi"}),
            "{given}"
        );
    }
}

#[test]
fn an_inline_webhook_stands_in_the_container_and_nowhere_else() {
    let url = "https://discord.example.com/api/webhooks/1/t0ken?thread_id=5";
    let values = json!({"discord": {"monitoring": {"webhook": {"value": url}}}});
    let text = {
        let file = support::values_file(&values);
        template(
            "discord-monitoring",
            &["--values", file.path().to_str().unwrap()],
        )
    };
    assert_eq!(text.matches("t0ken").count(), 1);
    let watcher = support::sidecar(&documents(&text))["watcher"].clone();
    assert_eq!(env(&watcher, "DISCORD_WEBHOOK_URL").unwrap()["value"], url);
    assert!(env(&watcher, "DISCORD_WEBHOOK_URL_FILE").is_none());
}

#[test]
fn openshift_names_no_user() {
    let objects = objects(
        "discord-monitoring",
        &json!({"discord": {"monitoring": {"openshift": true, "securityContext": {"runAsUser": 1000}}}}),
    );
    let sidecar = support::sidecar(&objects);
    for container in ["watcher", "bridge"] {
        assert!(
            sidecar[container]["securityContext"]
                .get("runAsUser")
                .is_none()
        );
    }
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert!(pod["securityContext"].get("runAsUser").is_none());
}

#[test]
fn a_user_that_could_never_start_is_refused() {
    let outcome = support::try_template(
        "discord-monitoring",
        &["--set", "discord.monitoring.securityContext.runAsUser=0"],
    );
    assert!(
        !outcome.ok && outcome.stderr.contains("runAsNonRoot"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn pull_secrets_reach_the_injector_as_objects_with_a_name() {
    let told = |given: Value| {
        let values = json!({"discord": {"monitoring": {"imagePullSecrets": given}},
                            "global": {"imagePullSecrets": ["of-our-own-pods"]}});
        support::sidecar(&objects("discord-monitoring", &values))
            .get("imagePullSecrets")
            .cloned()
    };
    assert_eq!(
        told(json!(["a", {"name": "b"}])),
        Some(json!([{"name": "a"}, {"name": "b"}]))
    );
    assert_eq!(told(json!([])), None);
}

/// The Pod of the chart that includes the library, with these settings.
fn included(values: &Value, job: bool) -> Value {
    let objects = objects("own-chart", &json!({"job": job, "watcher-sidecar": values}));
    objects[0]["spec"]["template"]["spec"].clone()
}

/// What an include adds for its transcript, which the injector adds for each Pod, taken out again.
fn without_transcript(mut container: Value, values: &Value) -> Value {
    let map = container.as_object_mut().unwrap();
    map.remove("restartPolicy");
    map["volumeMounts"]
        .as_array_mut()
        .unwrap()
        .retain(|mount| mount["name"] != names::TRANSCRIPT_VOLUME);
    let asked = |path: &str| values[path].as_str().is_some_and(|text| !text.is_empty());
    map["env"]
        .as_array_mut()
        .unwrap()
        .retain(|env| match env["name"].as_str().unwrap() {
            "TRANSCRIPT_PATH" => asked("transcriptPath"),
            "CLAUDE_CONFIG_DIR" | names::POD_UID => false,
            _ => true,
        });
    container
}

/// Values a person may give, of the kinds that change what is rendered.
fn some_values() -> impl Strategy<Value = Value> {
    let text = || {
        prop::sample::select(vec![
            "",
            "x",
            "it's \"q\"",
            "a: b # c",
            "yes",
            "0123",
            "{{ . }}",
            "ä\u{1F600}\n",
        ])
    };
    let path = prop::sample::select(vec!["", "/work", "/a b/c"]);
    let settings = (
        10..60_000_i64,
        1..=10_i64,
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(text(), 0..3),
        0..1_000_000_i64,
        any::<[bool; 6]>(),
    );
    let rest = (
        path.clone(),
        path,
        text(),
        0..=8760_i64,
        0..=60_i64,
        prop::option::of(1..=2_147_483_647_i64),
        prop::collection::btree_map(
            prop::sample::select(vec!["LOG_LEVEL", "A", "STATS"]),
            text(),
            0..3,
        ),
        prop::sample::select(vec!["", "ca"]),
        1024..65_535_i64,
    );
    (settings, rest, other_values()).prop_map(|((interval, batch, tools, patterns, stdout, flags), (transcript, workspace, task, hours, flush, user, env, ca, port), other)| {
        let mut values = json!({
            "polling": {"intervalMs": interval, "batchSize": batch},
            "filters": {"includeTools": tools, "includePatterns": patterns, "minStdoutLength": stdout},
            "stats": {"tokens": flags[0]}, "parityMode": flags[1],
            "bridge": {"enabled": flags[2], "port": port},
            "bot": {"url": if flags[3] { "http://bot" } else { "" }},
            "probes": {"type": if flags[4] { "http" } else { "exec" }, "port": port},
            "openshift": flags[5],
            "transcriptPath": transcript, "workspacePath": workspace,
            "run": {"taskId": task}, "retention": {"channelHours": hours}, "shutdown": {"flushSeconds": flush},
            "securityContext": {"runAsUser": user, "runAsGroup": user},
            "env": env, "extraCA": {"configMap": ca},
        });
        merge(&mut values, &other);
        values
    })
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Those that shape the containers themselves: image, amounts, credentials, probes, rights, the bridge's own.
fn other_values() -> impl Strategy<Value = Value> {
    let amount = || prop::sample::select(vec!["", "7m", "1", "0.5"]);
    let digest = format!("sha256:{:064}", 7);
    let image = (
        prop::sample::select(vec!["", "registry.example.com:5000/x"]),
        prop::sample::select(vec!["", "1.2.3"]),
        prop::sample::select(vec![String::new(), digest]),
        prop::sample::select(vec!["Always", "IfNotPresent", "Never"]),
        prop::sample::select(vec![json!([]), json!(["a"]), json!(["a", {"name": "b"}])]),
    );
    let credentials = (
        prop::sample::select(vec![
            "",
            "https://discord.example.com/api/webhooks/1/t?thread_id=5",
        ]),
        prop::sample::select(vec!["discord-webhook", "team"]),
        prop::sample::select(vec!["url", "webhook.url"]),
        prop::sample::select(vec!["", "http://proxy:3128"]),
    );
    let shape = (
        1..600_i64,
        0..600_i64,
        any::<[bool; 4]>(),
        prop::sample::select(vec!["projects", "config", "none"]),
        prop::sample::select(vec![
            json!({"drop": ["ALL"]}),
            json!({"drop": ["ALL"], "add": ["CHOWN"]}),
            json!({}),
        ]),
        prop::option::of(0..=2_147_483_647_i64),
    );
    let bridge = (
        prop::sample::select(vec!["", "bridge:1"]),
        prop::sample::select(vec![json!(["bridge"]), json!(["bridge", "--x"])]),
    );
    (image, credentials, shape, bridge, [amount(), amount(), amount()]).prop_map(
        |((registry, tag, digest, pull, secrets), (webhook, secret, key, proxy), (period, delay, flags, mount, rights, group), (bridge, args), [asked, most, bridges])| {
            let probe = json!({"enabled": flags[0], "periodSeconds": period, "initialDelaySeconds": delay,
                "failureThreshold": period, "timeoutSeconds": period});
            let volume = if flags[1] { json!({"existingClaim": "claim"}) } else { json!({"emptyDir": {"sizeLimit": "1Gi"}}) };
            let mut values = json!({
                "image": {"registry": registry, "tag": tag, "digest": digest, "pullPolicy": pull},
                "imagePullSecrets": secrets,
                "webhook": {"value": webhook, "existingSecret": secret, "key": key},
                "proxy": {"https": proxy, "noProxy": proxy},
                "resources": {"requests": {"cpu": asked, "ephemeral-storage": asked}, "limits": {"cpu": most}},
                "probes": {"liveness": probe, "readiness": {"periodSeconds": period}},
                "transcript": {"mount": mount, "volume": volume},
                "securityContext": {"capabilities": rights, "readOnlyRootFilesystem": flags[2]},
                "bridge": {"image": bridge, "args": args, "resources": {"limits": {"cpu": bridges}}},
                "podSecurityContext": {"fsGroup": group},
                "agent": {"runAsUser": period, "configDir": "/work/agent/"},
            });
            values["transcript"]["volume"]["perPod"] = json!(flags[3]);
            values
        },
    )
}

proptest! {
    // Each case is three runs of helm, side by side.
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn include_and_injector_give_the_same_sidecar(values in some_values()) {
        let (rendered, pods) = std::thread::scope(|scope| {
            let pods = [true, false].map(|job| scope.spawn({
                let values = &values;
                move || (job, included(values, job))
            }));
            let umbrella = json!({"discord": {"monitoring": values}});
            (objects("discord-monitoring", &umbrella), pods.map(|pod| pod.join().unwrap()))
        });
        let sidecar = support::sidecar(&rendered);
        for (job, pod) in pods {
            let place = if job { &pod["initContainers"] } else { &pod["containers"] };
            let ours = |name: &str| {
                let found = place.as_array().unwrap().iter().find(|container| container["name"] == name);
                found.map(|container| {
                    assert_eq!(container["restartPolicy"] == "Always", job, "{name}");
                    without_transcript(container.clone(), &values)
                })
            };
            prop_assert_eq!(place.as_array().unwrap().last().unwrap()["name"].as_str(), Some(names::WATCHER));
            let (watcher, included) = (ours(names::WATCHER), ours(names::BRIDGE));
            prop_assert_eq!(watcher.as_ref(), Some(&sidecar["watcher"]));
            let bridge = values["bridge"]["enabled"] == true;
            prop_assert_eq!(included.as_ref(), bridge.then_some(&sidecar["bridge"]));
            let mut volumes = pod["volumes"].as_array().unwrap().clone();
            volumes.retain(|volume| volume["name"] != names::TRANSCRIPT_VOLUME);
            prop_assert_eq!(&Value::Array(volumes), &sidecar["volumes"]);
            let mut security = pod["securityContext"].clone();
            security.as_object_mut().unwrap().retain(|key, _| !key.starts_with("runAs"));
            prop_assert_eq!(&security, &sidecar["podSecurity"]);
            prop_assert_eq!(pod.get("imagePullSecrets"), sidecar.get("imagePullSecrets"));
        }
    }
}

/// Random values files: 20, in the long tests 200. `PROPTEST_CASES`, which `make test-full` sets to more, wins over both.
fn cases() -> u32 {
    if std::env::var("FULL").as_deref() == Ok("true") {
        200
    } else {
        20
    }
}

#[test]
fn an_included_watcher_reads_where_the_agent_writes() {
    for (mount, dir) in [
        ("projects", "/home/node/.claude/projects"),
        ("config", "/home/node/.claude"),
    ] {
        let pod = included(&json!({"transcript": {"mount": mount}}), true);
        let of = |container: &Value| {
            container["volumeMounts"]
                .as_array()
                .unwrap()
                .iter()
                .find(|mount| mount["name"] == names::TRANSCRIPT_VOLUME)
                .cloned()
                .unwrap()
        };
        assert_eq!(
            of(&pod["containers"][0]),
            json!({"name": names::TRANSCRIPT_VOLUME, "mountPath": dir})
        );
        assert_eq!(
            of(&pod["initContainers"][0]),
            json!({"name": names::TRANSCRIPT_VOLUME, "mountPath": dir, "readOnly": true})
        );
        assert_eq!(
            env(&pod["initContainers"][0], "TRANSCRIPT_PATH").unwrap()["value"],
            "/home/node/.claude/projects"
        );
    }
}

#[test]
fn the_transcripts_volume_is_a_claim_a_directory_or_an_emptydir() {
    for (given, expected) in [
        (json!({}), json!({"emptyDir": {}})),
        (
            json!({"emptyDir": {"sizeLimit": "1Gi"}}),
            json!({"emptyDir": {"sizeLimit": "1Gi"}}),
        ),
        (
            json!({"hostPath": "/var/agents"}),
            json!({"hostPath": {"path": "/var/agents", "type": "DirectoryOrCreate"}}),
        ),
        (
            json!({"existingClaim": "claim", "hostPath": "/x"}),
            json!({"persistentVolumeClaim": {"claimName": "claim"}}),
        ),
    ] {
        let pod = included(&json!({"transcript": {"volume": given}}), true);
        let mut volume = pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|volume| volume["name"] == names::TRANSCRIPT_VOLUME)
            .cloned()
            .unwrap();
        volume.as_object_mut().unwrap().remove("name");
        assert_eq!(volume, expected);
    }
}

#[test]
fn an_included_bridge_reaches_the_agent() {
    for job in [true, false] {
        let pod = included(&json!({"bridge": {"enabled": true, "port": 7000}}), job);
        let agent = &pod["containers"][0];
        assert_eq!(
            env(agent, "AGENT_STDIN").unwrap()["value"],
            names::AGENT_STDIN
        );
        let fifo = json!({"name": names::BRIDGE_VOLUME, "mountPath": names::BRIDGE_DIR});
        let list = if job {
            &pod["initContainers"]
        } else {
            &pod["containers"]
        };
        let all = list.as_array().unwrap();
        let found = |name: &str| {
            all.iter()
                .find(|container| container["name"] == name)
                .unwrap()
        };
        for container in [agent, found(names::BRIDGE)] {
            assert!(
                container["volumeMounts"]
                    .as_array()
                    .unwrap()
                    .contains(&fifo),
                "{container}"
            );
        }
        let url = env(found(names::WATCHER), "BRIDGE_URL").unwrap()["value"].clone();
        assert_eq!(url, "http://127.0.0.1:7000");
        assert_eq!(
            env(found(names::BRIDGE), "BRIDGE_PORT").unwrap()["value"],
            "7000"
        );

        let without = included(&json!({}), job);
        assert!(env(&without["containers"][0], "AGENT_STDIN").is_none());
        assert!(!without.to_string().contains(names::BRIDGE), "{without}");
    }
}

#[test]
fn an_including_chart_heeds_mode_token_and_pull_secrets() {
    let watcher_among = |pod: &Value, list: &str| {
        let all = pod[list].as_array().cloned().unwrap_or_default();
        all.iter()
            .any(|container| container["name"] == names::WATCHER)
    };
    for (mode, job, native) in [
        ("auto", true, true),
        ("auto", false, false),
        ("native", false, true),
        ("plain", false, false),
        ("plain", true, false),
    ] {
        let pod = included(
            &json!({"mode": mode, "plain": {"endsAfter": "result"}}),
            job,
        );
        assert_eq!(
            watcher_among(&pod, "initContainers"),
            native,
            "{mode} {job}"
        );
        assert_eq!(watcher_among(&pod, "containers"), !native, "{mode} {job}");
        assert_eq!(pod["automountServiceAccountToken"], false);
    }
    let held = support::try_template("own-chart", &["--set", "watcher-sidecar.mode=plain"]);
    assert!(
        !held.ok && held.stderr.contains("set plain.endsAfter"),
        "{}",
        held.stderr
    );
    let pod = included(
        &json!({"automountServiceAccountToken": true, "imagePullSecrets": ["pull"]}),
        true,
    );
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
}

#[test]
fn two_renders_of_an_including_chart_are_the_same_bytes() {
    let values = support::values_file(
        &json!({"watcher-sidecar": {"bridge": {"enabled": true}, "env": {"B": "1", "A": "2"},
        "transcript": {"volume": {"existingClaim": "claim", "perPod": true}}}}),
    );
    let render = || template("own-chart", &["--values", values.path().to_str().unwrap()]);
    assert_eq!(render(), render());
}

#[test]
fn in_a_claim_that_pods_share_each_has_a_folder_of_its_own_when_asked() {
    let uid = json!({"name": names::POD_UID, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}});
    for (volume, apart) in [
        (json!({"existingClaim": "claim", "perPod": true}), true),
        (json!({"hostPath": "/agents", "perPod": true}), true),
        (json!({"existingClaim": "claim"}), false),
        // The Pod's alone anyway.
        (json!({"perPod": true}), false),
    ] {
        let pod = included(&json!({"transcript": {"volume": volume}}), true);
        for container in [&pod["containers"][0], &pod["initContainers"][0]] {
            let mounts = container["volumeMounts"].as_array().unwrap();
            let mount = mounts
                .iter()
                .find(|mount| mount["name"] == names::TRANSCRIPT_VOLUME)
                .unwrap();
            assert_eq!(
                mount.get("subPathExpr").and_then(Value::as_str),
                apart.then_some(format!("$({})", names::POD_UID)).as_deref(),
                "{volume}"
            );
            assert_eq!(
                env(container, names::POD_UID),
                apart.then_some(&uid),
                "{volume}"
            );
        }
    }
}

/// A chart made for one test: its dependency lines and its one template.
fn made(name: &str, dependencies: &str, body: &str) -> support::Outcome {
    let folder = support::copy().join("charts").join(name);
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(
        folder.join("Chart.yaml"),
        format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\nappVersion: 9.9.9\n{dependencies}"),
    )
    .unwrap();
    fs::write(folder.join("templates/out.yaml"), body).unwrap();
    if !dependencies.is_empty() {
        let built = run(support::tool("helm")
            .args(["dependency", "update"])
            .arg(&folder));
        assert!(built.ok, "{}", built.stderr);
    }
    run(support::tool("helm")
        .args(["template", "dm"])
        .arg(chart(name)))
}

#[test]
fn the_library_works_under_an_alias_and_takes_its_own_version() {
    let outcome = made(
        "aliased",
        "dependencies: [{name: watcher-sidecar, alias: watcher, version: 0.1.0, repository: file://../watcher-sidecar}]\n",
        r#"{{ include "watcher-sidecar.container" (dict "root" . "values" .Values.watcher "library" "watcher") }}"#,
    );
    assert!(outcome.ok, "{}", outcome.stderr);
    let container = &documents(&outcome.stdout)[0];
    assert_eq!(
        container["image"],
        watcher(&json!({}))["image"],
        "not the including chart's appVersion"
    );
}

#[test]
fn a_forgotten_alias_is_named() {
    let outcome = made(
        "misnamed",
        "dependencies: [{name: watcher-sidecar, alias: watcher, version: 0.1.0, repository: file://../watcher-sidecar}]\n",
        r#"{{ include "watcher-sidecar.container" (dict "root" . "values" .Values.watcher) }}"#,
    );
    assert!(
        !outcome.ok && outcome.stderr.contains("pass its alias as `library`"),
        "{}",
        outcome.stderr
    );
}
