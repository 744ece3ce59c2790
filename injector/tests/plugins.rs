//! The API server's own plugins run again behind our patch, and we are asked again when they changed something. What they
//! did stands, for nobody comes after us: whoever takes it back has the Pod refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "properties/pods.rs"]
#[allow(dead_code, reason = "shared with the properties")]
mod pods;

use injector::{Circumstances, DEFAULT, Decision, Outcome, Template, inject};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::parse(DEFAULT).unwrap());

fn run(pod: &Value, template: &Template) -> (Outcome, Value) {
    let bytes = serde_json::to_vec(pod).unwrap();
    let outcome = inject(&bytes, Circumstances::default(), template);
    let mut patched = pod.clone();
    if let Some(patch) = &outcome.patch {
        let patch: json_patch::Patch = serde_json::from_str(patch).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
    }
    (outcome, patched)
}

fn containers(pod: &mut Value) -> impl Iterator<Item = &mut Value> {
    let lists = pod["spec"].as_object_mut().unwrap().iter_mut();
    lists
        .filter(|(key, _)| matches!(key.as_str(), "containers" | "initContainers"))
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
}

/// Sets a member that is not there.
fn fill(at: &mut Value, key: &str, value: &Value) {
    if at.is_null() {
        *at = json!({});
    }
    let map = at.as_object_mut().unwrap();
    map.entry(key).or_insert_with(|| value.clone());
}

/// Does what one of the API server's plugins does to every container.
fn plugin(number: usize, container: &mut Value) {
    match number {
        // AlwaysPullImages.
        0 => container["imagePullPolicy"] = "Always".into(),
        // LimitRanger, with defaults for what few containers say.
        1 => {
            for (name, amount) in [
                ("nvidia.com/gpu", "0"),
                ("ephemeral-storage", "1Gi"),
                ("cpu", "250m"),
                ("memory", "96Mi"),
            ] {
                for kind in ["limits", "requests"] {
                    fill(&mut container["resources"][kind], name, &amount.into());
                }
            }
        }
        // Security context constraints.
        2 => {
            let context = &mut container["securityContext"];
            fill(context, "runAsUser", &1_000_650_000.into());
            fill(context, "seLinuxOptions", &json!({"level": "s0:c26,c5"}));
            fill(context, "capabilities", &json!({"drop": ["ALL"]}));
            let dropped = context["capabilities"]["drop"].as_array_mut();
            dropped.unwrap().insert(0, "KILL".into());
        }
        // Not a plugin, but as common: a verifier of signatures that writes digests.
        3 => {
            let image = container["image"].as_str().unwrap();
            if !image.contains('@') {
                container["image"] = format!("{image}@sha256:0a1b").into();
            }
        }
        // A registry's mirror.
        4 => {
            let image = container["image"].as_str().unwrap();
            if !image.starts_with("mirror.local/") {
                container["image"] = format!("mirror.local/{image}").into();
            }
        }
        // A mesh: variables and mounts.
        _ => {
            if container["env"].is_null() {
                container["env"] = json!([]);
            }
            let entries = container["env"].as_array_mut().unwrap();
            if !entries.iter().any(|one| one["name"] == "MESH") {
                entries.push(json!({"name": "MESH", "value": "1"}));
            }
        }
    }
}

fn plugins(pod: &mut Value, which: &[usize]) {
    for number in which {
        containers(pod).for_each(|container| plugin(*number, container));
    }
}

fn asking() -> Value {
    json!({"metadata": {"name": "p", "annotations": {"discord-monitoring.io/inject": "true",
            "discord-monitoring.io/bridge.enabled": "true"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}})
}

#[test]
fn what_each_plugin_does_to_ours_stands() {
    for number in 0..6 {
        for policy in ["Never", "Always"] {
            let mut pod = asking();
            pod["spec"]["restartPolicy"] = policy.into();
            // They run before us and, since we changed the Pod, behind us.
            plugins(&mut pod, &[number]);
            let (first, mut once) = run(&pod, &TEMPLATE);
            assert_eq!(first.decision, Decision::Injected);
            plugins(&mut once, &[number]);
            let (second, _) = run(&once, &TEMPLATE);
            assert_eq!(
                second.decision,
                Decision::Unchanged,
                "plugin {number}: {:?}",
                second.patch
            );
        }
    }
}

#[test]
fn on_openshift_the_user_that_the_platform_gives_stands() {
    let yaml = DEFAULT
        .replace("openshift: false", "openshift: true")
        .replace("    runAsUser: 65532\n", "");
    let template = Template::parse(&yaml).unwrap();
    let (_, mut once) = run(&asking(), &template);
    plugins(&mut once, &[2]);
    let (second, twice) = run(&once, &template);
    assert_eq!(second.decision, Decision::Unchanged, "{:?}", second.patch);
    assert_eq!(
        twice["spec"]["initContainers"][1]["securityContext"]["runAsUser"],
        1_000_650_000
    );
}

#[test]
fn what_is_mended_beside_it_does_not_take_it_back() {
    let which = [0, 1, 2, 3];
    let mut pod = asking();
    plugins(&mut pod, &which);
    let (_, mut once) = run(&pod, &TEMPLATE);
    plugins(&mut once, &which);
    let mut broken = once.clone();
    for container in broken["spec"]["initContainers"].as_array_mut().unwrap() {
        container["command"] = json!(["sleep"]);
        container["securityContext"]["privileged"] = true.into();
    }
    let (outcome, mended) = run(&broken, &TEMPLATE);
    assert_eq!(outcome.decision, Decision::Injected);
    assert_eq!(
        mended["spec"]["initContainers"],
        once["spec"]["initContainers"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_others_do_to_a_pod_we_come_to_rest_and_take_nothing_back(
        pod in pods::pod(), which in proptest::collection::vec(0_usize..6, 1..4)
    ) {
        let mut pod = pod;
        plugins(&mut pod, &which);
        let (first, mut once) = run(&pod, &TEMPLATE);
        prop_assume!(first.decision == Decision::Injected);
        plugins(&mut once, &which);
        let (second, twice) = run(&once, &TEMPLATE);
        if asks_more_than_it_may(&once) {
            // Such a Pod is refused: the default goes that the request is above.
            prop_assert!(!asks_more_than_it_may(&twice), "{}", twice);
            let (third, thrice) = run(&twice, &TEMPLATE);
            prop_assert_eq!(third.decision, Decision::Unchanged, "{:?}", third.patch);
            prop_assert_eq!(thrice, twice);
            return Ok(());
        }
        prop_assert_eq!(second.decision, Decision::Unchanged, "{:?}", second.patch);
        prop_assert_eq!(twice, once);
    }
}

/// Whether the watcher's CPU was limited by a default below what the Pod's annotation has it request.
fn asks_more_than_it_may(pod: &Value) -> bool {
    let annotations = &pod["metadata"]["annotations"];
    let asked = annotations["discord-monitoring.io/resources.requests.cpu"].as_str();
    let mut pod = pod.clone();
    let mut watchers = containers(&mut pod).filter(|one| one["name"] == "discord-watcher");
    watchers.any(|one| {
        let resources = &one["resources"];
        asked == Some("9")
            && resources["requests"]["cpu"] == "9"
            && resources["limits"]["cpu"] == "250m"
    })
}

#[test]
fn a_default_limit_below_what_the_watcher_was_told_to_request_goes_again() {
    let mut pod = asking();
    pod["metadata"]["annotations"]["discord-monitoring.io/resources.limits.cpu"] = "".into();
    pod["metadata"]["annotations"]["discord-monitoring.io/resources.requests.cpu"] = "9".into();
    let (_, mut once) = run(&pod, &TEMPLATE);
    plugins(&mut once, &[1]);
    assert!(asks_more_than_it_may(&once));
    let (second, twice) = run(&once, &TEMPLATE);
    assert_eq!(second.decision, Decision::Injected);
    assert!(!asks_more_than_it_may(&twice));
    assert_eq!(run(&twice, &TEMPLATE).0.decision, Decision::Unchanged);
}
