//! Generated Pods: every list absent, null, empty or filled, and fields that no library knows.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const PREFIX: &str = "discord-monitoring.io/";
const TOKEN_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
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

/// A Pod's annotations; it asks by them unless its namespace does.
fn annotations(asks: bool) -> impl Strategy<Value = Map<String, Value>> {
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
        ("probes.port", "7777"),
        ("bot.url", "http://bot"),
        ("webhook.existingSecret", "mine"),
        ("image.tag", "9"),
        ("automountServiceAccountToken", "true"),
        ("securityContext.runAsUser", "0"),
        ("resources.limits.memory", "128Mi"),
        ("resources.requests.cpu", "9"),
        ("resources.limits.cpu", ""),
        ("on-error", "Deny"),
        ("env.MORE", "1"),
        ("container", "second"),
        ("logging.level", "debug"),
        ("typo", "x"),
    ];
    vec(select(pairs), 0..5).prop_map(move |pairs| {
        let mut map = Map::new();
        if asks {
            map.insert(format!("{PREFIX}inject"), "true".into());
        }
        map.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (format!("{PREFIX}{key}"), Value::from(value))),
        );
        map.insert("someone.else/x".to_owned(), "\u{e9}\"\\/~".into());
        map
    })
}

/// A Pod that asks by its annotation.
pub(crate) fn pod() -> impl Strategy<Value = Value> {
    pod_with(annotations(true).prop_map(|map| Some(Value::Object(map))))
}

/// A Pod whose namespace asks; it has annotations, none, or null ones.
pub(crate) fn quiet_pod() -> impl Strategy<Value = Value> {
    pod_with(prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!({}))),
        annotations(false).prop_map(|map| Some(Value::Object(map))),
    ])
}

/// Volumes of different names, a token's among them.
fn volumes() -> impl Strategy<Value = Vec<Value>> {
    vec(
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
    })
}

fn pod_with(annotations: impl Strategy<Value = Option<Value>>) -> impl Strategy<Value = Value> {
    let spec = (
        option::of(select(vec!["Always", "Never", "OnFailure"])),
        maybe_list(volumes()),
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
        (
            maybe_list(vec(
                select(vec![
                    json!({"name": "pull"}),
                    json!({"name": "regcred"}),
                    json!({}),
                ]),
                1..3,
            )),
            option::of(select(vec![
                json!({"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}}),
                json!({"requests": {"cpu": "20m"}}),
                json!({}),
            ])),
            invented(),
        ),
    );
    let labels = option::of(select(vec![
        json!({}),
        json!({"app": "x"}),
        json!({"discord-monitoring.io/injected": "yes"}),
        json!({"app": "x", "discord-monitoring.io/injected": "true"}),
        Value::Null,
    ]));
    (
        annotations,
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
                (pull_secrets, resources, spec_invented),
            ) = spec;
            let mut metadata = json!({"name": "p"});
            set(&mut metadata, "annotations", annotations);
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
            set(&mut spec, "imagePullSecrets", pull_secrets);
            set(&mut spec, "resources", resources);
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

pub(crate) fn names(pod: &Value, pointer: &str) -> Vec<String> {
    pod.pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}
