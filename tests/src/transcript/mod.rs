//! Sessions as Claude Code writes them, generated: every record type, every tool and every trap that real files have,
//! of any size, from a seed. With the bytes comes the truth about them, noted down while they were made.

mod call;
mod clock;
mod demo;
mod demo_text;
mod expected;
mod generator;
pub(crate) mod ids;
mod json;
mod message;
mod options;
mod records;
mod scribe;
mod stream;
mod tools;
mod traps;
mod turn;
mod words;

pub use expected::{Bash, Damage, Expected, Usage, step};
pub use generator::Generator;
pub use options::{Clock, Kind, Options, Size};
pub use scribe::Chunk;

use std::collections::BTreeMap;

/// A session in memory.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session's id.
    pub id: String,
    /// What is appended, in order.
    pub chunks: Vec<Chunk>,
    /// The truth about it.
    pub expected: Expected,
}

impl Session {
    /// Each file's bytes, by its path relative to the project's folder.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for chunk in &self.chunks {
            files
                .entry(chunk.path.to_string())
                .or_default()
                .extend_from_slice(&chunk.bytes);
        }
        files
    }

    /// The bytes of the session's own file.
    pub fn main(&self) -> Vec<u8> {
        self.files()
            .remove(&format!("{}.jsonl", self.id))
            .unwrap_or_default()
    }
}

/// The whole session of these options. For large ones use [`Generator`].
pub fn generate(options: &Options) -> Session {
    let mut generator = Generator::new(options);
    let id = generator.session_id().to_owned();
    let chunks: Vec<Chunk> = generator.by_ref().collect();
    Session {
        id,
        chunks,
        expected: generator.into_expected(),
    }
}
