//! The workflows: clean, pinned, and no more than a way to `make`.

use crate::support::{repository, run, tool, yaml};
use serde_json::Value;

fn workflows() -> Vec<(String, String, Value)> {
    let folder = repository().join(".github/workflows");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| {
            let path = format!(".github/workflows/{name}");
            let text = std::fs::read_to_string(repository().join(&path)).unwrap();
            (name, text, yaml(&path))
        })
        .collect();
    found.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    assert!(found.len() >= 2);
    found
}

fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().unwrap();
    jobs.values()
        .flat_map(|job| job["steps"].as_array().unwrap().clone())
        .collect()
}

#[test]
fn actionlint_has_nothing_to_say() {
    let outcome = run(tool("actionlint").current_dir(repository()));
    assert!(outcome.ok, "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn every_action_is_pinned_by_commit_with_its_version_beside_it() {
    for (name, text, workflow) in workflows() {
        let mut pinned = 0;
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (action, version) = line
                .split_once(" # ")
                .unwrap_or_else(|| panic!("{name}: {line}"));
            let (_, commit) = action
                .split_once('@')
                .unwrap_or_else(|| panic!("{name}: {line}"));
            let hexadecimal = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(commit.len() == 40 && hexadecimal, "{name}: {line}");
            assert!(
                version.starts_with('v') && version.matches('.').count() == 2,
                "{name}: {line}"
            );
            pinned += 1;
        }
        let used = steps(&workflow)
            .iter()
            .filter(|step| step.get("uses").is_some())
            .count();
        assert_eq!(pinned, used, "{name}");
    }
}

#[test]
fn a_workflow_only_calls_make_with_targets_that_there_are() {
    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap();
    for (name, _, workflow) in workflows() {
        let mut calls = 0;
        for step in steps(&workflow) {
            let Some(command) = step["run"].as_str() else {
                continue;
            };
            let words: Vec<_> = command.split_whitespace().collect();
            assert_eq!(words[0], "make", "{name}: {command}");
            assert!(
                words[2..].iter().all(|word| word.contains('=')),
                "{name}: {command}"
            );
            assert!(
                makefile.contains(&format!("\n{}: ##", words[1])),
                "{name}: no target {}",
                words[1]
            );
            calls += 1;
        }
        assert!(calls > 0, "{name}");
    }
}

#[test]
fn a_workflow_has_no_right_it_does_not_need_and_every_job_an_end() {
    for (name, _, workflow) in workflows() {
        assert_eq!(
            workflow["permissions"],
            serde_json::json!({"contents": "read"}),
            "{name}"
        );
        for (job, body) in workflow["jobs"].as_object().unwrap() {
            assert!(body["timeout-minutes"].is_i64(), "{name}: {job}");
        }
    }
}

#[test]
fn helm_in_the_workflows_is_the_helm_of_the_tools() {
    let pinned = std::fs::read_to_string(repository().join("hack/tools/helm/go.mod")).unwrap();
    for (name, _, workflow) in workflows() {
        for step in steps(&workflow) {
            if step["uses"]
                .as_str()
                .is_some_and(|action| action.starts_with("Azure/setup-helm@"))
            {
                let version = step["with"]["version"].as_str().unwrap();
                assert!(
                    pinned.contains(&format!("helm.sh/helm/v3 {version}")),
                    "{name}: {version}"
                );
            }
        }
    }
}
