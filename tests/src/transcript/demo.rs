//! The session of the demo: an agent repairs a flaky test of a small program. Written by hand, to be read by people.

use super::call::Call;
use super::demo_text as script;
use super::ids;
use super::json::{Json, obj};
use super::message::{text, thinking};
use super::scribe::{Place, Scribe};
use super::tools::{hunk, todo_change};

/// The parts of the session, in order.
pub(crate) const SCENES: &[fn(&mut Scribe)] = &[
    ask,
    plan,
    look,
    reproduce,
    explore,
    search,
    repair,
    one_more_mistake,
    prove,
    publish,
    conclude,
];

/// One message with a remark and its calls, then their results in order.
fn step(scribe: &mut Scribe, output: u64, remark: &'static str, calls: Vec<Call>) {
    let mut message = scribe.begin(output, "tool_use");
    if !remark.is_empty() {
        scribe.line(&mut message, text(remark), false);
    }
    let count = calls.len();
    let mut open = Vec::new();
    for (place, call) in calls.into_iter().enumerate() {
        open.push(scribe.call(&mut message, call, place + 1 == count));
    }
    scribe.end(message);
    for one in open {
        scribe.result(one);
    }
}

fn ask(scribe: &mut Scribe) {
    "fix-flaky-outbox-test".clone_into(&mut scribe.branch);
    scribe.slug = Some("patient-ferrying-heron");
    scribe.bare("custom-title", obj! {"customTitle": "Repair the flaky outbox test", "sessionId": scribe.place.session.clone()});
    scribe.prompt(script::REQUEST);
}

fn plan(scribe: &mut Scribe) {
    let mut message = scribe.begin(412, "tool_use");
    let block = thinking(scribe, script::THOUGHT);
    scribe.line(&mut message, block, false);
    scribe.line(&mut message, text(script::PLAN), false);
    let call = todo_change(script::TODOS, None, 0);
    let open = scribe.call(&mut message, call, true);
    scribe.end(message);
    scribe.result(open);
}

fn look(scribe: &mut Scribe) {
    let test = format!("{}/tests/outbox.rs", scribe.cwd);
    let status = scribe.bash(
        "git status --short && git log --oneline -3",
        "Show the state of the repository",
        script::GIT_LOG,
    );
    let grep = Call::new(
        "Grep",
        obj! {"pattern": "a_failed_mail_is_sent_again", "output_mode": "files_with_matches"},
        "Found 1 file\ntests/outbox.rs",
        obj! {"mode": "files_with_matches", "filenames": vec!["tests/outbox.rs".into()], "numFiles": 1},
    );
    let read = reading(test, script::TEST_BEFORE);
    step(scribe, 268, script::LOOK, vec![status, grep, read]);
}

fn reading(path: String, content: &'static str) -> Call {
    let count = content.lines().count();
    let shown: Vec<String> = content
        .lines()
        .enumerate()
        .map(|(place, line)| format!("{:>6}\u{2192}{line}", place + 1))
        .collect();
    let detail = obj! {
        "type": "text",
        "file": obj! {
            "filePath": path.clone(), "content": content, "numLines": count, "startLine": 1, "totalLines": count,
        },
    };
    Call::new("Read", obj! {"file_path": path}, shown.join("\n"), detail)
}

fn reproduce(scribe: &mut Scribe) {
    let call = scribe.bash_failing(
        "for i in $(seq 1 40); do cargo test -q --test outbox a_failed_mail || exit 1; done",
        "Run the test until it fails",
        1,
        script::FAILURE,
    );
    let mut message = scribe.begin(190, "tool_use");
    scribe.line(&mut message, text(script::REPRODUCE), false);
    let open = scribe.call(&mut message, call, true);
    scribe.end(message);
    for seconds in [4_u64, 11, 19] {
        let data = obj! {
            "type": "bash_progress", "output": "test result: ok. 1 passed", "fullOutput": "test result: ok. 1 passed",
            "elapsedTimeSeconds": seconds, "totalLines": seconds * 2,
        };
        scribe.progress(data, &open.id);
    }
    scribe.result(open);
    step(
        scribe,
        96,
        script::CAUSE,
        vec![todo_change(script::TODOS, Some(0), 1)],
    );
}

/// A subagent looks for other places; its records stand in a file of its own.
fn explore(scribe: &mut Scribe) {
    let agent = ids::hex(&mut scribe.rng, 7);
    let input = obj! {
        "description": "Find uses of the wall clock", "prompt": script::TASK, "subagent_type": "Explore",
    };
    let report = script::REPORT;
    let detail = obj! {
        "status": "completed", "prompt": script::TASK, "agentId": agent.clone(), "content": vec![text(report)],
        "totalDurationMs": 21_480, "totalTokens": 18_233, "totalToolUseCount": 2,
    };
    let mut message = scribe.begin(233, "tool_use");
    scribe.line(&mut message, text(script::DELEGATE), false);
    let open = scribe.call(
        &mut message,
        Call::new("Task", input, vec![text(report)], detail),
        true,
    );
    scribe.end(message);
    subagent(scribe, agent);
    scribe.result(open);
}

fn subagent(scribe: &mut Scribe, agent: String) {
    let session = scribe.place.session.clone();
    let place = Place {
        path: format!("{session}/subagents/agent-{agent}.jsonl").into(),
        session,
        agent: Some(agent),
        parent: None,
        side: true,
    };
    let agent = scribe.enter(place);
    let (model, context) = (
        std::mem::replace(&mut scribe.model, "claude-haiku-4-5-20251001"),
        scribe.context,
    );
    scribe.context = 6_100;
    scribe.user("user/side-prompt", script::TASK, obj! {});
    let search = scribe.bash(
        "grep -rn 'SystemTime::now\\|Instant::now' src tests",
        "Find the wall clock",
        script::CLOCKS,
    );
    step(scribe, 88, "", vec![search]);
    let clock = reading(format!("{}/src/clock.rs", scribe.cwd), script::CLOCK);
    step(scribe, 71, "", vec![clock]);
    let mut message = scribe.begin(164, "end_turn");
    scribe.line(&mut message, text(script::REPORT), true);
    scribe.end(message);
    scribe.model = model;
    scribe.context = context;
    scribe.enter(agent);
}

fn search(scribe: &mut Scribe) {
    let query = "tokio test paused time auto advance sleep deterministic";
    let results = obj! {
        "tool_use_id": "srvtoolu_01JfR7vY2nWc4KqZt8LmBd5H",
        "content": vec![
            obj! {"title": "tokio::time::pause", "url": "https://docs.rs/tokio/latest/tokio/time/fn.pause.html"},
            obj! {"title": "Unit testing - Tokio", "url": "https://tokio.rs/tokio/topics/testing"},
        ],
    };
    let detail = obj! {"query": query, "results": vec![results, script::SEARCH_RESULT.into()], "durationSeconds": 3.2};
    let call = Call::new(
        "WebSearch",
        obj! {"query": query},
        script::SEARCH_RESULT,
        detail,
    );
    step(scribe, 143, script::SEARCH, vec![call]);
}

fn editing(
    path: String,
    original: &'static str,
    old: &'static str,
    new: &'static str,
    start: usize,
) -> Call {
    let shown = format!("The file {path} has been updated successfully.");
    let input = obj! {"replace_all": false, "file_path": path.clone(), "old_string": old, "new_string": new};
    let detail = obj! {
        "filePath": path, "oldString": old, "newString": new, "originalFile": original,
        "structuredPatch": vec![hunk(start, old, new)], "userModified": false, "replaceAll": false,
    };
    Call::new("Edit", input, shown, detail)
}

fn repair(scribe: &mut Scribe) {
    let edit = editing(
        format!("{}/src/mail/outbox.rs", scribe.cwd),
        script::OUTBOX,
        script::OUTBOX_OLD,
        script::OUTBOX_NEW,
        12,
    );
    step(scribe, 371, script::REPAIR, vec![edit]);
    let path = format!("{}/tests/support/fake_clock.rs", scribe.cwd);
    let write = Call::new(
        "Write",
        obj! {"file_path": path.clone(), "content": script::FAKE_CLOCK},
        format!("File created successfully at: {path}"),
        obj! {
            "type": "create", "filePath": path, "content": script::FAKE_CLOCK, "structuredPatch": Vec::new(),
            "originalFile": None::<String>,
        },
    );
    step(
        scribe,
        302,
        script::HELPER,
        vec![write, todo_change(script::TODOS, Some(1), 2)],
    );
}

fn one_more_mistake(scribe: &mut Scribe) {
    let build = scribe.bash_failing(
        "cargo test -q --test outbox",
        "Run the outbox tests",
        101,
        script::COMPILE_ERROR,
    );
    step(scribe, 84, script::TRY, vec![build]);
    let edit = editing(
        format!("{}/tests/outbox.rs", scribe.cwd),
        script::TEST_BEFORE,
        script::TEST_OLD,
        script::TEST_NEW,
        9,
    );
    step(scribe, 258, script::FIX_TEST, vec![edit]);
}

fn prove(scribe: &mut Scribe) {
    let many = scribe.bash(
        "for i in $(seq 1 200); do cargo test -q --test outbox || exit 1; done",
        "Run the test 200 times",
        script::MANY,
    );
    step(scribe, 92, script::PROVE, vec![many]);
    let all = scribe.bash("cargo test --workspace", "Run all tests", script::ALL_TESTS);
    step(
        scribe,
        77,
        "",
        vec![all, todo_change(script::TODOS, Some(2), 4)],
    );
}

fn publish(scribe: &mut Scribe) {
    let commit = scribe.bash("git commit -qam 'outbox: take the time from the clock that is passed in' && git push -q -u origin HEAD", "Commit and push", "");
    step(scribe, 118, script::PUBLISH, vec![commit]);
    let create = scribe.bash(
        "gh pr create --fill",
        "Open the pull request",
        script::PR_URL,
    );
    step(scribe, 64, "", vec![create]);
    let timestamp: Json = scribe.clock.text().into();
    let session = scribe.place.session.clone();
    scribe.bare(
        "pr-link",
        obj! {
            "sessionId": session, "prNumber": 318, "prUrl": script::PR_URL,
            "prRepository": "harbour-booking/harbour", "timestamp": timestamp,
        },
    );
}

fn conclude(scribe: &mut Scribe) {
    let mut message = scribe.begin(341, "end_turn");
    scribe.line(&mut message, text(script::ANSWER), true);
    scribe.end(message);
    scribe.turn_end(16, 187_000);
}
