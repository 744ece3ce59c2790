//! The record types beside the conversation, and the user records that no person wrote.

use super::answer;
use crate::transcript::ids;
use crate::transcript::json::{Fields, Json, obj};
use crate::transcript::message::text;
use crate::transcript::scribe::Scribe;
use crate::transcript::words;

/// System records that are not made elsewhere.
pub(super) fn systems(scribe: &mut Scribe) {
    let command = "<command-name>/model</command-name>\n<command-message>model</command-message>\n<command-args>opus</command-args>";
    scribe.system(
        "local_command",
        obj! {"content": command, "level": "info", "isMeta": false},
    );
    let stdout =
        "<local-command-stdout>Set model to \u{1b}[1mopus\u{1b}[22m</local-command-stdout>";
    scribe.system(
        "local_command",
        obj! {"content": stdout, "level": "info", "isMeta": false},
    );
    scribe.system(
        "bridge_status",
        obj! {"content": "Remote control connected", "url": "https://example.com/s/1"},
    );
    scribe.system(
        "away_summary",
        obj! {"content": "While you were away: 3 files edited, tests pass.", "isMeta": false},
    );
    scribe.system(
        "scheduled_task_fire",
        obj! {"content": "Scheduled task fired: nightly checks", "isMeta": false},
    );
    scribe.system(
        "informational",
        obj! {"content": "A new version is available.", "level": "info", "isMeta": false},
    );
    scribe.system(
        "a_subtype_of_next_month",
        obj! {"content": "?", "payload": obj! {"deep": vec![1.into()]}},
    );
}

/// Progress of every sort but a subagent's.
pub(super) fn progress(scribe: &mut Scribe) {
    let id = ids::tool_use(&mut scribe.rng);
    let all = [
        obj! {"type": "mcp_progress", "status": "started", "serverName": "tracker", "toolName": "search", "elapsedTimeMs": 12},
        obj! {"type": "query_update", "query": "rust outbox pattern"},
        obj! {"type": "search_results_received", "resultCount": 10, "query": "rust outbox pattern"},
        obj! {"type": "waiting_for_task", "taskDescription": "Run the tests", "taskType": "local_bash"},
        obj! {"type": "hook_progress", "hookEvent": "PreToolUse", "hookName": "PreToolUse:Bash", "command": "scripts/check.sh"},
        obj! {"type": "bash_progress", "output": "..", "fullOutput": "..", "elapsedTimeSeconds": 3, "totalLines": 1},
        obj! {"type": "a_progress_of_next_month", "payload": vec![1.into(), "x".into()]},
    ];
    for data in all {
        scribe.progress(data, &id);
    }
}

/// Records without an envelope.
pub(super) fn bare(scribe: &mut Scribe) {
    let session = scribe.place.session.clone();
    let with = |body: Json| {
        let mut fields: Fields = body.fields();
        fields.push(("sessionId".into(), session.clone().into()));
        Json::Map(fields)
    };
    let uuid = scribe.last_uuid();
    let time = scribe.clock.text();
    scribe.bare(
        "summary",
        obj! {"summary": "Holds expire too late", "leafUuid": uuid.clone()},
    );
    scribe.bare("custom-title", with(obj! {"customTitle": "Holds"}));
    scribe.bare(
        "ai-title",
        with(obj! {"aiTitle": "Repair the expiry of holds"}),
    );
    scribe.bare("agent-name", with(obj! {"agentName": "harbour-agent"}));
    scribe.bare(
        "last-prompt",
        with(obj! {"lastPrompt": "Please look at the holds", "leafUuid": uuid}),
    );
    scribe.bare("agent-setting", with(obj! {"agentSetting": "reviewer"}));
    scribe.bare(
        "permission-mode",
        with(obj! {"permissionMode": "acceptEdits"}),
    );
    scribe.bare("mode", with(obj! {"mode": "normal"}));
    scribe.bare(
        "bridge-session",
        with(obj! {"bridgeSessionId": "session_01Hh", "lastSequenceNum": 4}),
    );
    scribe.bare(
        "worktree-state",
        with(obj! {"worktreeSession": None::<String>}),
    );
    scribe.bare(
        "pr-link",
        with(obj! {
            "prNumber": 77, "prUrl": "https://github.com/harbour-booking/harbour/pull/77",
            "prRepository": "harbour-booking/harbour", "timestamp": time,
        }),
    );
    scribe.bare(
        "a-type-of-next-month",
        with(obj! {"payload": obj! {"type": "assistant", "usage": obj! {"output_tokens": 7}}}),
    );
}

/// What was typed while the agent worked.
pub(super) fn queue(scribe: &mut Scribe) {
    let said = words::request(&mut scribe.rng);
    let contents = [
        ("enqueue", Some(said.clone())),
        ("dequeue", None),
        ("enqueue", Some(said.clone())),
        ("remove", None),
    ];
    for (operation, content) in contents {
        let (time, session) = (scribe.clock.text(), scribe.place.session.clone());
        let mut body = obj! {"operation": operation, "timestamp": time, "sessionId": session};
        if let Some(content) = content {
            body = body.with("content", content);
        }
        scribe.mark(&format!("queue-operation/{operation}"));
        scribe.bare("queue-operation", body);
    }
    let queued = obj! {"type": "queued_command", "prompt": said, "commandMode": "prompt"};
    attachment(scribe, queued);
}

fn attachment(scribe: &mut Scribe, body: Json) {
    let kind = match &body {
        Json::Map(fields) => fields.first().map(|(_, value)| value.clone()),
        _ => None,
    };
    if let Some(Json::Text(kind)) = kind {
        scribe.mark(&format!("attachment/{kind}"));
    }
    let record = scribe.record(obj! {"attachment": body, "type": "attachment"}, obj! {});
    scribe.put(&record);
}

/// What the client adds to the conversation.
pub(super) fn attachments(scribe: &mut Scribe) {
    let id = ids::tool_use(&mut scribe.rng);
    let all = [
        obj! {"type": "hook_success", "hookName": "PostToolUse:Edit", "toolUseID": id.clone(), "hookEvent": "PostToolUse", "content": "formatted", "exitCode": 0},
        obj! {"type": "hook_blocking_error", "hookName": "PreToolUse:Bash", "toolUseID": id, "hookEvent": "PreToolUse", "blockingError": obj! {"blockingError": "rm is not allowed here", "command": "scripts/check.sh"}},
        obj! {"type": "skill_listing", "content": "- brainstorming: before any creative work", "skillCount": 1},
        obj! {"type": "deferred_tools_delta", "addedNames": vec!["WebFetch".into()], "removedNames": Vec::new()},
        obj! {"type": "budget_usd", "used": 1.25, "total": 5.0, "remaining": 3.75},
        obj! {"type": "max_turns_reached", "maxTurns": 40, "turnCount": 40},
        obj! {"type": "task_status", "taskId": "b1f2", "taskType": "local_bash", "status": "completed", "description": "cargo test"},
        obj! {"type": "todo_reminder", "content": Vec::new(), "itemCount": 0},
        obj! {"type": "an_attachment_of_next_month", "payload": "?"},
    ];
    for body in all {
        attachment(scribe, body);
    }
}

/// User records that are no prompt.
pub(super) fn injected(scribe: &mut Scribe) {
    scribe.user(
        "user/meta",
        vec![text("Base directory for this skill: /skills/brainstorming")],
        obj! {"isMeta": true},
    );
    let caveat =
        "Caveat: The messages below were generated by the user while running local commands.";
    scribe.user("user/caveat", caveat, obj! {"isMeta": true});
    let command = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>src/booking</command-args>";
    scribe.user("user/command", command, obj! {});
    scribe.user(
        "user/command-output",
        "<local-command-stdout>Reviewed \u{1b}[32m4\u{1b}[39m files</local-command-stdout>",
        obj! {},
    );
    scribe.user(
        "user/bash-input",
        "<bash-input>git stash list</bash-input>",
        obj! {},
    );
    scribe.user(
        "user/bash-output",
        "<bash-stdout>stash@{0}: WIP on main</bash-stdout><bash-stderr></bash-stderr>",
        obj! {},
    );
    let note = "<task-notification>\n<task-id>b1f2</task-id>\n<status>completed</status>\n<summary>Background command \"cargo test\" completed (exit code 0)</summary>\n</task-notification>";
    scribe.user(
        "user/task-notification",
        note,
        obj! {"origin": obj! {"kind": "task-notification"}},
    );
}

/// Prompts of unusual shapes; each of them is a person's.
pub(super) fn prompts(scribe: &mut Scribe) {
    let said = words::request(&mut scribe.rng);
    scribe.expected.prompts += 3;
    let id = ids::uuid(&mut scribe.rng);
    scribe.user(
        "user/prompt-blocks",
        vec![text(said)],
        obj! {"promptId": id},
    );
    let document = obj! {
        "type": "document", "source": obj! {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"},
    };
    scribe.user(
        "user/document",
        vec![text("Please read this."), document],
        obj! {"entrypoint": "claude-vscode"},
    );
    let tail = obj! {"planContent": "# Plan\n\n1. Test\n2. Repair", "origin": obj! {"kind": "human"}, "promptSource": "typed"};
    scribe.user(
        "user/plan",
        "Implement the following plan:\n\n# Plan\n\n1. Test\n2. Repair",
        tail,
    );
}

/// A person stops the agent.
pub(super) fn interrupted(scribe: &mut Scribe) {
    scribe.user(
        "user/interrupted",
        vec![text("[Request interrupted by user]")],
        obj! {},
    );
    scribe.user(
        "user/interrupted",
        vec![text("[Request interrupted by user for tool use]")],
        obj! {},
    );
}

/// The agent goes to another folder and branch.
pub(super) fn elsewhere(scribe: &mut Scribe) {
    scribe.mark("trap/cwd-and-branch");
    let other = format!("{}/web", scribe.cwd);
    let cwd = std::mem::replace(&mut scribe.cwd, other);
    for branch in ["", "HEAD", "feature/holds"] {
        branch.clone_into(&mut scribe.branch);
        answer(scribe, "In the other folder.");
    }
    scribe.cwd = cwd;
}

/// Blocks of an answer that are neither text nor a call.
pub(super) fn blocks(scribe: &mut Scribe) {
    scribe.mark("assistant/other-blocks");
    let mut message = scribe.begin(77, "end_turn");
    let all = [
        obj! {"type": "redacted_thinking", "data": "EmwKAhgBEgyZ"},
        obj! {"type": "thinking", "thinking": "", "signature": "EqIECkYICxgC"},
        obj! {"type": "server_tool_use", "id": "srvtoolu_01Ab", "name": "web_search", "input": obj! {"query": "outbox"}},
        obj! {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01Ab", "content": Vec::new()},
        obj! {"type": "a_block_of_next_month", "payload": 1},
        text(""),
        text("(no content)"),
    ];
    for block in all {
        scribe.line(&mut message, block, false);
    }
    scribe.line(&mut message, text("All blocks seen."), true);
    scribe.end(message);
}
