//! Walks the directories in which transcripts can stand, to a fixed depth, and says what lies there.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::layout::is_transcript;

/// What a directory is, and so what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What the user named: a `projects` directory, one project, or the configuration directory around `projects`.
    Top,
    /// `projects`: one directory per project.
    Projects,
    /// Sessions, and one directory for each that has more than its transcript.
    Project,
    /// One session's directory, of which only `subagents` is of interest.
    Session,
    /// `subagents`, and how many levels below it may still hold transcripts.
    Subagents(u8),
}

/// Takes what a walk meets.
pub(super) trait Visitor {
    /// Before it is listed, so that a watch on it misses nothing that comes after the listing.
    fn directory(&mut self, path: &Path, level: Level);
    /// A regular file with a transcript's name.
    fn file(&mut self, path: &Path, metadata: &Metadata);
    /// What cannot be read. Things that are not there are no trouble.
    fn trouble(&mut self, path: &Path, error: &io::Error);
}

/// Walks `dir` and what may lie in it. Says how many entries it looked at. Links are followed: the depth bounds loops.
pub(super) fn walk(dir: &Path, level: Level, visitor: &mut impl Visitor) -> usize {
    visitor.directory(dir, level);
    if level == Level::Session {
        let subagents = dir.join("subagents");
        return 1 + match fs::metadata(&subagents) {
            Ok(metadata) if metadata.is_dir() => walk(&subagents, Level::Subagents(2), visitor),
            Ok(_) => 0,
            Err(error) => report(&subagents, &error, visitor),
        };
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return report(dir, &error, visitor),
    };
    let mut seen = 1;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return seen + report(dir, &error, visitor),
        };
        seen += 1;
        let name = entry.file_name();
        let (is_dir, is_file) = match entry.file_type() {
            Ok(kind) if kind.is_dir() => (true, false),
            Ok(kind) if kind.is_file() || kind.is_symlink() => (kind.is_symlink(), true),
            _ => continue,
        };
        if is_file && is_transcript(&name) {
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => visitor.file(&path, &metadata),
                Ok(_) => {}
                Err(error) => seen += report(&path, &error, visitor),
            }
        } else if is_dir && let Some(inner) = below(level, &name) {
            let path = entry.path();
            if !is_file || path.is_dir() {
                seen += walk(&path, inner, visitor);
            }
        }
    }
    seen
}

/// What a directory called `name` is inside of one of `level`, if it matters at all.
pub(super) fn below(level: Level, name: &OsStr) -> Option<Level> {
    match level {
        Level::Top if name == "projects" => Some(Level::Projects),
        Level::Project | Level::Session if name == "subagents" => Some(Level::Subagents(2)),
        _ if name == "tool-results" || name == "memory" => None,
        Level::Top | Level::Projects => Some(Level::Project),
        Level::Project => Some(Level::Session),
        Level::Subagents(0) | Level::Session => None,
        Level::Subagents(more) => Some(Level::Subagents(more - 1)),
    }
}

/// What vanished while we looked, or is no directory after all, is no trouble.
fn report(path: &Path, error: &io::Error, visitor: &mut impl Visitor) -> usize {
    if !matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) {
        visitor.trouble(path, error);
    }
    0
}
