//! The tools that ordinary turns do not call.

use crate::transcript::call::Call;
use crate::transcript::json::obj;
use crate::transcript::message::text;
use crate::transcript::scribe::Scribe;
use crate::transcript::{tools, words};

/// Each of them.
pub(super) const ALL: &[fn(&mut Scribe) -> Call] = &[
    multi_edit,
    notebook_edit,
    task_create,
    task_update,
    task_list,
    web_search,
    web_fetch,
    ask,
    exit_plan,
    enter_plan,
    skill,
    lsp,
    tool_search,
    mcp,
    mcp_of_plugin,
    mcp_with_underscores,
    mcp_of_connector,
    mcp_failed,
    bash_output,
    kill_shell,
    slash_command,
    unknown_tool,
];

fn multi_edit(scribe: &mut Scribe) -> Call {
    let path = tools::path(scribe);
    let edits = vec![
        obj! {"old_string": "let a = 1;", "new_string": "let a = 2;", "replace_all": false},
        obj! {"old_string": "let b = 1;", "new_string": "let b = 2;", "replace_all": true},
    ];
    let detail = obj! {
        "filePath": path.clone(), "edits": edits.clone(), "originalFileContents": "let a = 1;\nlet b = 1;\n",
        "structuredPatch": vec![tools::hunk(1, "let a = 1;\nlet b = 1;", "let a = 2;\nlet b = 2;")], "userModified": false,
    };
    let shown = format!("Applied 2 edits to {path}");
    Call::new(
        "MultiEdit",
        obj! {"file_path": path, "edits": edits},
        shown,
        detail,
    )
}

fn notebook_edit(scribe: &mut Scribe) -> Call {
    let path = format!("{}/analysis.ipynb", scribe.cwd);
    let input = obj! {
        "notebook_path": path.clone(), "cell_id": "c3", "new_source": "df.describe()", "cell_type": "code",
        "edit_mode": "replace",
    };
    let detail = obj! {
        "new_source": "df.describe()", "cell_type": "code", "language": "python", "edit_mode": "replace",
        "cell_id": "c3", "error": "", "notebook_path": path, "original_file": "{}", "updated_file": "{}",
    };
    Call::new(
        "NotebookEdit",
        input,
        "Updated cell c3 with df.describe()",
        detail,
    )
}

fn task_create(scribe: &mut Scribe) -> Call {
    let subject = words::thing(&mut scribe.rng);
    let input = obj! {"subject": subject, "description": "See the notes", "activeForm": "Working"};
    let shown = format!("Task #3 created successfully: {subject}");
    Call::new(
        "TaskCreate",
        input,
        shown,
        obj! {"task": obj! {"id": "3", "subject": subject}},
    )
}

fn task_update(_: &mut Scribe) -> Call {
    let detail = obj! {
        "success": true, "taskId": "3", "updatedFields": vec!["status".into()],
        "statusChange": obj! {"from": "pending", "to": "in_progress"},
    };
    Call::new(
        "TaskUpdate",
        obj! {"taskId": "3", "status": "in_progress"},
        "Updated task #3 status",
        detail,
    )
}

fn task_list(_: &mut Scribe) -> Call {
    let tasks = vec![
        obj! {"id": "3", "subject": "the reminder mail", "status": "in_progress", "blockedBy": Vec::new()},
    ];
    Call::new(
        "TaskList",
        obj! {},
        "#3 [in_progress] the reminder mail",
        obj! {"tasks": tasks},
    )
}

fn web_search(_: &mut Scribe) -> Call {
    let found = obj! {
        "tool_use_id": "srvtoolu_01Cd",
        "content": vec![obj! {"title": "Transactional outbox", "url": "https://example.com/outbox"}],
    };
    let detail = obj! {"query": "outbox pattern", "results": vec![found, "It keeps mail and data together.".into()], "durationSeconds": 7.4};
    Call::new(
        "WebSearch",
        obj! {"query": "outbox pattern"},
        "Web search results for query: \"outbox pattern\"",
        detail,
    )
}

fn web_fetch(_: &mut Scribe) -> Call {
    let detail = obj! {
        "bytes": 27_438, "code": 200, "codeText": "OK", "result": "# Outbox\n\nA table of what is to be sent.",
        "durationMs": 1_830, "url": "https://example.com/outbox",
    };
    let input = obj! {"url": "https://example.com/outbox", "prompt": "What is an outbox?"};
    Call::new(
        "WebFetch",
        input,
        "# Outbox\n\nA table of what is to be sent.",
        detail,
    )
}

fn ask(_: &mut Scribe) -> Call {
    let options = vec![
        obj! {"label": "Postgres", "description": "As now"},
        obj! {"label": "SQLite", "description": "Simpler"},
    ];
    let questions = vec![
        obj! {"question": "Which store?", "header": "Store", "options": options, "multiSelect": false},
    ];
    let detail =
        obj! {"questions": questions.clone(), "answers": obj! {"Which store?": "Postgres"}};
    let shown = "User has answered your questions: \"Which store?\"=\"Postgres\".";
    Call::new(
        "AskUserQuestion",
        obj! {"questions": questions},
        shown,
        detail,
    )
}

fn exit_plan(_: &mut Scribe) -> Call {
    let plan = "# Plan\n\n1. Write a test\n2. Repair the expiry";
    let detail =
        obj! {"plan": plan, "isAgent": false, "filePath": "/home/node/.claude/plans/holds.md"};
    Call::new(
        "ExitPlanMode",
        obj! {"plan": plan},
        "User has approved your plan.",
        detail,
    )
}

fn enter_plan(_: &mut Scribe) -> Call {
    Call::new(
        "EnterPlanMode",
        obj! {},
        "Entered plan mode.",
        obj! {"message": "Entered plan mode."},
    )
}

fn skill(_: &mut Scribe) -> Call {
    let detail = obj! {"success": true, "commandName": "superpowers:brainstorming"};
    let input = obj! {"skill": "superpowers:brainstorming", "args": "holds"};
    Call::new(
        "Skill",
        input,
        "Launching skill: superpowers:brainstorming",
        detail,
    )
}

fn lsp(scribe: &mut Scribe) -> Call {
    let path = tools::path(scribe);
    let detail = obj! {"operation": "findReferences", "result": "Found 3 references", "filePath": path.clone(), "resultCount": 3, "fileCount": 1};
    let input = obj! {"operation": "findReferences", "filePath": path, "line": 12, "character": 8};
    Call::new("LSP", input, "Found 3 references", detail)
}

fn tool_search(_: &mut Scribe) -> Call {
    let found = vec![obj! {"type": "tool_reference", "tool_name": "WebFetch"}];
    let detail = obj! {"matches": vec!["WebFetch".into()], "query": "select:WebFetch", "total_deferred_tools": 12};
    Call::new(
        "ToolSearch",
        obj! {"query": "select:WebFetch", "max_results": 5},
        found,
        detail,
    )
}

/// A tool of a server: `mcp__<server>__<tool>`.
fn of_server(name: &'static str) -> Call {
    let content = vec![text(
        "{\"issues\": [{\"key\": \"HB-12\", \"title\": \"Holds expire late\"}]}",
    )];
    Call::new(
        name,
        obj! {"query": "holds"},
        content.clone(),
        content.into(),
    )
}

fn mcp(_: &mut Scribe) -> Call {
    of_server("mcp__tracker__search")
}

fn mcp_of_plugin(_: &mut Scribe) -> Call {
    of_server("mcp__plugin_docs_server__find")
}

fn mcp_with_underscores(_: &mut Scribe) -> Call {
    of_server("mcp__my__odd__server__do_it")
}

fn mcp_of_connector(_: &mut Scribe) -> Call {
    of_server("mcp__claude_ai_Calendar__list-events")
}

fn mcp_failed(_: &mut Scribe) -> Call {
    Call::failed(
        "mcp__tracker__search",
        obj! {"query": "holds"},
        "MCP error -32001: Request timed out".to_owned(),
    )
}

fn bash_output(_: &mut Scribe) -> Call {
    let detail = obj! {"shellId": "b1f2", "command": "cargo watch", "status": "running", "exitCode": None::<i32>, "stdout": "ok", "stderr": "", "stdoutLines": 1, "stderrLines": 0};
    Call::new(
        "BashOutput",
        obj! {"bash_id": "b1f2"},
        "<status>running</status>\n<stdout>ok</stdout>",
        detail,
    )
}

fn kill_shell(_: &mut Scribe) -> Call {
    let detail = obj! {"message": "Successfully killed shell: b1f2", "shell_id": "b1f2"};
    Call::new(
        "KillShell",
        obj! {"shell_id": "b1f2"},
        "Successfully killed shell: b1f2",
        detail,
    )
}

fn slash_command(_: &mut Scribe) -> Call {
    let detail = obj! {"success": true, "commandName": "review"};
    Call::new(
        "SlashCommand",
        obj! {"command": "/review src"},
        "Launching command: review",
        detail,
    )
}

fn unknown_tool(_: &mut Scribe) -> Call {
    let input = obj! {"nested": obj! {"list": vec![1.into(), true.into()]}, "empty": obj! {}};
    Call::new(
        "ToolOfNextMonth",
        input,
        "done",
        obj! {"anything": vec![obj! {"a": None::<u64>}]},
    )
}
