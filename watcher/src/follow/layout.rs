//! What a path says: is it a transcript, whose session, whose subagent.

use std::ffi::OsStr;
use std::path::Path;

/// Whose transcript a file is, as far as its path tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whose {
    pub(super) session: String,
    pub(super) subagent: Option<String>,
    /// An older client's `agent-<id>.jsonl` beside its session: only its records name that session.
    pub(super) session_unknown: bool,
}

/// Is this the name of a transcript? The prompt history and a workflow's journal end alike and are none.
pub(super) fn is_transcript(name: &OsStr) -> bool {
    Path::new(name).extension() == Some(OsStr::new("jsonl"))
        && name != OsStr::new("history.jsonl")
        && name != OsStr::new("journal.jsonl")
}

/// Reads a transcript's path; any name will do, for a single file is followed whatever it is called.
pub(super) fn whose(path: &Path) -> Whose {
    let stem = text(path.file_stem());
    let folder = path.parent();
    let above = |path: Option<&Path>| text(path.and_then(Path::file_name));
    let subagent = stem.strip_prefix("agent-").map(str::to_owned);
    // The session's directory stands one or more levels above `subagents`' content.
    let mut level = folder;
    for _ in 0..3 {
        if level.and_then(Path::file_name) == Some(OsStr::new("subagents")) {
            let session = above(level.and_then(Path::parent));
            return Whose {
                session,
                subagent: Some(subagent.unwrap_or(stem)),
                session_unknown: false,
            };
        }
        level = level.and_then(Path::parent);
    }
    let session_unknown = subagent.is_some();
    Whose {
        session: stem,
        subagent,
        session_unknown,
    }
}

fn text(name: Option<&OsStr>) -> String {
    name.map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_session_and_subagent() {
        let session = whose(Path::new("/p/-work/0a1b.jsonl"));
        assert_eq!((session.session.as_str(), session.subagent), ("0a1b", None));
        let sub = whose(Path::new("/p/-work/0a1b/subagents/agent-77.jsonl"));
        assert_eq!(
            (sub.session.as_str(), sub.subagent.as_deref()),
            ("0a1b", Some("77"))
        );
        let deep = whose(Path::new(
            "/p/-work/0a1b/subagents/workflows/w1/agent-78.jsonl",
        ));
        assert_eq!(
            (deep.session.as_str(), deep.subagent.as_deref()),
            ("0a1b", Some("78"))
        );
        let beside = whose(Path::new("/p/-work/agent-79.jsonl"));
        assert_eq!(
            (beside.subagent.as_deref(), beside.session_unknown),
            (Some("79"), true)
        );
    }

    #[test]
    fn other_files_are_no_transcripts() {
        for name in ["a.jsonl", "agent-1.jsonl", ".jsonl.jsonl"] {
            assert!(is_transcript(OsStr::new(name)), "{name}");
        }
        for name in [
            "out.txt",
            "history.jsonl",
            "journal.jsonl",
            "agent-1.meta.json",
            "jsonl",
            ".jsonl",
        ] {
            assert!(!is_transcript(OsStr::new(name)), "{name}");
        }
    }
}
