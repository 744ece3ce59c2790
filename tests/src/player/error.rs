//! Why the player gave up, and the exit code for each reason.

use std::path::PathBuf;
use thiserror::Error;

/// Why the player gave up.
#[derive(Debug, Error)]
pub enum PlayerError {
    /// Neither a flag nor a variable says where the agent's files are.
    #[error("no config directory: give --config-dir, or set CLAUDE_CONFIG_DIR or HOME")]
    NoConfigDir,
    /// The settings could not be written: what an agent needs its config directory for.
    #[error(
        "cannot write the agent's settings to {path}: {source}; its user needs a writable config directory"
    )]
    Settings {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The transcript could not be written.
    #[error(
        "cannot write the transcript to {path}: {source}; its user needs a writable projects directory"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The standard input could not be made or opened.
    #[error(
        "cannot listen to {path}: {source}; AGENT_STDIN names a FIFO in a folder that the agent may write"
    )]
    Stdin {
        /// The FIFO.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file to play could not be read.
    #[error("cannot read {path}, which is to be played: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl PlayerError {
    /// The exit code: 3 for the settings, 4 for the transcript, 5 for the standard input, 64 for wrong use, 66 for a file that cannot be read.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoConfigDir => 64,
            Self::Settings { .. } => 3,
            Self::Write { .. } => 4,
            Self::Stdin { .. } => 5,
            Self::Read { .. } => 66,
        }
    }
}
