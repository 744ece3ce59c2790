//! Plays the part that the options name, one exchange at a time, so that a session of any size needs little memory.

use super::expected::Expected;
use super::options::{Kind, Options, Size};
use super::scribe::{Chunk, Scribe};
use super::traps::Traps;
use super::turn::Manner;
use super::{demo, stream};

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
    Traps(Traps),
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
        let enough = self.enough();
        let scribe = &mut self.scribe;
        let next = match (&mut self.state, self.kind) {
            (State::Scene(place), Kind::Demo) => match demo::SCENES.get(*place) {
                Some(scene) => {
                    scene(scribe);
                    State::Scene(*place + 1)
                }
                None => State::Over,
            },
            (State::Scene(_), Kind::Traps) => State::Traps(Traps::begin(scribe)),
            (State::Scene(_), Kind::Stream) => {
                stream::begin(scribe);
                State::Turns
            }
            (State::Scene(_), _) => State::Turns,
            (State::Turns, Kind::Stream) if enough => {
                stream::end(scribe);
                State::Over
            }
            (State::Turns, Kind::Stream) => {
                stream::step(scribe);
                return;
            }
            (State::Turns, _) if enough => State::Over,
            (State::Turns, _) => {
                scribe.turn(Manner::PLAIN);
                return;
            }
            (State::Traps(_), _) if enough => {
                Traps::end(scribe);
                State::Over
            }
            (State::Traps(traps), _) => {
                traps.step(scribe);
                return;
            }
            (State::Over, _) => return,
        };
        self.state = next;
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
