//! Pods of every field that Kubernetes knows, and the shapes people run: none is lost, altered or injected twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use injector::{Circumstances, DEFAULT, Decision, Template, inject, uninject};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::corpus::{Specimen, specimens};

/// Annotations under which each Pod is injected; every way of ours to change a Pod is among them.
const WAYS: [&[(&str, &str)]; 3] = [
    &[],
    &[
        ("mode", "native"),
        ("bridge.enabled", "true"),
        ("transcript.mount", "config"),
    ],
    &[
        ("mode", "plain"),
        ("plain.endsAfter", "result"),
        ("probes.type", "http"),
        ("bot.url", "http://bot"),
    ],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

fn corpus() -> Vec<Specimen> {
    let fetched = Command::new(root().join("hack/schemas.sh"))
        .output()
        .unwrap();
    assert!(fetched.status.success(), "hack/schemas.sh: {fetched:?}");
    let all = specimens(&root().join(".tools/schemas"), "1.37").unwrap();
    assert!(all.len() >= 300, "only {} specimens", all.len());
    all
}

fn apply(pod: &Value, template: &Template) -> (Decision, Value) {
    let outcome = inject(
        &serde_json::to_vec(pod).unwrap(),
        Circumstances::default(),
        template,
    );
    let mut patched = pod.clone();
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    (outcome.decision, patched)
}

#[test]
fn every_specimen_is_injected_once_and_given_back_as_it_was() {
    let template = Template::parse(DEFAULT).unwrap();
    let all = corpus();
    for way in WAYS {
        let mut injected = 0;
        for specimen in &all {
            let prefixed: Vec<_> = way
                .iter()
                .chain(&[("inject", "true")])
                .map(|(key, value)| (format!("discord-monitoring.io/{key}"), *value))
                .collect();
            let annotations: Vec<_> = prefixed
                .iter()
                .map(|(key, value)| (key.as_str(), *value))
                .collect();
            let pod = specimen.annotated(&annotations);
            let (decision, once) = apply(&pod, &template);
            assert_ne!(decision, Decision::Failed, "{}", specimen.name);
            let (again, twice) = apply(&once, &template);
            assert_eq!(twice, once, "{}: {again:?}", specimen.name);
            let mut back = once.clone();
            uninject(&mut back);
            assert_eq!(back, pod, "{}", specimen.name);
            injected += usize::from(decision == Decision::Injected);
        }
        assert!(
            injected * 100 >= all.len() * 95,
            "only {injected} of {} are injected",
            all.len()
        );
    }
}

#[test]
fn a_specimen_that_asks_for_nothing_is_not_touched() {
    let template = Template::parse(DEFAULT).unwrap();
    for specimen in corpus() {
        assert_eq!(
            apply(&specimen.pod, &template).1,
            specimen.pod,
            "{}",
            specimen.name
        );
    }
}
