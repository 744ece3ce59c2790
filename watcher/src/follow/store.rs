//! The checkpoint on disk: replaced whole or not at all, and the one before it kept.
//!
//! A power cut leaves the old or the new file, never a torn one (temporary file, fsync, rename, fsync of the directory).
//! Damage from elsewhere costs one generation: `checkpoint.previous.json` is read then, and the damaged file is kept as
//! `checkpoint.corrupt` for whoever wants to look.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, Stored};
use super::fingerprint::Fingerprint;
use super::old::Unfollowed;

const CURRENT: &str = "checkpoint.json";
const PREVIOUS: &str = "checkpoint.previous.json";
const CORRUPT: &str = "checkpoint.corrupt";
const TEMPORARY: &str = "checkpoint.tmp";
const OLD: &str = "old.json";
/// More than a full list of files and a caller's memo ever need; a larger file is damage, not data.
const MAX_BYTES: u64 = 32 << 20;

/// The state directory, or nothing at all.
pub(super) struct Store {
    dir: Option<PathBuf>,
    written: Option<Fingerprint>,
    /// Why the last load or write did not do all it should have.
    pub(super) trouble: Option<String>,
}

impl Store {
    pub(super) fn open(dir: Option<PathBuf>) -> Self {
        Self {
            dir,
            written: None,
            trouble: None,
        }
    }

    /// Where the checkpoint stands, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.as_deref().unwrap_or(Path::new("")).join(CURRENT)
    }

    /// The last good checkpoint, if there ever was one.
    pub(super) fn load(&mut self) -> Option<Checkpoint> {
        let dir = self.dir.clone()?;
        if let Err(error) = fs::create_dir_all(&dir) {
            self.trouble = Some(format!("cannot create {}: {error}", dir.display()));
        }
        for name in [CURRENT, PREVIOUS] {
            let path = dir.join(name);
            match read(&path) {
                Ok(Some(checkpoint)) => return Some(checkpoint),
                Ok(None) => {}
                Err(error) => {
                    self.trouble = Some(format!(
                        "{} could not be used and was set aside as {CORRUPT}: {error}",
                        path.display()
                    ));
                    // Where even that fails the next write replaces it, or reports why not.
                    let _ = fs::rename(&path, dir.join(CORRUPT));
                }
            }
        }
        None
    }

    /// The sessions that were old at the first start.
    pub(super) fn load_old(&self) -> Unfollowed {
        let read = |dir: &PathBuf| fs::read(dir.join(OLD)).ok();
        let json = self.dir.as_ref().and_then(read).unwrap_or_default();
        Unfollowed::from_json(&json)
    }

    /// Writes, unless the same was written last; before it the old sessions, where they changed.
    pub(super) fn write(&mut self, checkpoint: Checkpoint, old: Option<&[u8]>) -> io::Result<()> {
        let Some(dir) = self.dir.as_deref() else {
            return Ok(());
        };
        fs::create_dir_all(dir)?;
        if let Some(old) = old {
            write_synced(&dir.join(TEMPORARY), old)?;
            fs::rename(dir.join(TEMPORARY), dir.join(OLD))?;
        }
        let bytes = serde_json::to_vec(&Stored::V1(checkpoint))?;
        let print = Fingerprint::of(&bytes);
        if self.written == Some(print) {
            return Ok(());
        }
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other(format!(
                "it would have {} bytes",
                bytes.len()
            )));
        }
        replace(dir, &bytes)?;
        self.written = Some(print);
        self.trouble = None;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Option<Checkpoint>> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if size > MAX_BYTES {
        return Err(io::Error::other(format!("it has {size} bytes")));
    }
    let Stored::V1(checkpoint) = serde_json::from_slice(&fs::read(path)?)?;
    Ok(Some(checkpoint))
}

fn replace(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = dir.join(TEMPORARY);
    write_synced(&temporary, bytes)?;
    let current = dir.join(CURRENT);
    match fs::rename(&current, dir.join(PREVIOUS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(&temporary, &current)?;
    File::open(dir)?.sync_all()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
