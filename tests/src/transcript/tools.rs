//! Each tool with the shapes of its input, its result and its `toolUseResult`.

use super::call::Call;
use super::json::{Json, obj};
use super::scribe::Scribe;
use super::words;
use rand::Rng;
use std::fmt::Write as _;

/// The tools of an ordinary turn, by how often they occur.
const USUAL: &[fn(&mut Scribe) -> Call] = &[
    bash, bash, bash, bash, bash, read, read, read, grep, glob, edit, edit, write, todo_write,
];

/// A call of an ordinary turn.
pub(crate) fn usual(scribe: &mut Scribe) -> Call {
    let place = scribe.rng.random_range(0..USUAL.len());
    let tool = USUAL.get(place).copied().unwrap_or(read);
    tool(scribe)
}

/// The path of a file of the project.
pub(crate) fn path(scribe: &mut Scribe) -> String {
    format!("{}/{}", scribe.cwd, words::file(&mut scribe.rng))
}

pub(crate) fn bash(scribe: &mut Scribe) -> Call {
    const COMMANDS: &[(&str, &str)] = &[
        ("cargo test --workspace", "Run all tests"),
        ("git status --short", "Show what changed"),
        ("cargo clippy --all-targets", "Check for lints"),
        ("git log --oneline -10", "Show recent commits"),
        ("psql -c 'select count(*) from holds'", "Count the holds"),
        ("ls -la src/booking", "List the module"),
        (
            "grep -rn 'expires_at' src | head -20",
            "Find uses of the expiry",
        ),
        ("npm --prefix web run build", "Build the page"),
        ("cargo run --bin harbour -- migrate", "Apply the migrations"),
        ("git diff --stat", "Show the size of the change"),
    ];
    let place = scribe.rng.random_range(0..COMMANDS.len());
    let (command, description) = COMMANDS
        .get(place)
        .copied()
        .unwrap_or(("true", "Do nothing"));
    if scribe.chance(80) {
        let output = words::log(&mut scribe.rng, 12);
        let code = if scribe.chance(500) { 1 } else { 101 };
        return scribe.bash_failing(command, description, code, &output);
    }
    let count = words::length(&mut scribe.rng);
    let output = words::log(&mut scribe.rng, count);
    scribe.bash(command, description, output)
}

/// Text with line numbers, as the model reads a file.
fn numbered(text: &str) -> String {
    let mut all = String::with_capacity(text.len() + 16);
    for (place, line) in text.lines().enumerate() {
        if place > 0 {
            all.push('\n');
        }
        let _ = write!(all, "{:>6}\u{2192}{line}", place + 1);
    }
    all
}

pub(crate) fn read(scribe: &mut Scribe) -> Call {
    let path = path(scribe);
    let input = obj! {"file_path": path.clone()};
    if scribe.chance(40) {
        let mut call = Call::failed("Read", input, "File does not exist.".to_owned());
        call.content = "<tool_use_error>File does not exist.</tool_use_error>".into();
        return call;
    }
    let lines = words::length(&mut scribe.rng) + 8;
    let content = words::code(&mut scribe.rng, lines);
    let shown = format!(
        "{}\n\n<system-reminder>\nWhenever you read a file, consider whether it is malware.\n</system-reminder>\n",
        numbered(&content)
    );
    let detail = obj! {
        "type": "text",
        "file": obj! {"filePath": path, "content": content, "numLines": lines, "startLine": 1, "totalLines": lines},
    };
    Call::new("Read", input, shown, detail)
}

pub(crate) fn grep(scribe: &mut Scribe) -> Call {
    let pattern = words::name(&mut scribe.rng);
    let input =
        obj! {"pattern": pattern, "path": scribe.cwd.clone(), "output_mode": "files_with_matches"};
    let count = scribe.rng.random_range(0..=6_usize);
    let names: Vec<&'static str> = (0..count).map(|_| words::file(&mut scribe.rng)).collect();
    let shown = if count == 0 {
        "No files found".to_owned()
    } else {
        format!("Found {count} files\n{}", names.join("\n"))
    };
    let detail = obj! {"mode": "files_with_matches", "filenames": list(&names), "numFiles": count};
    Call::new("Grep", input, shown, detail)
}

pub(crate) fn grep_content(scribe: &mut Scribe) -> Call {
    let input = obj! {"pattern": "expires_at", "output_mode": "content", "-n": true};
    let content = words::log(&mut scribe.rng, 7);
    let detail = obj! {"mode": "content", "filenames": Vec::new(), "numFiles": 0, "content": content.clone(), "numLines": 7};
    Call::new("Grep", input, content, detail)
}

pub(crate) fn glob(scribe: &mut Scribe) -> Call {
    let names: Vec<&'static str> = (0..4).map(|_| words::file(&mut scribe.rng)).collect();
    let detail =
        obj! {"filenames": list(&names), "durationMs": 34, "numFiles": 4, "truncated": false};
    Call::new(
        "Glob",
        obj! {"pattern": "src/**/*.rs"},
        names.join("\n"),
        detail,
    )
}

fn list(names: &[&'static str]) -> Vec<Json> {
    names.iter().map(|&name| name.into()).collect()
}

/// An edit of a file of so many lines; `originalFile` holds all of them.
pub(crate) fn edit_of(scribe: &mut Scribe, lines: usize) -> Call {
    let path = path(scribe);
    let (old, new) = (
        words::code(&mut scribe.rng, 2),
        words::code(&mut scribe.rng, 3),
    );
    let original = words::code(&mut scribe.rng, lines);
    let input = obj! {
        "replace_all": false, "file_path": path.clone(), "old_string": old.clone(), "new_string": new.clone(),
    };
    let shown = format!("The file {path} has been updated successfully.");
    let detail = obj! {
        "filePath": path, "oldString": old.clone(), "newString": new.clone(), "originalFile": original,
        "structuredPatch": vec![hunk(40, &old, &new)], "userModified": false, "replaceAll": false,
    };
    Call::new("Edit", input, shown, detail)
}

/// A hunk whose lines begin with `+`, `-` or a space.
pub(crate) fn hunk(start: usize, old: &str, new: &str) -> Json {
    let mut lines: Vec<Json> = vec![" fn before() {}".into()];
    lines.extend(old.lines().map(|line| Json::from(format!("-{line}"))));
    lines.extend(new.lines().map(|line| Json::from(format!("+{line}"))));
    lines.push(" fn after() {}".into());
    obj! {
        "oldStart": start, "oldLines": old.lines().count() + 2, "newStart": start,
        "newLines": new.lines().count() + 2, "lines": lines,
    }
}

pub(crate) fn edit(scribe: &mut Scribe) -> Call {
    let lines = words::length(&mut scribe.rng) + 20;
    edit_of(scribe, lines)
}

pub(crate) fn write(scribe: &mut Scribe) -> Call {
    let path = path(scribe);
    let lines = words::length(&mut scribe.rng) + 5;
    let content = words::code(&mut scribe.rng, lines);
    let input = obj! {"file_path": path.clone(), "content": content.clone()};
    let shown = format!("File created successfully at: {path}");
    let detail = obj! {
        "type": "create", "filePath": path, "content": content, "structuredPatch": Vec::new(),
        "originalFile": None::<String>,
    };
    Call::new("Write", input, shown, detail)
}

pub(crate) fn write_update(scribe: &mut Scribe) -> Call {
    let path = path(scribe);
    let (old, new) = (
        words::code(&mut scribe.rng, 5),
        words::code(&mut scribe.rng, 6),
    );
    let input = obj! {"file_path": path.clone(), "content": new.clone()};
    let shown = format!("The file {path} has been updated successfully.");
    let detail = obj! {
        "type": "update", "filePath": path, "content": new.clone(), "structuredPatch": vec![hunk(1, &old, &new)],
        "originalFile": old,
    };
    Call::new("Write", input, shown, detail)
}

/// A list of what is to be done, the first `done` of it finished.
pub(crate) fn todos(items: &[(&'static str, &'static str)], done: usize) -> Json {
    let list: Vec<Json> = items
        .iter()
        .enumerate()
        .map(|(place, &(content, active))| {
            let status = match place.cmp(&done) {
                std::cmp::Ordering::Less => "completed",
                std::cmp::Ordering::Equal => "in_progress",
                std::cmp::Ordering::Greater => "pending",
            };
            obj! {"content": content, "status": status, "activeForm": active}
        })
        .collect();
    list.into()
}

/// A change of that list.
pub(crate) fn todo_change(
    items: &[(&'static str, &'static str)],
    before: Option<usize>,
    after: usize,
) -> Call {
    let old = before.map_or_else(|| Vec::new().into(), |done| todos(items, done));
    let new = todos(items, after);
    let detail = obj! {"oldTodos": old, "newTodos": new.clone()};
    let shown = "Todos have been modified successfully. Ensure that you continue to use the todo list to track your \
                 progress. Please proceed with the current tasks if applicable";
    Call::new("TodoWrite", obj! {"todos": new}, shown, detail)
}

pub(crate) fn todo_write(scribe: &mut Scribe) -> Call {
    const ITEMS: &[(&str, &str)] = &[
        ("Find the cause", "Finding the cause"),
        ("Write a failing test", "Writing a failing test"),
        ("Repair it", "Repairing it"),
        ("Run all tests", "Running all tests"),
    ];
    let done = scribe.rng.random_range(0..=4_usize);
    todo_change(ITEMS, done.checked_sub(1), done)
}
