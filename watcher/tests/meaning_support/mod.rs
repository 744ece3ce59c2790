//! What the tests of meaning share: records as clients write them.

#![allow(dead_code, unreachable_pub, clippy::needless_pass_by_value)]

use serde_json::{Value, json};
use std::path::PathBuf;
use watcher::events::{Event, InterpretOptions, Interpreter};
use watcher::filter::{FilterOptions, Filters};
use watcher::price::Prices;
use watcher::redact::{RedactOptions, Redactor};
use watcher::render::{Post, RenderOptions, Renderer, StatsOptions};

/// Real transcripts, or none with a note.
pub fn samples() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts");
    let folder = std::env::var_os("TRANSCRIPT_SAMPLES").map_or(folder, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    found.sort();
    found
}

/// A renderer with the default filters, or with none.
pub fn renderer(parity: bool) -> Renderer {
    renderer_with(parity, &FilterOptions::default(), RedactOptions::default())
}

/// A renderer that shows every event but shortens.
pub fn open_renderer() -> Renderer {
    let filters = FilterOptions {
        include_tools: vec![],
        include_patterns: vec![],
        min_stdout_length: 0,
    };
    renderer_with(false, &filters, RedactOptions::default())
}

/// A renderer.
pub fn renderer_with(parity: bool, filters: &FilterOptions, redact: RedactOptions) -> Renderer {
    Renderer::new(RenderOptions {
        filters: Filters::new(filters, parity).unwrap(),
        parity,
        redactor: Redactor::new(redact).unwrap(),
        stats: StatsOptions::default(),
        prices: Prices::built_in(),
    })
}

/// An interpreter with default options.
pub fn interpreter() -> Interpreter {
    Interpreter::new(InterpretOptions::default())
}

/// Events of some bytes.
pub fn read(interpreter: &mut Interpreter, bytes: &[u8]) -> Vec<Event> {
    let mut out = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        interpreter.read("file-session", None, line, &mut out);
    }
    out
}

/// Events of some records.
pub fn events(interpreter: &mut Interpreter, records: &[Value]) -> Vec<Event> {
    let lines: Vec<_> = records.iter().map(Value::to_string).collect();
    read(interpreter, lines.join("\n").as_bytes())
}

/// A record with the common fields.
pub fn record(uuid: &str, kind: &str, mut more: Value) -> Value {
    let common = json!({
        "parentUuid": null, "isSidechain": false, "userType": "external", "cwd": "/work", "sessionId": "s1",
        "version": "2.1.40", "gitBranch": "main", "type": kind, "uuid": uuid, "timestamp": "2026-02-03T00:00:00.000Z",
    });
    for (key, value) in common.as_object().unwrap() {
        if more.get(key).is_none() {
            more[key] = value.clone();
        }
    }
    more
}

/// A person's prompt.
pub fn prompt(uuid: &str, text: &str) -> Value {
    record(
        uuid,
        "user",
        json!({"message": {"role": "user", "content": text}}),
    )
}

/// One block of an assistant's message.
pub fn said(uuid: &str, id: &str, output: u64, block: Value) -> Value {
    record(
        uuid,
        "assistant",
        json!({"requestId": "req_1", "message": {
            "id": id, "type": "message", "role": "assistant", "model": "claude-opus-4-5-20251101", "content": [block],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 100,
                      "cache_creation_input_tokens": 30,
                      "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}}}),
    )
}

/// A text block.
pub fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A call.
pub fn call(uuid: &str, id: &str, name: &str, input: Value) -> Value {
    said(
        uuid,
        &format!("msg_{uuid}"),
        5,
        json!({"type": "tool_use", "id": id, "name": name, "input": input}),
    )
}

/// A result with what the client noted beside it.
pub fn result(uuid: &str, id: &str, content: Value, is_error: bool, noted: Value) -> Value {
    record(
        uuid,
        "user",
        json!({"message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error}]},
            "toolUseResult": noted}),
    )
}

/// A finished shell command.
pub fn bash(command: &str, stdout: &str, stderr: &str) -> [Value; 2] {
    [
        call(
            "c1",
            "toolu_1",
            "Bash",
            json!({"command": command, "description": "Run it"}),
        ),
        result(
            "r1",
            "toolu_1",
            json!(stdout),
            false,
            json!({"stdout": stdout, "stderr": stderr, "interrupted": false, "isImage": false}),
        ),
    ]
}

/// All text of a post's embeds as Discord gets it.
pub fn shown(post: &Post) -> String {
    post.embeds
        .iter()
        .map(|embed| serde_json::to_string_pretty(embed).unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What holds for every post, whatever the transcript says.
pub fn check(post: &Post) {
    assert!(!post.embeds.is_empty());
    for embed in &post.embeds {
        assert_eq!(discord::limits::fault(embed), None, "{embed:#?}");
        let json = serde_json::to_string(embed).unwrap();
        for mark in [
            "@everyone",
            "@here",
            "<@1",
            "<#4",
            "\\u001b",
            "\u{202e}",
            "base64,AAAA",
        ] {
            assert!(!json.contains(mark), "{mark} in {json}");
        }
        // Inside a code block a link is shown as it is written.
        let description = embed.description.as_deref().unwrap_or_default();
        for text in description
            .split("```")
            .step_by(2)
            .chain(embed.title.as_deref())
        {
            assert!(!text.contains("](http"), "{json}");
        }
        let fences = embed
            .description
            .as_deref()
            .unwrap_or_default()
            .matches("```")
            .count();
        assert_eq!(fences % 2, 0, "{embed:#?}");
    }
    assert!(post.files.len() <= discord::limits::FILES);
    for file in &post.files {
        assert!(file.content.len() <= discord::limits::FILE_BYTES);
        assert!(
            file.name.len() <= 100 && !file.name.contains(['/', '\\', '"', '\n']),
            "{}",
            file.name
        );
    }
}
