//! The watcher's probes and their port, fitted to a Pod.

use super::settings::PodSettings;
use super::warnings::Warnings;
use crate::json;
use crate::pod::Pod;
use crate::template::{Changes, Pieces};
use serde_json::{Map, Value, json};

/// The watcher's own question for its health; it works whatever the network is.
const COMMAND: [&str; 2] = ["/watcher", "--health"];
/// How many ports above the wanted one are tried.
const MOST: i64 = 100;

/// How the watcher of one Pod is asked for its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probes {
    /// The definition's port; none when it asks by exec.
    defined: Option<i64>,
    /// The port in this Pod; none when it is asked by exec.
    pub(crate) port: Option<i64>,
}

/// Decides by `probes.type` and `probes.port`. On the node's network a port could be anybody's: a probe that reaches
/// another program would restart the watcher and unready the Pod, so exec is taken there.
pub(crate) fn plan(
    pod: &Pod<'_>,
    pieces: &Pieces,
    settings: &PodSettings<'_>,
    own: impl Fn(&str) -> bool,
    warnings: &mut Warnings,
) -> Probes {
    let probe = pieces
        .field("livenessProbe")
        .or(pieces.field("readinessProbe"));
    let defined = http_port(probe.unwrap_or("{}"));
    let mut probes = Probes {
        defined,
        port: defined,
    };
    if defined.is_none() && !settings.overrides_any("probes.") {
        return probes;
    }
    let wanted = match settings.text("probes.type") {
        Some(kind) if settings.overrides_any("probes.type") => kind == "http",
        _ => defined.is_some(),
    };
    if wanted && pod.spec.host_network == Some(true) {
        warnings.add("probes by exec: on the node's network a port may be another program's");
    }
    if !wanted || pod.spec.host_network == Some(true) {
        probes.port = None;
        return probes;
    }
    let port = defined.filter(|_| !settings.overrides_any("probes.port"));
    let port = port.or(settings.integer("probes.port")).unwrap_or(8081);
    let free = free_port(pod, port, None, own);
    if free != port {
        warnings.add(&format!(
            "port {port} is the Pod's own; the watcher's probes use {free}"
        ));
    }
    probes.port = Some(free);
    probes
}

impl Probes {
    /// Changes the watcher's container accordingly.
    pub(crate) fn apply(self, pieces: &Pieces, changes: &mut Changes<'_>) {
        match self.port {
            port if port == self.defined => {}
            None => exec(pieces, changes),
            Some(port) => http(pieces, port, changes),
        }
    }
}

fn http_port(probe: &str) -> Option<i64> {
    // By exec in nearly every definition: no tree is made for those.
    if !probe.contains("httpGet") {
        return None;
    }
    let probe: Value = serde_json::from_str(probe).ok()?;
    probe.pointer("/httpGet/port")?.as_i64()
}

/// The first port from `port` on that no container of the user's names, and that is not `ours`.
pub(crate) fn free_port(
    pod: &Pod<'_>,
    port: i64,
    ours: Option<i64>,
    own: impl Fn(&str) -> bool,
) -> i64 {
    let containers = pod
        .spec
        .containers
        .items()
        .iter()
        .chain(pod.spec.init_containers.items());
    let taken: Vec<i64> = containers
        .filter(|container| !own(&container.name))
        .flat_map(|container| container.ports.items())
        .flat_map(|entry| [entry.container_port, entry.host_port])
        .flatten()
        .chain(ours)
        .collect();
    (port..port + MOST)
        .find(|port| *port <= 65_535 && !taken.contains(port))
        .unwrap_or(port)
}

fn exec(pieces: &Pieces, changes: &mut Changes<'_>) {
    for key in ["livenessProbe", "readinessProbe"] {
        let Some(mut probe) = probe(pieces, key) else {
            continue;
        };
        if probe.remove("httpGet").is_some() {
            probe.insert("exec".to_owned(), json!({ "command": COMMAND }));
        }
        changes
            .fields
            .push((key, Some(Value::Object(probe).to_string().into())));
    }
    changes.fields.push(("ports", None));
    changes.without_env.push("HEALTH_ADDR");
}

fn http(pieces: &Pieces, port: i64, changes: &mut Changes<'_>) {
    for (key, path) in [("livenessProbe", "/live"), ("readinessProbe", "/ready")] {
        let Some(mut probe) = probe(pieces, key) else {
            continue;
        };
        probe.remove("exec");
        let known = probe
            .get("httpGet")
            .and_then(|get| get.get("path"))
            .and_then(Value::as_str);
        let path = known.unwrap_or(path).to_owned();
        probe.insert(
            "httpGet".to_owned(),
            json!({"path": path, "port": port, "scheme": "HTTP"}),
        );
        changes
            .fields
            .push((key, Some(Value::Object(probe).to_string().into())));
    }
    let ports = json!([{"name": "discord-health", "containerPort": port, "protocol": "TCP"}]);
    changes
        .fields
        .push(("ports", Some(ports.to_string().into())));
    let address = format!("0.0.0.0:{port}");
    changes
        .env
        .push(("HEALTH_ADDR".into(), json::env("HEALTH_ADDR", &address)));
}

fn probe(pieces: &Pieces, key: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(pieces.field(key)?).ok()
}
