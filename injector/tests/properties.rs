//! What holds for every Pod, over generated ones with fields that no library knows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use injector::{Circumstances, DEFAULT, Decision, Outcome, Template, inject, uninject};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::parse(DEFAULT).unwrap());
const PREFIX: &str = "discord-monitoring.io/";
const TOKEN_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!(1.5)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-z]{1,6}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Some invented fields beside the real ones.
fn with_invented(base: Value, invented: Vec<(String, Value)>) -> Value {
    let mut base = base;
    for (key, value) in invented {
        base.as_object_mut()
            .unwrap()
            .insert(format!("x{key}"), value);
    }
    base
}

fn invented() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec(("[a-zA-Z]{1,8}", any_json()), 0..3)
}

/// A list that is absent, null, empty or filled.
fn maybe_list(items: impl Strategy<Value = Vec<Value>>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!([]))),
        items.prop_map(|list| Some(list.into()))
    ]
}

fn set(map: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.as_object_mut().unwrap().insert(key.to_owned(), value);
    }
}

const VOLUMES: [&str; 7] = [
    "work",
    "home",
    "kube-api-access-x7z2k",
    "discord-state",
    "discord-webhook",
    "discord-transcript",
    "cfg",
];

fn volume_source() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"emptyDir": {}}),
        json!({"persistentVolumeClaim": {"claimName": "c"}}),
        json!({"configMap": {"name": "c"}}),
        json!({"hostPath": {"path": "/x"}}),
        json!({"image": {"reference": "r", "pullPolicy": "Always"}}),
    ])
}

fn token_volume(name: &str) -> Value {
    json!({"name": name, "projected": {"sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}], "defaultMode": 420}})
}

fn mounts() -> impl Strategy<Value = Vec<Value>> {
    let paths = [
        "/work",
        "/home/node",
        "/home/node/.claude",
        "/home/node/.claude/projects",
        "/home/node/.claude/projects/deep/er",
        "/data",
        "/var/lib",
        "/etc",
        "/watcher",
        "/home/node/.claude/settings.json",
        TOKEN_DIR,
    ];
    let one = (
        select(VOLUMES.to_vec()),
        select(paths.to_vec()),
        option::of(any::<bool>()),
        option::of("[a-z]{1,5}"),
        invented(),
    );
    vec(one, 0..4).prop_map(|all| {
        let mut seen = std::collections::HashSet::new();
        all.into_iter()
            .filter(|(_, path, ..)| seen.insert(*path))
            .map(|(name, path, read_only, sub, invented)| {
                let mut mount = json!({"name": name, "mountPath": path});
                set(&mut mount, "readOnly", read_only.map(Value::from));
                set(&mut mount, "subPath", sub.map(Value::from));
                with_invented(mount, invented)
            })
            .collect()
    })
}

fn env() -> impl Strategy<Value = Vec<Value>> {
    let entries = vec![
        json!({"name": "HOME", "value": "/root"}),
        json!({"name": "CLAUDE_CONFIG_DIR", "value": "/data/claude"}),
        json!({"name": "CLAUDE_CONFIG_DIR", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
        json!({"name": "A", "value": "$(HOME)"}),
        json!({"name": "AGENT_STDIN", "value": "/elsewhere"}),
        json!({"name": "X"}),
    ];
    vec(select(entries), 0..3)
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let security = option::of(select(vec![
        json!({}),
        json!({"runAsUser": 0}),
        json!({"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": true}),
        json!({"seccompProfile": {"type": "RuntimeDefault"}, "allowPrivilegeEscalation": false}),
    ]));
    let resources = option::of(select(vec![
        json!({}),
        json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
        json!({"limits": {"cpu": 2}, "requests": {"cpu": "500m"}}),
    ]));
    let ports = option::of(select(vec![
        json!([{"containerPort": 8081}]),
        json!([{"containerPort": 7777}]),
    ]));
    (
        maybe_list(mounts()),
        maybe_list(env()),
        security,
        resources,
        ports,
        invented(),
    )
        .prop_map(move |(mounts, env, security, resources, ports, invented)| {
            let mut out = json!({"name": name, "image": format!("{name}:1")});
            set(&mut out, "volumeMounts", mounts);
            set(&mut out, "env", env);
            set(&mut out, "securityContext", security);
            set(&mut out, "resources", resources);
            set(&mut out, "ports", ports);
            with_invented(out, invented)
        })
}

fn annotations() -> impl Strategy<Value = Map<String, Value>> {
    let pairs = vec![
        ("polling.intervalMs", "250"),
        ("polling.intervalMs", "x"),
        ("filters.includeTools", "[\"Bash\"]"),
        ("transcript.mount", "config"),
        ("transcript.mount", "none"),
        ("transcriptPath", "/data/t/session.jsonl"),
        ("transcript.volume.existingClaim", "claim"),
        ("transcript.volume.perPod", "true"),
        ("mode", "native"),
        ("mode", "plain"),
        ("plain.endsAfter", "result"),
        ("bridge.enabled", "true"),
        ("probes.type", "http"),
        ("bot.url", "http://bot"),
        ("webhook.existingSecret", "mine"),
        ("image.tag", "9"),
        ("automountServiceAccountToken", "true"),
        ("securityContext.runAsUser", "0"),
        ("resources.limits.memory", "128Mi"),
        ("resources.requests.cpu", "9"),
        ("env.MORE", "1"),
        ("container", "second"),
        ("logging.level", "debug"),
        ("typo", "x"),
    ];
    vec(select(pairs), 0..5).prop_map(|pairs| {
        let mut map = Map::new();
        map.insert(format!("{PREFIX}inject"), "true".into());
        map.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (format!("{PREFIX}{key}"), Value::from(value))),
        );
        map.insert("someone.else/x".to_owned(), "\u{e9}\"\\/~".into());
        map
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let volumes = vec(
        (select(VOLUMES.to_vec()), volume_source(), invented()),
        0..5,
    )
    .prop_map(|all| {
        let mut seen = std::collections::HashSet::new();
        all.into_iter()
            .filter(|(name, ..)| seen.insert(*name))
            .map(|(name, source, invented)| {
                if name.starts_with("kube-api-access") {
                    return with_invented(token_volume(name), invented);
                }
                let mut volume = json!({"name": name});
                volume
                    .as_object_mut()
                    .unwrap()
                    .extend(source.as_object().unwrap().clone());
                with_invented(volume, invented)
            })
            .collect::<Vec<_>>()
    });
    let spec = (
        option::of(select(vec!["Always", "Never", "OnFailure"])),
        maybe_list(volumes),
        vec(container("agent"), 1..2),
        vec(container("second"), 0..2),
        maybe_list(vec(container("prepare"), 1..2)),
        option::of(any::<bool>()),
        option::of(select(vec!["default", "builder"])),
        option::of(select(vec![
            json!({}),
            json!({"runAsUser": 1000, "runAsNonRoot": true}),
            json!({"fsGroup": 7}),
        ])),
        option::of(any::<bool>()),
        invented(),
    );
    let labels = option::of(select(vec![json!({}), json!({"app": "x"}), Value::Null]));
    (
        annotations(),
        labels,
        option::of(Just(
            json!([{"kind": "Job", "name": "j", "controller": true}]),
        )),
        spec,
        invented(),
    )
        .prop_map(|(annotations, labels, owners, spec, invented)| {
            let (
                restart,
                volumes,
                agent,
                second,
                init,
                automount,
                account,
                security,
                host,
                spec_invented,
            ) = spec;
            let mut metadata = json!({"name": "p", "annotations": annotations});
            set(&mut metadata, "labels", labels);
            set(&mut metadata, "ownerReferences", owners);
            let containers: Vec<Value> = agent.into_iter().chain(second).collect();
            let mut spec = json!({"containers": containers});
            set(&mut spec, "restartPolicy", restart.map(Value::from));
            set(&mut spec, "volumes", volumes);
            set(&mut spec, "initContainers", init);
            set(
                &mut spec,
                "automountServiceAccountToken",
                automount.map(Value::from),
            );
            set(&mut spec, "serviceAccountName", account.map(Value::from));
            set(&mut spec, "securityContext", security);
            set(&mut spec, "hostNetwork", host.map(Value::from));
            make_valid(&mut spec);
            with_invented(
                json!({"metadata": metadata, "spec": with_invented(spec, spec_invented)}),
                invented,
            )
        })
}

/// Removes mounts without a volume: the API server refuses such Pods before anybody asks us.
fn make_valid(spec: &mut Value) {
    let known = names(&json!({"spec": spec}), "/spec/volumes");
    for list in ["containers", "initContainers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(mounts) = container
                .get_mut("volumeMounts")
                .and_then(Value::as_array_mut)
            {
                mounts.retain(|mount| known.iter().any(|name| mount["name"] == **name));
            }
        }
    }
}

fn run(pod: &Value) -> (Outcome, Value) {
    let outcome = inject(
        &serde_json::to_vec(pod).unwrap(),
        Circumstances::default(),
        &TEMPLATE,
    );
    let mut patched = pod.clone();
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    (outcome, patched)
}

fn names(pod: &Value, pointer: &str) -> Vec<String> {
    pod.pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Every value of `before` is in `after`, at the same place, in the same order; the token is the one exception.
fn survives(path: &str, before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                if path.is_empty() && key == "status" {
                    continue;
                }
                let here = format!("{path}/{key}");
                let found = after.get(key).unwrap_or_else(|| panic!("{here} is gone"));
                if key == "automountServiceAccountToken"
                    || key.ends_with("safe-to-evict-local-volumes")
                {
                    continue;
                }
                survives(&here, value, found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let token = |item: &&Value| {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
                !name.starts_with("kube-api-access-")
            };
            let before: Vec<_> = before.iter().filter(token).collect();
            let after: Vec<_> = after.iter().filter(token).collect();
            assert!(after.len() >= before.len(), "{path} lost items");
            for (index, item) in before.iter().enumerate() {
                survives(&format!("{path}/{index}"), item, after[index]);
            }
        }
        (Value::Null, Value::Array(_) | Value::Object(_)) => {}
        (before, after) => assert_eq!(before, after, "{path}"),
    }
}

fn has_ours(pod: &Value) -> usize {
    ["/spec/containers", "/spec/initContainers"]
        .iter()
        .flat_map(|list| names(pod, list))
        .filter(|name| name.starts_with("discord-watcher"))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn injecting_twice_is_injecting_once(pod in pod()) {
        let (first, once) = run(&pod);
        let (second, twice) = run(&once);
        prop_assert_eq!(&once, &twice, "patch: {:?}", second.patch);
        if first.decision == Decision::Injected {
            prop_assert_eq!(second.decision, Decision::Unchanged, "patch: {:?}", second.patch);
            prop_assert_eq!(has_ours(&once), 1);
        }
    }

    #[test]
    fn everything_of_the_users_survives_in_its_order(pod in pod()) {
        let (_, patched) = run(&pod);
        survives("", &pod, &patched);
    }

    #[test]
    fn uninjecting_gives_the_pod_back(pod in pod()) {
        let (outcome, mut patched) = run(&pod);
        let injected = outcome.decision == Decision::Injected;
        prop_assert_eq!(uninject(&mut patched.clone()), injected);
        uninject(&mut patched);
        prop_assert_eq!(patched, pod);
    }

    #[test]
    fn what_stands_in_the_way_is_mended(pod in pod(), seed in any::<u64>()) {
        let (outcome, once) = run(&pod);
        prop_assume!(outcome.decision == Decision::Injected);
        let mut broken = once.clone();
        let list = if has_ours(&json!({"spec": {"initContainers": once["spec"]["initContainers"]}})) == 1 {
            "/spec/initContainers"
        } else {
            "/spec/containers"
        };
        let containers = broken.pointer_mut(list).unwrap().as_array_mut().unwrap();
        let at = containers.iter().position(|one| one["name"].as_str().unwrap().starts_with("discord-watcher")).unwrap();
        match seed % 4 {
            0 => { containers.remove(at); }
            1 => { containers[at]["command"] = json!(["sleep"]); }
            2 => { containers[at]["securityContext"] = json!({"privileged": true}); }
            _ => { containers[at]["env"] = json!([]); }
        }
        let (again, mended) = run(&broken);
        prop_assert_eq!(again.decision, Decision::Injected);
        let mine = |pod: &Value| -> Vec<Value> {
            let all = pod.pointer(list).unwrap().as_array().unwrap().iter();
            all.filter(|one| one["name"].as_str().unwrap().starts_with("discord-watcher")).cloned().collect()
        };
        prop_assert_eq!(mine(&mended), mine(&once));
    }

    #[test]
    fn warnings_are_short_and_the_watcher_holds_no_token(pod in pod()) {
        let (outcome, patched) = run(&pod);
        for warning in &outcome.warnings {
            prop_assert!(warning.chars().count() <= 120, "{}", warning);
        }
        for list in ["containers", "initContainers"] {
            for container in patched["spec"][list].as_array().into_iter().flatten() {
                if !container["name"].as_str().unwrap().starts_with("discord-") {
                    continue;
                }
                for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                    prop_assert!(!mount["name"].as_str().unwrap().starts_with("kube-api-access"));
                }
                let text = container.to_string();
                prop_assert_eq!(text.matches("KeyRef\"").count(), text.matches("\"optional\":true").count());
                for kind in ["requests", "limits"] {
                    prop_assert!(container["resources"][kind]["memory"].is_string());
                }
            }
        }
    }

    #[test]
    fn no_pod_makes_it_panic(value in any_json(), spec in any_json(), text in ".{0,40}") {
        let around = Circumstances { namespace_opted_in: true, ..Circumstances::default() };
        for json in [value.clone(), json!({"spec": spec, "metadata": value}), json!({"spec": {"containers": value}})] {
            let outcome = inject(json.to_string().as_bytes(), around, &TEMPLATE);
            let _ = uninject(&mut json.clone());
            prop_assert!(outcome.deny.is_none());
        }
        let _ = inject(text.as_bytes(), around, &TEMPLATE);
    }

    #[test]
    fn no_definition_makes_reading_panic(text in ".{0,200}", value in any_json()) {
        let _ = Template::parse(&text);
        let _ = Template::parse(&value.to_string());
        let _ = Template::parse(&json!({"version": 1, "watcher": value, "volumes": [value]}).to_string());
    }
}
