//! From the bytes of a line to its records: usually one; two when a newline was lost; fewer when one was cut.

use super::Entry;
use super::surrogate::mended;
use memchr::memmem;
use std::borrow::Cow;

/// What lines lost or needed mending, counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records whose JSON broke off: their content is lost.
    pub cut: u64,
    /// Records that stood behind another on one line: nothing is lost.
    pub glued: u64,
    /// NUL bytes removed.
    pub nul: u64,
    /// Lines that were not UTF-8 and were read with replacement characters.
    pub not_utf8: u64,
    /// Lines in which no record could be found.
    pub garbage: u64,
    /// Records of a type this version does not know: passed silently.
    pub unknown: u64,
}

/// How a record begins in the files seen so far; where reading goes on after a record that broke off.
const BEGINNINGS: [&[u8]; 8] = [
    b"{\"parentUuid\"",
    b"{\"type\"",
    b"{\"uuid\"",
    b"{\"sessionId\"",
    b"{\"session_id\"",
    b"{\"logicalParentUuid\"",
    b"{\"messageId\"",
    b"{\"isSidechain\"",
];

/// Times a line is searched for another beginning. Each try may read to the line's end, so nested beginnings without
/// an end would otherwise cost quadratic time.
const ATTEMPTS: u32 = 32;

/// Hands every record of `line` (without its newline) to `take`, with its own text.
pub fn read(line: &[u8], losses: &mut Losses, mut take: impl FnMut(&Entry<'_>, &str)) {
    // Nearly every line is one record. Whatever else may be wrong with a line keeps it from being read as that.
    if let Ok(text) = std::str::from_utf8(line)
        && text.starts_with('{')
        && let Ok(entry) = serde_json::from_str(text)
    {
        take(&entry, text.trim_ascii_end());
        return;
    }
    read_slowly(line, losses, &mut take);
}

fn read_slowly(line: &[u8], losses: &mut Losses, take: &mut impl FnMut(&Entry<'_>, &str)) {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let text = if memchr::memchr(0, line).is_some() {
        let kept: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0).collect();
        losses.nul += (line.len() - kept.len()) as u64;
        match String::from_utf8(kept) {
            Ok(text) => Cow::Owned(text),
            Err(error) => {
                losses.not_utf8 += 1;
                Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned())
            }
        }
    } else {
        let text = String::from_utf8_lossy(line);
        losses.not_utf8 += u64::from(matches!(text, Cow::Owned(_)));
        text
    };
    records(text.trim(), 0, losses, take);
}

/// The records of a line's rest, of which `before` records were read already.
fn records(
    mut rest: &str,
    mut before: u64,
    losses: &mut Losses,
    take: &mut impl FnMut(&Entry<'_>, &str),
) {
    let mut attempts = ATTEMPTS;
    // Whether the text so far belongs to a record that broke off: counted once, whatever is found inside it.
    let mut broken = false;
    while !rest.is_empty() {
        let parsed = rest.starts_with('{').then(|| {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Entry<'_>>();
            let entry = stream.next()?.ok()?;
            Some((entry, stream.byte_offset()))
        });
        if let Some(Some((entry, end))) = parsed {
            // The parts of a broken record look like records of an unknown type.
            if !broken || is_record(&entry) {
                take(&entry, rest.get(..end).unwrap_or(rest));
                losses.glued += u64::from(before > 0);
                before += 1;
                broken = false;
            }
            rest = rest.get(end..).unwrap_or_default().trim_start();
            continue;
        }
        if !broken {
            // Looked for only where something is wrong; at most once, for what was mended has none.
            if let Cow::Owned(whole) = mended(rest) {
                return records(&whole, before, losses, take);
            }
            match parsed {
                Some(_) => losses.cut += 1,
                None => losses.garbage += 1,
            }
        }
        broken = true;
        attempts -= 1;
        rest = if attempts == 0 {
            ""
        } else {
            next_beginning(rest)
        };
    }
}

/// Whether an object found inside a broken record is a record of its own and not a part of it.
fn is_record(entry: &Entry<'_>) -> bool {
    const WITHOUT_UUID: [&str; 6] = [
        "summary",
        "file-history-snapshot",
        "queue-operation",
        "pr-link",
        "result",
        "progress",
    ];
    let kind = entry.kind.as_str();
    !kind.is_empty() && (entry.uuid.some().is_some() || WITHOUT_UUID.contains(&kind))
}

/// The text from the next place on where a record seems to begin, behind the first byte.
fn next_beginning(text: &str) -> &str {
    let Some(tail) = text.as_bytes().get(1..) else {
        return "";
    };
    // A needle that starts with `{"` cannot stand inside a JSON string, where the quote would be escaped.
    memmem::find_iter(tail, b"{\"")
        .find(|at| {
            let here = tail.get(*at..).unwrap_or_default();
            BEGINNINGS.iter().any(|start| here.starts_with(start))
        })
        .and_then(|at| text.get(at + 1..))
        .unwrap_or_default()
}
