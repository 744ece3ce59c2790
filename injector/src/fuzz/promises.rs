//! What holds for every input.

use crate::body::Bodies;
use crate::metrics::Metrics;
use crate::plan::{Circumstances, inject};
use crate::review;
use crate::server::Shared;
use crate::source::Source;
use crate::template::{DEFAULT, Template};
use crate::uninject::uninject;
use base64::Engine as _;
use prometheus_client::registry::Registry;
use runtime::admin::Readiness;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// The server's own way from bytes to an answer.
pub(super) struct Answering {
    shared: Shared,
    template: Template,
}

impl Answering {
    pub(super) fn new() -> Self {
        let metrics = Metrics::register(&mut Registry::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let source = runtime.block_on(Source::open(None, &metrics, &Readiness::default()));
        let shared = Shared {
            source: Arc::new(source),
            metrics,
            bodies: Bodies::default(),
        };
        Self {
            shared,
            template: Template::parse(DEFAULT).unwrap(),
        }
    }

    /// An answer is JSON, under the request's uid, with short warnings and a patch that applies.
    pub(super) fn review(&self, input: &[u8]) {
        let Some(answer) = self.shared.answer(input, true) else {
            return;
        };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let response = &answer["response"];
        let review: Option<Value> = serde_json::from_slice(input).ok();
        if let Some(uid) = review
            .as_ref()
            .and_then(|review| review.pointer("/request/uid"))
        {
            // A key that stands twice has two answers; a tree keeps the last one.
            let twice = String::from_utf8_lossy(input).matches("uid\"").count() > 1;
            assert!(
                twice || *uid == response["uid"],
                "{uid} answered under {}",
                response["uid"]
            );
        }
        warnings_are_short(
            response["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        );
        self.as_by_hand(input, &response["patch"]);
        let patch = response["patch"].as_str();
        if let (Some(patch), Some(review)) = (patch, review) {
            let patch = base64::engine::general_purpose::STANDARD
                .decode(patch)
                .unwrap();
            let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
            let mut pod = review["request"]["object"].clone();
            json_patch::patch(&mut pod, &patch).unwrap();
        }
    }

    /// The command line reads a Pod by itself, the server on its way through the review: both come to the same patch.
    fn as_by_hand(&self, input: &[u8], patch: &Value) {
        let Ok(request) = review::read::<&RawValue>(input) else {
            return;
        };
        let Some(object) = request.object.filter(|_| request.creates_pod()) else {
            return;
        };
        let around = Circumstances {
            namespace: request.namespace.as_deref(),
            namespace_opted_in: true,
        };
        let outcome = inject(object.get().as_bytes(), around, &self.template);
        let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        let by_hand = outcome.patch.filter(|_| outcome.deny.is_none());
        assert_eq!(patch.as_str(), by_hand.map(encode).as_deref());
    }

    /// Any annotations on any of a few Pods: injected once, short warnings, and given back.
    pub(super) fn annotations(&self, input: &[u8]) {
        let given = String::from_utf8_lossy(input);
        let mut annotations = serde_json::Map::new();
        for line in given.lines().take(40) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            annotations.insert(format!("discord-monitoring.io/{key}"), value.into());
        }
        annotations.remove("discord-monitoring.io/status");
        annotations.insert("discord-monitoring.io/inject".to_owned(), "true".into());
        for policy in ["Never", "Always"] {
            let pod = json!({"metadata": {"name": "p", "annotations": annotations}, "spec": {"restartPolicy": policy,
                "containers": [{"name": "a", "image": "a", "env": [{"name": "HOME", "value": "/root"}]}, {"name": "b", "image": "b"}]}});
            injected_once(&pod, &self.template, true);
        }
    }
}

/// A definition is refused in words, or its patches apply.
pub(super) fn definition(input: &[u8]) {
    match Template::parse(&String::from_utf8_lossy(input)) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(template) => {
            let pod = json!({"metadata": {"annotations": {"discord-monitoring.io/inject": "true", "discord-monitoring.io/bridge.enabled": "true"}},
                "spec": {"containers": [{"name": "a", "image": "a"}]}});
            // A definition may name its containers as ours are not named; then only the patch itself is promised.
            injected_once(&pod, &template, false);
        }
    }
}

fn injected_once(pod: &Value, template: &Template, twice: bool) {
    let apply = |pod: &Value| {
        let outcome = inject(
            &serde_json::to_vec(pod).unwrap(),
            Circumstances::default(),
            template,
        );
        warnings_are_short(outcome.warnings.iter().map(String::as_str));
        let mut patched = pod.clone();
        if let Some(patch) = &outcome.patch {
            let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
            json_patch::patch(&mut patched, &patch).unwrap();
        }
        patched
    };
    let once = apply(pod);
    if twice {
        assert_eq!(apply(&once), once, "injecting twice is injecting once");
        let mut back = once;
        uninject(&mut back);
        assert_eq!(back, *pod, "uninjecting gives the Pod back");
    }
}

fn warnings_are_short<'a>(warnings: impl Iterator<Item = &'a str>) {
    for warning in warnings {
        assert!(warning.chars().count() <= 120, "{warning}");
    }
}
