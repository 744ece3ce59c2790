//! `watcher stats`: tokens, cost, tools, errors and durations of any transcripts, each message counted once over all of
//! them.
//!
//! Promises: files are streamed and never held; the totals are those of the live summary, by the same ledger. Refuses
//! to guess: a model without a price has no cost, and output that the transcript lacks is said to be a lower bound.

mod book;
mod exact;
mod files;
mod report;
mod scan;

use crate::price::{PriceError, Prices};
use crate::record::Losses;
use book::Book;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum StatsError {
    /// A path that was named cannot be read.
    #[error("{path} cannot be read; name a transcript or a directory with transcripts in it")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nothing was named, or nothing is there.
    #[error(
        "no transcript (*.jsonl) was found in {0}; name a file, or a directory such as ~/.claude/projects"
    )]
    Nothing(String),
    /// The price table.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The report cannot be written.
    #[error("the report cannot be written; check what reads it")]
    Write(#[source] std::io::Error),
}

/// Reads all transcripts in `paths` (files, or directories searched whole) and writes a report to `out`: JSON, or a
/// table for a person. Files that cannot be read inside a directory are counted in the report.
pub fn run(paths: &[PathBuf], json: bool, out: &mut dyn Write) -> Result<(), StatsError> {
    let prices = Prices::from_env()?;
    let found = files::find(paths)?;
    if found.is_empty() {
        let named: Vec<_> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(StatsError::Nothing(named.join(", ")));
    }
    let mut book = Book::new();
    for path in &found {
        match scan::file(path, &mut book) {
            Ok(()) => book.files += 1,
            Err(source) if paths.contains(path) => {
                return Err(StatsError::Unreadable {
                    path: path.clone(),
                    source,
                });
            }
            Err(_) => book.unreadable += 1,
        }
    }
    let report = report::Report::of(&book, &prices);
    let written = if json {
        report.json(out)
    } else {
        report.table(out)
    };
    written
        .and_then(|()| out.flush())
        .map_err(StatsError::Write)
}

/// All transcripts below a directory, oldest first.
pub(crate) fn transcripts(folder: &Path) -> Vec<PathBuf> {
    files::find(&[folder.to_owned()]).unwrap_or_default()
}

/// The session that a file belongs to when its records do not say, and the subagent whose file it is: by its name, or
/// its folders' for a subagent's file.
pub(crate) fn origin(path: &Path) -> (String, Option<String>) {
    let stem = |path: &Path| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let own = stem(path);
    let Some(agent) = own.strip_prefix("agent-").map(str::to_owned) else {
        return (own, None);
    };
    let mut folders = path.ancestors().skip(1);
    let below = folders.any(|folder| folder.file_name().is_some_and(|name| name == "subagents"));
    let session = folders.next().filter(|_| below).map(stem);
    (session.unwrap_or(own), Some(agent))
}

/// Adds what one reader lost to what others lost.
fn add(sum: &mut Losses, more: Losses) {
    sum.cut += more.cut;
    sum.glued += more.glued;
    sum.nul += more.nul;
    sum.not_utf8 += more.not_utf8;
    sum.garbage += more.garbage;
}
