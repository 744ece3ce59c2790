//! One file, line by line, reading in full only the lines that count.

use super::book::Book;
use super::{add, session_of};
use crate::record::{self, Losses};
use memchr::{memchr, memmem};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// Longest line that is read; the rest of a longer one is skipped.
const LINE: usize = 64 * 1024 * 1024;

/// Finds the lines that say something: all others (results of tools, snapshots, progress) are most of a file's bytes.
struct Sieve {
    usage: memmem::Finder<'static>,
    call: memmem::Finder<'static>,
    failed: memmem::Finder<'static>,
    result: memmem::Finder<'static>,
}

impl Sieve {
    fn new() -> Self {
        Self {
            usage: memmem::Finder::new(b"\"usage\""),
            call: memmem::Finder::new(b"\"tool_use\""),
            failed: memmem::Finder::new(b"\"is_error\":true"),
            result: memmem::Finder::new(b"\"total_cost_usd\""),
        }
    }

    fn keeps(&self, line: &[u8]) -> bool {
        [&self.usage, &self.call, &self.failed, &self.result]
            .iter()
            .any(|finder| finder.find(line).is_some())
    }
}

/// Reads one transcript into `book`.
pub(super) fn file(path: &Path, book: &mut Book) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut session = session_of(path);
    let sieve = Sieve::new();
    let mut losses = Losses::default();
    let mut buffer = vec![0; CHUNK];
    // Where the bytes of an unfinished line end.
    let mut filled = 0;
    let mut skipping = false;
    loop {
        if filled == buffer.len() {
            if filled >= LINE {
                skipping = true;
                filled = 0;
                losses.cut += 1;
            } else {
                buffer.resize((filled * 2).min(LINE), 0);
            }
        }
        let read = match file.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = filled + read;
        let mut start = 0;
        let mut from = filled;
        while let Some(at) = buffer.get(from..end).and_then(|bytes| memchr(b'\n', bytes)) {
            let line = buffer.get(start..from + at).unwrap_or_default();
            if !std::mem::take(&mut skipping) {
                take(line, &mut session, &sieve, &mut losses, book);
            }
            start = from + at + 1;
            from = start;
        }
        buffer.copy_within(start..end, 0);
        filled = end - start;
        if buffer.len() > CHUNK && filled < CHUNK / 2 {
            buffer.truncate(CHUNK);
            buffer.shrink_to(CHUNK);
        }
    }
    if !skipping {
        take(
            buffer.get(..filled).unwrap_or_default(),
            &mut session,
            &sieve,
            &mut losses,
            book,
        );
    }
    add(&mut book.losses, losses);
    Ok(())
}

fn take(line: &[u8], session: &mut String, sieve: &Sieve, losses: &mut Losses, book: &mut Book) {
    book.lines += 1;
    if sieve.keeps(line) {
        record::read(line, losses, |entry, _| {
            if let Some(id) = entry.session.some().filter(|id| *id != session.as_str()) {
                id.clone_into(session);
            }
            book.entry(session, entry);
        });
    } else if let Some(time) = near(line, b"\"timestamp\":\"") {
        match near(line, b"\"sessionId\":\"") {
            Some(id) => book.moment(id, time),
            None => book.moment(session, time),
        }
    }
}

/// The string after `key` without parsing the line: it stands near its end or its beginning, and a string inside a
/// string has its quotes escaped.
fn near<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a str> {
    const NEAR: usize = 512;
    let tail = line.get(line.len().saturating_sub(NEAR)..)?;
    let head = line.get(..NEAR.min(line.len()))?;
    let (part, at) = memmem::find(head, key)
        .map(|at| (head, at))
        .or_else(|| memmem::rfind(tail, key).map(|at| (tail, at)))?;
    let value = part.get(at + key.len()..)?;
    let value = value.get(..memchr(b'"', value)?)?;
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= 64)
}
