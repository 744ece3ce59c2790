//! What clients note beside a tool's result, as they write it.

use super::Todo;
use crate::record::{Flag, List, Number, Text, loose};
use serde_json::value::RawValue;

loose! {
    /// Results of all known tools together; `originalFile`, the whole file before a change, is skipped unread.
    pub(super) struct Returned<'de> {
        stdout: Text<'de> = "stdout",
        stderr: Text<'de> = "stderr",
        interrupted: Flag = "interrupted",
        is_image: Flag = "isImage",
        meaning: Text<'de> = "returnCodeInterpretation",
        background: Text<'de> = "backgroundTaskId",
        persisted: Text<'de> = "persistedOutputPath",
        hunks: List<HunkRecord<'de>> = "structuredPatch",
        kind: Text<'de> = "type",
        by_user: Flag = "userModified",
        file: FileRecord = "file",
        files: List<Text<'de>> = "filenames",
        count: Number = "numFiles",
        content: Option<&'de RawValue> = "content",
        truncated: Flag = "truncated",
        duration: Number = "durationMs",
        seconds: Number = "durationSeconds",
        total_duration: Number = "totalDurationMs",
        tokens: Number = "totalTokens",
        tools: Number = "totalToolUseCount",
        agent: Text<'de> = "agentId",
        status: Text<'de> = "status",
        todos: List<TodoRecord<'de>> = "newTodos",
        task: TaskRecord<'de> = "task",
        task_id: Text<'de> = "taskId",
        change: StatusChange<'de> = "statusChange",
        results: List<SearchRecord<'de>> = "results",
        code: Number = "code",
        bytes: Number = "bytes",
        result: Text<'de> = "result",
        answers: Replies = "answers",
    }
}

loose! {
    /// A hunk as the client writes it.
    pub(super) struct HunkRecord<'de> {
        old_start: Number = "oldStart",
        old_lines: Number = "oldLines",
        new_start: Number = "newStart",
        new_lines: Number = "newLines",
        lines: List<Text<'de>> = "lines",
    }
}

loose! {
    /// A file that was read; its content stands in the result's text already.
    pub(super) struct FileRecord {
        lines: Number = "numLines",
        start: Number = "startLine",
        total: Number = "totalLines",
    }
}

loose! {
    /// A thing to do.
    pub(super) struct TodoRecord<'de> {
        text: Text<'de> = "content" | "subject",
        status: Text<'de> = "status",
    }
}

loose! {
    /// A thing to do, by number.
    pub(super) struct TaskRecord<'de> {
        id: Text<'de> = "id",
        subject: Text<'de> = "subject",
        status: Text<'de> = "status",
    }
}

loose! {
    /// Status before and after.
    pub(super) struct StatusChange<'de> {
        from: Text<'de> = "from",
        to: Text<'de> = "to",
    }
}

loose! {
    /// One group of search results, or a remark, which is a string.
    pub(super) struct SearchRecord<'de> {
        links: List<LinkRecord<'de>> = "content",
    }
}

loose! {
    /// One search result.
    pub(super) struct LinkRecord<'de> {
        title: Text<'de> = "title",
        url: Text<'de> = "url",
    }
}

/// Answers by question.
#[derive(Debug, Clone, Default)]
pub(super) struct Replies(pub(super) Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Replies {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(from)?;
        let map: std::collections::BTreeMap<String, Text<'_>> =
            serde_json::from_str(raw.get()).unwrap_or_default();
        Ok(Self(
            map.into_iter()
                .map(|(question, answer)| (question, answer.owned()))
                .take(16)
                .collect(),
        ))
    }
}

impl TodoRecord<'_> {
    /// An owned copy.
    pub(super) fn owned(&self) -> Todo {
        Todo {
            text: self.text.owned(),
            status: self.status.owned(),
        }
    }
}
