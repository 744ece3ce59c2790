//! The tools that ordinary turns do not call, and unusual results of those they do.

use crate::transcript::call::Call;
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::message::text;
use crate::transcript::scribe::Scribe;
use crate::transcript::{tools, words};

/// Each of them.
pub(super) const ALL: &[fn(&mut Scribe) -> Call] = &[
    tools::grep_content, tools::write_update, grep_count, background, interrupted_bash, explained_code, picture,
    stderr, empty_output, rejected, rejected_by_policy, multi_edit, notebook_edit, old_edit, read_image, read_empty,
    task_create, task_update, task_list, web_search, web_fetch, ask, exit_plan, enter_plan, skill, lsp, tool_search,
    mcp, mcp_failed, bash_output, kill_shell, slash_command, unknown_tool, references, null_error, no_detail,
];

fn grep_count(scribe: &mut Scribe) -> Call {
    let file = words::file(&mut scribe.rng);
    let content = format!("{file}:4");
    let detail = obj! {"mode": "count", "filenames": Vec::new(), "numFiles": 1, "content": content.clone(), "numMatches": 4};
    Call::new("Grep", obj! {"pattern": "unwrap", "output_mode": "count"}, content, detail)
}

fn bash_with(scribe: &mut Scribe, command: &str, shown: &'static str, detail: Json) -> Call {
    let call = scribe.bash(command, "Run it", shown);
    Call { detail: Some(detail), ..call }
}

fn background(scribe: &mut Scribe) -> Call {
    let (serial, command) = scribe.numbered("cargo watch -x test");
    let input = obj! {"command": command.clone(), "description": "Run tests on change", "run_in_background": true, "timeout": 600_000};
    let detail = obj! {"stdout": "", "stderr": "", "interrupted": false, "isImage": false, "backgroundTaskId": "b1f2"};
    Call {
        command: Some((serial, command)),
        ..Call::new("Bash", input, "Command running in background with ID: b1f2", detail)
    }
}

fn interrupted_bash(scribe: &mut Scribe) -> Call {
    let detail = obj! {"stdout": "building...", "stderr": "", "interrupted": true, "isImage": false};
    bash_with(scribe, "make all", "building...\n<error>Command was aborted before completion</error>", detail)
}

fn explained_code(scribe: &mut Scribe) -> Call {
    let detail = obj! {
        "stdout": "", "stderr": "", "interrupted": false, "isImage": false,
        "returnCodeInterpretation": "No matches found",
    };
    bash_with(scribe, "grep -q nothing src/main.rs", "", detail)
}

fn picture(scribe: &mut Scribe) -> Call {
    let data = ids::base62(&mut scribe.rng, "data:image/png;base64,iVBORw0KGgo", 900);
    let detail = obj! {"stdout": data, "stderr": "", "interrupted": false, "isImage": true};
    let source = obj! {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="};
    let call = bash_with(scribe, "cat diagram.png", "", detail);
    Call { content: vec![obj! {"type": "image", "source": source}].into(), ..call }
}

fn stderr(scribe: &mut Scribe) -> Call {
    let detail = obj! {"stdout": "ok", "stderr": "warning: unused import", "interrupted": false, "isImage": false};
    bash_with(scribe, "cargo check", "ok\nwarning: unused import", detail)
}

fn empty_output(scribe: &mut Scribe) -> Call {
    let detail = obj! {"stdout": "", "stderr": "", "interrupted": false, "isImage": false, "noOutputExpected": true};
    bash_with(scribe, "mkdir -p target/tmp", "(Bash completed with no output)", detail)
}

fn rejected(scribe: &mut Scribe) -> Call {
    let call = tools::edit(scribe);
    let said = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file \
                edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to \
                tell you how to proceed.";
    Call { content: said.into(), detail: Some("User rejected tool use".into()), error: Some(true), ..call }
}

fn rejected_by_policy(scribe: &mut Scribe) -> Call {
    let (serial, command) = scribe.numbered("sudo rm -rf /var/lib/harbour");
    let input = obj! {"command": command.clone(), "description": "Remove the data"};
    let said = "Permission to use Bash with command sudo has been denied.".to_owned();
    Call { command: Some((serial, command)), ..Call::failed("Bash", input, said) }
}

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
    Call::new("MultiEdit", obj! {"file_path": path, "edits": edits}, shown, detail)
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
    Call::new("NotebookEdit", input, "Updated cell c3 with df.describe()", detail)
}

fn old_edit(scribe: &mut Scribe) -> Call {
    Call { detail: None, ..tools::edit(scribe) }
}

fn read_image(scribe: &mut Scribe) -> Call {
    let data = ids::base62(&mut scribe.rng, "iVBORw0KGgo", 600);
    let source = obj! {"type": "base64", "media_type": "image/png", "data": data.clone()};
    let detail = obj! {"type": "image", "file": obj! {"base64": data, "type": "image/png", "originalSize": 450}};
    let path = format!("{}/docs/diagram.png", scribe.cwd);
    Call::new("Read", obj! {"file_path": path}, vec![obj! {"type": "image", "source": source}], detail)
}

fn read_empty(scribe: &mut Scribe) -> Call {
    let path = tools::path(scribe);
    let file = obj! {"filePath": path.clone(), "content": "", "numLines": 1, "startLine": 1, "totalLines": 1};
    let shown = "<system-reminder>Warning: the file exists but the contents are empty.</system-reminder>";
    let input = obj! {"file_path": path, "offset": 1, "limit": 2_000};
    Call::new("Read", input, shown, obj! {"type": "text", "file": file})
}

fn task_create(scribe: &mut Scribe) -> Call {
    let subject = words::thing(&mut scribe.rng);
    let input = obj! {"subject": subject, "description": "See the notes", "activeForm": "Working"};
    let shown = format!("Task #3 created successfully: {subject}");
    Call::new("TaskCreate", input, shown, obj! {"task": obj! {"id": "3", "subject": subject}})
}

fn task_update(_: &mut Scribe) -> Call {
    let detail = obj! {
        "success": true, "taskId": "3", "updatedFields": vec!["status".into()],
        "statusChange": obj! {"from": "pending", "to": "in_progress"},
    };
    Call::new("TaskUpdate", obj! {"taskId": "3", "status": "in_progress"}, "Updated task #3 status", detail)
}

fn task_list(_: &mut Scribe) -> Call {
    let tasks = vec![obj! {"id": "3", "subject": "the reminder mail", "status": "in_progress", "blockedBy": Vec::new()}];
    Call::new("TaskList", obj! {}, "#3 [in_progress] the reminder mail", obj! {"tasks": tasks})
}

fn web_search(_: &mut Scribe) -> Call {
    let found = obj! {
        "tool_use_id": "srvtoolu_01Cd",
        "content": vec![obj! {"title": "Transactional outbox", "url": "https://example.com/outbox"}],
    };
    let detail = obj! {"query": "outbox pattern", "results": vec![found, "It keeps mail and data together.".into()], "durationSeconds": 7.4};
    Call::new("WebSearch", obj! {"query": "outbox pattern"}, "Web search results for query: \"outbox pattern\"", detail)
}

fn web_fetch(_: &mut Scribe) -> Call {
    let detail = obj! {
        "bytes": 27_438, "code": 200, "codeText": "OK", "result": "# Outbox\n\nA table of what is to be sent.",
        "durationMs": 1_830, "url": "https://example.com/outbox",
    };
    let input = obj! {"url": "https://example.com/outbox", "prompt": "What is an outbox?"};
    Call::new("WebFetch", input, "# Outbox\n\nA table of what is to be sent.", detail)
}

fn ask(_: &mut Scribe) -> Call {
    let options = vec![obj! {"label": "Postgres", "description": "As now"}, obj! {"label": "SQLite", "description": "Simpler"}];
    let questions = vec![obj! {"question": "Which store?", "header": "Store", "options": options, "multiSelect": false}];
    let detail = obj! {"questions": questions.clone(), "answers": obj! {"Which store?": "Postgres"}};
    let shown = "User has answered your questions: \"Which store?\"=\"Postgres\".";
    Call::new("AskUserQuestion", obj! {"questions": questions}, shown, detail)
}

fn exit_plan(_: &mut Scribe) -> Call {
    let plan = "# Plan\n\n1. Write a test\n2. Repair the expiry";
    let detail = obj! {"plan": plan, "isAgent": false, "filePath": "/home/node/.claude/plans/holds.md"};
    Call::new("ExitPlanMode", obj! {"plan": plan}, "User has approved your plan.", detail)
}

fn enter_plan(_: &mut Scribe) -> Call {
    Call::new("EnterPlanMode", obj! {}, "Entered plan mode.", obj! {"message": "Entered plan mode."})
}

fn skill(_: &mut Scribe) -> Call {
    let detail = obj! {"success": true, "commandName": "superpowers:brainstorming"};
    let input = obj! {"skill": "superpowers:brainstorming", "args": "holds"};
    Call::new("Skill", input, "Launching skill: superpowers:brainstorming", detail)
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
    Call::new("ToolSearch", obj! {"query": "select:WebFetch", "max_results": 5}, found, detail)
}

fn mcp(scribe: &mut Scribe) -> Call {
    const NAMES: &[&str] = &[
        "mcp__tracker__search", "mcp__plugin_docs_server__find", "mcp__my__odd__server__do_it",
        "mcp__claude_ai_Calendar__list-events",
    ];
    let content = vec![text("{\"issues\": [{\"key\": \"HB-12\", \"title\": \"Holds expire late\"}]}")];
    Call::new(words::pick(&mut scribe.rng, NAMES), obj! {"query": "holds"}, content.clone(), content.into())
}

fn mcp_failed(_: &mut Scribe) -> Call {
    Call::failed("mcp__tracker__search", obj! {"query": "holds"}, "MCP error -32001: Request timed out".to_owned())
}

fn bash_output(_: &mut Scribe) -> Call {
    let detail = obj! {"shellId": "b1f2", "command": "cargo watch", "status": "running", "exitCode": None::<i32>, "stdout": "ok", "stderr": "", "stdoutLines": 1, "stderrLines": 0};
    Call::new("BashOutput", obj! {"bash_id": "b1f2"}, "<status>running</status>\n<stdout>ok</stdout>", detail)
}

fn kill_shell(_: &mut Scribe) -> Call {
    let detail = obj! {"message": "Successfully killed shell: b1f2", "shell_id": "b1f2"};
    Call::new("KillShell", obj! {"shell_id": "b1f2"}, "Successfully killed shell: b1f2", detail)
}

fn slash_command(_: &mut Scribe) -> Call {
    let detail = obj! {"success": true, "commandName": "review"};
    Call::new("SlashCommand", obj! {"command": "/review src"}, "Launching command: review", detail)
}

fn unknown_tool(_: &mut Scribe) -> Call {
    let input = obj! {"nested": obj! {"list": vec![1.into(), true.into()]}, "empty": obj! {}};
    Call::new("ToolOfNextMonth", input, "done", obj! {"anything": vec![obj! {"a": None::<u64>}]})
}

fn references(_: &mut Scribe) -> Call {
    let content = vec![text("two texts"), text("in one result"), obj! {"type": "a_block_of_next_month"}];
    Call { error: Some(false), ..Call::new("mcp__tracker__get", obj! {}, content.clone(), content.into()) }
}

fn null_error(scribe: &mut Scribe) -> Call {
    Call { null_error: true, ..tools::glob(scribe) }
}

fn no_detail(scribe: &mut Scribe) -> Call {
    Call { detail: None, ..tools::read(scribe) }
}
