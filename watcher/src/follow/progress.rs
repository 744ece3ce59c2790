//! How far the lines of one file were handed out and acknowledged.

use std::collections::VecDeque;

use super::fingerprint::{Fingerprint, Tail};

/// Places between two lines that are remembered while their acknowledgement is awaited. Beyond that every second one
/// is forgotten: a crash then repeats a little more.
const MAX_MARKS: usize = 1024;

/// A place between two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The offset.
    pub(super) end: u64,
    /// The bytes before it.
    pub(super) tail: Fingerprint,
}

/// A mark that awaits its acknowledgement; most are passed over before anybody asks for their fingerprint.
#[derive(Clone, Copy)]
struct Pending {
    /// The `end` of the line before it. Blank lines, which nobody acknowledges, may lie between that and `end`.
    handed: u64,
    end: u64,
    tail: Tail,
}

impl Pending {
    fn mark(&self) -> Mark {
        Mark {
            end: self.end,
            tail: self.tail.fingerprint(),
        }
    }
}

/// The bytes before a place: themselves while the file is read, what a checkpoint knew of them before.
#[derive(Clone, Copy)]
enum Before {
    Bytes(Tail),
    Fingerprint(Fingerprint),
}

/// The acknowledged place, and those behind it that are not yet.
#[derive(Clone)]
pub(super) struct Progress {
    /// The acknowledged place. Its fingerprint is taken when somebody asks, which is far more seldom than it moves.
    end: u64,
    before: Before,
    marks: VecDeque<Pending>,
}

impl Progress {
    /// Everything before `end` is done with.
    pub(super) fn at(end: u64, tail: Fingerprint) -> Self {
        Self {
            end,
            before: Before::Fingerprint(tail),
            marks: VecDeque::new(),
        }
    }

    /// Where the lines end that were all acknowledged.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The same as a mark.
    pub(super) fn acknowledged(&self) -> Mark {
        let tail = match &self.before {
            Before::Bytes(tail) => tail.fingerprint(),
            Before::Fingerprint(fingerprint) => *fingerprint,
        };
        Mark {
            end: self.end,
            tail,
        }
    }

    /// The place up to which lines were handed out.
    pub(super) fn last(&self) -> Mark {
        let last = self.marks.back().map(Pending::mark);
        last.unwrap_or_else(|| self.acknowledged())
    }

    pub(super) fn all_acknowledged(&self) -> bool {
        self.marks.is_empty()
    }

    /// A line ending at `end` is handed out; or a blank one is not.
    pub(super) fn pass(&mut self, end: u64, tail: Tail, blank: bool) {
        if end <= self.end {
            return; // a replayed one
        }
        if !blank {
            if self.marks.len() >= MAX_MARKS {
                let mut keep = false;
                self.marks.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
            self.marks.push_back(Pending {
                handed: end,
                end,
                tail,
            });
        } else if let Some(last) = self.marks.back_mut() {
            *last = Pending {
                handed: last.handed,
                end,
                tail,
            };
        } else {
            self.end = end;
            self.before = Before::Bytes(tail);
        }
    }

    /// Everything before `end` was taken.
    pub(super) fn acknowledge(&mut self, end: u64) {
        let mut last = None;
        while let Some(mark) = self.marks.front().filter(|mark| mark.handed <= end) {
            last = Some(*mark);
            self.marks.pop_front();
        }
        if let Some(mark) = last {
            self.end = mark.end;
            self.before = Before::Bytes(mark.tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &[u8]) -> Tail {
        let mut tail = Tail::EMPTY;
        tail.push(text);
        tail
    }

    #[test]
    fn an_acknowledgement_covers_the_blank_lines_behind_it() {
        let mut progress = Progress::at(0, Tail::EMPTY.fingerprint());
        progress.pass(5, tail(b"a"), false);
        progress.pass(6, tail(b"b"), true);
        progress.pass(9, tail(b"c"), false);
        progress.acknowledge(4);
        assert_eq!(progress.end(), 0);
        progress.acknowledge(5);
        assert_eq!(
            progress.acknowledged(),
            Mark {
                end: 6,
                tail: tail(b"b").fingerprint()
            }
        );
        progress.acknowledge(100);
        assert_eq!(progress.end(), 9);
        progress.pass(10, tail(b"d"), true);
        assert_eq!(progress.end(), 10);
    }

    #[test]
    fn a_million_lines_without_an_acknowledgement_keep_a_bounded_list() {
        let mut progress = Progress::at(0, Tail::EMPTY.fingerprint());
        for end in 1..=1_000_000 {
            progress.pass(end, Tail::EMPTY, false);
        }
        assert!(progress.marks.len() <= MAX_MARKS);
        assert_eq!(progress.last().end, 1_000_000);
        progress.acknowledge(1_000_000);
        assert_eq!(progress.end(), 1_000_000);
    }
}
