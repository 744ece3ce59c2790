//! A tool's call and its result, as two records.

use super::expected::step;
use super::ids;
use super::json::{Json, obj};
use super::message::Message;
use super::scribe::Scribe;

/// What a tool is asked and what it answers.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) input: Json,
    /// The text or blocks that the model reads.
    pub(crate) content: Json,
    /// `toolUseResult`; old clients and subagents leave it out.
    pub(crate) detail: Option<Json>,
    /// `is_error`: absent, false or true.
    pub(crate) error: Option<bool>,
    /// Whether `is_error` is written as null.
    pub(crate) null_error: bool,
    /// A Bash call's serial and command.
    pub(crate) command: Option<(u32, String)>,
}

impl Call {
    /// A call that went well.
    pub(crate) fn new(
        name: impl Into<String>,
        input: Json,
        content: impl Into<Json>,
        detail: Json,
    ) -> Self {
        Self {
            name: name.into(),
            input,
            content: content.into(),
            detail: Some(detail),
            error: None,
            null_error: false,
            command: None,
        }
    }

    /// A call that failed; the client writes the message after `Error: ` too.
    pub(crate) fn failed(name: impl Into<String>, input: Json, message: String) -> Self {
        let detail = format!("Error: {message}");
        Self {
            error: Some(true),
            ..Self::new(name, input, message, detail.into())
        }
    }
}

/// A call that has been written and whose result has not.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) source: Option<String>,
    pub(crate) call: Call,
}

impl Scribe {
    /// Writes a call as a line of a message.
    pub(crate) fn call(&mut self, message: &mut Message, call: Call, last: bool) -> Open {
        let id = ids::tool_use(&mut self.rng);
        let block = obj! {
            "type": "tool_use", "id": id.clone(), "name": call.name.clone(), "input": call.input.clone(),
        };
        self.line(message, block, last);
        let command = call
            .command
            .as_ref()
            .map(|(serial, command)| (*serial, command.as_str()));
        self.note_call(&call.name, command);
        Open {
            id,
            source: self.last_uuid(),
            call,
        }
    }

    /// The record of a call's result.
    pub(crate) fn result_record(&mut self, open: Open) -> Json {
        let mut block =
            obj! {"tool_use_id": open.id, "type": "tool_result", "content": open.call.content};
        if let Some(error) = open.call.error {
            block = block.with("is_error", error);
        } else if open.call.null_error {
            block = block.with("is_error", None::<bool>);
        }
        let fields =
            obj! {"type": "user", "message": obj! {"role": "user", "content": vec![block]}};
        let mut tail = obj! {};
        if let Some(detail) = open.call.detail {
            tail = tail.with("toolUseResult", detail);
        }
        if let Some(source) = open.source {
            tail = tail.with("sourceToolAssistantUUID", source);
        }
        self.record(fields, tail)
    }

    /// Notes a result that has been written.
    pub(crate) fn note_result(&mut self, error: Option<bool>) {
        self.mark("user/tool_result");
        if error == Some(true) && !self.place.side {
            self.expected.errors += 1;
        }
    }

    /// Writes a call's result.
    pub(crate) fn result(&mut self, open: Open) {
        let error = open.call.error;
        let record = self.result_record(open);
        self.put(&record);
        self.note_result(error);
        self.pause(40, 900);
    }

    /// A Bash call. `command` has its serial appended as a comment.
    pub(crate) fn bash(
        &mut self,
        command: &str,
        description: &str,
        stdout: impl Into<String>,
    ) -> Call {
        let (serial, command) = self.numbered(command);
        let stdout = stdout.into();
        let detail = obj! {
            "stdout": stdout.clone(), "stderr": "", "interrupted": false, "isImage": false,
            "noOutputExpected": false,
        };
        Call {
            error: Some(false),
            command: Some((serial, command.clone())),
            ..Call::new(
                "Bash",
                obj! {"command": command, "description": description.to_owned()},
                stdout,
                detail,
            )
        }
    }

    /// A Bash call that ends with another code than 0.
    pub(crate) fn bash_failing(
        &mut self,
        command: &str,
        description: &str,
        code: i32,
        output: &str,
    ) -> Call {
        let (serial, command) = self.numbered(command);
        let input = obj! {"command": command.clone(), "description": description.to_owned()};
        Call {
            command: Some((serial, command)),
            ..Call::failed("Bash", input, format!("Exit code {code}\n{output}"))
        }
    }

    /// A command with the next serial.
    pub(crate) fn numbered(&mut self, command: &str) -> (u32, String) {
        let serial = self.next_serial();
        (serial, format!("{command} # {}", step(serial)))
    }
}
