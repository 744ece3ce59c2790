//! Plays the part that the options name, one exchange at a time, so that a session of any size needs little memory.

use super::demo;
use super::expected::Expected;
use super::options::{Kind, Options, Size};
use super::scribe::{Chunk, Scribe};
use super::turn::Manner;

/// A session as it comes into being. What it holds grows with the session only by its list of Bash commands.
pub struct Generator {
    scribe: Scribe,
    kind: Kind,
    size: Size,
    state: State,
}

enum State {
    Scene(usize),
    Turns,
    Over,
}

impl Generator {
    /// The session of these options, not begun.
    pub fn new(options: &Options) -> Self {
        Self {
            scribe: Scribe::new(options),
            kind: options.kind,
            size: options.size,
            state: State::Scene(0),
        }
    }

    /// The agent's session id: its file is `<sessionId>.jsonl`.
    pub fn session_id(&self) -> &str {
        &self.scribe.place.session
    }

    /// The truth about what has been generated so far: ahead of the last chunk by the exchange it belongs to.
    pub fn expected(&self) -> &Expected {
        &self.scribe.expected
    }

    /// The truth, when no chunk is wanted any more.
    pub fn into_expected(self) -> Expected {
        self.scribe.expected
    }

    fn enough(&self) -> bool {
        match self.size {
            Size::Records(records) => self.scribe.expected.records >= records,
            Size::Bytes(bytes) => self.scribe.expected.bytes >= bytes,
        }
    }

    fn step(&mut self) {
        match (&self.state, self.kind) {
            (State::Scene(place), Kind::Demo) => {
                if let Some(scene) = demo::SCENES.get(*place) {
                    let next = State::Scene(place + 1);
                    scene(&mut self.scribe);
                    self.state = next;
                } else {
                    self.state = State::Over;
                }
            }
            (State::Scene(_), _) => self.state = State::Turns,
            (State::Turns, _) if self.enough() => self.state = State::Over,
            (State::Turns, _) => self.scribe.turn(Manner::PLAIN),
            (State::Over, _) => {}
        }
    }
}

impl Iterator for Generator {
    type Item = Chunk;
    fn next(&mut self) -> Option<Chunk> {
        loop {
            if let Some(chunk) = self.scribe.take() {
                return Some(chunk);
            }
            if matches!(self.state, State::Over) {
                return None;
            }
            self.step();
        }
    }
}
