//! What session is wanted.

use std::fmt;
use std::str::FromStr;

/// The sort of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A short session to look at: an agent repairs a flaky test. The same whatever the seed but for ids.
    Demo,
    /// One file of well-formed records only, with everything a healthy session has.
    Clean,
    /// Every record type, every tool and every trap, in several files.
    Traps,
    /// The other dialect: what `claude -p --output-format stream-json --verbose` prints.
    Stream,
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "demo" => Ok(Self::Demo),
            "clean" => Ok(Self::Clean),
            "traps" => Ok(Self::Traps),
            "stream" => Ok(Self::Stream),
            other => Err(format!(
                "no such kind of session: {other}; there are demo, clean, traps and stream"
            )),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Demo => "demo",
            Self::Clean => "clean",
            Self::Traps => "traps",
            Self::Stream => "stream",
        })
    }
}

/// How long a session is. It is overshot by what the last exchange needs to come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// At least so many records, over all files.
    Records(u64),
    /// At least so many bytes, over all files.
    Bytes(u64),
}

/// What the timestamps of the records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// A day of long ago, moved on by the generator: the same bytes at every call.
    Fixed,
    /// The time at which the record is taken from the generator: for people to look at.
    Wall,
}

/// A session: the same options give the same bytes (with [`Clock::Fixed`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The sort of session.
    pub kind: Kind,
    /// Where the random numbers begin.
    pub seed: u64,
    /// How long it is; [`Kind::Demo`] has its own length.
    pub size: Size,
    /// The agent's working directory as the records name it.
    pub cwd: String,
    /// What the timestamps say.
    pub clock: Clock,
    /// Bytes of the content of the largest lines that traps make (images, whole files).
    pub huge: usize,
}

impl Options {
    /// A session of about 1000 records in `/workspace`.
    pub fn new(kind: Kind, seed: u64) -> Self {
        Self {
            kind,
            seed,
            size: Size::Records(1000),
            cwd: "/workspace".to_owned(),
            clock: Clock::Fixed,
            huge: 2 << 20,
        }
    }

    /// With at least so many records.
    #[must_use]
    pub fn records(mut self, records: u64) -> Self {
        self.size = Size::Records(records);
        self
    }

    /// With at least so many bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.size = Size::Bytes(bytes);
        self
    }
}
