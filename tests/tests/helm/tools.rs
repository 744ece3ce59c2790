//! What chart people's own tools say: READMEs made from the values, unit suites, scores, and clean workflows.

use crate::support::{self, CHARTS, hold, repository, run, scenarios, template, tool};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn chart_readmes_are_what_the_values_say() {
    let folder = tempfile::tempdir().unwrap();
    let charts = ["discord-monitoring", "bot-service", "watcher-sidecar"];
    for chart in charts {
        let target = folder.path().join(chart);
        std::fs::create_dir(&target).unwrap();
        for file in ["Chart.yaml", "values.yaml", "README.md.gotmpl"] {
            let from = repository().join("charts").join(chart).join(file);
            std::fs::copy(&from, target.join(file))
                .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
    }
    let made = run(tool("helm-docs")
        .arg("--chart-search-root")
        .arg(folder.path())
        .args(["--sort-values-order", "file", "--log-level", "warning"]));
    assert!(
        made.ok && made.stderr.is_empty(),
        "{}{}",
        made.stdout,
        made.stderr
    );
    for chart in charts {
        let text = std::fs::read_to_string(folder.path().join(chart).join("README.md")).unwrap();
        let rows = text
            .lines()
            .filter(|line| line.starts_with("| ") && line.contains(" | `"));
        let silent: Vec<_> = rows.clone().filter(|row| row.ends_with("|  |")).collect();
        assert!(silent.is_empty(), "{chart}: no word on {silent:?}");
        assert!(rows.count() > 40, "{chart}");
        hold(&format!("charts/{chart}/README.md"), &text);
    }
}

#[test]
fn the_unit_suites_of_the_charts_pass() {
    for chart in CHARTS {
        let outcome = run(tool("helm-unittest")
            .args(["--strict", "--file", "tests/*_test.yaml"])
            .arg(support::chart(chart)));
        assert!(outcome.ok, "{chart}: {}{}", outcome.stdout, outcome.stderr);
        assert!(
            outcome.stdout.contains(" passed, "),
            "{chart}: {}",
            outcome.stdout
        );
        assert!(
            !outcome.stdout.contains("Tests:       0 passed"),
            "{chart} has no suite"
        );
    }
}

#[test]
fn packaged_charts_hold_no_tests_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    for chart in CHARTS {
        let packed = run(tool("helm")
            .arg("package")
            .arg(support::chart(chart))
            .arg("--destination")
            .arg(folder.path()));
        assert!(packed.ok, "{}", packed.stderr);
        let archive = folder.path().join(format!("{chart}-0.1.0.tgz"));
        let listed = run(std::process::Command::new("tar")
            .arg("--list")
            .arg("--file")
            .arg(&archive));
        assert!(listed.ok, "{}", listed.stderr);
        for file in ["values.schema.json", "templates/NOTES.txt", "README.md"] {
            assert!(
                listed.stdout.contains(&format!("{chart}/{file}\n")),
                "{chart} lacks {file}"
            );
        }
        for file in listed.stdout.lines() {
            let ours = file.strip_prefix(&format!("{chart}/")).unwrap();
            assert!(
                !["tests/", "ci/"]
                    .iter()
                    .any(|folder| ours.starts_with(folder)),
                "{file}"
            );
            assert!(!ours.ends_with(".gotmpl"), "{file}");
        }
    }
}

#[test]
fn kube_score_finds_nothing_that_is_not_reasoned_about() {
    let excused = support::yaml("tests/tests/helm/kube-score.yaml");
    let excused = excused.as_array().unwrap();
    for excuse in excused {
        for key in excuse.as_object().unwrap().keys() {
            let known = ["check", "on", "scenario", "reason"].contains(&key.as_str());
            assert!(known, "no excuse is bounded by {key}: {excuse}");
        }
        assert!(
            places(excuse).count() > 0,
            "an excuse for everything: {excuse}"
        );
    }
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for chart in CHARTS {
        for (scenario, path) in scenarios(chart) {
            let text = template(chart, &["--values", path.to_str().unwrap()]);
            if text.trim().is_empty() {
                continue;
            }
            for finding in score(&text) {
                let excuse = excused.iter().position(|excuse| {
                    excuse["check"] == finding.check.as_str()
                        && places(excuse).any(|on| on == finding.on)
                        && (excuse.get("scenario").is_none()
                            || excuse["scenario"] == scenario.as_str())
                });
                match excuse {
                    Some(at) => _ = used.insert((at, finding.on)),
                    None => found.push(format!("{chart} {scenario}: {finding:?}")),
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    for (at, excuse) in excused.iter().enumerate() {
        for on in places(excuse) {
            assert!(
                used.contains(&(at, on.to_owned())),
                "nothing needs the excuse for {} on {on}",
                excuse["check"]
            );
        }
        assert!(
            excuse["reason"]
                .as_str()
                .is_some_and(|reason| reason.len() > 20),
            "{excuse}"
        );
    }
}

/// What an excuse is for.
fn places(excuse: &Value) -> impl Iterator<Item = &str> {
    let all = excuse["on"].as_array().expect("`on`, a list");
    all.iter().map(|on| on.as_str().unwrap())
}

/// What kube-score holds against one object, or one container of it.
#[derive(Debug)]
#[allow(dead_code)] // All of it is shown when it is not excused.
struct Finding {
    /// Kind, or Kind/container.
    on: String,
    check: String,
    object: String,
    comment: Value,
}

fn score(yaml: &str) -> Vec<Finding> {
    let mut child = tool("kube-score")
        .args([
            "score",
            "--kubernetes-version",
            "v1.32",
            "--output-format",
            "json",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kube-score; `make tools` builds it");
    // What it prints may fill the pipe while it still reads.
    let mut stdin = child.stdin.take().unwrap();
    let text = yaml.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut found = Vec::new();
    for object in all.as_array().unwrap() {
        for check in object["checks"].as_array().unwrap() {
            // 10 is good, 7 nearly so; what was skipped has nothing to say.
            if check["skipped"] == true || check["grade"].as_i64().unwrap() >= 7 {
                continue;
            }
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let kind = text(&object["type_meta"]["kind"]);
            let comments = check["comments"].as_array().cloned().unwrap_or_default();
            let comments = if comments.is_empty() {
                vec![Value::Null]
            } else {
                comments
            };
            for comment in comments {
                let container = comment["path"].as_str().unwrap_or_default();
                found.push(Finding {
                    on: if container.is_empty() {
                        kind.clone()
                    } else {
                        format!("{kind}/{container}")
                    },
                    check: text(&check["check"]["id"]),
                    object: text(&object["object_name"]),
                    comment,
                });
            }
        }
    }
    found
}

#[test]
fn the_score_can_fail() {
    let text = template("discord-monitoring", &[]).replace(
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
    );
    let found = score(&text);
    assert!(
        found.iter().any(|finding| finding.check
            == "container-security-context-readonlyrootfilesystem"
            && finding.on == "Deployment/injector"),
        "{found:?}"
    );
}
