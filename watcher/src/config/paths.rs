//! Where the agent's transcripts are, by what is set.

use super::env::Env;
use sidecar::names;
use std::path::{Path, PathBuf};

/// Where to look for transcripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transcript {
    /// This one file.
    File(PathBuf),
    /// The sessions below these directories.
    Tree {
        /// Projects trees.
        projects: Vec<PathBuf>,
        /// Only sessions whose records' `cwd` lies in it.
        workspace: Option<PathBuf>,
    },
}

/// `TRANSCRIPT_PATH`, else the projects tree of `CLAUDE_CONFIG_DIR`, `$HOME/.claude` or the agent's usual place.
pub(super) fn transcript(env: &mut Env<'_>) -> Transcript {
    let workspace = path(env, "workspacePath");
    if let Some(path) = path(env, "transcriptPath") {
        return if is_file(&path) {
            Transcript::File(path)
        } else {
            Transcript::Tree {
                projects: vec![path],
                workspace,
            }
        };
    }
    let config = env
        .text("CLAUDE_CONFIG_DIR")
        .map(PathBuf::from)
        .or_else(|| {
            env.text("HOME")
                .map(|home| Path::new(&home).join(".claude"))
        })
        .unwrap_or_else(|| PathBuf::from(names::DEFAULT_CONFIG_DIR));
    Transcript::Tree {
        projects: vec![config.join("projects")],
        workspace,
    }
}

fn path(env: &mut Env<'_>, setting: &str) -> Option<PathBuf> {
    match env.setting(setting)? {
        sidecar::Value::Text(text) => Some(PathBuf::from(text)),
        _ => None,
    }
}

/// Whether the path is one transcript. What is not there yet is judged by its name.
fn is_file(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => !metadata.is_dir(),
        Err(_) => path.extension().is_some_and(|extension| {
            extension == "jsonl" || extension == "json" || extension == "log"
        }),
    }
}
