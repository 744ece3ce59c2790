//! Pods of every kind there is: one for each field that Kubernetes' own schema knows, and the shapes people really run.
//!
//! Whoever changes Pods must leave all of them as legal as they were. A Pod made from a field may be refused by the API
//! server for reasons of its own (a runtime class that is not there); what is asked is that we change no verdict.

#![allow(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "JSON by its keys makes what is not there; specs are made to be used up"
)]

mod samples;
mod shapes;
mod walk;

use serde_json::{Value, json};
use std::path::Path;

/// One Pod, and what it is about.
#[derive(Debug, Clone)]
pub struct Specimen {
    /// The field (`spec.containers[].lifecycle.preStop`), or the shape's name.
    pub name: String,
    /// The Pod, with a generated name.
    pub pod: Value,
}

impl Specimen {
    /// The Pod with further annotations.
    pub fn annotated(&self, annotations: &[(&str, &str)]) -> Value {
        let mut pod = self.pod.clone();
        for (key, value) in annotations {
            pod["metadata"]["annotations"][*key] = (*value).into();
        }
        pod
    }
}

/// Why there is no corpus.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The schema's file cannot be read.
    #[error("{path} cannot be read: {source}; run hack/schemas.sh")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no schema of Kubernetes'.
    #[error("{path} holds no PodSpec: {why}; run hack/schemas.sh")]
    Content {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
}

/// Every specimen of a Kubernetes release whose schemas stand in `schemas/v1.NN`, shapes first.
pub fn specimens(schemas: &Path, release: &str) -> Result<Vec<Specimen>, CorpusError> {
    let path = schemas.join(format!("v{release}/_definitions.json"));
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|source| CorpusError::Read {
        path: shown.clone(),
        source,
    })?;
    let content = |why: String| CorpusError::Content {
        path: shown.clone(),
        why,
    };
    let schema: Value = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    let definitions = schema.get("$defs").and_then(Value::as_object);
    let definitions = definitions.ok_or_else(|| content("no $defs".to_owned()))?;
    let mut all = shapes::all();
    let fields = walk::fields(definitions);
    if fields.is_empty() {
        return Err(content("no fields".to_owned()));
    }
    all.extend(fields.iter().map(|field| Specimen {
        name: field.name(),
        pod: pod(walk::spec_with(field, definitions)),
    }));
    Ok(all)
}

/// `most` of them: all shapes, and fields from everywhere.
pub fn some(all: Vec<Specimen>, most: usize) -> Vec<Specimen> {
    let shapes = shapes::all().len().min(most);
    let fields = all.len().saturating_sub(shapes);
    let step = fields.div_ceil((most - shapes).max(1)).max(1);
    let kept = |at: usize| at < shapes || (at - shapes).is_multiple_of(step);
    all.into_iter()
        .enumerate()
        .filter(|(at, _)| kept(*at))
        .map(|(_, specimen)| specimen)
        .collect()
}

/// A Pod around a spec.
fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "specimen-", "labels": {"app": "specimen"}, "annotations": {"someone.else/note": "kept"}},
        "spec": spec})
}

/// A container that every Pod Security level admits.
fn container(name: &str) -> Value {
    json!({"name": name, "image": format!("{name}:1"),
        "securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumeMounts": [{"name": "work", "mountPath": "/work"}]})
}

/// The spec to which a field is added.
fn base() -> Value {
    json!({"containers": [container("agent")], "volumes": [{"name": "work", "emptyDir": {}}]})
}
