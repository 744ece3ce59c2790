//! What events look like in Discord: safe, inside the limits, nothing shortened in silence, no secret.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::too_many_lines,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use watcher::filter::FilterOptions;
use watcher::redact::{RedactOptions, Redactor};
use watcher::render::{Post, PostKind, RunState};

fn posts(records: &[Value]) -> Vec<Post> {
    posts_of(records, &mut open_renderer())
}

fn posts_of(records: &[Value], renderer: &mut watcher::render::Renderer) -> Vec<Post> {
    let found = events(&mut interpreter(), records);
    let posts: Vec<_> = found
        .iter()
        .filter_map(|event| renderer.render(event))
        .collect();
    posts.iter().for_each(check);
    posts
}

fn body(post: &Post) -> &str {
    post.embeds[0].description.as_deref().unwrap_or_default()
}

fn footer(post: &Post) -> &str {
    post.embeds[0]
        .footer
        .as_ref()
        .map_or("", |footer| &footer.text)
}

#[test]
fn a_command_shows_itself_its_output_its_exit_code_and_its_folder() {
    let posts = posts(&bash("cargo test", "all 12 tests passed", "warning: x"));
    assert_eq!(posts[0].embeds[0].title.as_deref(), Some("💻 Run it"));
    assert_eq!(
        body(&posts[0]),
        "```bash\ncargo test\n```\n```\nall 12 tests passed\n```\n**stderr**\n```\nwarning: x\n```"
    );
    assert_eq!(footer(&posts[0]), "exit code 0 · /work");
    assert_eq!(posts[0].kind, PostKind::Ordinary);
}

#[test]
fn a_failed_command_is_red_and_shows_its_code_and_output() {
    let posts = posts(&[
        call("c1", "t1", "Bash", json!({"command": "make"})),
        result(
            "r1",
            "t1",
            json!("Exit code 2\nno rule"),
            true,
            json!("Error: Exit code 2\nno rule"),
        ),
    ]);
    assert_eq!(posts[0].kind, PostKind::Error);
    assert_eq!(posts[0].embeds[0].color, Some(0xED_4245));
    assert!(body(&posts[0]).contains("```\nno rule\n```"));
    assert!(footer(&posts[0]).starts_with("exit code 2"));
}

#[test]
fn long_output_shows_both_ends_and_is_attached_whole() {
    let output: String = (0..2000).map(|n| format!("line {n}\n")).collect();
    let posts = posts(&bash("seq", &output, ""));
    assert!(body(&posts[0]).contains("line 0\n") && body(&posts[0]).contains("line 1999"));
    assert!(body(&posts[0]).contains("… left out …"));
    assert_eq!(posts[0].files[0].name, "stdout.txt");
    assert_eq!(posts[0].files[0].content, output);
}

#[test]
fn short_output_of_a_success_is_hidden_below_the_limit_but_never_the_command() {
    let mut renderer = renderer(false);
    let hidden = posts_of(&bash("true", "ok", ""), &mut renderer);
    assert_eq!(body(&hidden[0]), "```bash\ntrue\n```");
    let long = "x".repeat(50);
    let shown = posts_of(&bash("echo", &long, ""), &mut renderer);
    assert!(body(&shown[0]).contains(&long));
    let all = posts_of(
        &bash("true", "ok", ""),
        &mut meaning_support::renderer(true),
    );
    assert!(body(&all[0]).contains("ok"));
}

#[test]
fn an_edit_is_a_unified_diff() {
    let posts = posts(&[
        call(
            "c1",
            "t1",
            "Edit",
            json!({"file_path": "/w/src/a.rs", "old_string": "a", "new_string": "b"}),
        ),
        result(
            "r1",
            "t1",
            json!("updated"),
            false,
            json!({"filePath": "/w/src/a.rs", "oldString": "a", "newString": "b",
            "originalFile": "x".repeat(10_000), "structuredPatch": [{"oldStart": 4, "oldLines": 2, "newStart": 4, "newLines": 2,
            "lines": [" keep", "-a", "+b"]}]}),
        ),
    ]);
    assert_eq!(
        body(&posts[0]),
        "```diff\n--- /w/src/a.rs\n+++ /w/src/a.rs\n@@ -4,2 +4,2 @@\n keep\n-a\n+b\n```"
    );
    assert_eq!(posts[0].embeds[0].title.as_deref(), Some("✏️ Edit a.rs"));
    assert!(footer(&posts[0]).contains("+1 −1"));
}

#[test]
fn a_diff_of_more_than_60_lines_is_attached() {
    let edit = |lines: usize| {
        let lines: Vec<_> = (0..lines).map(|n| format!("+{n}")).collect();
        let hunk = json!({"oldStart": 1, "oldLines": 0, "newStart": 1, "newLines": lines.len(), "lines": lines});
        posts(&[
            call(
                "c1",
                "t1",
                "Edit",
                json!({"file_path": "/f.txt", "old_string": "", "new_string": ""}),
            ),
            result(
                "r1",
                "t1",
                json!(""),
                false,
                json!({"structuredPatch": [hunk]}),
            ),
        ])
    };
    assert!(edit(57)[0].files.is_empty());
    let long = edit(58);
    assert_eq!(long[0].files[0].name, "f.txt.diff");
    assert!(
        std::str::from_utf8(&long[0].files[0].content)
            .unwrap()
            .ends_with("+57\n")
    );
}

#[test]
fn old_clients_edits_show_what_was_asked_for() {
    let posts = posts(&[
        call(
            "c1",
            "t1",
            "MultiEdit",
            json!({"file_path": "/f", "edits": [
            {"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d", "replace_all": true}]}),
        ),
        result("r1", "t1", json!("ok"), false, json!(null)),
    ]);
    assert!(body(&posts[0]).contains("@@ @@\n-a\n+b\n@@ everywhere @@\n-c\n+d"));
}

#[test]
fn a_new_file_shows_its_head_and_is_attached_when_long() {
    let content: String = (0..500).map(|n| format!("let a{n} = {n};\n")).collect();
    let posts = posts(&[
        call(
            "c1",
            "t1",
            "Write",
            json!({"file_path": "/w/new file.rs", "content": content}),
        ),
        result(
            "r1",
            "t1",
            json!("ok"),
            false,
            json!({"type": "create", "filePath": "/w/new file.rs", "structuredPatch": [], "originalFile": null}),
        ),
    ]);
    assert!(body(&posts[0]).starts_with("```rust\nlet a0"));
    assert_eq!(posts[0].files[0].name, "new_file.rs");
    assert!(footer(&posts[0]).contains("new file"));
}

#[test]
fn every_known_tool_has_a_post_of_its_own() {
    let cases = [
        (
            "Read",
            json!({"file_path": "/a/b.rs"}),
            json!({"type": "text", "file": {"numLines": 10, "startLine": 5, "totalLines": 90}}),
            "lines 5-14 of 90",
        ),
        (
            "Grep",
            json!({"pattern": "fn main", "path": "/a"}),
            json!({"mode": "content", "content": "a.rs:1: fn main", "numLines": 1, "filenames": []}),
            "fn main",
        ),
        (
            "Glob",
            json!({"pattern": "*.rs"}),
            json!({"filenames": ["a.rs"], "numFiles": 1, "durationMs": 5, "truncated": true}),
            "there were more",
        ),
        (
            "WebSearch",
            json!({"query": "rust"}),
            json!({"query": "rust", "results": [{"content": [{"title": "T", "url": "https://t.test"}]}, "words"]}),
            "https://t.test",
        ),
        (
            "WebFetch",
            json!({"url": "https://p.test", "prompt": "?"}),
            json!({"code": 200, "bytes": 1234, "result": "text"}),
            "1,234 bytes",
        ),
        (
            "Agent",
            json!({"subagent_type": "Explore", "description": "look", "prompt": "do"}),
            json!({"status": "completed", "agentId": "a1", "totalTokens": 60137, "totalToolUseCount": 23, "totalDurationMs": 51795, "content": [{"type": "text", "text": "found"}]}),
            "60,137 tokens",
        ),
        (
            "TodoWrite",
            json!({"todos": [{"content": "x", "status": "pending"}]}),
            json!({"newTodos": [{"content": "x", "status": "completed"}]}),
            "1 of 1 done",
        ),
        (
            "TaskCreate",
            json!({"subject": "Build", "description": "d"}),
            json!({"task": {"id": "7", "subject": "Build"}}),
            "To do #7: Build",
        ),
        (
            "TaskUpdate",
            json!({"taskId": "7", "status": "completed"}),
            json!({"success": true, "taskId": "7", "statusChange": {"from": "pending", "to": "completed"}}),
            "pending → completed",
        ),
        (
            "AskUserQuestion",
            json!({"questions": [{"question": "Which?", "options": [{"label": "A"}]}]}),
            json!({"answers": {"Which?": "A"}}),
            "→ A",
        ),
        ("ExitPlanMode", json!({"plan": "1. go"}), json!({}), "1. go"),
        (
            "Skill",
            json!({"skill": "review"}),
            json!({"success": true, "commandName": "review"}),
            "Skill review",
        ),
        (
            "NotebookEdit",
            json!({"notebook_path": "/n.ipynb", "cell_id": "c", "new_source": "x = 1"}),
            json!({}),
            "+x = 1",
        ),
        (
            "mcp__git__hub__search",
            json!({"q": "bug"}),
            json!([]),
            "search (git__hub)",
        ),
        ("Unheard", json!({"a": 1}), json!({}), "Unheard"),
        ("LSP", json!({"operation": "hover"}), json!({}), "hover"),
        ("TaskOutput", json!({"task_id": "b7"}), json!({}), "b7"),
    ];
    for (tool, input, noted, expected) in cases {
        let posts = posts(&[
            call("c1", "t1", tool, input.clone()),
            result(
                "r1",
                "t1",
                json!([{"type": "text", "text": "the result"}]),
                false,
                noted,
            ),
        ]);
        assert!(
            shown(&posts[0]).contains(expected),
            "{tool}: {}",
            shown(&posts[0])
        );
        let failed = posts_of(
            &[
                call("c1", "t1", tool, input.clone()),
                result(
                    "r1",
                    "t1",
                    json!("<tool_use_error>It broke</tool_use_error>"),
                    true,
                    json!("Error: It broke"),
                ),
            ],
            &mut open_renderer(),
        );
        assert_eq!(failed[0].kind, PostKind::Error, "{tool}");
        assert!(
            shown(&failed[0]).contains("It broke") && !shown(&failed[0]).contains("tool_use_error"),
            "{tool}"
        );
        // Alone: a call that still runs.
        let mut it = interpreter();
        let mut out = events(&mut it, &[call("c1", "t1", tool, input)]);
        it.tick(std::time::Instant::now() + Duration::from_mins(1), &mut out);
        let post = open_renderer().render(&out[0]).unwrap();
        check(&post);
        assert!(footer(&post).contains("still running"), "{tool}");
    }
}

#[test]
fn nothing_a_tool_prints_steers_discord() {
    let evil = "```\n@everyone <@123> <#4> [safe](https://evil.test) \u{1b}[31mred\u{1b}[0m \u{202e}txt\n```ansi\n</t:1:R>";
    let records = [
        prompt("u1", evil),
        said("u2", "m1", 3, text(evil)),
        bash(evil, evil, evil)[0].clone(),
        bash(evil, evil, evil)[1].clone(),
        call(
            "c2",
            "t2",
            "Edit",
            json!({"file_path": evil, "old_string": evil, "new_string": evil}),
        ),
        result("r2", "t2", json!(evil), true, json!("x")),
        call("c3", evil, evil, json!({"x": evil})),
        result("r3", evil, json!(evil), false, json!(null)),
        record(
            "s",
            "system",
            json!({"subtype": "informational", "content": evil, "cwd": evil, "timestamp": evil}),
        ),
    ];
    for post in posts(&records) {
        assert!(!shown(&post).contains('\u{202e}'));
        assert_eq!(
            post.embeds[0].timestamp.is_some(),
            !shown(&post).contains("Notice")
        );
    }
}

#[test]
fn reminders_persisted_output_and_data_urls_are_not_printed() {
    let output = format!(
        "<persisted-output>\nOutput too large (1MB). Full output saved to: /x/y.txt\n</persisted-output><system-reminder>secret</system-reminder> data:image/png;base64,{}",
        "A".repeat(300)
    );
    let posts = posts(&bash("cat", &output, ""));
    let shown = shown(&posts[0]);
    assert!(
        shown.contains("Output too large") && shown.contains("[image/png, 225 bytes]"),
        "{shown}"
    );
    assert!(
        !shown.contains("secret") && !shown.contains("AAAA") && !shown.contains("persisted-output"),
        "{shown}"
    );
}

const SECRETS: [(&str, &str); 16] = [
    ("sk-ant-api03-", "anthropic"),
    ("ghp_", "github"),
    ("github_pat_", "github"),
    ("glpat-", "gitlab"),
    ("AKIA", "aws"),
    ("xoxb-", "slack"),
    ("AIza", "google"),
    ("npm_", "npm"),
    ("pypi-", "pypi"),
    ("hf_", "huggingface"),
    (
        "https://discord.com/api/webhooks/123456789012345678/",
        "discord-webhook",
    ),
    ("Authorization: Bearer ", "authorization"),
    ("DB_PASSWORD=", "assignment"),
    ("\"api_key\": \"", "assignment"),
    ("postgres://user:", "url-password"),
    ("sk-proj-", "openai"),
];

/// A body that has the shape of all of them; joined here so that no scanner takes this file for a leak.
fn secret(head: &str) -> String {
    let body = if head == "AKIA" {
        "Q7RZ2MX9K4LP8W3T".to_owned()
    } else {
        [
            "q7Rz2Mx9K4",
            "lp8W3tYb6N",
            "c1Vd5Hs0Ge",
            "uJfAiOq4Lk",
            "Zr7Xw2",
        ]
        .concat()
    };
    if head.starts_with("postgres") {
        format!("{head}{body}@db")
    } else {
        format!("{head}{body}")
    }
}

#[test]
fn secrets_of_known_shapes_go_wherever_they_stand_and_are_counted() {
    for (head, name) in SECRETS {
        let secret = secret(head);
        let body = secret
            .trim_start_matches(head)
            .trim_end_matches("@db")
            .to_owned();
        let mut renderer = open_renderer();
        let found = posts_of(
            &[
                prompt("u1", &format!("use {secret} now")),
                bash(
                    &format!("echo '{secret}'"),
                    &format!("a {secret}\n"),
                    &format!("\u{1b}[1m{secret}\u{1b}[0m"),
                )[0]
                .clone(),
                bash(
                    "",
                    &format!("a {secret}\n"),
                    &format!("\u{1b}[1m{secret}\u{1b}[0m"),
                )[1]
                .clone(),
                call("c9", "t9", "mcp__x__y", json!({"k": secret})),
                result("r9", "t9", json!(secret), false, json!(null)),
            ],
            &mut renderer,
        );
        for post in &found {
            assert!(!shown(post).contains(&body), "{head}: {}", shown(post));
        }
        assert!(
            shown(&found[0]).contains(&format!("[redacted {name}]")),
            "{head}: {}",
            shown(&found[0])
        );
        assert!(renderer.counts().redacted >= 5, "{head}");
    }
}

#[test]
fn of_a_long_secret_no_end_is_left() {
    let redactor = Redactor::new(RedactOptions::default()).unwrap();
    let long = "A1b2C3d4".repeat(80);
    for text in [
        format!("API_KEY={long}"),
        format!("postgres://me:{long}@db"),
    ] {
        let (redacted, count) = redactor.redact(&text);
        assert_eq!(count, 1, "{redacted}");
        assert!(!redacted.contains("A1b2"), "{redacted}");
    }
}

#[test]
fn no_name_of_an_attachment_holds_a_secret() {
    let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
    let own = "plain words of our own";
    let long = "a line\n".repeat(200);
    for secret in [token.as_str(), own] {
        // Where a longer path is cut, and what stands for a blank in a name, must not hide it either.
        for path in [
            format!("/work/{secret}/x.txt"),
            format!("/work/{secret}.txt"),
            format!("/work/{}-{secret}.txt", "x".repeat(60)),
        ] {
            let options = RedactOptions {
                secrets: vec![own.into()],
                ..RedactOptions::default()
            };
            let mut renderer = renderer_with(false, &FilterOptions::default(), options);
            let call = call(
                "c1",
                "t1",
                "Write",
                json!({"file_path": path, "content": long}),
            );
            let noted = json!({"type": "create", "filePath": path, "content": long});
            let records = [call, result("r1", "t1", json!("done"), false, noted)];
            let events = events(&mut interpreter(), &records);
            let posts: Vec<_> = events
                .iter()
                .filter_map(|event| renderer.render(event))
                .collect();
            let file = &posts[0].files[0];
            let spelt = secret.replace(' ', "_");
            assert!(
                !file.name.contains(secret.get(..12).unwrap())
                    && !file.name.contains(spelt.get(..12).unwrap()),
                "{}",
                file.name
            );
            assert!(!shown(&posts[0]).contains(secret));
        }
    }
}

#[test]
fn a_cut_never_leaves_half_a_secret_and_the_attachment_holds_none() {
    let secret = secret("ghp_");
    for shift in 0..60 {
        let output = format!("{}{secret}{}", "x ".repeat(450 + shift), " y".repeat(3000));
        let posts = posts(&bash("cat", &output, ""));
        for part in [&secret[..12], &secret[secret.len() - 12..]] {
            assert!(!shown(&posts[0]).contains(part));
            assert!(
                !std::str::from_utf8(&posts[0].files[0].content)
                    .unwrap()
                    .contains(part)
            );
        }
    }
}

#[test]
fn a_private_key_goes_whole() {
    let key = format!(
        "-----BEGIN RSA {}-----\n{}\n-----END RSA {}-----",
        "PRIVATE KEY",
        "MIIEow\n".repeat(20),
        "PRIVATE KEY"
    );
    let posts = posts(&bash("cat key", &format!("before\n{key}\nafter"), ""));
    assert!(
        body(&posts[0]).contains("before\n[redacted private-key]\nafter"),
        "{}",
        body(&posts[0])
    );
}

#[test]
fn ordinary_code_is_left_alone() {
    let code = "let token = lexer.next_token();\npassword: string\nconst API_KEY = process.env.API_KEY\nsecret = getSecret(name)\n\
                sk-learn task-based-approach-for-everyone-in-town\ncommit 5b2f1e7c9d3a4b6c8e0f1a2b3c4d5e6f70819293\n\
                token_count: 1234\nmax_tokens=4096\nimport { useToken } from './token'\nhttps://example.test/a/b?c=d\nBearer of news";
    let (kept, count) = Redactor::new(RedactOptions::default())
        .unwrap()
        .redact(code)
        .clone();
    assert_eq!((kept.as_ref(), count), (code, 0));
}

#[test]
fn own_secrets_go_exactly_and_shapes_can_be_switched_and_added() {
    let options = RedactOptions {
        off: vec!["github".into()],
        own: vec![("ticket".into(), r"TICKET-\d+".into())],
        secrets: vec![
            "the-watchers-own-token".to_owned().into(),
            "short".to_owned().into(),
        ],
    };
    let redactor = Redactor::new(options).unwrap();
    let text = format!(
        "{} TICKET-77 xthe-watchers-own-tokenx short",
        secret("ghp_")
    );
    let (kept, count) = redactor.redact(&text);
    assert_eq!(
        kept,
        format!("{} [redacted ticket] x[redacted]x short", secret("ghp_"))
    );
    assert_eq!(count, 2);
    assert!(!format!("{redactor:?}").contains("own-token"));
    let wrong = Redactor::new(RedactOptions {
        off: vec!["gihub".into()],
        ..RedactOptions::default()
    });
    assert!(wrong.unwrap_err().to_string().contains("github"));
    let wrong = Redactor::new(RedactOptions {
        own: vec![("x".into(), "(".into())],
        ..RedactOptions::default()
    });
    assert!(wrong.is_err());
}

#[test]
fn filters_let_through_listed_tools_matching_texts_errors_and_prompts() {
    let mut renderer = renderer(false);
    let records = [
        prompt("u1", "hello"),
        said("u2", "m2", 1, text("nothing of note")),
        said("u3", "m3", 1, text("Complete: all is well")),
        call("c1", "t1", "Read", json!({"file_path": "/a"})),
        result(
            "r1",
            "t1",
            json!("x"),
            false,
            json!({"type": "text", "file": {"numLines": 1}}),
        ),
        call("c2", "t2", "Grep", json!({"pattern": "Error"})),
        result("r2", "t2", json!("x"), false, json!({"filenames": []})),
        call("c3", "t3", "Read", json!({"file_path": "/b"})),
        result("r3", "t3", json!("gone"), true, json!("Error: gone")),
        call("c4", "t4", "Bash", json!({"command": "ls"})),
        result("r4", "t4", json!("x"), false, json!({"stdout": "x"})),
    ];
    let titles: Vec<_> = posts_of(&records, &mut renderer)
        .iter()
        .map(|post| post.embeds[0].title.clone().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "💬 Prompt",
            "🤖 Assistant",
            "🔍 Grep Error",
            "📖 Read b",
            "💻 ls"
        ]
    );
    assert_eq!(renderer.counts().filtered, 2);
    let mcp = FilterOptions {
        include_tools: vec!["mcp__*".into()],
        include_patterns: vec!["Error".into()],
        min_stdout_length: 0,
    };
    let mut renderer = renderer_with(false, &mcp, RedactOptions::default());
    let records = [
        call("c1", "t1", "mcp__a__b", json!({})),
        result("r1", "t1", json!("x"), false, json!(null)),
        call("c2", "t2", "Bash", json!({"command": "ls"})),
        result("r2", "t2", json!("x"), false, json!({"stdout": "x"})),
    ];
    assert_eq!(posts_of(&records, &mut renderer).len(), 1);
}

#[test]
fn parity_shows_all_that_fits_and_attaches_the_rest() {
    let long = format!("{} the end", "word ".repeat(1500));
    let posts = posts_of(&[said("u1", "m1", 1, text(&long))], &mut renderer(true));
    let total: usize = posts[0].embeds.iter().map(discord::limits::size).sum();
    assert!(total > 4000, "{total}");
    let whole = posts[0]
        .files
        .iter()
        .any(|file| file.content.ends_with(b"the end"))
        || shown(&posts[0]).contains("the end");
    assert!(whole);
}

#[test]
fn the_summary_says_state_tool_tokens_cost_and_errors() {
    let mut it = interpreter();
    let mut ended = said("u1", "m1", 400, text("b"));
    ended["message"]["stop_reason"] = json!("end_turn");
    events(
        &mut it,
        &[
            ended.clone(),
            call("c1", "t1", "Bash", json!({"command": "sleep"})),
        ],
    );
    let renderer = renderer(false);
    let post = renderer.summary(&it, RunState::Working, Duration::from_secs(75));
    check(&post);
    let text = shown(&post);
    for expected in [
        "Working",
        "Bash",
        "1 min 15 s",
        "out ≥ 405",
        "cache read 200",
        "≥ $0.01",
        "claude-opus-4-5-20251101",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert_eq!(post.kind, PostKind::Summary);
    let green = renderer.summary(&it, RunState::Finished, Duration::from_secs(75));
    assert_eq!(green.embeds[0].color, Some(0x57_F287));
    let red = renderer.summary(&it, RunState::Failed, Duration::from_secs(75));
    assert_eq!(red.embeds[0].color, Some(0xED_4245));
}

#[test]
fn a_model_without_a_price_has_an_unknown_cost_and_never_none() {
    let mut it = interpreter();
    let mut record = said("u1", "m1", 400, text("b"));
    record["message"]["model"] = json!("gpt-99");
    record["message"]["stop_reason"] = json!("end_turn");
    events(&mut it, &[record]);
    let text = shown(&renderer(false).summary(&it, RunState::Idle, Duration::ZERO));
    assert!(
        text.contains("unknown (540 tokens") && !text.contains("$0"),
        "{text}"
    );
}

#[test]
fn the_exact_cost_of_a_result_record_replaces_what_tokens_would_cost() {
    let mut it = interpreter();
    events(
        &mut it,
        &[
            said("u1", "m1", 400, text("b")),
            json!({"type": "result", "subtype": "success", "total_cost_usd": 12.34, "session_id": "s1", "uuid": "r"}),
        ],
    );
    let text = shown(&renderer(false).summary(&it, RunState::Finished, Duration::ZERO));
    assert!(text.contains("\"$12.34\""), "{text}");
}

#[test]
fn what_comes_after_a_result_record_costs_besides_and_the_sum_is_no_longer_exact() {
    let result = |uuid: &str, dollars: f64| {
        json!({"type": "result", "subtype": "success", "total_cost_usd": dollars, "session_id": "s1", "uuid": uuid,
            "modelUsage": {"claude-opus-4-5-20251101": {"costUSD": dollars}}})
    };
    let turn = |uuid: &str, id: &str| {
        let mut record = said(uuid, id, 1_000_000, text("b"));
        record["message"]["stop_reason"] = json!("end_turn");
        record["message"]["usage"]["cache_creation"] = json!({});
        record["message"]["usage"]["cache_creation_input_tokens"] = json!(0);
        record
    };
    let mut it = interpreter();
    let summary = |it: &watcher::events::Interpreter| {
        let renderer = renderer(false);
        let figures = renderer.figures(it);
        let text = shown(&renderer.summary(it, RunState::Working, Duration::ZERO));
        (figures.cost, figures.at_least, text)
    };
    events(&mut it, &[turn("u1", "m1"), result("r1", 12.25)]);
    let (cost, at_least, text) = summary(&it);
    assert!((cost - 12.25).abs() < 1e-9 && !at_least, "{text}");
    // Better figures of a message that the record has paid for cost nothing more.
    let mut better = turn("u2", "m1");
    better["message"]["usage"]["output_tokens"] = json!(2_000_000);
    events(&mut it, &[better]);
    assert!((summary(&it).0 - 12.25).abs() < 1e-9);

    events(&mut it, &[turn("u3", "m2")]);
    let (cost, at_least, text) = summary(&it);
    // A million of output at $25, 10 of input, 100 read from the cache.
    assert!((cost - 37.2501).abs() < 1e-3 && at_least, "{cost}");
    assert!(text.contains("≥ $37.25"), "{text}");
    assert!(text.contains("claude-opus-4-5-20251101 ≥ $37.25"), "{text}");

    events(&mut it, &[result("r2", 30.5)]);
    let (cost, at_least, text) = summary(&it);
    assert!((cost - 30.5).abs() < 1e-9 && !at_least, "{text}");
    assert!(text.contains("\"$30.50\""), "{text}");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "\\PC{0,30}",
        Just(String::new()),
        Just("   \n\t ".to_owned()),
        proptest::collection::vec(
            prop_oneof![
                Just("```"),
                Just("`"),
                Just("@everyone"),
                Just("<@1>"),
                Just("](http://x)"),
                Just("\n"),
                Just("\u{1b}[1m"),
                Just("<system-reminder>"),
                Just("</system-reminder>"),
                Just("data:image/png;base64,"),
                Just("😀"),
                Just("password="),
                Just("\r")
            ],
            0..40
        )
        .prop_map(|parts| parts.concat()),
        ("[a-z\n`@ ]{1,12}", 1_usize..2500).prop_map(|(part, times)| part.repeat(times)),
    ]
}

fn any_tool() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "Bash",
            "Edit",
            "MultiEdit",
            "Write",
            "NotebookEdit",
            "Read",
            "Grep",
            "Glob",
            "WebSearch",
            "WebFetch",
            "Task",
            "TodoWrite",
            "TaskCreate",
            "TaskUpdate",
            "AskUserQuestion",
            "ExitPlanMode",
            "Skill",
            "BashOutput",
            "mcp__a__b"
        ])
        .prop_map(str::to_owned),
        any_text(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300), ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_transcript_says_a_post_keeps_the_limits(
        tool in any_tool(), a in any_text(), b in any_text(), c in any_text(), failed in any::<bool>(), parity in any::<bool>()
    ) {
        let input = json!({"command": a, "description": b, "file_path": b, "old_string": a, "new_string": c, "content": c, "pattern": a,
            "query": a, "url": b, "prompt": c, "subagent_type": b, "plan": a, "skill": b, "new_source": a, "subject": b, "taskId": c,
            "todos": [{"content": a, "status": b}], "questions": [{"question": a, "options": [{"label": b}]}], "edits": [{"old_string": a}]});
        let noted = json!({"stdout": a, "stderr": b, "filenames": [a, b], "structuredPatch": [{"lines": [a, b, c]}], "result": c,
            "content": [{"type": "text", "text": c}], "status": a, "agentId": b, "newTodos": [{"content": c}], "returnCodeInterpretation": a,
            "backgroundTaskId": b, "results": [{"content": [{"title": a, "url": b}]}], "answers": {"x": c}});
        let mut one = call("c1", "t1", &tool, input);
        one["agentId"] = json!(b);
        one["cwd"] = json!(c);
        let records = [
            prompt("u1", &a), said("u2", "m1", 1, text(&b)), one, result("r1", "t1", json!(c), failed, noted),
            record("s1", "assistant", json!({"isApiErrorMessage": true, "message": {"content": [text(&a)]}})),
            record("s2", "system", json!({"subtype": "api_error", "error": a, "retryAttempt": 3})),
            json!({"type": "pr-link", "prUrl": a, "prRepository": b}),
            json!({"type": "result", "subtype": c, "result": a, "is_error": failed, "uuid": "z"}),
        ];
        let mut renderer = if parity { renderer(true) } else { open_renderer() };
        let found = events(&mut interpreter(), &records);
        for event in &found {
            if let Some(post) = renderer.render(event) {
                check(&post);
            }
        }
    }
}
