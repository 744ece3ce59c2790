//! Counts what a transcript holds, the simple way: every line becomes a tree of values, and the rules are applied to
//! the tree. It is slow and needs memory, and it shares nothing with the product or with the generator: three counts
//! that agree are right.

use crate::transcript::Usage;
use serde_json::{Deserializer, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// What a session's files hold. The fields mean what they mean in [`crate::transcript::Expected`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Tokens by model.
    pub models: BTreeMap<String, Usage>,
    /// Calls of the agent by tool.
    pub tools: BTreeMap<String, u64>,
    /// Calls of subagents by tool.
    pub side_tools: BTreeMap<String, u64>,
    /// Commands of the agent's own Bash calls, in the order of the lines.
    pub bash: Vec<String>,
    /// Failed results of the agent's own calls.
    pub errors: u64,
    /// Answers that are errors of the API.
    pub api_errors: u64,
    /// What a person asked for.
    pub prompts: u64,
    /// Distinct uuids.
    pub uuids: u64,
    /// Whole values read, copies included.
    pub records: u64,
    /// Lines of which something could not be read.
    pub damaged: u64,
}

/// Counts over files that are given one after the other.
#[derive(Debug, Default)]
pub struct Counter {
    count: Count,
    uuids: HashSet<String>,
    calls: HashSet<String>,
    results: HashSet<String>,
    messages: HashMap<String, (String, Usage)>,
}

/// The count of files in memory. The agent's own file comes first, or what subagents repeat of it is theirs.
pub fn count_bytes<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Count {
    let mut counter = Counter::default();
    for file in files {
        for line in file.split(|&byte| byte == b'\n') {
            counter.line(line);
        }
    }
    counter.finish()
}

/// The count of files on disk.
pub fn count_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<Count> {
    let mut counter = Counter::default();
    for path in paths {
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            counter.line(&line?);
        }
    }
    Ok(counter.finish())
}

impl Counter {
    /// Counts one line, with or without its end.
    pub fn line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.replace('\0', "");
        let mut rest = text.trim_start_matches('\u{feff}').trim();
        let mut broken = false;
        while !rest.is_empty() {
            let mut values = Deserializer::from_str(rest).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                rest = rest
                    .get(values.byte_offset()..)
                    .unwrap_or_default()
                    .trim_start();
                // Behind a break there are also the inner parts of the record that was cut.
                if !broken || value.get("uuid").is_some() {
                    self.record(&value);
                }
            } else {
                broken = true;
                let mut characters = rest.chars();
                characters.next();
                let tail = characters.as_str();
                let next = ["{\"parentUuid\"", "{\"type\""]
                    .iter()
                    .filter_map(|mark| tail.find(mark))
                    .min();
                rest = next.and_then(|place| tail.get(place..)).unwrap_or_default();
            }
        }
        self.count.damaged += u64::from(broken);
    }

    /// The count of everything so far.
    pub fn finish(mut self) -> Count {
        self.count.uuids = self.uuids.len() as u64;
        for (model, usage) in self.messages.into_values() {
            self.count.models.entry(model).or_default().add(&usage);
        }
        self.count
    }

    fn record(&mut self, record: &Value) {
        self.count.records += 1;
        let fresh = record["uuid"]
            .as_str()
            .is_none_or(|uuid| self.uuids.insert(uuid.to_owned()));
        let side = record["isSidechain"] == true || record["parent_tool_use_id"].is_string();
        match record["type"].as_str() {
            Some("assistant") => self.assistant(record, side, fresh),
            Some("user") => self.user(record, side, fresh),
            // A subagent's message, told to its parent's file.
            Some("progress") => self.usage(inner(record, &["data", "message", "message"])),
            _ => {}
        }
    }

    fn assistant(&mut self, record: &Value, side: bool, fresh: bool) {
        let message = &record["message"];
        self.usage(message);
        if record["isApiErrorMessage"] == true && fresh {
            self.count.api_errors += 1;
        }
        for block in message["content"].as_array().into_iter().flatten() {
            let (Some("tool_use"), Some(id), Some(name)) = (
                block["type"].as_str(),
                block["id"].as_str(),
                block["name"].as_str(),
            ) else {
                continue;
            };
            if !self.calls.insert(id.to_owned()) {
                continue;
            }
            let tools = if side {
                &mut self.count.side_tools
            } else {
                &mut self.count.tools
            };
            *tools.entry(name.to_owned()).or_default() += 1;
            if let (false, "Bash", Some(command)) =
                (side, name, inner(block, &["input", "command"]).as_str())
            {
                self.count.bash.push(command.to_owned());
            }
        }
    }

    fn usage(&mut self, message: &Value) {
        let (Some(id), Some(model)) = (message["id"].as_str(), message["model"].as_str()) else {
            return;
        };
        let usage = &message["usage"];
        if !usage.is_object() || model == "<synthetic>" {
            return;
        }
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let written = number(&usage["cache_creation_input_tokens"]);
        let split = &usage["cache_creation"];
        let usage = Usage {
            input: number(&usage["input_tokens"]),
            output: number(&usage["output_tokens"]),
            cache_read: number(&usage["cache_read_input_tokens"]),
            write_5m: if split.is_object() {
                number(&split["ephemeral_5m_input_tokens"])
            } else {
                written
            },
            write_1h: number(&split["ephemeral_1h_input_tokens"]),
            messages: 1,
        };
        let line = (model.to_owned(), usage);
        let best = self
            .messages
            .entry(id.to_owned())
            .or_insert_with(|| line.clone());
        if usage.output > best.1.output {
            *best = line;
        }
    }

    fn user(&mut self, record: &Value, side: bool, fresh: bool) {
        let content = inner(record, &["message", "content"]);
        let blocks = || content.as_array().into_iter().flatten();
        let mut results = blocks()
            .filter(|block| block["type"] == "tool_result")
            .peekable();
        let answers = results.peek().is_some();
        for result in results {
            let new = result["tool_use_id"]
                .as_str()
                .is_none_or(|id| self.results.insert(id.to_owned()));
            if new && !side && result["is_error"] == true {
                self.count.errors += 1;
            }
        }
        let injected = side || record["isMeta"] == true || record["isCompactSummary"] == true;
        if answers || injected || !fresh {
            return;
        }
        let first = content
            .as_str()
            .or_else(|| blocks().find_map(|block| block["text"].as_str()));
        if first.is_some_and(is_prompt) {
            self.count.prompts += 1;
        }
    }
}

/// What stands at the end of a path of keys; null when there is nothing.
fn inner<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| &value[*key])
}

/// Whether a person wrote it, and to the agent.
fn is_prompt(text: &str) -> bool {
    const OTHERS: &[&str] = &[
        "<command-",
        "<local-command-",
        "<bash-",
        "<task-notification>",
        "[Request interrupted by user",
        "Caveat: ",
    ];
    let text = text.trim();
    !text.is_empty() && !OTHERS.iter().any(|other| text.starts_with(other))
}
