//! Which files are meant.

use super::StatsError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Directories below a named one that are entered.
const DEPTH: usize = 12;
/// Files of one report; more than anybody has, and a bound all the same.
const FILES: usize = 1_000_000;

/// All transcripts in `paths`, oldest first: a copy of a session is younger than what it copies, so that each message is
/// counted where it was written first. No file twice.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, StatsError> {
    let mut found = BTreeSet::new();
    for path in paths {
        let unreadable = |source| StatsError::Unreadable {
            path: path.clone(),
            source,
        };
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if about.is_dir() {
            std::fs::read_dir(path).map_err(unreadable)?;
            search(path, DEPTH, &mut found);
        } else {
            found.insert((modified(&about), path.clone()));
        }
    }
    let mut once = BTreeSet::new();
    let files = found.into_iter().map(|(_, path)| path);
    Ok(files
        .filter(|path| once.insert(path.canonicalize().unwrap_or_else(|_| path.clone())))
        .collect())
}

fn modified(about: &std::fs::Metadata) -> SystemTime {
    about.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn search(folder: &Path, depth: usize, found: &mut BTreeSet<(SystemTime, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, found);
            }
        } else if path.extension().is_some_and(|end| end == "jsonl") && found.len() < FILES {
            // Links to files count, links to directories are not entered: they may lead in circles.
            if let Some(about) = std::fs::metadata(&path)
                .ok()
                .filter(std::fs::Metadata::is_file)
            {
                found.insert((modified(&about), path));
            }
        }
    }
}
