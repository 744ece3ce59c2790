//! The command line as people read it: `--help` of every command is `tests/help/NAME.txt`. `UPDATE_GOLDEN=1` writes
//! them anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::Path;
use std::process::{Command, Stdio};

const COMMANDS: [&str; 6] = [
    "serve",
    "inject",
    "explain",
    "check",
    "uninject",
    "completions",
];

fn injector(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_injector"))
        .args(args)
        // What stands in this shell would show as a variable's value.
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_says_what_the_golden_files_say() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut stale = Vec::new();
    for command in [
        "",
        "serve",
        "inject",
        "explain",
        "check",
        "uninject",
        "completions",
    ] {
        let (name, args) = match command {
            "" => ("injector", vec!["--help"]),
            name => (name, vec![name, "--help"]),
        };
        let text = injector(&args);
        let golden = folder.join(format!("{name}.txt"));
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&golden, text).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "run UPDATE_GOLDEN=1 cargo test -p injector --test help, and look at: {stale:?}"
    );
}

#[test]
fn completions_name_every_command_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = injector(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
}

#[test]
fn the_completion_script_is_one_that_bash_reads() {
    let script = injector(&["completions", "bash"]);
    let mut bash = Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn a_manifest_is_printed_in_the_format_that_was_asked_for() {
    let pod = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/job.input.yaml");
    let pod = pod.to_str().unwrap();
    let json = injector(&["inject", "-o", "json", "-f", pod]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("injected.json");
    std::fs::write(&file, json).unwrap();
    let yaml = injector(&["uninject", "-o", "yaml", "-f", file.to_str().unwrap()]);
    assert!(yaml.starts_with("apiVersion:"), "{yaml}");
    let back: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(back["kind"], value["kind"]);
    let plain: serde_json::Value =
        serde_saphyr::from_str(&std::fs::read_to_string(pod).unwrap()).unwrap();
    assert_eq!(back, plain);
}
