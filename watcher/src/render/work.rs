//! How the agent organises its work: subagents, lists, questions, plans, skills.

use super::card::{Card, Part, Room};
use super::style;
use super::summary::{duration, number};
use crate::events::{Answer, Call, Detail, Question, Todo};
use std::fmt::Write as _;

const TASK: Room = Room {
    chars: 800,
    lines: 15,
    part: Part::Head,
};
const REPORT: Room = Room {
    chars: 1800,
    lines: 40,
    part: Part::Head,
};

/// Organisation.
pub(super) fn render(
    card: &mut Card<'_>,
    name: &str,
    call: &Call,
    answer: Option<&Answer>,
    late: bool,
) {
    match call {
        Call::Agent {
            kind,
            description,
            prompt,
            background,
        } => {
            card.title(
                style::tool(name),
                &format!("Subagent {kind}: {description}"),
            );
            if *background {
                card.detail("in the background");
            }
            if !late {
                card.prose(prompt, TASK, "task.md");
            }
            report(card, answer);
        }
        Call::Todos(asked) => {
            card.title(style::tool(name), "To do");
            let now = match answer.map(|answer| &answer.detail) {
                Some(Detail::Todos(now)) if !now.is_empty() => now,
                _ => asked,
            };
            todos(card, now);
        }
        Call::Task {
            id,
            subject,
            status,
            description,
        } => task(card, name, [id, subject, status, description], answer),
        Call::Ask(questions) => ask(card, name, questions, answer),
        Call::Plan(plan) => {
            card.title(
                style::tool(name),
                if name == "EnterPlanMode" {
                    "Planning"
                } else {
                    "Plan"
                },
            );
            card.prose(plan, REPORT, "plan.md");
        }
        Call::Skill {
            name: skill,
            arguments,
        } => {
            card.title(style::tool(name), &format!("{name} {skill}"));
            card.say(arguments);
        }
        Call::Job { id } => {
            card.title(style::tool(name), &format!("{name} {id}"));
            if let Some(answer) = answer.filter(|answer| !answer.failed) {
                super::tool::shown(card, answer);
            }
        }
        _ => {}
    }
}

fn report(card: &mut Card<'_>, answer: Option<&Answer>) {
    let Some(answer) = answer.filter(|answer| !answer.failed) else {
        return;
    };
    let Detail::Agent {
        id,
        status,
        duration_ms,
        tokens,
        tools,
        text,
    } = &answer.detail
    else {
        card.prose(&answer.text, REPORT, "report.md");
        return;
    };
    if status == "async_launched" {
        card.detail("started in the background");
    } else {
        if !text.trim().is_empty() {
            card.say("**Report**");
        }
        card.prose(text, REPORT, "report.md");
        if *duration_ms > 0 && answer.duration_ms.is_none() {
            card.detail(&duration(*duration_ms));
        }
        if *tools > 0 {
            card.detail(&format!("{tools} tool calls"));
        }
        if *tokens > 0 {
            card.detail(&format!("{} tokens", number(*tokens)));
        }
    }
    card.detail(id);
}

fn mark(status: &str) -> &'static str {
    match status {
        "completed" => "✅",
        "in_progress" => "▶️",
        "deleted" | "cancelled" => "🗑️",
        _ => "⬜",
    }
}

fn todos(card: &mut Card<'_>, list: &[Todo]) {
    let done = list
        .iter()
        .filter(|todo| todo.status == "completed")
        .count();
    let lines: Vec<_> = list
        .iter()
        .map(|todo| format!("{} {}", mark(&todo.status), todo.text))
        .collect();
    card.prose(&lines.join("\n"), REPORT, "todo.txt");
    card.detail(&format!("{done} of {} done", list.len()));
}

fn task(card: &mut Card<'_>, name: &str, asked: [&String; 4], answer: Option<&Answer>) {
    let [id, subject, status, description] = asked;
    let Some(Detail::Task {
        id: noted,
        subject: named,
        from,
        to,
    }) = answer.map(|answer| &answer.detail)
    else {
        card.title(style::tool(name), &format!("{name} {id} {subject}"));
        card.say(&format!("{} {status}", mark(status)));
        return;
    };
    let id = if noted.is_empty() { id } else { noted };
    let subject = if named.is_empty() { subject } else { named };
    match name {
        "TaskCreate" => {
            card.title(style::tool(name), &format!("To do #{id}: {subject}"));
            card.prose(description, TASK, "task.md");
        }
        "TaskList" => {
            card.title(style::tool(name), "To do");
            if let Some(answer) = answer {
                super::tool::shown(card, answer);
            }
        }
        _ => {
            let to = if to.is_empty() { status } else { to };
            card.title(style::tool(name), &format!("To do #{id} {subject}"));
            let from = if from.is_empty() {
                String::new()
            } else {
                format!("{from} → ")
            };
            card.say(&format!("{} {from}{to}", mark(to)));
        }
    }
}

fn ask(card: &mut Card<'_>, name: &str, questions: &[Question], answer: Option<&Answer>) {
    card.title(style::tool(name), "The agent asks");
    let replies = match answer.map(|answer| &answer.detail) {
        Some(Detail::Replies(replies)) => replies.as_slice(),
        _ => &[],
    };
    for question in questions.iter().take(8) {
        let mut text = format!("**{}**", question.text.trim());
        if let Some((_, reply)) = replies.iter().find(|(asked, _)| *asked == question.text) {
            let _ = write!(text, "\n→ {reply}");
        } else {
            for option in question.options.iter().take(8) {
                let _ = write!(text, "\n• {option}");
            }
        }
        card.prose(&text, TASK, "question.md");
    }
}
