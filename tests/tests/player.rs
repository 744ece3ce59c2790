//! The player's promises: it writes what it is given, where and how an agent would.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tests::player::{config_dir, slug};
use tests::transcript::{Kind, Options, generate};

fn player(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_player"));
    command.env_clear().arg("--config-dir").arg(config);
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// All files below a folder with their paths relative to it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_session_is_written_to_its_files_as_the_library_generates_it() {
    let home = tempfile::tempdir().unwrap();
    let flags = [
        "--generate",
        "traps",
        "--seed",
        "9",
        "--records",
        "600",
        "--cwd",
        "/srv/my_app.v2",
    ];
    let output = run(player(home.path()).args(flags));
    let mut options = Options::new(Kind::Traps, 9).records(600);
    "/srv/my_app.v2".clone_into(&mut options.cwd);
    let session = generate(&options);
    let project = home.path().join("projects/-srv-my-app-v2");
    let expected: Vec<(String, Vec<u8>)> = session.files().into_iter().collect();
    assert!(files(&project) == expected, "the files differ");
    let last = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .last()
        .unwrap()
        .to_owned();
    let report: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(report["bytes"], session.expected.bytes);
    assert_eq!(report["records"], session.chunks.len());
    assert!(report["seconds"].is_number());
}

#[test]
fn files_are_the_agents_own_and_so_are_folders_it_makes() {
    let home = tempfile::tempdir().unwrap();
    let projects = home.path().join("projects");
    fs::create_dir(&projects).unwrap();
    fs::set_permissions(&projects, PermissionsExt::from_mode(0o777)).unwrap();
    run(player(home.path()).args(["--generate", "demo", "--write-settings"]));
    assert_eq!(mode(&projects), 0o777, "a volume's folder is left as it is");
    assert_eq!(mode(&projects.join("-workspace")), 0o700);
    assert_eq!(mode(&home.path().join("settings.json")), 0o600);
    for (name, _) in files(&projects) {
        assert_eq!(mode(&projects.join(name)), 0o600);
    }
}

#[test]
fn pieces_add_up_to_the_same_bytes() {
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flags = ["--generate", "traps", "--seed", "4", "--records", "150"];
    run(player(whole.path()).args(flags));
    run(player(pieces.path()).args(flags).arg("--partial"));
    assert!(files(whole.path()) == files(pieces.path()));
}

#[test]
fn a_recorded_transcript_is_written_as_it_is_and_named_after_its_session() {
    let home = tempfile::tempdir().unwrap();
    let bytes = b"\0\0\n{\"sessionId\":\"11111111-2222-4333-8444-555555555555\",\"type\":\"user\"}\r\n\xff\xfe\n{\"cut".to_vec();
    let other = b"no session here\n".to_vec();
    let (path, second) = (
        home.path().join("some.jsonl"),
        home.path().join("other.jsonl"),
    );
    fs::write(&path, &bytes).unwrap();
    fs::write(&second, &other).unwrap();
    run(player(home.path())
        .arg("--transcript")
        .arg(&path)
        .arg("--transcript")
        .arg(&second));
    let written = files(&home.path().join("projects/-workspace"));
    let expected = vec![
        (
            "11111111-2222-4333-8444-555555555555.jsonl".to_owned(),
            bytes,
        ),
        ("other.jsonl".to_owned(), other),
    ];
    assert_eq!(written, expected);
}

#[test]
fn a_recorded_subagent_goes_below_its_session() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("side.jsonl");
    fs::write(
        &path,
        "{\"isSidechain\":true,\"sessionId\":\"abc\",\"agentId\":\"a7\"}\n",
    )
    .unwrap();
    run(player(home.path()).arg("--transcript").arg(&path));
    let written = files(&home.path().join("projects"));
    assert_eq!(written[0].0, "-workspace/abc/subagents/agent-a7.jsonl");
}

#[test]
fn settings_that_cannot_be_written_end_it_with_3_and_say_so() {
    let home = tempfile::tempdir().unwrap();
    let blocked = home.path().join("file");
    fs::write(&blocked, "").unwrap();
    let output = player(&blocked.join("config"))
        .arg("--write-settings")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("settings.json") && told.contains("writable config directory"),
        "{told}"
    );
}

#[test]
fn a_transcript_that_cannot_be_written_ends_it_with_4() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("projects"), "").unwrap();
    let output = player(home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_file_to_play_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let output = player(home.path())
        .args(["--transcript", "/no/such/file"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(66));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("/no/such/file")
    );
}

#[test]
fn the_exit_code_is_the_one_asked_for_even_without_a_transcript() {
    let home = tempfile::tempdir().unwrap();
    let output = player(home.path())
        .args(["--no-transcript", "--exit-code", "7"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(!home.path().join("projects").exists());
}

#[test]
fn sigterm_ends_it_at_once_with_143() {
    let home = tempfile::tempdir().unwrap();
    let flags = [
        "--generate",
        "clean",
        "--bytes",
        "100000000000",
        "--pace",
        "1",
    ];
    let mut child = player(home.path())
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first line says that it is at work.
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("playing "), "{line}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn garbage_has_the_length_asked_for_and_follows_from_the_seed() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let written: Vec<_> = homes
        .iter()
        .map(|home| {
            run(player(home.path()).args(["--garbage", "50000", "--seed", "3"]));
            files(home.path())
        })
        .collect();
    assert_eq!(written[0], written[1]);
    assert_eq!(written[0][0].1.len(), 50_000);
}

#[test]
fn the_steps_it_lists_are_the_librarys() {
    let flags = [
        "--list-steps",
        "--generate",
        "clean",
        "--seed",
        "2",
        "--records",
        "300",
    ];
    let output = run(player(Path::new("/nowhere")).args(flags));
    let listed: Vec<u32> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let expected: Vec<u32> = generate(&Options::new(Kind::Clean, 2).records(300))
        .expected
        .steps()
        .collect();
    assert!(!listed.is_empty());
    assert_eq!(listed, expected);
}

#[test]
fn the_slug_keeps_letters_and_digits_only() {
    assert_eq!(slug("/home/me/my_app v1.2/é"), "-home-me-my-app-v1-2--");
}

#[test]
fn the_config_directory_is_the_flags_then_the_variables_then_homes() {
    let both = |name: &str| match name {
        "CLAUDE_CONFIG_DIR" => Some("/c".to_owned()),
        "HOME" => Some("/h".to_owned()),
        _ => None,
    };
    let home = |name: &str| (name == "HOME").then(|| "/h".to_owned());
    assert_eq!(
        config_dir(Some(Path::new("/f")), both).unwrap(),
        PathBuf::from("/f")
    );
    assert_eq!(config_dir(None, both).unwrap(), PathBuf::from("/c"));
    assert_eq!(config_dir(None, home).unwrap(), PathBuf::from("/h/.claude"));
    assert_eq!(config_dir(None, |_| None).unwrap_err().exit_code(), 64);
}

#[test]
fn an_agent_that_listens_answers_a_prompt_and_ends_when_it_is_interrupted() {
    // Beside the agent's files: who reads all of those would wait for ever at the FIFO.
    let (home, ear) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fifo = ear.path().join("stdin");
    let mut child = player(home.path())
        .args([
            "--generate",
            "demo",
            "--pace",
            "20",
            "--linger",
            "60",
            "--stdin",
        ])
        .arg(&fifo)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The FIFO is the agent's: opened for writing it waits until the agent has opened it.
    while !fifo.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the player ended early"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let prompt = r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"look at the clock"}]}}"#;
    fs::write(&fifo, format!("{prompt}\n")).unwrap();
    let stop = r#"{"type":"control_request","request_id":"1","request":{"subtype":"interrupt"}}"#;
    fs::write(&fifo, format!("{stop}\n")).unwrap();
    assert!(child.wait().unwrap().success());
    let all: Vec<u8> = files(home.path())
        .into_iter()
        .filter(|(name, _)| name.contains("projects"))
        .flat_map(|(_, bytes)| bytes)
        .collect();
    let all = String::from_utf8(all).unwrap();
    let told = all.find("Understood: \\\"look at the clock\\\"").unwrap();
    let stopped = all.find("[Request interrupted by user]").unwrap();
    assert!(told < stopped);
}
