//! The arguments of tools, as clients write them.

use super::returned::TodoRecord;
use crate::record::{Flag, List, Number, Text, loose};

loose! {
    /// Arguments of all known tools together.
    pub(super) struct Input<'de> {
        command: Text<'de> = "command",
        description: Text<'de> = "description",
        background: Flag = "run_in_background",
        path: Text<'de> = "file_path" | "notebook_path" | "path" | "filePath",
        old: Text<'de> = "old_string",
        new: Text<'de> = "new_string",
        all: Flag = "replace_all",
        edits: List<Edit<'de>> = "edits",
        content: Text<'de> = "content",
        offset: Number = "offset",
        limit: Number = "limit",
        pattern: Text<'de> = "pattern",
        glob: Text<'de> = "glob",
        query: Text<'de> = "query",
        url: Text<'de> = "url",
        prompt: Text<'de> = "prompt",
        agent: Text<'de> = "subagent_type",
        todos: List<TodoRecord<'de>> = "todos",
        subject: Text<'de> = "subject",
        task: Text<'de> = "taskId" | "task_id" | "bash_id" | "shell_id",
        status: Text<'de> = "status",
        questions: List<QuestionRecord<'de>> = "questions",
        plan: Text<'de> = "plan",
        skill: Text<'de> = "skill",
        arguments: Text<'de> = "args",
        cell: Text<'de> = "cell_id",
        source: Text<'de> = "new_source",
        mode: Text<'de> = "edit_mode",
    }
}

loose! {
    /// One replacement of several.
    pub(super) struct Edit<'de> {
        old: Text<'de> = "old_string",
        new: Text<'de> = "new_string",
        all: Flag = "replace_all",
    }
}

loose! {
    /// One question.
    pub(super) struct QuestionRecord<'de> {
        text: Text<'de> = "question",
        options: List<OptionRecord<'de>> = "options",
    }
}

loose! {
    /// One answer offered.
    pub(super) struct OptionRecord<'de> {
        label: Text<'de> = "label",
    }
}
