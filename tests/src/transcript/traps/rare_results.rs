//! Unusual results of the tools that ordinary turns call.

use crate::transcript::call::Call;
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::message::text;
use crate::transcript::scribe::Scribe;
use crate::transcript::{tools, words};

/// Each of them.
pub(super) const ALL: &[fn(&mut Scribe) -> Call] = &[
    tools::grep_content,
    tools::write_update,
    grep_count,
    background,
    interrupted_bash,
    explained_code,
    picture,
    stderr,
    empty_output,
    rejected,
    rejected_by_policy,
    old_edit,
    read_image,
    read_empty,
    references,
    null_error,
    no_detail,
];

fn grep_count(scribe: &mut Scribe) -> Call {
    let file = words::file(&mut scribe.rng);
    let content = format!("{file}:4");
    let detail = obj! {"mode": "count", "filenames": Vec::new(), "numFiles": 1, "content": content.clone(), "numMatches": 4};
    Call::new(
        "Grep",
        obj! {"pattern": "unwrap", "output_mode": "count"},
        content,
        detail,
    )
}

fn bash_with(scribe: &mut Scribe, command: &str, shown: &'static str, detail: Json) -> Call {
    let call = scribe.bash(command, "Run it", shown);
    Call {
        detail: Some(detail),
        ..call
    }
}

fn background(scribe: &mut Scribe) -> Call {
    let (serial, command) = scribe.numbered("cargo watch -x test");
    let input = obj! {"command": command.clone(), "description": "Run tests on change", "run_in_background": true, "timeout": 600_000};
    let detail = obj! {"stdout": "", "stderr": "", "interrupted": false, "isImage": false, "backgroundTaskId": "b1f2"};
    Call {
        command: Some((serial, command)),
        ..Call::new(
            "Bash",
            input,
            "Command running in background with ID: b1f2",
            detail,
        )
    }
}

fn interrupted_bash(scribe: &mut Scribe) -> Call {
    let detail =
        obj! {"stdout": "building...", "stderr": "", "interrupted": true, "isImage": false};
    bash_with(
        scribe,
        "make all",
        "building...\n<error>Command was aborted before completion</error>",
        detail,
    )
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
    Call {
        content: vec![obj! {"type": "image", "source": source}].into(),
        ..call
    }
}

fn stderr(scribe: &mut Scribe) -> Call {
    let detail = obj! {"stdout": "ok", "stderr": "warning: unused import", "interrupted": false, "isImage": false};
    bash_with(scribe, "cargo check", "ok\nwarning: unused import", detail)
}

fn empty_output(scribe: &mut Scribe) -> Call {
    let detail = obj! {"stdout": "", "stderr": "", "interrupted": false, "isImage": false, "noOutputExpected": true};
    bash_with(
        scribe,
        "mkdir -p target/tmp",
        "(Bash completed with no output)",
        detail,
    )
}

fn rejected(scribe: &mut Scribe) -> Call {
    let call = tools::edit(scribe);
    let said = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file \
                edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to \
                tell you how to proceed.";
    Call {
        content: said.into(),
        detail: Some("User rejected tool use".into()),
        error: Some(true),
        ..call
    }
}

fn rejected_by_policy(scribe: &mut Scribe) -> Call {
    let (serial, command) = scribe.numbered("sudo rm -rf /var/lib/harbour");
    let input = obj! {"command": command.clone(), "description": "Remove the data"};
    let said = "Permission to use Bash with command sudo has been denied.".to_owned();
    Call {
        command: Some((serial, command)),
        ..Call::failed("Bash", input, said)
    }
}

fn old_edit(scribe: &mut Scribe) -> Call {
    Call {
        detail: None,
        ..tools::edit(scribe)
    }
}

fn read_image(scribe: &mut Scribe) -> Call {
    let data = ids::base62(&mut scribe.rng, "iVBORw0KGgo", 600);
    let source = obj! {"type": "base64", "media_type": "image/png", "data": data.clone()};
    let detail = obj! {"type": "image", "file": obj! {"base64": data, "type": "image/png", "originalSize": 450}};
    let path = format!("{}/docs/diagram.png", scribe.cwd);
    Call::new(
        "Read",
        obj! {"file_path": path},
        vec![obj! {"type": "image", "source": source}],
        detail,
    )
}

fn read_empty(scribe: &mut Scribe) -> Call {
    let path = tools::path(scribe);
    let file = obj! {"filePath": path.clone(), "content": "", "numLines": 1, "startLine": 1, "totalLines": 1};
    let shown =
        "<system-reminder>Warning: the file exists but the contents are empty.</system-reminder>";
    let input = obj! {"file_path": path, "offset": 1, "limit": 2_000};
    Call::new("Read", input, shown, obj! {"type": "text", "file": file})
}

fn references(_: &mut Scribe) -> Call {
    let content = vec![
        text("two texts"),
        text("in one result"),
        obj! {"type": "a_block_of_next_month"},
    ];
    Call {
        error: Some(false),
        ..Call::new(
            "mcp__tracker__get",
            obj! {},
            content.clone(),
            content.into(),
        )
    }
}

fn null_error(scribe: &mut Scribe) -> Call {
    Call {
        null_error: true,
        ..tools::glob(scribe)
    }
}

fn no_detail(scribe: &mut Scribe) -> Call {
    Call {
        detail: None,
        ..tools::read(scribe)
    }
}
