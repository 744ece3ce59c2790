//! Runs helm over a copy of the charts of this process's own, so that tests never meet in one folder.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The charts that render something by themselves.
pub(crate) const CHARTS: [&str; 2] = ["discord-monitoring", "bot-service"];
/// The Kubernetes releases a render is checked against, oldest and newest among them.
pub(crate) const RELEASES: [&str; 4] = ["1.32", "1.34", "1.36", "1.37"];

/// Folder of the workspace.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program of `make tools`, else of PATH.
pub(crate) fn tool(name: &str) -> Command {
    let built = repository().join(".tools/bin").join(name);
    Command::new(if built.exists() { built } else { name.into() })
}

/// Helm 4, of `hack/tools.sh helm4`.
#[cfg(feature = "node")]
pub(crate) fn helm_4() -> Command {
    Command::new(repository().join(".tools/helm4/helm"))
}

/// What a program said.
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end; a missing one is named with the way to get it.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}; `make tools` builds it"));
    Outcome {
        ok: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Our copy: `charts/` and `examples/` as in the repository, dependencies built from their locks.
pub(crate) fn copy() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
        forget_the_dead(&parent);
        let copy = parent.join(std::process::id().to_string());
        for folder in ["charts", "examples"] {
            copy_folder(&repository().join(folder), &copy.join(folder));
        }
        for chart in ["charts/discord-monitoring", "examples/own-chart"] {
            let built = run(tool("helm")
                .args(["dependency", "build"])
                .arg(copy.join(chart)));
            assert!(built.ok, "{chart}: {}", built.stderr);
        }
        copy
    })
}

/// Removes the copies of processes that are no more.
fn forget_the_dead(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            // Another run may be at the same one; what stays is found by the next.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            // What `make charts` left there is built anew.
            if !(entry.file_name() == "charts" && from.join("Chart.yaml").exists()) {
                copy_folder(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Folder of one chart in our copy.
pub(crate) fn chart(name: &str) -> PathBuf {
    let own = copy().join("examples").join(name);
    if own.exists() {
        own
    } else {
        copy().join("charts").join(name)
    }
}

/// `helm template` as release `dm` in namespace `monitoring`.
pub(crate) fn try_template(name: &str, more: &[&str]) -> Outcome {
    run(tool("helm")
        .args(["template", "dm"])
        .arg(chart(name))
        .args(["--namespace", "monitoring", "--kube-version", "1.37.0"])
        .args(more))
}

/// What helm tells a person after an install with these values. An install asks a cluster, even a dry one, and a render leaves
/// the notes out: so a copy of the chart has them in a template too.
pub(crate) fn notes(name: &str, values: &Value) -> String {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    let folder = COPY.get_or_init(|| {
        let noted = copy().join("noted");
        copy_folder(&repository().join("charts"), &noted);
        for chart in CHARTS {
            let templates = noted.join(chart).join("templates");
            let text = fs::read_to_string(templates.join("NOTES.txt")).unwrap();
            let shown = format!(
                "{{{{- define \"{chart}.notes\" -}}}}\n{text}\n{{{{- end -}}}}\n\
                shown: {{{{ include \"{chart}.notes\" . | toJson }}}}\n"
            );
            fs::write(templates.join("shown.yaml"), shown).unwrap();
        }
        let built = run(tool("helm")
            .args(["dependency", "build"])
            .arg(noted.join("discord-monitoring")));
        assert!(built.ok, "{}", built.stderr);
        noted
    });
    let file = values_file(values);
    let said = run(tool("helm")
        .args(["template", "dm"])
        .arg(folder.join(name))
        .args(["--namespace", "monitoring", "--kube-version", "1.37.0"])
        .args(["--show-only", "templates/shown.yaml", "--values"])
        .arg(file.path()));
    assert!(said.ok, "{name} {values}: {}", said.stderr);
    let shown = documents(&said.stdout).remove(0)["shown"].clone();
    shown.as_str().unwrap().to_owned()
}

/// The text of a render that must succeed.
pub(crate) fn template(name: &str, more: &[&str]) -> String {
    let outcome = try_template(name, more);
    assert!(outcome.ok, "{name} {more:?}: {}", outcome.stderr);
    outcome.stdout
}

/// The objects of a render that must succeed, with these values over the defaults.
pub(crate) fn objects(name: &str, values: &Value) -> Vec<Value> {
    let file = values_file(values);
    documents(&template(
        name,
        &["--values", file.path().to_str().unwrap()],
    ))
}

/// Values as a file helm reads.
pub(crate) fn values_file(values: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), values.to_string()).unwrap();
    file
}

/// The objects in a text of YAML documents.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple::<Value>(text)
        .unwrap_or_else(|error| panic!("not YAML: {error}\n{text}"))
        .into_iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// A YAML file of the repository.
pub(crate) fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(repository().join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A JSON file of the repository.
pub(crate) fn json(path: &str) -> Value {
    let text = fs::read_to_string(repository().join(path)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The one object of this kind.
pub(crate) fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect();
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}

/// The injector's `sidecar.yaml` in a render of the umbrella.
pub(crate) fn sidecar(objects: &[Value]) -> Value {
    let map = objects
        .iter()
        .find(|object| object["data"]["sidecar.yaml"].is_string())
        .expect("a ConfigMap with sidecar.yaml");
    serde_saphyr::from_str(map["data"]["sidecar.yaml"].as_str().unwrap()).unwrap()
}

/// The scenarios of a chart: name and path of each `ci/NAME-values.yaml`, in order.
pub(crate) fn scenarios(name: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(repository().join("charts").join(name).join("ci"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            (
                file.strip_suffix("-values.yaml")
                    .expect("ci/*-values.yaml")
                    .to_owned(),
                path,
            )
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{name} has no scenario");
    found
}

/// Whether files may be renewed.
pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

/// Holds a file of the repository to this text, or renews it.
pub(crate) fn hold(path: &str, text: &str) {
    let file = repository().join(path);
    if updating() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if let Some((number, line)) = first_difference(&kept, text) {
        panic!(
            "{path} differs from line {number}: {line}\nUPDATE_GOLDEN=1 renews it; then read the diff"
        );
    }
}

fn first_difference(kept: &str, new: &str) -> Option<(usize, String)> {
    if kept == new {
        return None;
    }
    let number = kept
        .lines()
        .zip(new.lines())
        .take_while(|(left, right)| left == right)
        .count();
    Some((
        number + 1,
        new.lines().nth(number).unwrap_or("(end)").to_owned(),
    ))
}
