//! What reviews are answered, when all is well and when the injector itself fails: the Pod's own word on that, and the
//! audit annotations, which tell the one from the other for ever.

use crate::body::Bodies;
use crate::metrics::Metrics;
use crate::server::Shared;
use crate::source::Source;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use runtime::admin::Readiness;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

struct World {
    shared: Shared,
    registry: Registry,
}

impl World {
    /// With the embedded definition, or with one that is not there.
    fn new(has_definition: bool) -> Self {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let path = (!has_definition).then(|| PathBuf::from("/no/such/definition"));
        let source = runtime.block_on(Source::open(path, &metrics, &Readiness::default()));
        let shared = Shared {
            source: Arc::new(source),
            metrics,
            bodies: Bodies::default(),
        };
        Self { shared, registry }
    }

    fn answer(&self, body: &str) -> Value {
        let answer = self.shared.answer(body.as_bytes(), false).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["response"]["uid"], "u-1");
        answer["response"].clone()
    }

    fn counted(&self, result: &str, reason: &str) -> bool {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text.contains(&format!("result=\"{result}\",reason=\"{reason}\"}} 1"))
    }
}

fn pod(on_error: Option<&str>) -> Value {
    let mut annotations = json!({"discord-monitoring.io/inject": "true"});
    if let Some(word) = on_error {
        annotations["discord-monitoring.io/on-error"] = word.into();
    }
    json!({"metadata": {"name": "p", "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}})
}

fn review(object: &Value) -> String {
    json!({"request": {"uid": "u-1", "kind": {"kind": "Pod"}, "operation": "CREATE", "object": object}})
        .to_string()
}

/// What cannot be read as a Pod.
fn unreadable(on_error: Option<&str>) -> String {
    let mut pod = pod(on_error);
    pod["spec"]["hostNetwork"] = "yes".into();
    review(&pod)
}

/// What cannot be read as a review.
fn broken(on_error: Option<&str>) -> String {
    review(&pod(on_error)).replace("\"operation\":\"CREATE\"", "\"operation\":7")
}

fn audited(response: &Value, decision: &str, reason: &str, mode: &str) {
    let audit = &response["auditAnnotations"];
    assert_eq!(audit["decision"], decision, "{response}");
    assert_eq!(audit["reason"], reason, "{response}");
    assert_eq!(audit["mode"], mode, "{response}");
    assert_eq!(audit["version"], env!("CARGO_PKG_VERSION"), "{response}");
}

#[test]
fn an_answer_carries_decision_mode_definition_and_version() {
    let world = World::new(true);
    let response = world.answer(&review(&pod(None)));
    audited(&response, "injected", "annotation", "native");
    let hash = world.shared.source.template().unwrap().hash().to_owned();
    assert_eq!(response["auditAnnotations"]["template"], hash);
    assert!(world.counted("injected", "annotation"));
    let mut silent = pod(None);
    silent["metadata"]["annotations"] = json!({"discord-monitoring.io/inject": "false"});
    let response = world.answer(&review(&silent));
    audited(&response, "skipped", "opted_out", "none");
}

#[test]
fn a_pod_that_would_rather_not_be_than_go_unwatched_is_refused_whatever_fails() {
    for (has_definition, body, reason) in [
        (true, unreadable as fn(Option<&str>) -> String, "pod"),
        (true, broken, "review"),
        (false, |word| review(&pod(word)), "template"),
        (false, unreadable, "template"),
        (false, broken, "review"),
    ] {
        for word in [None, Some("admit"), Some("Deny")] {
            let world = World::new(has_definition);
            let response = world.answer(&body(word));
            assert_eq!(response["allowed"], true, "{reason} {word:?}");
            assert!(response["warnings"].to_string().contains("not injected"));
            audited(&response, "failed", reason, "none");
            assert!(world.counted("failed", reason));
        }
        let world = World::new(has_definition);
        let response = world.answer(&body(Some("deny")));
        assert_eq!(response["allowed"], false, "{reason}");
        let message = response["status"]["message"].as_str().unwrap();
        assert!(message.contains("on-error: deny"), "{message}");
        assert!(response.get("patch").is_none());
        audited(&response, "denied", reason, "none");
        assert!(world.counted("denied", reason));
    }
}

#[test]
fn a_word_on_failures_that_is_none_is_told_while_all_is_well() {
    let response = World::new(true).answer(&review(&pod(Some("Deny"))));
    assert_eq!(response["allowed"], true);
    let warnings = response["warnings"].to_string();
    assert!(
        warnings.contains("on-error") && warnings.contains("Deny"),
        "{warnings}"
    );
    let response = World::new(true).answer(&review(&pod(Some("deny"))));
    assert!(!response["warnings"].to_string().contains("on-error"));
}

#[test]
fn without_a_definition_a_pod_that_asks_for_nothing_is_neither_refused_nor_warned() {
    let mut silent = pod(Some("deny"));
    silent["metadata"]["annotations"]["discord-monitoring.io/inject"] = "false".into();
    let response = World::new(false).answer(&review(&silent));
    assert_eq!(response["allowed"], true);
    assert!(response.get("warnings").is_none(), "{response}");
    audited(&response, "skipped", "opted_out", "none");
}

#[test]
fn a_review_without_a_pod_is_admitted_and_audited() {
    let body = r#"{"request":{"uid":"u-1","kind":{"kind":"Pod"},"operation":"CREATE"}}"#;
    let response = World::new(true).answer(body);
    assert_eq!(response["allowed"], true);
    audited(&response, "failed", "review", "none");
}

#[test]
fn what_is_no_creation_of_a_pod_is_let_through() {
    let world = World::new(true);
    for change in [
        json!({"request": {"subResource": "ephemeralcontainers", "operation": "UPDATE"}}),
        json!({"request": {"subResource": "ephemeralcontainers"}}),
        json!({"request": {"operation": "UPDATE"}}),
        json!({"request": {"kind": {"group": "apps", "kind": "Deployment"}}}),
    ] {
        let mut review: Value = serde_json::from_str(&review(&pod(None))).unwrap();
        json_patch::merge(&mut review, &change);
        let response = world.answer(&review.to_string());
        assert_eq!(response, json!({"uid": "u-1", "allowed": true}), "{change}");
    }
}
