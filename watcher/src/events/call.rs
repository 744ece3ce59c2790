//! What a tool was asked to do.

use super::input::{Input, QuestionRecord};
use super::outline::outline;
use super::returned::TodoRecord;
use crate::record::lenient;
use serde_json::value::RawValue;
use std::mem::take;

/// The arguments of a call, by what they mean.
#[derive(Debug, Clone, Default)]
pub enum Call {
    /// The call is not known: its result came alone.
    #[default]
    Missing,
    /// A shell command.
    Bash {
        /// The command.
        command: String,
        /// What it is for.
        description: String,
        /// Whether it runs in the background.
        background: bool,
    },
    /// Replacements in a file.
    Edit {
        /// The file.
        path: String,
        /// In order.
        changes: Vec<Change>,
    },
    /// A whole file.
    Write {
        /// The file.
        path: String,
        /// Its new content.
        content: String,
    },
    /// A cell of a notebook.
    Notebook {
        /// The notebook.
        path: String,
        /// The cell.
        cell: String,
        /// `replace`, `insert`, `delete`.
        mode: String,
        /// The new source.
        source: String,
    },
    /// A file is read.
    Read {
        /// The file.
        path: String,
        /// First line, when not from the head.
        offset: Option<u64>,
        /// Most lines.
        limit: Option<u64>,
    },
    /// Files are searched, by name or content.
    Search {
        /// Pattern.
        pattern: String,
        /// Where.
        path: String,
        /// Which files.
        glob: String,
    },
    /// The web is searched.
    WebSearch {
        /// For this.
        query: String,
    },
    /// A page is fetched.
    WebFetch {
        /// Its address.
        url: String,
        /// What is asked of it.
        prompt: String,
    },
    /// A subagent is started.
    Agent {
        /// Which kind.
        kind: String,
        /// In a few words.
        description: String,
        /// The whole task.
        prompt: String,
        /// Whether it runs in the background.
        background: bool,
    },
    /// The whole list of things to do.
    Todos(Vec<super::Todo>),
    /// One thing to do is added or changes.
    Task {
        /// Its number.
        id: String,
        /// What.
        subject: String,
        /// New status.
        status: String,
        /// In more words.
        description: String,
    },
    /// The person is asked.
    Ask(Vec<Question>),
    /// A plan is shown for approval.
    Plan(String),
    /// A skill is loaded.
    Skill {
        /// Which.
        name: String,
        /// With what.
        arguments: String,
    },
    /// A background command or task is asked for its output or stopped.
    Job {
        /// Which.
        id: String,
    },
    /// Any other tool: its arguments as lines.
    Other(String),
}

/// One replacement.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Before.
    pub old: String,
    /// After.
    pub new: String,
    /// Everywhere in the file.
    pub all: bool,
}

/// One question to the person.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// In full.
    pub text: String,
    /// The answers offered.
    pub options: Vec<String>,
}

impl Call {
    /// Reads the arguments of `tool`.
    pub fn of(tool: &str, raw: Option<&RawValue>) -> Self {
        if raw.is_none() || !KNOWN.contains(&tool) {
            return Self::other(raw);
        }
        let mut input: Input<'_> = lenient(raw);
        let path = input.path.owned();
        match tool {
            "Bash" | "PowerShell" => Self::Bash {
                command: take(&mut input.command).into_owned(),
                description: input.description.owned(),
                background: input.background.is_true(),
            },
            "Edit" | "MultiEdit" => Self::Edit {
                path,
                changes: changes(&mut input),
            },
            "Write" => Self::Write {
                path,
                content: take(&mut input.content).into_owned(),
            },
            "NotebookEdit" => Self::Notebook {
                path,
                cell: input.cell.owned(),
                mode: input.mode.owned(),
                source: take(&mut input.source).into_owned(),
            },
            "Read" | "NotebookRead" | "LS" => Self::Read {
                path,
                offset: input.offset.0.map(|_| input.offset.count()),
                limit: input.limit.0.map(|_| input.limit.count()),
            },
            "Grep" | "Glob" => Self::Search {
                pattern: input.pattern.owned(),
                path,
                glob: input.glob.owned(),
            },
            "WebSearch" | "ToolSearch" => Self::WebSearch {
                query: input.query.owned(),
            },
            "WebFetch" => Self::WebFetch {
                url: input.url.owned(),
                prompt: input.prompt.owned(),
            },
            "Task" | "Agent" => Self::Agent {
                kind: input.agent.owned(),
                description: input.description.owned(),
                prompt: input.prompt.owned(),
                background: input.background.is_true(),
            },
            "TodoWrite" => Self::Todos(input.todos.0.iter().map(TodoRecord::owned).collect()),
            "TaskCreate" | "TaskUpdate" | "TaskGet" | "TaskList" => Self::Task {
                id: input.task.owned(),
                subject: input.subject.owned(),
                status: input.status.owned(),
                description: input.description.owned(),
            },
            "AskUserQuestion" => Self::Ask(input.questions.0.iter().map(question).collect()),
            "ExitPlanMode" | "EnterPlanMode" => Self::Plan(input.plan.owned()),
            "Skill" | "SlashCommand" => Self::Skill {
                name: input
                    .skill
                    .some()
                    .or(input.command.some())
                    .unwrap_or_default()
                    .to_owned(),
                arguments: input.arguments.owned(),
            },
            "BashOutput" | "KillShell" | "TaskOutput" | "TaskStop" => Self::Job {
                id: input.task.owned(),
            },
            _ => Self::other(raw),
        }
    }

    fn other(raw: Option<&RawValue>) -> Self {
        Self::Other(raw.map(outline).unwrap_or_default())
    }

    /// Bytes it holds, roughly.
    pub fn size(&self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Bash {
                command,
                description,
                ..
            } => command.len() + description.len(),
            Self::Edit { path, changes } => {
                path.len()
                    + changes
                        .iter()
                        .map(|one| one.old.len() + one.new.len() + 48)
                        .sum::<usize>()
            }
            Self::Write { path, content } => path.len() + content.len(),
            Self::Notebook { path, source, .. } => path.len() + source.len(),
            Self::Agent {
                prompt,
                description,
                ..
            } => prompt.len() + description.len(),
            Self::WebFetch { url, prompt } => url.len() + prompt.len(),
            Self::Todos(todos) => todos.iter().map(|todo| todo.text.len() + 64).sum(),
            Self::Ask(questions) => questions.iter().map(|one| one.text.len() + 256).sum(),
            Self::Plan(text) | Self::Other(text) => text.len(),
            Self::Task {
                subject,
                description,
                ..
            } => subject.len() + description.len(),
            Self::Read { .. }
            | Self::Search { .. }
            | Self::WebSearch { .. }
            | Self::Skill { .. }
            | Self::Job { .. } => 256,
        }
    }
}

/// Tools whose arguments are known; those of others are shown as they are.
const KNOWN: [&str; 30] = [
    "Bash",
    "PowerShell",
    "Edit",
    "MultiEdit",
    "Write",
    "NotebookEdit",
    "Read",
    "NotebookRead",
    "LS",
    "Grep",
    "Glob",
    "WebSearch",
    "ToolSearch",
    "WebFetch",
    "Task",
    "Agent",
    "TodoWrite",
    "TaskCreate",
    "TaskUpdate",
    "TaskGet",
    "TaskList",
    "AskUserQuestion",
    "ExitPlanMode",
    "EnterPlanMode",
    "Skill",
    "SlashCommand",
    "BashOutput",
    "KillShell",
    "TaskOutput",
    "TaskStop",
];

fn changes(input: &mut Input<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = input
        .edits
        .0
        .iter()
        .map(|edit| Change {
            old: edit.old.owned(),
            new: edit.new.owned(),
            all: edit.all.is_true(),
        })
        .collect();
    if input.old.0.is_some() || input.new.0.is_some() {
        changes.push(Change {
            old: take(&mut input.old).into_owned(),
            new: take(&mut input.new).into_owned(),
            all: input.all.is_true(),
        });
    }
    changes
}

fn question(record: &QuestionRecord<'_>) -> Question {
    Question {
        text: record.text.owned(),
        options: record
            .options
            .0
            .iter()
            .map(|option| option.label.owned())
            .collect(),
    }
}
