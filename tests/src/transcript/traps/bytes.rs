//! Damage to the bytes: what kills, second writers and copies leave behind.

use crate::transcript::json::{Json, obj};
use crate::transcript::message::text;
use crate::transcript::scribe::Scribe;
use crate::transcript::words;
use rand::Rng;

/// A harmless record to do something to.
fn remark(scribe: &mut Scribe) -> Json {
    let said = words::remark(&mut scribe.rng);
    let fields = obj! {
        "type": "user", "message": obj! {"role": "user", "content": vec![text(said)]}, "isMeta": true,
    };
    scribe.record(fields, obj! {})
}

/// A record that carries tokens, for a cut to destroy: nothing of it counts.
fn victim(scribe: &mut Scribe) -> Vec<u8> {
    if scribe.chance(500) {
        return remark(scribe).bytes();
    }
    let message = scribe.begin(900, "end_turn");
    let said = words::summary(&mut scribe.rng);
    let usage = message.usage;
    scribe.assistant(&message, text(said), usage, None).bytes()
}

fn put(scribe: &mut Scribe, bytes: Vec<u8>, whole: u64, cut: u64) {
    scribe.expected.uuids += whole;
    scribe.expected.damage.cut += cut;
    scribe.put_bytes(bytes, whole + cut);
}

/// Two whole records with no newline between them; one of them is often no part of the conversation.
pub(super) fn glued(scribe: &mut Scribe) {
    scribe.mark("trap/glued");
    scribe.expected.damage.glued += 1;
    let uuid = scribe.last_uuid();
    let mut bytes =
        obj! {"type": "summary", "summary": "Repair the outbox", "leafUuid": uuid}.bytes();
    scribe.mark("summary");
    bytes.extend(remark(scribe).bytes());
    bytes.push(b'\n');
    scribe.expected.uuids += 1;
    scribe.put_bytes(bytes, 2);
}

/// A whole record, and one with tokens right behind it.
pub(super) fn glued_answers(scribe: &mut Scribe) {
    scribe.mark("trap/glued");
    scribe.expected.damage.glued += 1;
    let mut bytes = remark(scribe).bytes();
    let mut message = scribe.begin(77, "end_turn");
    let usage = message.usage;
    let said = words::remark(&mut scribe.rng);
    bytes.extend(
        scribe
            .assistant(&message, text(said), usage, Some("end_turn"))
            .bytes(),
    );
    message.note(&message.model.clone(), usage);
    scribe.end(message);
    bytes.push(b'\n');
    put(scribe, bytes, 2, 0);
}

/// A record cut anywhere and the next one glued to it.
pub(super) fn cut_and_glued(scribe: &mut Scribe) {
    scribe.mark("trap/cut-and-glued");
    let mut bytes = victim(scribe);
    bytes.truncate(scribe.rng.random_range(1..bytes.len()));
    bytes.extend(remark(scribe).bytes());
    bytes.push(b'\n');
    put(scribe, bytes, 1, 1);
}

/// A record cut anywhere, and a newline.
pub(super) fn cut(scribe: &mut Scribe) {
    scribe.mark("trap/cut");
    let mut bytes = victim(scribe);
    bytes.truncate(scribe.rng.random_range(1..bytes.len()));
    bytes.push(b'\n');
    put(scribe, bytes, 0, 1);
}

/// NUL bytes before a record, as a file system leaves them after a crash.
pub(super) fn nuls(scribe: &mut Scribe) {
    scribe.mark("trap/nul");
    scribe.expected.damage.nul_runs += 1;
    let mut bytes = vec![0; scribe.rng.random_range(1..5_000)];
    bytes.extend(remark(scribe).bytes());
    bytes.push(b'\n');
    put(scribe, bytes, 1, 0);
}

/// A line of NUL bytes alone.
pub(super) fn nul_line(scribe: &mut Scribe) {
    scribe.mark("trap/nul-line");
    scribe.expected.damage.nul_runs += 1;
    let mut bytes = vec![0; scribe.rng.random_range(1..5_000)];
    bytes.push(b'\n');
    put(scribe, bytes, 0, 0);
}

/// Lines that end as on Windows.
pub(super) fn crlf(scribe: &mut Scribe) {
    scribe.mark("trap/crlf");
    for _ in 0..3 {
        scribe.expected.damage.crlf += 1;
        let mut bytes = remark(scribe).bytes();
        bytes.extend(b"\r\n");
        put(scribe, bytes, 1, 0);
    }
}

/// Lines with nothing, or nothing but spaces.
pub(super) fn empty(scribe: &mut Scribe) {
    scribe.mark("trap/empty");
    for line in ["\n", "\n", "   \n", "\r\n"] {
        scribe.expected.damage.empty += 1;
        put(scribe, line.as_bytes().to_vec(), 0, 0);
    }
}

/// Bytes that are no UTF-8 inside a string.
pub(super) fn invalid_utf8(scribe: &mut Scribe) {
    const MARK: &str = "(bytes)";
    scribe.mark("trap/invalid-utf8");
    scribe.expected.damage.invalid_utf8 += 1;
    let said = format!("caf{MARK} au lait: {}", words::remark(&mut scribe.rng));
    let fields = obj! {
        "type": "user", "message": obj! {"role": "user", "content": vec![text(said)]}, "isMeta": true,
    };
    let line = scribe.record(fields, obj! {}).bytes();
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.as_slice();
    while let Some(place) = rest
        .windows(MARK.len())
        .position(|window| window == MARK.as_bytes())
    {
        let (before, after) = rest.split_at(place);
        bytes.extend(before);
        bytes.extend([0xe9, 0xff, 0xc3]);
        rest = after.get(MARK.len()..).unwrap_or_default();
    }
    bytes.extend(rest);
    bytes.push(b'\n');
    put(scribe, bytes, 1, 0);
}

/// A byte order mark before the first record of the file.
pub(super) fn byte_order_mark(scribe: &mut Scribe) {
    scribe.mark("trap/bom");
    scribe.expected.damage.bom += 1;
    put(scribe, b"\xef\xbb\xbf".to_vec(), 0, 0);
}

/// A last record whose newline was never written.
pub(super) fn no_newline(scribe: &mut Scribe) {
    scribe.mark("trap/no-newline");
    let bytes = remark(scribe).bytes();
    put(scribe, bytes, 1, 0);
}

/// A message that became an object with numbers for keys, after a streaming fallback.
pub(super) fn numeric_keys(scribe: &mut Scribe) {
    scribe.mark("trap/numeric-keys");
    let fields =
        obj! {"message": obj! {"0": "m", "1": "s", "2": "g", "3": "_"}, "type": "assistant"};
    let record = scribe.record(fields, obj! {});
    scribe.put(&record);
}

/// JSON that is no record, and records whose fields are of other kinds than they should be.
pub(super) fn strange(scribe: &mut Scribe) {
    const LINES: &[&str] = &[
        "null",
        "[]",
        "42",
        "\"text\"",
        "{}",
        "[{\"type\":\"user\"}]",
        "{\"type\":null}",
        "{\"type\":{\"a\":1}}",
        "{\"type\":\"assistant\"}",
        "{\"type\":\"assistant\",\"message\":null}",
        "{\"type\":\"assistant\",\"message\":{\"id\":7,\"content\":\"x\",\"usage\":[]}}",
        "{\"type\":\"assistant\",\"message\":{\"content\":[null,1,\"x\",{\"type\":9},{}]}}",
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":[],\"content\":{}}]}}",
        "{\"type\":\"progress\",\"data\":17}",
        "{\"type\":\"system\",\"subtype\":[]}",
    ];
    scribe.mark("trap/strange");
    for line in LINES {
        put(scribe, format!("{line}\n").into_bytes(), 0, 0);
        scribe.expected.records += 1;
    }
}
