//! Tokens that are easily counted wrong.

use super::answer;
use crate::transcript::expected::Usage;
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::message::{body, text, thinking, tokens};
use crate::transcript::scribe::{Place, Scribe};
use crate::transcript::words;
use rand::Rng;

/// Clients whose habits differ.
const VERSIONS: &[&str] = &[
    "2.0.76", "2.1.7", "2.1.14", "2.1.29", "2.1.38", "2.1.42", "2.1.126", "2.1.231", "2.1.278",
];

/// Names of models as providers and gateways write them, one of them of nobody's price list.
const MODELS: &[&str] = &[
    "claude-opus-5",
    "claude-opus-4-5-20251101",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5-20251001",
    "claude-sonnet-5-5",
    "claude-opus-4-6[1m]",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-6-v1:0",
    "claude-sonnet-4-5@20250929",
    "gateway/claude-opus-5",
    "claude-3-5-haiku-20241022",
    "glm-4.7",
];

/// The client was updated between two turns.
pub(super) fn update(scribe: &mut Scribe) {
    scribe.mark("trap/several-versions");
    scribe.version = words::pick(&mut scribe.rng, VERSIONS);
    scribe.slug = if scribe.version.starts_with("2.0") {
        None
    } else {
        Some("humble-sailing-otter")
    };
    answer(scribe, "Back again.");
}

/// Another model from now on.
pub(super) fn switch_model(scribe: &mut Scribe) {
    scribe.mark("trap/several-models");
    scribe.model = words::pick(&mut scribe.rng, MODELS);
    answer(scribe, "Now with another model.");
}

/// One message of many lines, each with another placeholder.
pub(super) fn many_lines(scribe: &mut Scribe) {
    scribe.mark("trap/many-lines");
    let mut message = scribe.begin(2_345, "end_turn");
    for part in 0..12 {
        let said = words::remark(&mut scribe.rng);
        let block = if part % 3 == 0 {
            thinking(scribe, said)
        } else {
            text(said)
        };
        scribe.line(&mut message, block, part == 11);
    }
    scribe.end(message);
}

/// Another model takes over in the middle of a message: the line of the most output counts, as a whole.
pub(super) fn fallback(scribe: &mut Scribe) {
    scribe.mark("trap/fallback");
    let mut message = scribe.begin(640, "end_turn");
    let big = Usage {
        input: 9_000,
        output: 12,
        ..message.usage
    };
    let record = scribe.assistant(&message, text("I'll begin with"), big, None);
    message.note(&message.model.clone(), big);
    scribe.put(&record);
    "claude-haiku-4-5-20251001".clone_into(&mut message.model);
    let usage = message.usage;
    let record = scribe.assistant(
        &message,
        text("I'll begin with the outbox."),
        usage,
        Some("end_turn"),
    );
    message.note(&message.model.clone(), usage);
    scribe.put(&record);
    scribe.end(message);
}

/// The last line is not the one that counts.
pub(super) fn smaller_at_last(scribe: &mut Scribe) {
    scribe.mark("trap/smaller-at-last");
    let mut message = scribe.begin(800, "end_turn");
    for output in [1, 800, 4] {
        let usage = Usage {
            output,
            ..message.usage
        };
        let record = scribe.assistant(&message, text("Looking."), usage, None);
        message.note(&message.model.clone(), usage);
        scribe.put(&record);
    }
    scribe.end(message);
}

/// Gateways and old clients leave the request's id out.
pub(super) fn no_request(scribe: &mut Scribe) {
    scribe.mark("trap/no-request-id");
    let mut message = scribe.begin(210, "end_turn");
    message.request = None;
    scribe.line(&mut message, text("First, the tests."), false);
    scribe.line(&mut message, text("They pass."), true);
    scribe.end(message);
}

/// Writes one line with a usage object of its own.
fn with_usage(scribe: &mut Scribe, shape: &str, of: Usage, usage: &Json) {
    scribe.mark(shape);
    let mut message = scribe.begin(of.output, "end_turn");
    message.usage = of;
    let mut inner = body(&message, text("Tokens."), of, Some("end_turn"));
    inner.set("usage", usage);
    let request = message.request.clone();
    let record = scribe.record(
        obj! {"message": inner, "requestId": request, "type": "assistant"},
        obj! {},
    );
    message.note(&message.model.clone(), of);
    scribe.put(&record);
    scribe.end(message);
}

/// Cache writes without their split: they count as five-minute ones.
pub(super) fn no_split(scribe: &mut Scribe) {
    let of = Usage {
        input: 5,
        output: 60,
        cache_read: 7_000,
        write_5m: 1_500,
        write_1h: 0,
        messages: 1,
    };
    let usage = obj! {
        "input_tokens": 5, "cache_creation_input_tokens": 1_500, "cache_read_input_tokens": 7_000,
        "output_tokens": 60,
    };
    with_usage(scribe, "usage/no-split", of, &usage);
}

/// Both caches written at once.
pub(super) fn both_caches(scribe: &mut Scribe) {
    let of = Usage {
        input: 3,
        output: 70,
        cache_read: 9_000,
        write_5m: 400,
        write_1h: 2_100,
        messages: 1,
    };
    with_usage(scribe, "usage/both-caches", of, &tokens(of));
}

/// What newer clients add.
pub(super) fn extras(scribe: &mut Scribe) {
    let of = Usage {
        input: 47,
        output: 173,
        cache_read: 26_504,
        write_5m: 0,
        write_1h: 1_115,
        messages: 1,
    };
    let usage = tokens(of)
        .with(
            "server_tool_use",
            obj! {"web_search_requests": 2, "web_fetch_requests": 1},
        )
        .with("inference_geo", "")
        .with("iterations", Vec::new())
        .with("speed", "fast");
    with_usage(scribe, "usage/extras", of, &usage);
}

/// Fields without a value.
pub(super) fn nulls(scribe: &mut Scribe) {
    let of = Usage {
        input: 12,
        output: 30,
        messages: 1,
        ..Usage::default()
    };
    let usage = obj! {
        "input_tokens": 12, "output_tokens": 30, "cache_creation_input_tokens": None::<u64>,
        "cache_read_input_tokens": None::<u64>, "cache_creation": None::<u64>, "server_tool_use": None::<u64>,
    };
    with_usage(scribe, "usage/nulls", of, &usage);
}

/// An answer that the client made up itself: it costs nothing.
pub(super) fn synthetic(scribe: &mut Scribe) {
    scribe.mark("trap/synthetic");
    made_up(scribe, "No response requested.", obj! {});
}

/// An error of the API, told as an answer, after its retries.
pub(super) fn api_error(scribe: &mut Scribe) {
    for attempt in 1..=3 {
        let error = obj! {"status": 529, "requestID": ids::request(&mut scribe.rng)};
        let wait = 512.5 * f64::from(attempt) + scribe.rng.random_range(0.0..99.0);
        let body = obj! {
            "level": "error", "error": error, "retryInMs": wait, "retryAttempt": attempt, "maxRetries": 10,
        };
        scribe.system("api_error", body);
    }
    scribe.expected.api_errors += 1;
    scribe.mark("trap/api-error");
    let tail = obj! {"isApiErrorMessage": true, "error": "overloaded", "apiErrorStatus": 529};
    made_up(
        scribe,
        "API Error: 529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
        tail,
    );
}

fn made_up(scribe: &mut Scribe, said: &'static str, tail: Json) {
    let id = ids::uuid(&mut scribe.rng);
    let message = obj! {
        "id": id, "container": None::<String>, "model": "<synthetic>", "role": "assistant",
        "stop_reason": "stop_sequence", "stop_sequence": "", "type": "message",
        "usage": tokens(Usage::default()), "content": vec![text(said)],
    };
    let record = scribe.record(obj! {"message": message, "type": "assistant"}, tail);
    scribe.put(&record);
}

/// The context is put together anew: few tokens from here on, and the run of the compactor costs its own.
pub(super) fn compaction(scribe: &mut Scribe) {
    let before = scribe.context;
    let session = scribe.place.session.clone();
    let agent = format!("acompact-{}", ids::hex(&mut scribe.rng, 6));
    let place = Place {
        path: format!("{session}/subagents/agent-{agent}.jsonl").into(),
        session,
        agent: Some(agent),
        parent: None,
        side: true,
    };
    let here = scribe.enter(place);
    scribe.mark("trap/compactor");
    let summary = words::summary(&mut scribe.rng);
    let mut message = scribe.begin(1_900, "end_turn");
    scribe.line(&mut message, text(summary.clone()), true);
    scribe.end(message);
    scribe.enter(here);
    let logical = scribe.place.parent.take();
    scribe.system(
        "compact_boundary",
        obj! {
            "logicalParentUuid": logical, "content": "Conversation compacted", "isMeta": false, "level": "info",
            "compactMetadata": obj! {"trigger": "auto", "preTokens": before},
        },
    );
    let text = format!(
        "This session is being continued from a previous conversation that ran out of context. \
         The conversation is summarized below:\n{summary}"
    );
    let tail = obj! {"isVisibleInTranscriptOnly": true, "isCompactSummary": true};
    scribe.user("user/compact-summary", text, tail);
    scribe.context = 17_000;
}

/// A smaller one, which only drops old outputs.
pub(super) fn microcompaction(scribe: &mut Scribe) {
    let body = obj! {
        "content": "Context microcompacted", "isMeta": false, "level": "info",
        "microcompactMetadata": obj! {
            "trigger": "auto", "preTokens": scribe.context, "tokensSaved": 21_000, "compactedToolIds": Vec::new(),
            "clearedAttachmentUUIDs": Vec::new(),
        },
    };
    scribe.system("microcompact_boundary", body);
    scribe.context = scribe.context.saturating_sub(21_000);
}
