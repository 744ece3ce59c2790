//! Manifests before and after: `injector inject -f NAME.input.yaml` prints `NAME.golden.yaml`, what it says on standard
//! error in front. `UPDATE_GOLDEN=1` writes the golden files anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn injector(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_injector"))
        .args(args)
        .output()
        .unwrap()
}

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(".input.yaml"))
        .collect();
    all.sort();
    assert!(all.len() >= 15, "only {} inputs", all.len());
    all
}

#[test]
fn manifests_come_out_as_the_golden_files_say() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut stale = Vec::new();
    for input in inputs() {
        let output = injector(&["inject", "-f", input.to_str().unwrap()]);
        // A Pod that asks and gets no watcher shows in the exit code, for pipelines.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let without = |line: &str| line.contains(": not injected (") && !line.contains("opted_out");
        let code = if said.lines().any(without) { 2 } else { 0 };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}: {output:?}",
            input.display()
        );
        let mut text = String::new();
        for line in String::from_utf8(output.stderr).unwrap().lines() {
            writeln!(text, "# {line}").unwrap();
        }
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        // The definition's hash changes with every word of the chart; what it stands for shows in the container.
        let text = without_hash(&text);
        let golden = PathBuf::from(input.to_str().unwrap().replace(".input.", ".golden."));
        if update {
            std::fs::write(&golden, text).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != text {
            stale.push(golden);
        }
    }
    assert!(
        stale.is_empty(),
        "run UPDATE_GOLDEN=1 cargo test -p injector --test golden, and look at: {stale:?}"
    );
}

fn without_hash(text: &str) -> String {
    let mark = "\\\"template\\\":\\\"";
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        out.push_str(before);
        out.push_str(mark);
        out.push_str("HASH");
        rest = &after[12..];
    }
    out.push_str(rest);
    out
}

#[test]
fn what_inject_prints_is_left_alone_by_a_second_inject_and_taken_back_by_uninject() {
    let folder = tempfile::tempdir().unwrap();
    for input in inputs() {
        let name = input.file_name().unwrap().to_str().unwrap();
        let once = folder.path().join(name);
        let output = injector(&["inject", "-f", input.to_str().unwrap()]);
        std::fs::write(&once, &output.stdout).unwrap();
        let twice = injector(&["inject", "-f", once.to_str().unwrap()]);
        assert_eq!(
            String::from_utf8(twice.stdout).unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            "{name}"
        );
        // `stale` holds leftovers of an older injection, which are not given back.
        if name.starts_with("stale") {
            continue;
        }
        let back = injector(&["uninject", "-f", once.to_str().unwrap()]);
        let plain = folder.path().join(format!("plain-{name}"));
        std::fs::write(&plain, back.stdout).unwrap();
        let read = |path: &Path| -> Vec<serde_json::Value> {
            serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        assert_eq!(read(&plain), read(&input), "{name}");
    }
}

#[test]
fn uninject_leaves_alone_what_was_never_injected() {
    for input in inputs() {
        let name = input.file_name().unwrap().to_str().unwrap();
        // `stale` holds an injection of an older version.
        if name.starts_with("stale") {
            continue;
        }
        let output = injector(&["uninject", "-f", input.to_str().unwrap()]);
        let read =
            |text: &str| -> Vec<serde_json::Value> { serde_saphyr::from_multiple(text).unwrap() };
        let text = std::fs::read_to_string(&input).unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read(&printed), read(&text), "{name}");
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("taken out"),
            "{name}"
        );
    }
}

#[test]
fn a_wrong_command_line_exits_with_64_and_a_missing_file_with_1() {
    assert_eq!(injector(&["inject"]).status.code(), Some(64));
    assert_eq!(injector(&["no-such-command"]).status.code(), Some(64));
    assert_eq!(
        injector(&["serve", "--propagation", "soon"]).status.code(),
        Some(64)
    );
    let missing = injector(&["inject", "-f", "/no/such/file"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        String::from_utf8(missing.stderr)
            .unwrap()
            .contains("/no/such/file")
    );
    assert_eq!(injector(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_template_without_metadata_is_injected_in_a_namespace_that_asks_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    for metadata in ["", "metadata: null\n    "] {
        let text = format!(
            "kind: Job\nspec:\n  template:\n    {metadata}spec: {{restartPolicy: Never, containers: [{{name: a, image: a}}]}}\n"
        );
        let (plain, injected) = (
            folder.path().join("plain.yaml"),
            folder.path().join("injected.yaml"),
        );
        std::fs::write(&plain, &text).unwrap();
        let output = injector(&[
            "inject",
            "--namespace-opted-in",
            "-f",
            plain.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("discord-watcher"));
        std::fs::write(&injected, &output.stdout).unwrap();
        let back = injector(&["uninject", "-f", injected.to_str().unwrap()]);
        let read = |text: &[u8]| -> serde_json::Value {
            serde_saphyr::from_str(std::str::from_utf8(text).unwrap()).unwrap()
        };
        assert_eq!(read(&back.stdout), read(text.as_bytes()));
    }
}
