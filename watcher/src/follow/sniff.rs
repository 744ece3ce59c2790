//! What a transcript's first records say about it: its working directories and its session.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use memchr::memmem;
use serde::Deserialize;

use super::fingerprint::read_at;

/// Bytes of a head that are read to find out.
const BYTES: usize = 256 << 10;

/// Does a session belong to a workspace?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    Yes,
    No,
    /// No record with a `cwd` was written yet.
    NotYet,
}

#[derive(Deserialize, Default)]
struct Record<'a> {
    #[serde(borrow)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "sessionId", alias = "session_id")]
    session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

/// The first record of a transcript that has a uuid.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum First {
    /// There is none yet; whether what is there is of a client's making.
    None { typed: bool },
    /// Its uuid, and when it was made, where it says so.
    Record {
        uuid: String,
        at: Option<SystemTime>,
    },
}

/// Reads the head of a transcript.
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; BYTES];
    let read = read_at(file, &mut head, 0)?;
    head.truncate(read);
    Ok(head)
}

/// Does one of the records in `head` name a `cwd` in `workspace`? A session may begin elsewhere and move.
pub(super) fn belongs(head: &[u8], workspace: &Path) -> Belongs {
    let mut answer = Belongs::NotYet;
    for record in records(head) {
        match record.cwd {
            Some(cwd) if Path::new(&*cwd).starts_with(workspace) => return Belongs::Yes,
            Some(_) => answer = Belongs::No,
            None => {}
        }
    }
    // A megabyte of records without any `cwd` will not turn into a session of ours.
    if answer == Belongs::NotYet && head.len() >= BYTES {
        Belongs::No
    } else {
        answer
    }
}

/// The session that the records name.
pub(super) fn session(head: &[u8]) -> Option<String> {
    records(head)
        .find_map(|record| record.session)
        .map(Cow::into_owned)
}

/// The first record in `head` that has a uuid. Settings and snapshots have none.
pub(super) fn first(head: &[u8]) -> First {
    let mut typed = false;
    for record in records(head) {
        if let Some(uuid) = record.uuid {
            let at = record.timestamp.as_deref();
            let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
            return First::Record {
                uuid: uuid.into_owned(),
                at: at.map(SystemTime::from),
            };
        }
        typed |= record.kind.is_some();
    }
    First::None { typed }
}

/// The uuid of one whole line.
pub(super) fn uuid(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        uuid: Option<Cow<'a, str>>,
    }
    let record: Named<'_> = serde_json::from_slice(line).ok()?;
    record.uuid.map(Cow::into_owned)
}

fn records(head: &[u8]) -> impl Iterator<Item = Record<'_>> {
    head.split(|byte| *byte == b'\n').map(|line| {
        serde_json::from_slice(line).unwrap_or_else(|_| Record {
            // Not whole: cut by our bound, or still being written. The fields stand before the long content.
            cwd: text(line, b"\"cwd\":"),
            session: text(line, b"\"sessionId\":"),
            uuid: text(line, b"\"uuid\":"),
            timestamp: text(line, b"\"timestamp\":"),
            kind: text(line, b"\"type\":"),
        })
    })
}

/// The string behind a key. Inside of strings a key's quotes are escaped, so they do not match.
fn text<'a>(line: &'a [u8], key: &[u8]) -> Option<Cow<'a, str>> {
    let value = line.get(memmem::find(line, key)? + key.len()..)?;
    serde_json::Deserializer::from_slice(value)
        .into_iter::<Cow<str>>()
        .next()?
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cwd_of_the_head_may_lie_in_the_workspace() {
        let workspace = Path::new("/work");
        let cases: [(&str, Belongs); 8] = [
            ("", Belongs::NotYet),
            ("{\"type\":\"file-history-snapshot\"}\n", Belongs::NotYet),
            ("{\"cwd\":\"/work\"}\n", Belongs::Yes),
            ("{\"a\":1}\n{\"cwd\":\"/work/a b\"}\n", Belongs::Yes),
            ("{\"cwd\":\"/workers\"}\n", Belongs::No),
            ("{\"cwd\":\"/home\"}\n{\"cwd\":\"/work/x\"}\n", Belongs::Yes),
            (
                "{\"cwd\":\"/work\",\"message\":{\"content\":\"cut",
                Belongs::Yes,
            ),
            ("{\"text\":\"\\\"cwd\\\":\\\"/work\\\" quo", Belongs::NotYet),
        ];
        for (head, expected) in cases {
            assert_eq!(belongs(head.as_bytes(), workspace), expected, "{head}");
        }
    }

    #[test]
    fn the_session_is_named_by_either_dialect() {
        assert_eq!(
            session(b"{}\n{\"sessionId\":\"s1\"}\n").as_deref(),
            Some("s1")
        );
        assert_eq!(session(b"{\"session_id\":\"s2\"}").as_deref(), Some("s2"));
        assert_eq!(session(b"\xff\xfe"), None);
    }
}
