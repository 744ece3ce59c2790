//! The other dialect: what `claude -p --output-format stream-json --verbose` prints. Names in snake case, a first line
//! that introduces the session and a last one that has its result and cost.

use super::expected::Usage;
use super::ids;
use super::json::{Json, obj};
use super::message::tokens;
use super::scribe::{Dialect, Place, Scribe};
use super::turn::Manner;
use super::words;
use rand::Rng;

/// Begins a session.
pub(crate) fn begin(scribe: &mut Scribe) {
    scribe.dialect = Dialect::Stream;
    let strings = |all: &[&'static str]| -> Json {
        all.iter()
            .map(|&one| one.into())
            .collect::<Vec<Json>>()
            .into()
    };
    let body = obj! {
        "cwd": scribe.cwd.clone(), "tools": strings(&["Task", "Bash", "Glob", "Grep", "Read", "Edit", "Write"]),
        "mcp_servers": Vec::new(), "model": scribe.model, "permissionMode": "bypassPermissions",
        "slash_commands": strings(&["compact", "review"]), "apiKeySource": "none",
        "claude_code_version": scribe.version, "output_style": "default",
        "agents": strings(&["general-purpose", "Explore"]), "skills": Vec::new(), "plugins": Vec::new(),
    };
    scribe.system("init", body);
}

/// A message with its calls, and now and then what only this dialect has.
pub(crate) fn step(scribe: &mut Scribe) {
    match scribe.rng.random_range(0..8) {
        0 => events(scribe),
        1 => {
            let info =
                obj! {"status": "allowed", "resetsAt": 1_793_620_000, "rateLimitType": "five_hour"};
            put(scribe, "rate_limit_event", obj! {"rate_limit_info": info});
        }
        2 => scribe.system("status", obj! {"status": "compacting"}),
        3 => {
            let body = obj! {"hook_id": ids::uuid(&mut scribe.rng), "hook_name": "PreToolUse:Bash", "hook_event": "PreToolUse"};
            scribe.system("hook_started", body.clone());
            scribe.system(
                "hook_response",
                body.with("output", "")
                    .with("exit_code", 0)
                    .with("outcome", "success"),
            );
        }
        4 => subagent(scribe),
        5 if scribe.chance(200) => {
            let metadata = obj! {"trigger": "auto", "pre_tokens": scribe.context};
            scribe.system("compact_boundary", obj! {"compact_metadata": metadata});
            scribe.context = 16_000;
        }
        _ => {}
    }
    scribe.work(Manner {
        shuffled: 300,
        progress: 0,
    });
}

fn put(scribe: &mut Scribe, kind: &'static str, body: Json) {
    let mut fields = obj! {"type": kind}.fields();
    fields.extend(body.fields());
    let record = scribe.record(Json::Map(fields), obj! {});
    scribe.mark(kind);
    scribe.put(&record);
}

/// A message as it streams in; the whole one follows as a line of its own.
fn events(scribe: &mut Scribe) {
    let said = words::remark(&mut scribe.rng);
    let all = [
        obj! {"type": "content_block_start", "index": 0, "content_block": obj! {"type": "text", "text": ""}},
        obj! {"type": "content_block_delta", "index": 0, "delta": obj! {"type": "text_delta", "text": said}},
        obj! {"type": "content_block_stop", "index": 0},
        obj! {"type": "message_delta", "delta": obj! {"stop_reason": "tool_use"}, "usage": obj! {"output_tokens": 58}},
    ];
    for event in all {
        put(scribe, "stream_event", obj! {"event": event});
    }
}

/// A subagent's lines name the call that started it.
fn subagent(scribe: &mut Scribe) {
    let call = ids::tool_use(&mut scribe.rng);
    let place = Place {
        agent: Some(call),
        side: true,
        ..scribe.place.clone()
    };
    let here = scribe.enter(place);
    scribe.mark("subagent/stream");
    scribe.work(Manner {
        shuffled: 0,
        progress: 0,
    });
    scribe.enter(here);
}

/// Ends a session with its result.
pub(crate) fn end(scribe: &mut Scribe) {
    scribe.answer();
    let total = scribe.expected.total();
    let models: Vec<_> = scribe
        .expected
        .models
        .iter()
        .map(|(name, usage)| (name.clone().into(), of_model(usage)))
        .collect();
    let cost = scribe.expected.models.values().map(dollars).sum::<f64>();
    let turns = total.messages;
    let body = obj! {
        "subtype": "success", "is_error": false, "duration_ms": 187_432, "duration_api_ms": 151_020,
        "num_turns": turns, "result": words::summary(&mut scribe.rng), "total_cost_usd": cost,
        "usage": tokens(total), "modelUsage": Json::Map(models), "permission_denials": Vec::new(),
    };
    scribe.mark("result/success");
    put(scribe, "result", body);
}

fn of_model(usage: &Usage) -> Json {
    obj! {
        "inputTokens": usage.input, "outputTokens": usage.output, "cacheReadInputTokens": usage.cache_read,
        "cacheCreationInputTokens": usage.write_5m + usage.write_1h, "webSearchRequests": 0,
        "costUSD": dollars(usage), "contextWindow": 200_000,
    }
}

/// What it costs at five dollars a million prompt tokens; in whole micro-dollars, like the client's own numbers.
fn dollars(usage: &Usage) -> f64 {
    let micro = usage.input * 5
        + usage.output * 25
        + usage.cache_read / 2
        + usage.write_5m * 25 / 4
        + usage.write_1h * 10;
    f64::from(u32::try_from(micro).unwrap_or(u32::MAX)) / 1e6
}
