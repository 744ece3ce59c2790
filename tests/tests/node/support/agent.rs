//! The agent of a test: the player in a Job, as a user's own template would have it.

use serde_json::{Value, json};

/// A Job whose one container plays a transcript. Fields are what tests vary; `pod` is merged over the Pod's spec.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) name: &'static str,
    pub(crate) image: &'static str,
    pub(crate) args: Vec<String>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) container: Value,
    pub(crate) pod: Value,
}

impl Agent {
    /// An annotated agent that plays what `args` say.
    pub(crate) fn new(name: &'static str, args: &[&str]) -> Self {
        Self {
            name,
            image: "discord-monitoring/player-home:test",
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            annotations: vec![(sidecar::names::INJECT.to_owned(), "true".to_owned())],
            container: json!({}),
            pod: json!({}),
        }
    }

    /// Without the annotation that asks for a watcher.
    pub(crate) fn unannotated(mut self) -> Self {
        self.annotations.clear();
        self
    }

    /// With a further annotation below our prefix.
    pub(crate) fn annotate(mut self, key: &str, value: &str) -> Self {
        self.annotations
            .push((format!("{}{key}", sidecar::names::PREFIX), value.to_owned()));
        self
    }

    /// Under another name.
    pub(crate) fn renamed(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The Pod template.
    pub(crate) fn template(&self) -> Value {
        let annotations: serde_json::Map<_, _> = self
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().into()))
            .collect();
        let mut container = json!({
            "name": "agent",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "args": self.args,
            "env": [{"name": "HOME", "value": "/home/node"}],
            "securityContext": {
                "runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": true, "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
            },
        });
        merge(&mut container, &self.container);
        let mut spec = json!({"restartPolicy": "Never", "containers": [container]});
        merge(&mut spec, &self.pod);
        json!({"metadata": {"annotations": annotations}, "spec": spec})
    }

    /// The Job.
    pub(crate) fn job(&self) -> Value {
        json!({
            "metadata": {"name": self.name},
            "spec": {"backoffLimit": 0, "template": self.template()},
        })
    }

    /// The template as a Pod of its own.
    pub(crate) fn pod(&self) -> Value {
        let mut pod = self.template();
        pod["metadata"]["name"] = self.name.into();
        pod
    }
}

/// JSON merge patch: objects by key, everything else replaced.
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
