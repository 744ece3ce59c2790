//! What was already seen: 64-bit hashes in two generations, so that memory is bounded and the newest half always kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hash of `parts`, stable across versions and machines since the checkpoint keeps it. The length goes in, so that
/// two lists of parts do not meet by shifting a boundary.
pub fn hash(parts: &[&[u8]]) -> u64 {
    parts.iter().fold(0, |seed, part| {
        xxh3_64_with_seed(part, seed ^ (part.len() as u64).rotate_left(40))
    })
}

/// A hasher for keys that are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(&[bytes]);
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Hashes written into a checkpoint: the last thing seen before a crash matters, not the whole history.
const EXPORTED: usize = 8192;

/// A bounded set of 64-bit hashes that forgets the older half when it is full.
#[derive(Debug)]
pub struct Memory {
    half: usize,
    newer: HashSet<u64, BuildHasherDefault<Identity>>,
    older: HashSet<u64, BuildHasherDefault<Identity>>,
    last: VecDeque<u64>,
    /// What is new since it was last asked for, once somebody asked.
    news: Option<Vec<u64>>,
}

impl Memory {
    /// A memory of at most `most` hashes.
    pub fn new(most: usize) -> Self {
        Self {
            half: most.div_ceil(2).max(1),
            newer: HashSet::default(),
            older: HashSet::default(),
            last: VecDeque::new(),
            news: None,
        }
    }

    /// Remembers `hash`; true when it was not known.
    pub fn insert(&mut self, hash: u64) -> bool {
        if self.newer.contains(&hash) {
            return false;
        }
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
        }
        let known = self.older.contains(&hash);
        self.newer.insert(hash);
        if known {
            return false;
        }
        if self.last.len() >= EXPORTED {
            self.last.pop_front();
        }
        self.last.push_back(hash);
        if let Some(news) = &mut self.news
            && news.len() < self.half
        {
            news.push(hash);
        }
        true
    }

    /// Keeps note of what is new from now on, of half as much as is remembered.
    pub(super) fn note_news(&mut self) {
        self.news = Some(Vec::new());
    }

    /// What is new since the last time; none when that was too much to keep note of, or nobody did.
    pub(super) fn take_news(&mut self) -> Option<Vec<u64>> {
        let news = std::mem::take(self.news.as_mut()?);
        (news.len() < self.half).then_some(news)
    }

    /// All that is remembered; of what was seen long ago first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        let older = self.older.difference(&self.newer);
        older.chain(&self.newer).copied()
    }

    /// Whether `hash` is known.
    pub fn contains(&self, hash: u64) -> bool {
        self.newer.contains(&hash) || self.older.contains(&hash)
    }

    /// The newest hashes as base64, oldest first, for the checkpoint: at most 8,192 of 8 bytes.
    pub fn export(&self) -> String {
        let bytes: Vec<u8> = self
            .last
            .iter()
            .flat_map(|hash| hash.to_le_bytes())
            .collect();
        STANDARD_NO_PAD.encode(bytes)
    }

    /// Learns what [`Self::export`] wrote; how many hashes it held. What is not base64 holds none.
    pub fn import(&mut self, exported: &str) -> usize {
        let Ok(bytes) = STANDARD_NO_PAD.decode(exported) else {
            return 0;
        };
        let hashes = bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok());
        hashes
            .map(|chunk| self.insert(u64::from_le_bytes(chunk)))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_older_half_and_stays_bounded() {
        let mut memory = Memory::new(1000);
        for key in 0..10_000_u64 {
            assert!(memory.insert(hash(&[&key.to_le_bytes()])));
        }
        assert!(memory.newer.len() + memory.older.len() <= 1000);
        for key in 9_500..10_000_u64 {
            assert!(memory.contains(hash(&[&key.to_le_bytes()])), "{key}");
        }
        assert!(!memory.contains(hash(&[&1_u64.to_le_bytes()])));
    }

    #[test]
    fn what_is_exported_is_known_after_import() {
        let mut memory = Memory::new(100_000);
        for key in 0..20_000_u64 {
            memory.insert(hash(&[&key.to_le_bytes()]));
        }
        let mut other = Memory::new(100_000);
        assert_eq!(other.import(&memory.export()), 8192);
        assert!(!other.insert(hash(&[&19_999_u64.to_le_bytes()])));
        assert!(other.insert(hash(&[&0_u64.to_le_bytes()])));
        assert_eq!(other.import("not base64 !"), 0);
    }

    #[test]
    fn a_boundary_between_parts_counts() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }

    #[test]
    fn the_hash_of_a_checkpoint_never_changes() {
        assert_eq!(hash(&[b"uuid", b"46e15040"]), hash(&[b"uuid", b"46e15040"]));
    }
}
