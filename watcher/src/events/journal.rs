//! The memory of what was seen, on disk: eight bytes a hash, appended. It survives whatever damages the checkpoint, so that
//! a transcript that has to be read from its head again is not posted again.
//!
//! Damage to it costs what it covers and no more: a wrong hash is nobody's, and a torn one at the end is cut off.

use super::Memory;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const NAME: &str = "seen";
const TEMPORARY: &str = "seen.tmp";
/// Bytes of one hash.
const HASH: usize = 8;

/// The file. What cannot be written is tried again with the next hashes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    temporary: PathBuf,
    /// Open for appending, once it was written whole in this process.
    file: Option<File>,
    /// Hashes in it.
    held: usize,
    /// Hashes that the memory has at most; twice as many are put together anew.
    most: usize,
}

impl Journal {
    /// The journal in `dir`, of a memory of at most `most` hashes. Nothing is read or written yet.
    pub fn new(dir: &Path, most: usize) -> Self {
        Self {
            path: dir.join(NAME),
            temporary: dir.join(TEMPORARY),
            file: None,
            held: 0,
            most,
        }
    }

    /// Teaches `memory` what an earlier process wrote, and from now on keeps note of what is new; how many hashes there
    /// were. A file that is not there or cannot be read holds none.
    pub fn teach(&self, memory: &mut Memory) -> usize {
        let bytes = self.read().unwrap_or_default();
        let hashes = bytes.as_chunks::<HASH>().0;
        for hash in hashes {
            memory.insert(u64::from_le_bytes(*hash));
        }
        memory.note_news();
        hashes.len()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        if !fs::metadata(&self.path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut file = File::open(&self.path)?;
        let hash = HASH as u64;
        let size = file.metadata()?.len() / hash * hash;
        let most = (self.most as u64).saturating_mul(hash);
        file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(size.min(most)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes down what is new in `memory`.
    pub fn keep(&mut self, memory: &mut Memory) -> io::Result<()> {
        let most = self.most.saturating_mul(2);
        let written = match (&mut self.file, memory.take_news()) {
            (Some(file), Some(news)) if self.held + news.len() <= most => {
                self.held += news.len();
                file.write_all(&bytes(news.into_iter()))
            }
            _ => self.write_whole(memory),
        };
        if written.is_err() {
            // Part of it may stand there: the next time all of it is written.
            self.file = None;
        }
        written
    }

    fn write_whole(&mut self, memory: &Memory) -> io::Result<()> {
        let bytes = bytes(memory.iter());
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.temporary)?;
        file.write_all(&bytes)?;
        // A power cut must not leave an empty file in the old one's place.
        file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.held = bytes.len() / HASH;
        self.file = Some(file);
        Ok(())
    }
}

fn bytes(hashes: impl Iterator<Item = u64>) -> Vec<u8> {
    hashes.flat_map(u64::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarted(dir: &Path) -> (Journal, Memory, usize) {
        let (journal, mut memory) = (Journal::new(dir, 1000), Memory::new(1000));
        let learnt = journal.teach(&mut memory);
        (journal, memory, learnt)
    }

    #[test]
    fn what_was_kept_is_known_to_the_next_process_and_the_file_stays_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, mut memory, learnt) = restarted(dir.path());
        assert_eq!(learnt, 0);
        for key in 0..50_000_u64 {
            memory.insert(key);
            if key % 7 == 0 {
                journal.keep(&mut memory).unwrap();
            }
        }
        journal.keep(&mut memory).unwrap();
        let size = fs::metadata(dir.path().join(NAME)).unwrap().len();
        assert!(size <= 2 * 1000 * HASH as u64, "{size}");
        let (mut journal, mut memory, _) = restarted(dir.path());
        assert!((49_600..50_000).all(|key| memory.contains(key)));
        memory.insert(50_000);
        journal.keep(&mut memory).unwrap();
        let (_, memory, _) = restarted(dir.path());
        assert!(memory.contains(50_000) && memory.contains(49_999));
    }

    #[test]
    fn damage_costs_what_it_covers() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, mut memory, _) = restarted(dir.path());
        (0..100).for_each(|key| _ = memory.insert(key));
        journal.keep(&mut memory).unwrap();
        let path = dir.path().join(NAME);
        let mut bytes = fs::read(&path).unwrap();
        let lost = u64::from_le_bytes(*bytes.first_chunk().unwrap());
        bytes[7] ^= 0x55;
        bytes.extend_from_slice(b"torn");
        fs::write(&path, bytes).unwrap();
        let (mut journal, mut memory, learnt) = restarted(dir.path());
        assert_eq!(learnt, 100);
        assert!((0..100).all(|key| key == lost || memory.contains(key)));
        memory.insert(1000);
        journal.keep(&mut memory).unwrap();
        let (_, memory, learnt) = restarted(dir.path());
        assert!(learnt == 101 && memory.contains(1000));
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state");
        let (mut journal, mut memory, _) = restarted(&folder);
        memory.insert(1);
        assert!(journal.keep(&mut memory).is_err());
        fs::create_dir(&folder).unwrap();
        memory.insert(2);
        journal.keep(&mut memory).unwrap();
        let (_, memory, _) = restarted(&folder);
        assert!(memory.contains(1) && memory.contains(2));
    }
}
