//! Agents that an agent starts: files of their own, or none, and their messages a second time as progress.

use crate::transcript::call::{Call, Open};
use crate::transcript::expected::Usage;
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::message::{Message, body, text, tokens};
use crate::transcript::scribe::{Place, Scribe};
use crate::transcript::{tools, words};
use rand::Rng;
use rand::seq::SliceRandom;

/// Where a subagent's records go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// `<sessionId>/subagents/agent-<id>.jsonl`
    Below,
    /// `agent-<id>.jsonl` beside the session, as old clients had it.
    Beside,
    /// In the session's own file, as older ones had it.
    Inline,
    /// Nowhere: only the progress records have them.
    Nowhere,
}

/// A subagent whose records stand below the session.
pub(super) fn below(scribe: &mut Scribe) {
    run(scribe, "Task", Home::Below);
}

/// The newer name of the tool.
pub(super) fn newer(scribe: &mut Scribe) {
    run(scribe, "Agent", Home::Below);
}

/// An old client's.
pub(super) fn beside(scribe: &mut Scribe) {
    run(scribe, "Task", Home::Beside);
}

/// In the same file.
pub(super) fn inline(scribe: &mut Scribe) {
    run(scribe, "Task", Home::Inline);
}

/// Only seen through progress records.
pub(super) fn nowhere(scribe: &mut Scribe) {
    run(scribe, "Task", Home::Nowhere);
}

/// One that runs in the background: the call returns at once.
pub(super) fn in_background(scribe: &mut Scribe) {
    scribe.mark("subagent/async");
    let agent = ids::hex(&mut scribe.rng, 7);
    let detail = obj! {
        "isAsync": true, "status": "async_launched", "agentId": agent.clone(), "description": "Check the docs",
        "prompt": "Check the docs", "outputFile": format!("/tmp/claude/tasks/{agent}.output"),
    };
    let input = obj! {"description": "Check the docs", "prompt": "Check the docs", "subagent_type": "general-purpose", "run_in_background": true};
    let shown = vec![text(format!(
        "Async agent launched successfully.\nagentId: {agent}"
    ))];
    super::one_call(scribe, Call::new("Agent", input, shown, detail));
    let home = below_place(scribe, &agent);
    let here = scribe.enter(home);
    scribe.answer();
    scribe.enter(here);
}

fn below_place(scribe: &Scribe, agent: &str) -> Place {
    let session = scribe.place.session.clone();
    Place {
        path: format!("{session}/subagents/agent-{agent}.jsonl").into(),
        session,
        agent: Some(agent.to_owned()),
        parent: None,
        side: true,
    }
}

fn run(scribe: &mut Scribe, tool: &'static str, home: Home) {
    let agent = ids::hex(&mut scribe.rng, 7);
    let prompt = format!(
        "Find every place that concerns {}.",
        words::thing(&mut scribe.rng)
    );
    let report = words::summary(&mut scribe.rng);
    let input = obj! {"description": "Explore the code", "prompt": prompt.clone(), "subagent_type": "Explore"};
    let usage = Usage {
        input: 3,
        output: 410,
        cache_read: 12_000,
        write_5m: 800,
        write_1h: 0,
        messages: 1,
    };
    let detail = obj! {
        "status": "completed", "prompt": prompt.clone(), "agentId": agent.clone(), "content": vec![text(report.clone())],
        "totalDurationMs": 31_000, "totalTokens": 13_213, "totalToolUseCount": 2, "usage": tokens(usage),
    };
    let mut message = scribe.begin(190, "tool_use");
    let open = scribe.call(
        &mut message,
        Call::new(tool, input, vec![text(report)], detail),
        true,
    );
    scribe.end(message);
    let context = std::mem::replace(&mut scribe.context, 6_000);
    if home == Home::Nowhere {
        scribe.mark("subagent/nowhere");
        unseen(scribe, &open, &agent);
    } else {
        seen(scribe, &open, &agent, &prompt, home);
    }
    scribe.context = context;
    scribe.result(open);
}

/// A subagent with records: after each of its lines the parent's file repeats it as progress.
fn seen(scribe: &mut Scribe, open: &Open, agent: &str, prompt: &str, home: Home) {
    let mut place = below_place(scribe, agent);
    match home {
        Home::Beside => {
            scribe.mark("subagent/beside");
            place.path = format!("agent-{agent}.jsonl").into();
        }
        Home::Inline => {
            scribe.mark("subagent/inline");
            place.path = scribe.place.path.clone();
        }
        Home::Below | Home::Nowhere => {
            scribe.mark("subagent/below");
            let folder = format!("{}/subagents", scribe.place.session);
            let meta = "{\"agentType\":\"Explore\",\"description\":\"Explore the code\"}\n";
            scribe.put_aside(format!("{folder}/agent-{agent}.meta.json"), meta.to_owned());
        }
    }
    let mut here = scribe.enter(place);
    scribe.user("user/side-prompt", prompt.to_owned(), obj! {});
    let steps = scribe.rng.random_range(1..=4);
    for _ in 0..steps {
        let mut message = scribe.begin(140, "tool_use");
        let call = tools::usual(scribe);
        let inner = scribe.call(&mut message, call, true);
        let call = &inner.call;
        let block = obj! {
            "type": "tool_use", "id": inner.id.clone(), "name": call.name.clone(), "input": call.input.clone(),
        };
        let side = scribe.enter(here);
        report(scribe, &message, block, message.usage, open, agent);
        here = scribe.enter(side);
        // The repeat has the final number even where the subagent's own line has a placeholder.
        message.note(&message.model.clone(), message.usage);
        scribe.end(message);
        scribe.result(inner);
    }
    scribe.answer();
    let side = scribe.enter(here);
    if home == Home::Inline {
        scribe.place.parent = side.parent;
    }
}

/// A subagent without records of its own: its tokens stand in the progress records alone.
fn unseen(scribe: &mut Scribe, open: &Open, agent: &str) {
    for _ in 0..scribe.rng.random_range(1..=4) {
        let mut message = scribe.begin(220, "end_turn");
        "claude-haiku-4-5-20251001".clone_into(&mut message.model);
        let said = words::remark(&mut scribe.rng);
        report(scribe, &message, text(said), message.usage, open, agent);
        message.note(&message.model.clone(), message.usage);
        scribe.end(message);
    }
}

fn report(
    scribe: &mut Scribe,
    message: &Message,
    block: Json,
    usage: Usage,
    open: &Open,
    agent: &str,
) {
    let (uuid, time) = (ids::uuid(&mut scribe.rng), scribe.clock.text());
    let inner = obj! {
        "type": "assistant", "timestamp": time, "message": body(message, block, usage, None),
        "requestId": message.request.clone(), "uuid": uuid,
    };
    let data = obj! {
        "message": inner, "normalizedMessages": Vec::new(), "type": "agent_progress", "prompt": "",
        "agentId": agent.to_owned(),
    };
    scribe.progress(data, &open.id);
}

/// Many calls in one message; one fails and its siblings with it, and results come back in any order.
pub(super) fn siblings(scribe: &mut Scribe) {
    scribe.mark("trap/siblings");
    let count = scribe.rng.random_range(5..=12);
    let mut message = scribe.begin(900, "tool_use");
    let mut open = Vec::new();
    for place in 1..=count {
        let call = match place {
            2 => scribe.bash_failing(
                "cargo build --frozen",
                "Build",
                101,
                "error: no matching package found",
            ),
            _ => tools::read(scribe),
        };
        let call = if place > 3 {
            let failed = "<tool_use_error>Sibling tool call errored</tool_use_error>";
            Call {
                content: failed.into(),
                detail: Some("Error: Sibling tool call errored".into()),
                error: Some(true),
                ..call
            }
        } else {
            call
        };
        open.push(scribe.call(&mut message, call, place == count));
    }
    scribe.end(message);
    open.shuffle(&mut scribe.rng);
    for one in open {
        scribe.result(one);
    }
}

/// Results of several calls in one record.
pub(super) fn results_together(scribe: &mut Scribe) {
    scribe.mark("trap/results-together");
    let mut message = scribe.begin(120, "tool_use");
    let first = tools::glob(scribe);
    let second = tools::grep(scribe);
    let first = scribe.call(&mut message, first, false);
    let second = scribe.call(&mut message, second, true);
    scribe.end(message);
    let results: Vec<_> = [first, second]
        .into_iter()
        .map(|open| obj! {"type": "tool_result", "tool_use_id": open.id, "content": open.call.content})
        .collect();
    scribe.user("user/tool_result", results, obj! {});
}

/// A call that is never answered: the agent was killed.
pub(super) fn unanswered(scribe: &mut Scribe) {
    scribe.mark("trap/unanswered");
    let mut message = scribe.begin(33, "tool_use");
    let call = tools::bash(scribe);
    scribe.call(&mut message, call, true);
    scribe.end(message);
}
