//! What lines mean: pairs, copies, subagents, both dialects, and everything that is wrong with a line.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use watcher::events::{
    Call, Detail, Event, InterpretOptions, Interpreter, Journal, Kind, Outcome, ToolEvent,
};
use watcher::usage::Tokens;

fn texts(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match &event.kind {
            Kind::Prompt { text, .. } => format!("prompt {text}"),
            Kind::Said { text } => format!("said {text}"),
            Kind::Tool(tool) => format!("tool {}", tool.name),
            other => format!("{other:?}")
                .split([' ', '{', '('])
                .next()
                .unwrap()
                .to_owned(),
        })
        .collect()
}

fn tool(events: &[Event]) -> &ToolEvent {
    events
        .iter()
        .find_map(|event| match &event.kind {
            Kind::Tool(tool) => Some(&**tool),
            _ => None,
        })
        .expect("a tool's event")
}

#[test]
fn a_call_and_its_result_are_one_event_where_the_result_stands() {
    let [asked, answered] = bash("ls", "a\nb", "");
    let mut it = interpreter();
    let found = events(
        &mut it,
        &[asked, said("u2", "m2", 3, text("meanwhile")), answered],
    );
    assert_eq!(texts(&found), ["said meanwhile", "tool Bash"]);
    let tool = tool(&found);
    let Outcome::Answered {
        answer,
        late: false,
    } = &tool.outcome
    else {
        panic!("{tool:?}")
    };
    assert_eq!(answer.exit_code, Some(0));
    assert!(matches!(&answer.detail, Detail::Bash { stdout, .. } if stdout == "a\nb"));
    assert!(matches!(&tool.call, Call::Bash { command, .. } if command == "ls"));
}

#[test]
fn results_in_any_order_find_their_calls() {
    let mut records: Vec<Value> = (0..12)
        .map(|n| {
            call(
                &format!("c{n}"),
                &format!("t{n}"),
                "Read",
                json!({"file_path": format!("/f{n}")}),
            )
        })
        .collect();
    records.extend((0..12).rev().map(|n| {
        result(
            &format!("r{n}"),
            &format!("t{n}"),
            json!("x"),
            false,
            json!(null),
        )
    }));
    let found = events(&mut interpreter(), &records);
    let paths: Vec<_> = found
        .iter()
        .map(|event| match &event.kind {
            Kind::Tool(tool) => match &tool.call {
                Call::Read { path, .. } => path.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        paths,
        (0..12).rev().map(|n| format!("/f{n}")).collect::<Vec<_>>()
    );
}

#[test]
fn a_failure_has_its_exit_code_and_a_refusal_is_none() {
    let failed = [
        call("c1", "t1", "Bash", json!({"command": "false"})),
        result(
            "r1",
            "t1",
            json!("Exit code 137\nKilled"),
            true,
            json!("Error: Exit code 137\nKilled"),
        ),
    ];
    let found = events(&mut interpreter(), &failed);
    let Outcome::Answered { answer, .. } = &tool(&found).outcome else {
        panic!()
    };
    assert_eq!(
        (answer.failed, answer.refused, answer.exit_code),
        (true, false, Some(137))
    );
    let refused = [
        call(
            "c1",
            "t1",
            "Edit",
            json!({"file_path": "/f", "old_string": "a", "new_string": "b"}),
        ),
        result(
            "r1",
            "t1",
            json!("The user doesn't want to proceed with this tool use."),
            true,
            json!("User rejected tool use"),
        ),
    ];
    let mut it = interpreter();
    let found = events(&mut it, &refused);
    let Outcome::Answered { answer, .. } = &tool(&found).outcome else {
        panic!()
    };
    assert!(answer.failed && answer.refused);
    assert_eq!(it.activity().errors, 0);
}

#[test]
fn a_call_that_takes_long_is_told_once_as_running_and_its_result_later() {
    let mut it = interpreter();
    let [asked, answered] = bash("sleep 60", "done", "");
    assert!(events(&mut it, &[asked]).is_empty());
    assert_eq!(it.activity().tool.as_deref(), Some("Bash"));
    let later = Instant::now() + Duration::from_secs(11);
    assert!(it.next_tick().unwrap() <= later);
    let mut told = Vec::new();
    it.tick(later, &mut told);
    it.tick(later, &mut told);
    assert_eq!(told.len(), 1);
    assert!(matches!(tool(&told).outcome, Outcome::Running));
    assert!(it.next_tick().is_none());
    let found = events(&mut it, &[answered]);
    assert!(matches!(
        &tool(&found).outcome,
        Outcome::Answered { late: true, .. }
    ));
    assert_eq!(it.activity().open_calls, 0);
}

#[test]
fn open_calls_are_bounded_and_the_oldest_is_told_without_a_result() {
    let records: Vec<Value> = (0..1100)
        .map(|n| {
            call(
                &format!("c{n}"),
                &format!("t{n}"),
                "Read",
                json!({"file_path": "/f"}),
            )
        })
        .collect();
    let mut it = interpreter();
    let found = events(&mut it, &records);
    assert_eq!(found.len(), 1100 - 1024);
    assert!(matches!(tool(&found).outcome, Outcome::Unknown));
    assert_eq!(it.activity().open_calls, 1024);
}

#[test]
fn a_result_without_a_call_is_told_all_the_same() {
    let found = events(
        &mut interpreter(),
        &[result("r1", "t9", json!("orphan"), false, json!(null))],
    );
    assert!(matches!(tool(&found).call, Call::Missing));
}

#[test]
fn a_copied_session_is_no_news_and_costs_nothing() {
    let [asked, answered] = bash("ls", "a", "");
    let first = [
        prompt("u1", "do it"),
        said("u2", "m1", 9, text("ok")),
        asked,
        answered,
    ];
    let mut it = interpreter();
    assert_eq!(events(&mut it, &first).len(), 3);
    let before = it.usage().total();
    // As a resume writes it: another session, the same uuids.
    let mut copy = first.clone();
    for record in &mut copy {
        record["sessionId"] = json!("s2");
    }
    assert!(events(&mut it, &copy).is_empty());
    // As others do: new uuids too, but ids of messages and calls are kept.
    for (n, record) in copy.iter_mut().enumerate().skip(1) {
        record["uuid"] = json!(format!("new{n}"));
    }
    assert!(events(&mut it, &copy).is_empty());
    assert_eq!(it.usage().total(), before);
    assert_eq!(it.activity().calls, 1);
}

#[test]
fn after_a_restart_what_was_told_is_not_told_again_but_counts() {
    let [asked, answered] = bash("ls", "a", "");
    let history = [
        prompt("u1", "do it"),
        said("u2", "m1", 9, text("ok")),
        asked,
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path(), 1000);
    let mut it = interpreter();
    events(&mut it, &history);
    it.keep(&mut journal).unwrap();
    let mut next = interpreter();
    assert!(next.learn(&journal) >= 3);
    assert!(events(&mut next, &history).is_empty());
    assert_eq!(next.usage().total(), it.usage().total());
    let found = events(&mut next, &[answered]);
    assert!(
        matches!(&tool(&found).call, Call::Bash { command, .. } if command == "ls"),
        "the open call is known"
    );
}

#[test]
fn glued_cut_and_blotted_lines_lose_only_what_is_broken() {
    let line = |uuid: &str, text: &str| {
        let text = json!(text);
        format!(
            r#"{{"parentUuid":null,"type":"user","message":{{"role":"user","content":{text}}},"uuid":"{uuid}"}}"#
        )
    };
    let (one, two, three) = (
        line("u1", "one"),
        line("u2", "two"),
        line("u3", "three {\"type\" of}"),
    );
    let mut it = interpreter();
    let mut bytes = Vec::new();
    bytes.extend(b"\xEF\xBB\xBF");
    bytes.extend(format!("{one}{two}\r\n").bytes());
    bytes.extend([0; 300]);
    bytes.extend(format!("{}{three}\n\n", &one[..one.len() / 2]).bytes());
    bytes.extend(b"garbage\n");
    bytes.extend(b"{\"type\":\"user\",\"uuid\":\"u4\",\"message\":{\"content\":\"fo\xFFur\"}}\n");
    let found = read(&mut it, &bytes);
    assert_eq!(
        texts(&found),
        [
            "prompt one",
            "prompt two",
            "prompt three {\"type\" of}",
            "prompt fo\u{fffd}ur"
        ]
    );
    let lost = it.losses();
    assert_eq!(
        (lost.glued, lost.cut, lost.nul, lost.garbage, lost.not_utf8),
        (1, 1, 300, 1, 1)
    );
}

#[test]
fn a_message_of_another_shape_stops_nothing() {
    let odd = [
        json!({"type": "assistant", "uuid": "a", "message": {"0": "x", "1": "y"}}),
        json!({"type": "assistant", "uuid": "b", "message": "text"}),
        json!({"type": "assistant", "uuid": 7, "message": {"content": {"type": "text"}, "usage": [], "id": {}}}),
        json!({"type": "user", "uuid": "d", "message": {"content": [1, null, "x", {"type": 3}]}, "toolUseResult": [[]]}),
        json!({"type": ["user"], "uuid": "e"}),
        json!({"type": "system", "subtype": "api_error", "retryInMs": "soon", "error": 3, "uuid": "f"}),
        json!({"type": "progress", "data": 3}),
        json!({"type": "attachment", "attachment": []}),
        json!([]),
        json!({"type": "x-new", "uuid": "g"}),
        prompt("u1", "still here"),
    ];
    let mut it = interpreter();
    let found = events(&mut it, &odd);
    assert_eq!(texts(&found).last().unwrap(), "prompt still here");
    assert!(it.losses().unknown >= 1);
}

#[test]
fn half_a_surrogate_pair_costs_one_character_wherever_it_stands() {
    let lines = [
        r#"{"type":"user","uuid":"a","message":{"content":"cut \ud83d here"}}"#,
        r#"{"type":"user","uuid":"b","x\ude00":1,"message":{"content":[{"type":"text","text":"and \ud83d"}]}}"#,
        r#"{"type":"user","uuid":"c","message":{"content":"one"}}{"type":"user","uuid":"d","message":{"content":"\ud83d\ude00\ude00"}}"#,
    ];
    let mut it = interpreter();
    assert_eq!(
        texts(&read(&mut it, lines.join("\n").as_bytes())),
        [
            "prompt cut \u{fffd} here",
            "prompt and \u{fffd}",
            "prompt one",
            "prompt \u{1f600}\u{fffd}"
        ]
    );
    let lost = it.losses();
    assert_eq!((lost.cut, lost.garbage, lost.glued), (0, 0, 1));
}

#[test]
fn a_number_that_nothing_holds_is_none_and_its_record_is_read() {
    let line = br#"{"type":"user","uuid":"a","durationMs":1e999,"message":{"content":"hi","usage":{"output_tokens":-1e999}}}"#;
    let mut it = interpreter();
    assert_eq!(texts(&read(&mut it, line)), ["prompt hi"]);
    assert_eq!(it.losses().cut, 0);
}

#[test]
fn a_repeated_key_and_both_dialects_in_one_record_are_read() {
    let line = br#"{"type":"user","type":"user","sessionId":"s","session_id":"s","uuid":"u","message":{"content":"hi"}}"#;
    assert_eq!(texts(&read(&mut interpreter(), line)), ["prompt hi"]);
}

#[test]
fn nested_beginnings_without_an_end_take_no_quadratic_time() {
    let line = "{\"type\":".repeat(400_000);
    let mut it = interpreter();
    assert!(read(&mut it, line.as_bytes()).is_empty());
    assert!(it.losses().cut > 0);
}

#[test]
fn what_only_the_model_reads_is_not_told() {
    let records = [
        record(
            "u1",
            "user",
            json!({"isMeta": true, "message": {"content": "injected"}}),
        ),
        record(
            "u2",
            "user",
            json!({"isCompactSummary": true, "isVisibleInTranscriptOnly": true,
            "message": {"content": "This session is being continued"}}),
        ),
        record(
            "u3",
            "user",
            json!({"message": {"content": "<local-command-caveat>no</local-command-caveat>"}}),
        ),
        record(
            "u4",
            "user",
            json!({"message": {"content": [{"type": "text", "text": "<system-reminder>x</system-reminder>"}]}}),
        ),
        record(
            "u5",
            "assistant",
            json!({"message": {"model": "<synthetic>", "id": "x", "content": [text("No response requested.")]}}),
        ),
        json!({"type": "summary", "summary": "another session's", "leafUuid": "x"}),
        json!({"type": "file-history-snapshot", "snapshot": {}}),
    ];
    assert!(events(&mut interpreter(), &records).is_empty());
}

#[test]
fn errors_retries_interruptions_and_the_rest_are_told() {
    let records = [
        record(
            "a",
            "assistant",
            json!({"isApiErrorMessage": true, "apiErrorStatus": 529, "error": "overloaded",
            "message": {"model": "<synthetic>", "id": "x", "content": [text("API Error: 529 Overloaded")]}}),
        ),
        record(
            "b",
            "system",
            json!({"subtype": "api_error", "retryInMs": 512.7, "retryAttempt": 2, "maxRetries": 10,
            "error": {"status": 529}}),
        ),
        record(
            "c",
            "user",
            json!({"message": {"content": [text("[Request interrupted by user]")]}}),
        ),
        record(
            "d",
            "system",
            json!({"subtype": "compact_boundary", "compactMetadata": {"trigger": "auto", "preTokens": 155_000}}),
        ),
        json!({"type": "pr-link", "prUrl": "https://example.test/pull/7", "prNumber": 7, "prRepository": "o/r", "sessionId": "s1"}),
        record(
            "e",
            "attachment",
            json!({"attachment": {"type": "task_status", "taskId": "b1", "status": "completed", "description": "build"}}),
        ),
        record(
            "f",
            "system",
            json!({"subtype": "stop_hook_summary", "hookErrors": ["lint failed"], "preventedContinuation": false}),
        ),
        record(
            "g",
            "user",
            json!({"message": {"content":
            "<task-notification><task-id>b2</task-id><status>failed</status><summary>tests</summary></task-notification>"}}),
        ),
    ];
    let mut it = interpreter();
    let found = events(&mut it, &records);
    assert_eq!(
        texts(&found),
        [
            "ApiError",
            "Retry",
            "Interrupted",
            "Compacted",
            "PullRequest",
            "Background",
            "Hook",
            "Background"
        ]
    );
    assert!(
        matches!(&found[1].kind, Kind::Retry { attempt: 2, most: 10, wait_ms: 512, reason } if reason == "529")
    );
    assert!(
        matches!(&found[7].kind, Kind::Background { id, status, text } if id == "b2" && status == "failed" && text == "tests")
    );
}

#[test]
fn a_prompt_typed_ahead_is_told_once() {
    let records = [
        json!({"type": "queue-operation", "operation": "enqueue", "timestamp": "2026-02-03T00:00:00Z", "sessionId": "s1", "content": "and then?"}),
        json!({"type": "queue-operation", "operation": "dequeue", "timestamp": "2026-02-03T00:00:01Z", "sessionId": "s1"}),
        prompt("u1", "and then?"),
        prompt("u2", "and then?"),
    ];
    let found = events(&mut interpreter(), &records);
    assert_eq!(texts(&found), ["prompt and then?", "prompt and then?"]);
    assert!(matches!(found[0].kind, Kind::Prompt { queued: true, .. }));
}

fn queue(operation: &str, second: u32, session: &str, content: &Value) -> Value {
    json!({"type": "queue-operation", "operation": operation, "sessionId": session, "content": content,
        "timestamp": format!("2026-02-03T00:00:{second:02}Z")})
}

#[test]
fn a_prompt_typed_after_one_that_was_taken_back_is_told() {
    let ahead = |second| queue("enqueue", second, "s1", &json!("continue"));
    let attached = record(
        "a1",
        "attachment",
        json!({"attachment": {"type": "queued_command", "prompt": "continue"}}),
    );
    let cases = [
        vec![ahead(1), queue("remove", 2, "s1", &Value::Null)],
        vec![ahead(1), queue("popAll", 2, "s1", &Value::Null)],
        // Handed to the model within its turn, with and without a word of the queue.
        vec![
            ahead(1),
            queue("remove", 2, "s1", &Value::Null),
            attached.clone(),
        ],
        vec![ahead(1), attached],
        // A client that says nothing: a prompt of another text came meanwhile, and was not typed ahead.
        vec![ahead(1), prompt("u0", "something else")],
        // Typed ahead before another that had its turn.
        vec![
            ahead(1),
            queue("enqueue", 2, "s1", &json!("next")),
            prompt("u0", "next"),
        ],
    ];
    for case in cases {
        let mut it = interpreter();
        let told = events(&mut it, &case).len();
        let found = events(&mut it, &[prompt("u1", "continue")]);
        assert_eq!(texts(&found), ["prompt continue"], "{case:?}");
        assert!((1..=2).contains(&told), "{case:?}");
    }
}

#[test]
fn what_is_typed_ahead_in_one_session_hides_nothing_in_another_nor_does_a_copy_of_it() {
    let mut it = interpreter();
    let ahead = queue("enqueue", 1, "s1", &json!("continue"));
    assert_eq!(events(&mut it, std::slice::from_ref(&ahead)).len(), 1);
    let mut other = prompt("u1", "continue");
    other["sessionId"] = json!("s2");
    assert_eq!(texts(&events(&mut it, &[other])), ["prompt continue"]);
    // Its turn comes; a copy of both in a fork is no news, and waits for nothing.
    let mut turn = vec![prompt("u2", "continue")];
    assert!(events(&mut it, &turn).is_empty());
    turn.insert(0, ahead);
    for record in &mut turn {
        record["sessionId"] = json!("s3");
    }
    assert!(events(&mut it, &turn).is_empty());
    let mut fresh = prompt("u3", "continue");
    fresh["sessionId"] = json!("s3");
    assert_eq!(texts(&events(&mut it, &[fresh])), ["prompt continue"]);
}

#[test]
fn the_run_lasts_from_the_earliest_to_the_latest_record_that_is_no_copy() {
    let at = |uuid: &str, time: &str| {
        let mut record = prompt(uuid, uuid);
        record["timestamp"] = json!(format!("2026-02-03T{time}Z"));
        record
    };
    let mut it = interpreter();
    // One file after the other, with lines that step back.
    let one = [
        at("u1", "10:00:00"),
        at("u2", "10:30:00"),
        at("u3", "10:29:59.5"),
    ];
    let other = [at("u4", "09:59:59.9"), at("u5", "10:05:00")];
    events(&mut it, &one);
    events(&mut it, &other);
    let lasted = |it: &Interpreter| it.activity().lasted().unwrap().as_millis();
    assert_eq!(lasted(&it), 30 * 60_000 + 100);
    // A copy says nothing of when it was made.
    let mut copy = at("u1", "23:00:00");
    copy["sessionId"] = json!("s2");
    events(&mut it, &[copy]);
    assert_eq!(lasted(&it), 30 * 60_000 + 100);
}

#[test]
fn subagents_are_shown_as_theirs_and_the_compactor_is_silent_but_costs() {
    let mut it = interpreter();
    let mut out = Vec::new();
    let line = said("u1", "m1", 5, text("found it")).to_string();
    it.read("s1", Some("a7be2f0"), line.as_bytes(), &mut out);
    assert_eq!(out[0].agent.as_deref(), Some("Subagent a7be2f0"));
    let line = said("u2", "m2", 5, text("summary of everything")).to_string();
    it.read("s1", Some("acompact-123"), line.as_bytes(), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(it.usage().total().messages, 2);
}

#[test]
fn a_subagents_progress_counts_once_beside_its_own_file_and_names_it() {
    let task = call(
        "c1",
        "t1",
        "Task",
        json!({"subagent_type": "Explore", "description": "look around", "prompt": "look"}),
    );
    let own = said("u9", "m9", 7, text("seen"));
    let progress = json!({"type": "progress", "sessionId": "s1", "uuid": "p1", "parentToolUseID": "t1",
        "data": {"type": "agent_progress", "agentId": "abc", "message": own.clone()}});
    let mut it = interpreter();
    assert!(events(&mut it, &[task, progress]).is_empty());
    assert_eq!(it.usage().total().messages, 2);
    let mut out = Vec::new();
    it.read("s1", Some("abc"), own.to_string().as_bytes(), &mut out);
    assert_eq!(it.usage().total().messages, 2);
    assert_eq!(
        out[0].agent.as_deref(),
        Some("Subagent · Explore · look around · abc")
    );
}

#[test]
fn tokens_are_those_of_the_line_with_the_most_output_as_a_whole() {
    let mut best = said("u2", "m1", 400, text("b"));
    best["message"]["usage"]["cache_read_input_tokens"] = json!(90);
    let records = [
        said("u1", "m1", 3, text("a")),
        best,
        said("u3", "m1", 1, text("c")),
        said("u4", "m2", 7, text("d")),
    ];
    let mut it = interpreter();
    events(&mut it, &records);
    let total = it.usage().total();
    assert_eq!(
        total.tokens,
        Tokens {
            input: 20,
            output: 407,
            cache_read: 190,
            cache_write_5m: 20,
            cache_write_1h: 40,
            web_searches: 0
        }
    );
    assert_eq!((total.messages, total.open), (2, 2));
    assert!(
        total.is_lower_bound(),
        "no record said why the model stopped"
    );
}

#[test]
fn figures_are_exact_once_a_record_says_why_the_model_stopped() {
    let mut ended = said("u2", "m1", 400, text("b"));
    ended["message"]["stop_reason"] = json!("end_turn");
    let mut it = interpreter();
    events(&mut it, &[said("u1", "m1", 3, text("a")), ended]);
    assert!(!it.usage().total().is_lower_bound());
}

#[test]
fn a_replay_of_the_parents_messages_in_a_sidechain_is_paid_once() {
    let mut replay = said("u2", "m1", 50, text("a"));
    replay["isSidechain"] = json!(true);
    replay["requestId"] = json!("req_other");
    let own = said("u1", "m1", 50, text("a"));
    for records in [[own.clone(), replay.clone()], [replay, own]] {
        let mut it = interpreter();
        events(&mut it, &records);
        assert_eq!(it.usage().total().tokens.output, 50);
        assert_eq!(it.usage().total().messages, 1);
    }
}

#[test]
fn cache_writes_without_a_split_count_as_five_minutes() {
    let mut old = said("u1", "m1", 5, text("a"));
    old["message"]["usage"]
        .as_object_mut()
        .unwrap()
        .remove("cache_creation");
    let mut it = interpreter();
    events(&mut it, &[old]);
    let tokens = it.usage().total().tokens;
    assert_eq!((tokens.cache_write_5m, tokens.cache_write_1h), (30, 0));
}

#[test]
fn stream_json_is_read_by_the_same_eyes() {
    let records = [
        json!({"type": "system", "subtype": "init", "session_id": "s9", "cwd": "/w", "model": "claude-opus-4-5",
               "claude_code_version": "2.1.4", "uuid": "i", "tools": ["Bash"]}),
        json!({"type": "assistant", "session_id": "s9", "uuid": "a", "parent_tool_use_id": null, "message": {"id": "m1",
               "model": "claude-opus-4-5", "content": [{"type": "tool_use", "id": "t1", "name": "Task",
               "input": {"description": "dig", "prompt": "p", "subagent_type": "Explore"}}], "usage": {"input_tokens": 1, "output_tokens": 2}}}),
        json!({"type": "assistant", "session_id": "s9", "uuid": "b", "parent_tool_use_id": "t1", "message": {"id": "m2",
               "model": "claude-haiku-4-5", "content": [{"type": "text", "text": "digging"}]}}),
        json!({"type": "user", "session_id": "s9", "uuid": "c", "message": {"content": [{"type": "tool_result",
               "tool_use_id": "t1", "content": [{"type": "text", "text": "dug"}]}]}, "tool_use_result": {"status": "completed",
               "agentId": "x", "totalTokens": 5, "totalToolUseCount": 1, "totalDurationMs": 1500, "content": [{"type": "text", "text": "dug"}]}}),
        json!({"type": "stream_event", "event": {}}),
        json!({"type": "result", "subtype": "success", "is_error": false, "duration_ms": 8000, "num_turns": 3, "result": "all done",
               "total_cost_usd": 0.125, "session_id": "s9", "uuid": "r", "permission_denials": [{}], "modelUsage": {"claude-opus-4-5": {"costUSD": 0.125}}}),
    ];
    let mut it = interpreter();
    let found = events(&mut it, &records);
    assert_eq!(
        texts(&found),
        ["Began", "said digging", "tool Task", "Finished"]
    );
    assert_eq!(found[1].agent.as_deref(), Some("Subagent · Explore · dig"));
    let Kind::Finished(finish) = &found[3].kind else {
        panic!()
    };
    assert_eq!(
        (finish.cost, finish.turns, finish.denials, finish.failed),
        (Some(0.125), 3, 1, false)
    );
    assert_eq!(it.usage().sessions()[0].exact_cost, Some(0.125));
    assert_eq!(it.activity().finished, Some(false));
}

#[test]
fn thinking_is_an_event_only_where_asked_for() {
    let record = said(
        "u1",
        "m1",
        5,
        json!({"type": "thinking", "thinking": "hm", "signature": "x"}),
    );
    assert!(events(&mut interpreter(), std::slice::from_ref(&record)).is_empty());
    let mut it = Interpreter::new(InterpretOptions {
        thinking: true,
        ..InterpretOptions::default()
    });
    assert_eq!(texts(&events(&mut it, &[record])), ["Thought"]);
}

#[test]
fn every_sample_is_read_without_a_loss_and_its_copy_is_no_news() {
    for path in samples() {
        let bytes = std::fs::read(&path).unwrap();
        let mut it = interpreter();
        let found = read(&mut it, &bytes);
        assert!(!found.is_empty());
        let lost = it.losses();
        assert_eq!(
            (lost.cut, lost.garbage, lost.unknown),
            (0, 0, 0),
            "{}",
            path.display()
        );
        let before = it.usage().total();
        let again = read(&mut it, &bytes);
        assert!(again.is_empty(), "{}: {:?}", path.display(), texts(&again));
        assert_eq!(it.usage().total(), before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_stop_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut it = interpreter();
        read(&mut it, &bytes);
    }

    #[test]
    fn a_record_cut_or_changed_anywhere_stops_nothing(at in 0_usize..2000, byte in any::<u8>(), cut in any::<bool>()) {
        let [asked, answered] = bash("ls", "out", "err");
        let mut bytes = format!("{asked}\n{answered}\n{}", prompt("u7", "after")).into_bytes();
        let last = bytes.iter().rposition(|byte| *byte == b'\n').unwrap();
        let at = at % last;
        if cut { bytes.remove(at); } else { bytes[at] = byte; }
        let mut it = interpreter();
        let found = read(&mut it, &bytes);
        prop_assert!(texts(&found).iter().any(|text| text == "prompt after") || bytes[at] == b'\n' || at + 1 >= last);
    }
}
