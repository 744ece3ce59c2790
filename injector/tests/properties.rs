//! What holds for every Pod, over generated ones with fields that no library knows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "properties/pods.rs"]
mod pods;

use injector::{Circumstances, DEFAULT, Decision, Outcome, Template, inject, uninject};
use pods::{any_json, names, pod, quiet_pod};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::parse(DEFAULT).unwrap());
/// Pull secrets and a Pod security context besides.
static FULL: LazyLock<Template> = LazyLock::new(|| {
    let yaml = format!("{DEFAULT}imagePullSecrets: [{{name: regcred}}]\n");
    Template::parse(&yaml).unwrap()
});

fn run(pod: &Value) -> (Outcome, Value) {
    run_in(pod, false, &TEMPLATE)
}

fn run_in(pod: &Value, namespace_opted_in: bool, template: &Template) -> (Outcome, Value) {
    let around = Circumstances {
        namespace_opted_in,
        ..Circumstances::default()
    };
    let outcome = inject(&serde_json::to_vec(pod).unwrap(), around, template);
    let mut patched = pod.clone();
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    (outcome, patched)
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
                // What is overwritten, and given back.
                if key == "automountServiceAccountToken"
                    || key == "discord-monitoring.io/injected"
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

fn regcreds(pod: &Value) -> usize {
    let all = pod["spec"]["imagePullSecrets"].as_array();
    all.into_iter()
        .flatten()
        .filter(|one| one["name"] == "regcred")
        .count()
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
    fn where_the_namespace_asks_the_same_holds_to_the_byte(pod in quiet_pod()) {
        let (first, once) = run_in(&pod, true, &FULL);
        survives("", &pod, &once);
        let (second, twice) = run_in(&once, true, &FULL);
        prop_assert_eq!(once.to_string(), twice.to_string(), "patch: {:?}", second.patch);
        if first.decision == Decision::Injected {
            prop_assert_eq!(second.decision, Decision::Unchanged);
            let secrets = once["spec"]["imagePullSecrets"].as_array().unwrap().iter();
            prop_assert_eq!(secrets.filter(|one| one["name"] == "regcred").count(),
                1.max(regcreds(&pod)), "a pull secret is added once");
        }
        let mut back = once;
        uninject(&mut back);
        // Byte for byte, but for the place of a member that was overwritten in its mapping.
        prop_assert_eq!(back, pod);
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
        match seed % 6 {
            4 => { containers[at]["resources"] = json!({"requests": {"memory": "1Gi"}}); }
            5 => { containers[at]["image"] = json!("discord-monitoring/watcher:0.0.0"); }
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
                let whole = &pod["spec"]["resources"];
                for kind in ["requests", "limits"] {
                    let said = container["resources"][kind]["memory"].is_string();
                    prop_assert!(said || whole.get("requests").is_some(), "{}", container);
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
