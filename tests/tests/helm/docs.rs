//! The pages and the files to start from: links that lead somewhere, values and tests that there are, examples that install.

use crate::support::{chart, documents, repository, run, template, tool, yaml};
use serde_json::Value;
use sidecar::names;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every page a person reads about the charts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in [
        "docs",
        "charts/discord-monitoring",
        "charts/bot-service",
        "charts/watcher-sidecar",
        "examples",
    ] {
        for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() >= 10, "{} pages", found.len());
    found
}

/// Texts between these two, which differ.
fn between(text: &str, open: &str, close: &str) -> Vec<String> {
    text.split(open)
        .skip(1)
        .filter_map(|rest| rest.split_once(close))
        .map(|(inside, _)| inside.to_owned())
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for (page, text) in pages() {
        for link in between(&text, "](", ")") {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let target = page.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link}", page.display());
            followed += 1;
        }
    }
    assert!(followed > 15, "{followed} links");
}

#[test]
fn every_value_that_a_page_names_is_one() {
    let umbrella = yaml("charts/discord-monitoring/values.yaml");
    let bot = yaml("charts/bot-service/values.yaml");
    let mut named = 0;
    for (page, text) in pages() {
        // A page's code in blocks is YAML or shell, and tested as such or not at all.
        let prose: String = text.split("```").step_by(2).collect();
        for word in prose.split('`').skip(1).step_by(2) {
            let path = word.split([':', '=', ' ']).next().unwrap();
            let plain = path
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
            let roots = [
                "discord.monitoring.",
                "injector.",
                "certs.",
                "policy.",
                "global.",
                "bot-service.",
            ];
            if !plain || !roots.iter().any(|root| path.starts_with(root)) {
                continue;
            }
            let found = match path.strip_prefix("bot-service.") {
                Some(rest) => bot.pointer(&format!("/{}", rest.replace('.', "/"))),
                None => umbrella.pointer(&format!("/{}", path.replace('.', "/"))),
            };
            assert!(found.is_some(), "{}: {path} is no value", page.display());
            named += 1;
        }
    }
    assert!(named > 20, "{named} values");
}

#[test]
fn every_annotation_that_a_page_names_is_known() {
    let mut named = 0;
    for (page, text) in pages() {
        for rest in text.split(names::PREFIX).skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c))
                .collect();
            let name = name.trim_end_matches(['.', '-']);
            // As in <name>, and the label of the metrics' Service.
            if name.is_empty() {
                continue;
            }
            let known = names::CONTROL_KEYS.contains(&name)
                || sidecar::find(name).is_some_and(|setting| setting.per_pod);
            assert!(known, "{}: {name}", page.display());
            named += 1;
        }
    }
    assert!(named > 8, "{named} annotations");
}

/// The text of the test module that a page names: its file, and those of the folder of its name.
fn module(crate_: &str, modules: &[&str]) -> String {
    let roots = match crate_ {
        "helm" | "node" => vec![format!("tests/tests/{crate_}")],
        other => vec![format!("{other}/tests"), format!("{other}/src")],
    };
    let mut source = String::new();
    for root in roots {
        let place = repository().join(root).join(modules.join("/"));
        source += &std::fs::read_to_string(place.with_extension("rs")).unwrap_or_default();
        for entry in std::fs::read_dir(place).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "rs") {
                source += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    source
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let mut named = 0;
    for (page, text) in pages() {
        for word in text.split('`') {
            let parts: Vec<_> = word.split("::").collect();
            let &[crate_, ref modules @ .., name] = parts.as_slice() else {
                continue;
            };
            // `helm::` alone speaks of all of them.
            if modules.is_empty() {
                continue;
            }
            assert!(
                module(crate_, modules).contains(&format!("fn {name}(")),
                "{}: {word}",
                page.display()
            );
            named += 1;
        }
    }
    assert!(named >= 150, "{named} tests");
}

/// Rows of a page's tables, without their heads.
fn rows(page: &str, least: usize) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("docs").join(page)).unwrap();
    let mut rows: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        if line.starts_with("|---") {
            rows.pop();
        } else {
            rows.push(line.to_owned());
        }
    }
    assert!(rows.len() >= least, "{page}: {} rows", rows.len());
    rows
}

#[test]
fn every_criterion_of_the_charts_names_its_test() {
    for row in rows("acceptance.md", 40) {
        let shown = row.split('|').nth(2).unwrap();
        let is_shown = shown.contains("::") || shown.contains("`make ");
        assert!(is_shown || shown.contains("not shown"), "{row}");
    }
}

#[test]
fn every_complaint_and_every_advice_about_injectors_has_its_answer() {
    for row in rows("injector-acceptance.md", 50) {
        let shown = row.split('|').nth(2).unwrap();
        let is_said = ["not shown", "`hack/bench/", "it creates no Pod"];
        assert!(
            shown.contains("::") || is_said.iter().any(|words| shown.contains(words)),
            "{row}"
        );
    }
}

/// The files to start from.
pub(crate) fn examples() -> Vec<PathBuf> {
    let umbrella = repository().join("charts/discord-monitoring");
    let mut found: Vec<_> = std::fs::read_dir(umbrella.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([umbrella.join("example-values.yaml")])
        .collect();
    found.sort();
    assert!(found.len() >= 5, "{found:?}");
    found
}

fn rendered(file: &Path) -> Vec<Value> {
    documents(&template(
        "discord-monitoring",
        &["--values", file.to_str().unwrap()],
    ))
}

#[test]
fn every_file_to_start_from_lints_and_renders_what_is_valid() {
    for file in examples() {
        let outcome = run(tool("helm")
            .args(["lint", "--strict", "--values"])
            .arg(&file)
            .arg(chart("discord-monitoring")));
        assert!(
            outcome.ok,
            "{}: {}{}",
            file.display(),
            outcome.stdout,
            outcome.stderr
        );
        assert!(rendered(&file).len() > 8, "{}", file.display());
        let text = template("discord-monitoring", &["--values", file.to_str().unwrap()]);
        let (ok, said) = crate::render::kubeconform("1.32", &[], &text);
        assert!(ok, "{}: {said}", file.display());
    }
}

#[test]
fn in_the_air_gap_every_image_comes_from_the_one_registry() {
    let file = repository().join("charts/discord-monitoring/examples/air-gapped.yaml");
    let text = template(
        "discord-monitoring",
        &[
            "--values",
            file.to_str().unwrap(),
            "--set",
            "bot-service.enabled=true",
        ],
    );
    let images: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "))
        .collect();
    assert!(images.len() >= 5, "{images:?}");
    for image in images {
        assert!(
            image
                .trim_matches('"')
                .starts_with("registry.example.com/mirror/"),
            "{image}"
        );
    }
}

/// An annotation of a Chart.yaml that is a list of mappings.
fn entries(about: &Value, what: &str) -> Vec<Value> {
    let text = about["annotations"][format!("artifacthub.io/{what}")]
        .as_str()
        .unwrap();
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_charts_icon_is_a_file_of_ours() {
    for name in ["discord-monitoring", "bot-service", "watcher-sidecar"] {
        let about = yaml(&format!("charts/{name}/Chart.yaml"));
        let source = about["sources"][0].as_str().unwrap();
        let project = source.rsplit_once("github.com/").unwrap().1;
        let icon = about["icon"].as_str().unwrap();
        let (_, path) = icon
            .split_once(&format!("{project}/main/"))
            .unwrap_or_else(|| panic!("{icon}"));
        let text = std::fs::read_to_string(repository().join(path)).unwrap();
        assert!(text.starts_with("<svg "), "{path}");
        for key in [
            "version",
            "appVersion",
            "kubeVersion",
            "home",
            "maintainers",
        ] {
            assert!(!about[key].is_null(), "{name}: {key}");
        }
        assert_eq!(about["annotations"]["artifacthub.io/license"], "Apache-2.0");
        let links = entries(&about, "links");
        assert!(
            links
                .iter()
                .all(|link| link["url"].as_str().unwrap().starts_with("https://")),
            "{links:?}"
        );
        assert!(!links.is_empty());
        // The images it installs, as the default values name them.
        let images: BTreeSet<_> = entries(&about, "images")
            .into_iter()
            .map(|image| image["image"].as_str().unwrap().to_owned())
            .collect();
        let version = about["appVersion"].as_str().unwrap();
        let installed = |names: &[&str]| {
            names
                .iter()
                .map(|image| format!("discord-monitoring/{image}:{version}"))
                .collect::<BTreeSet<_>>()
        };
        let wanted = match name {
            "discord-monitoring" => installed(&["bot", "injector", "watcher"]),
            "bot-service" => installed(&["bot"]),
            _ => installed(&["watcher"]),
        };
        assert_eq!(images, wanted, "{name}");
    }
}
