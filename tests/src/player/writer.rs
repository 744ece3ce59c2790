//! Appends to the files of a session, with the modes that an agent gives them.

use super::PlayerError;
use super::pace::Pace;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// No more files than this are kept open; a session of many subagents has more.
const OPEN: usize = 16;

/// The files of a project.
pub(super) struct Writer {
    pub(super) project: PathBuf,
    open: HashMap<String, File>,
    cuts: Option<SmallRng>,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Writer {
    /// For the folder `projects/<slug>`, which is made when the first record is written. `partial`: records are
    /// written in pieces, cut at places that follow from the seed.
    pub(super) fn new(project: PathBuf, partial: Option<u64>) -> Self {
        let cuts = partial.map(SmallRng::seed_from_u64);
        Self {
            project,
            open: HashMap::new(),
            cuts,
            records: 0,
            bytes: 0,
        }
    }

    /// Appends one record.
    pub(super) fn append(
        &mut self,
        path: &str,
        bytes: &[u8],
        pace: &Pace,
    ) -> Result<(), PlayerError> {
        let full = self.project.join(path);
        let failed = |source| PlayerError::Write {
            path: full.clone(),
            source,
        };
        if !self.open.contains_key(path) {
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            let file = create(&full).map_err(failed)?;
            self.open.insert(path.to_owned(), file);
        }
        if let Some(file) = self.open.get_mut(path) {
            let pieces = self
                .cuts
                .as_mut()
                .map_or_else(|| vec![bytes], |rng| pieces(rng, bytes));
            for (place, piece) in pieces.into_iter().enumerate() {
                if place > 0 {
                    pace.between_pieces();
                }
                file.write_all(piece).map_err(failed)?;
            }
        }
        self.records += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Writes the settings as an agent does at its start.
pub(super) fn write_settings(config: &Path) -> Result<(), PlayerError> {
    let path = config.join("settings.json");
    let write = || {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(config)?;
        let mut file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(b"{\n  \"cleanupPeriodDays\": 30\n}\n")
    };
    write().map_err(|source| PlayerError::Settings {
        path: path.clone(),
        source,
    })
}

/// Two to four pieces, cut anywhere: inside a character or an escape, too.
fn pieces<'a>(rng: &mut SmallRng, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = (0..rng.random_range(1..=3))
        .map(|_| rng.random_range(0..=bytes.len()))
        .collect();
    cuts.sort_unstable();
    let mut pieces = Vec::with_capacity(4);
    let mut rest = bytes;
    let mut done = 0;
    for cut in cuts {
        let (piece, tail) = rest.split_at(cut - done);
        pieces.push(piece);
        rest = tail;
        done = cut;
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
