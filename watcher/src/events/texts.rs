//! The text of a call: what a pattern is looked for in. The same that is shown, not the files that were read.

use super::{Answer, Call, Detail, Outcome, ToolEvent};

impl ToolEvent {
    /// All texts of the call and of its result.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let mut texts = self.call.texts();
        if let Outcome::Answered { answer, .. } = &self.outcome {
            texts.extend(answer.texts());
        }
        texts.into_iter().filter(|text| !text.is_empty())
    }
}

impl Call {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Missing => vec![],
            Self::Bash {
                command,
                description,
                ..
            } => vec![command, description],
            Self::Edit { path, changes } => {
                let mut texts: Vec<&str> = vec![path];
                for change in changes {
                    texts.extend([change.old.as_str(), change.new.as_str()]);
                }
                texts
            }
            Self::Write { path, content } => vec![path, content],
            Self::Notebook { path, source, .. } => vec![path, source],
            Self::Read { path, .. } => vec![path],
            Self::Search {
                pattern,
                path,
                glob,
            } => vec![pattern, path, glob],
            Self::WebSearch { query } => vec![query],
            Self::WebFetch { url, prompt } => vec![url, prompt],
            Self::Agent {
                description,
                prompt,
                ..
            } => vec![description, prompt],
            Self::Todos(todos) => todos.iter().map(|todo| todo.text.as_str()).collect(),
            Self::Task {
                subject,
                description,
                ..
            } => vec![subject, description],
            Self::Ask(questions) => questions
                .iter()
                .map(|question| question.text.as_str())
                .collect(),
            Self::Plan(text) | Self::Other(text) => vec![text],
            Self::Skill { name, arguments } => vec![name, arguments],
            Self::Job { id } => vec![id],
        }
    }
}

impl Answer {
    fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = vec![&self.text];
        match &self.detail {
            Detail::Bash { stdout, stderr, .. } => texts.extend([stdout.as_str(), stderr]),
            Detail::Found { content, .. } => texts.push(content),
            Detail::Fetched { text, .. } | Detail::Agent { text, .. } => texts.push(text),
            Detail::Task { subject, .. } => texts.push(subject),
            Detail::Searched { links } => {
                texts.extend(links.iter().map(|(title, _)| title.as_str()));
            }
            Detail::Replies(replies) => {
                texts.extend(replies.iter().map(|(_, reply)| reply.as_str()));
            }
            Detail::None | Detail::Patch { .. } | Detail::Read { .. } | Detail::Todos(_) => {}
        }
        texts
    }
}
