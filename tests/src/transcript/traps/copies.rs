//! Records written twice, and sessions that split.

use super::answer;
use crate::transcript::call::Call;
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::message::text;
use crate::transcript::scribe::{Place, Scribe};
use crate::transcript::turn::Manner;
use crate::transcript::words;

/// So many of the first records a fork repeats. Real ones repeat all; this keeps a long session's memory small.
pub(super) const KEPT: usize = 150;

fn copy(scribe: &mut Scribe, record: &Json) {
    scribe.expected.damage.copies += 1;
    let mut bytes = record.bytes();
    bytes.push(b'\n');
    scribe.put_bytes(bytes, 1);
}

/// A new file that begins with a copy of the history, ids kept and session id rewritten, and goes on by itself.
/// The old file lives on beside it.
pub(super) fn fork(scribe: &mut Scribe) {
    scribe.mark("trap/fork");
    let session = ids::uuid(&mut scribe.rng);
    let here = scribe.place.clone();
    let place = Place {
        path: format!("{session}.jsonl").into(),
        session: session.clone(),
        ..here
    };
    let here = scribe.enter(place);
    let session = Json::from(session);
    for mut record in scribe.kept.clone() {
        record.set("sessionId", &session);
        copy(scribe, &record);
    }
    let kept = std::mem::take(&mut scribe.kept);
    let keep = std::mem::replace(&mut scribe.keep, 0);
    scribe.turn(Manner::PLAIN);
    scribe.kept = kept;
    scribe.keep = keep;
    scribe.enter(here);
}

/// A resume that writes the last things again into the same file.
pub(super) fn repeated(scribe: &mut Scribe) {
    scribe.mark("trap/repeated");
    let records: Vec<Json> = scribe.kept.iter().rev().take(6).rev().cloned().collect();
    for record in records {
        copy(scribe, &record);
    }
}

/// A subagent's file that begins with the parent's own message: the id kept, request and uuid new.
pub(super) fn replay(scribe: &mut Scribe) {
    scribe.mark("trap/replay");
    let said = words::remark(&mut scribe.rng);
    let mut message = scribe.begin(333, "end_turn");
    scribe.line(&mut message, text(said.clone()), true);
    let agent = ids::hex(&mut scribe.rng, 7);
    let session = scribe.place.session.clone();
    let place = Place {
        path: format!("{session}/subagents/agent-{agent}.jsonl").into(),
        session,
        agent: Some(agent),
        parent: None,
        side: true,
    };
    let here = scribe.enter(place);
    let mut again = message.clone();
    again.request = Some(ids::request(&mut scribe.rng));
    scribe.expected.damage.copies += 1;
    let record = scribe.assistant(&again, text(said), message.usage, Some("end_turn"));
    scribe.put(&record);
    // The copy may be the only line with the final number: the id is the same, so it counts once.
    message.note(&message.model.clone(), message.usage);
    answer(scribe, "Continuing from the parent's context.");
    scribe.enter(here);
    scribe.end(message);
}

/// A result whose call stands in no file.
pub(super) fn orphan(scribe: &mut Scribe) {
    scribe.mark("trap/orphan");
    let call = Call::new(
        "Read",
        obj! {},
        "File not read: the call is in another file",
        obj! {"type": "text"},
    );
    let open = crate::transcript::call::Open {
        id: ids::tool_use(&mut scribe.rng),
        source: None,
        call,
    };
    scribe.result(open);
}

/// A call whose result is written to another session's file.
pub(super) fn result_elsewhere(scribe: &mut Scribe) {
    scribe.mark("trap/result-elsewhere");
    let mut message = scribe.begin(50, "tool_use");
    let call = crate::transcript::tools::bash(scribe);
    let open = scribe.call(&mut message, call, true);
    scribe.end(message);
    let session = ids::uuid(&mut scribe.rng);
    let place = Place {
        path: format!("{session}.jsonl").into(),
        session,
        ..scribe.place.clone()
    };
    let here = scribe.enter(place);
    scribe.result(open);
    scribe.enter(here);
}

/// Records of another session in the same file.
pub(super) fn other_session(scribe: &mut Scribe) {
    scribe.mark("trap/two-sessions");
    let other = ids::uuid(&mut scribe.rng);
    let session = std::mem::replace(&mut scribe.place.session, other);
    answer(scribe, "Restored the conversation.");
    scribe.place.session = session;
}

/// The clock goes back between two records.
pub(super) fn back_in_time(scribe: &mut Scribe) {
    scribe.mark("trap/back-in-time");
    scribe.clock.pass(-4_000);
    answer(scribe, "This line is older than the one before it.");
    scribe.clock.pass(4_000);
}
