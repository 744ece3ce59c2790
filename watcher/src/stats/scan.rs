//! One file, line by line, reading in full only the lines that count.

use super::book::Book;
use super::{add, origin};
use crate::record::{self, Losses};
use memchr::{memchr, memmem};
use std::fs::File;
use std::io;
use std::path::Path;

/// Longest line that is read; a longer one counts as lost.
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
    let file = File::open(path)?;
    let (mut session, _) = origin(path);
    let sieve = Sieve::new();
    let mut losses = Losses::default();
    let too_long = record::each_line(file, LINE, |line| {
        take(line, &mut session, &sieve, &mut losses, book);
    })?;
    losses.cut += too_long;
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
        // Records of no session (snapshots) say nothing of one.
        if let Some(id) = near(line, b"\"sessionId\":\"") {
            book.moment(id, time);
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
