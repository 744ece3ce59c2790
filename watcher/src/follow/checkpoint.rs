//! What a checkpoint says. Its form on disk is versioned; a version this code does not know is treated as damage.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::fingerprint::Fingerprint;

/// The file's outermost object: `{"version": "1", ...}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "version")]
pub(super) enum Stored {
    #[serde(rename = "1")]
    V1(Checkpoint),
}

/// How far every file was acknowledged, and what the caller wants back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// When the watcher first started here, in seconds since 1970: what was old then stays old.
    pub(super) first_start: u64,
    /// The least recently active first.
    pub(super) files: Vec<Entry>,
    /// The caller's, unread.
    pub(super) memo: Value,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub(super) path: PathBuf,
    pub(super) session: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subagent: Option<String>,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) head: Fingerprint,
    /// Where reading began: 0 but for an old session that grew.
    #[serde(default)]
    pub(super) from: u64,
    pub(super) acknowledged: u64,
    /// Of the bytes before `acknowledged`.
    pub(super) tail: Fingerprint,
}

/// Paths are bytes; JSON strings are not. One that is no UTF-8 is written as an array of its bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathText {
    Text(String),
    Bytes(Vec<u8>),
}

fn write_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => PathText::Bytes(path.as_os_str().as_bytes().to_vec()).serialize(serializer),
    }
}

fn read_path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    Ok(match PathText::deserialize(from)? {
        PathText::Text(text) => PathBuf::from(text),
        PathText::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_as_written_even_with_paths_that_are_no_text() {
        for path in [&b"/p/-work/a.jsonl"[..], b"/p/\xff\xfe.jsonl"] {
            let entry = Entry {
                path: PathBuf::from(OsString::from_vec(path.to_vec())),
                session: "a".into(),
                subagent: None,
                device: u64::MAX,
                inode: 7,
                head: Fingerprint::of(b"head"),
                from: 0,
                acknowledged: 12,
                tail: Fingerprint::of(b"tail"),
            };
            let stored = Stored::V1(Checkpoint {
                first_start: 5,
                files: vec![entry.clone()],
                memo: serde_json::json!({"uuids": ["a"]}),
            });
            let text = serde_json::to_vec(&stored).unwrap();
            let Stored::V1(back) = serde_json::from_slice(&text).unwrap();
            assert_eq!(back.files, [entry]);
            assert_eq!(back.memo["uuids"][0], "a");
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let text = r#"{"version":"2","first_start":0,"files":[],"memo":null}"#;
        assert!(serde_json::from_str::<Stored>(text).is_err());
    }
}
