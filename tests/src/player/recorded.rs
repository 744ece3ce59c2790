//! A transcript that exists, record by record.

use super::PlayerError;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A file that is played. Its bytes are written as they are, whatever they are.
pub(super) struct Recorded {
    path: PathBuf,
    from: BufReader<File>,
    line: Vec<u8>,
    /// Where it is written, relative to the project's folder.
    pub(super) name: String,
}

impl Recorded {
    pub(super) fn open(path: &Path) -> Result<Self, PlayerError> {
        let failed = |source| PlayerError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let name = name(path, BufReader::new(&file)).map_err(failed)?;
        let from = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
        Ok(Self {
            path: path.to_owned(),
            from,
            line: Vec::new(),
            name,
        })
    }

    /// The next line with its end, if it has one; empty at the end of the file.
    pub(super) fn next(&mut self) -> Result<&[u8], PlayerError> {
        self.line.clear();
        let read = self.from.read_until(b'\n', &mut self.line);
        read.map_err(|source| PlayerError::Read {
            path: self.path.clone(),
            source,
        })?;
        Ok(&self.line)
    }
}

/// The place that the records themselves name, looked for in the first of them; else the file's own name.
fn name(path: &Path, mut from: impl BufRead) -> std::io::Result<String> {
    const LOOK_AT: usize = 64;
    let mut line = Vec::new();
    for _ in 0..LOOK_AT {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Ok(record) = serde_json::from_slice::<serde_json::Value>(&line) else {
            continue;
        };
        let text = |key: &str| record.get(key).and_then(serde_json::Value::as_str);
        // Only what can be a file's name: the records may come from anywhere.
        let safe = |text: &&str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|one| one.is_ascii_alphanumeric() || one == '-')
        };
        let Some(session) = text("sessionId").filter(safe) else {
            continue;
        };
        let side = record
            .get("isSidechain")
            .and_then(serde_json::Value::as_bool)
            == Some(true);
        return Ok(match text("agentId").filter(safe).filter(|_| side) {
            Some(agent) => format!("{session}/subagents/agent-{agent}.jsonl"),
            None => format!("{session}.jsonl"),
        });
    }
    let stem = path
        .file_stem()
        .map_or_else(|| "session".into(), |stem| stem.to_string_lossy());
    Ok(format!("{stem}.jsonl"))
}
