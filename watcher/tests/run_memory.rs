//! What the watcher needs of memory, whatever the transcript holds. Its Pod's limit is 64 MiB.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use support::discord::Discord;
use support::watcher::Pod;
use support::{eventually, full, line, lines};

/// The chart's limit.
const LIMIT: u64 = 64 << 10;

/// A figure of a process's memory, in KiB.
fn memory(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// A call of `tool` and its result, with what the client notes beside it.
fn call(number: usize, tool: &str, input: &Value, content: &str, noted: &Value) -> String {
    let id = format!("toolu_{number}");
    let common = |uuid: String, kind: &str, message: Value| {
        json!({"parentUuid": null, "isSidechain": false, "cwd": "/w", "sessionId": "s", "version": "2.1.126", "type": kind,
            "uuid": uuid, "timestamp": "2026-11-22T00:00:00.000Z", "message": message})
    };
    let asked = common(
        format!("c-{number}"),
        "assistant",
        json!({"id": format!("msg_{number}"), "role": "assistant", "model": "claude-opus-4-5-20251101",
            "content": [{"type": "tool_use", "id": id, "name": tool, "input": input}], "stop_reason": "tool_use",
            "usage": {"input_tokens": 1, "output_tokens": 1}}),
    );
    let mut answered = common(
        format!("r-{number}"),
        "user",
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": content}]}),
    );
    answered["toolUseResult"] = noted.clone();
    format!("{asked}\n{answered}\n")
}

/// A log that somebody pasted.
fn prompt(text: &str) -> String {
    let line = line(2).replace("event-000002", "PLACE");
    let text = serde_json::to_string(&format!("pasted {text}")).unwrap();
    line.replace("\"PLACE\"", &text)
}

/// Words on many lines, with what has to be escaped, so long.
fn words(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 100);
    for n in 0.. {
        if text.len() >= bytes {
            break;
        }
        writeln!(text, "line {n} of \"the\" file \\ h\u{e9}llo").unwrap();
    }
    text
}

fn giants() -> Vec<String> {
    let most = 15 << 20;
    let bash = json!({"command": "cat everything"});
    let noted = |stdout: &str| json!({"stdout": stdout, "stderr": "", "interrupted": false, "isImage": false});
    // Escapes make the line longer than the text.
    let (whole, half) = (words(most * 10 / 12), words(most * 5 / 12));
    let edit =
        json!({"file_path": "/w/big.txt", "old_string": "line 7", "new_string": "line seven"});
    let patch = json!([{"oldStart": 7, "oldLines": 1, "newStart": 7, "newLines": 1, "lines": ["-line 7", "+line seven"]}]);
    let edited = json!({"filePath": "/w/big.txt", "oldString": "line 7", "newString": "line seven",
        "originalFile": "x".repeat((16 << 20) - 4096), "structuredPatch": patch, "replaceAll": false});
    let write = json!({"file_path": "/w/new.txt", "content": half});
    let written =
        json!({"type": "create", "filePath": "/w/new.txt", "content": half, "structuredPatch": []});
    vec![
        call(1, "Bash", &bash, "(see stdout)", &noted(&whole)),
        call(2, "Bash", &bash, &half, &noted(&half)),
        call(3, "Edit", &edit, "updated", &edited),
        call(4, "Write", &write, "created", &written),
        prompt(&whole),
    ]
}

#[test]
fn lines_of_sixteen_megabytes_stay_within_the_pods_limit_with_filters_and_without() {
    for parity in ["false", "true"] {
        for (number, giant) in giants().into_iter().enumerate() {
            let discord = Discord::start();
            let mut pod = Pod::new(&discord);
            pod.set("PARITY_MODE", parity).set("LOG_LEVEL", "info");
            let watcher = pod.start();
            pod.append(&line(0));
            eventually("the line before", || {
                (!discord.events().is_empty()).then_some(())
            });
            pod.append(&giant);
            pod.append(&line(1));
            eventually("the line after", || {
                discord.events().contains(&1).then_some(())
            });
            let peak = memory(watcher.id(), "VmHWM");
            println!("parity {parity}, giant {number}: {peak} KiB at most");
            assert_eq!(pod.metric("lines_cut_total"), Some(0), "{number}");
            assert!(peak < LIMIT, "parity {parity}, giant {number}: {peak} KiB");
            let body = discord.requests().into_iter().map(|request| request.body);
            let body: String = body.collect();
            let shown = [
                "cat everything",
                "cat everything",
                "big.txt",
                "new.txt",
                "pasted",
            ];
            assert!(body.contains(shown[number]), "{number}");
        }
    }
}

#[test]
fn a_gigabyte_of_transcript_is_followed_in_memory_that_does_not_grow() {
    let megabytes = if full() { 1024 } else { 64 };
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    pod.set("LOG_LEVEL", "info");
    // Nearly all of it is filtered, as in life; what is posted shows that it was read.
    let read = json!({"file_path": "/w/a.txt"});
    let noted = json!({"type": "text", "file": {"filePath": "/w/a.txt", "numLines": 9, "startLine": 1, "totalLines": 9}});
    let watcher = pod.start();
    let path = pod.path("agent.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    let (mut number, mut early) = (0, 0);
    let content = words(16 << 10);
    for part in 1..=8_usize {
        let until = (megabytes * part as u64 / 8) << 20;
        while std::fs::metadata(&path).unwrap().len() < until {
            let mut text = String::new();
            for _ in 0..64 {
                number += 1;
                text += &call(number, "Read", &read, &content, &noted);
            }
            file.write_all(text.as_bytes()).unwrap();
        }
        file.write_all(lines(part..part + 1).as_bytes()).unwrap();
        eventually("a part", || discord.events().contains(&part).then_some(()));
        if part == 2 {
            early = memory(watcher.id(), "RssAnon");
        }
    }
    let late = memory(watcher.id(), "RssAnon");
    let peak = memory(watcher.id(), "VmHWM");
    println!(
        "{megabytes} MB: {early} KiB after a quarter, {late} KiB at the end, {peak} KiB at most"
    );
    // What it remembers of records is bounded and fills up by the way: 262,144 hashes of records in two tables, 131,072 of
    // messages, and what of them is to be written down make some 8 MiB.
    assert!(late < early + (8 << 10), "{early} KiB, then {late} KiB");
    assert!(peak < LIMIT / 2, "{peak} KiB");
    assert_eq!(discord.events(), (1..=8).collect::<Vec<_>>());
}
