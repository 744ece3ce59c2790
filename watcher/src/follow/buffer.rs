//! Cuts a stream of chunks into lines, within bounds.

use bytes::Bytes;

use super::fingerprint::Tail;

/// Most bytes of an unfinished line that are compared before anything is read behind it.
pub(super) const BEFORE: usize = 4096;

/// One line as it was cut out of its file.
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) bytes: Bytes,
    pub(super) excess: u64,
    /// The file's last bytes before `end`.
    pub(super) tail: Tail,
}

/// The unfinished line at the read position of one file. A newline is looked for in each chunk once, when it arrives,
/// so a line that comes in a thousand pieces costs no more than one that comes whole.
pub(super) struct LineBuffer {
    /// Where the next chunk begins.
    position: u64,
    /// Where the unfinished line begins.
    start: u64,
    partial: Vec<u8>,
    excess: u64,
    tail: Tail,
    limit: usize,
}

impl LineBuffer {
    /// At `position`, with `tail` before it, keeping `limit` bytes of a line.
    pub(super) fn at(position: u64, tail: Tail, limit: usize) -> Self {
        Self {
            position,
            start: position,
            partial: Vec::new(),
            excess: 0,
            tail,
            limit,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Where the unfinished line begins; the position itself when there is none.
    pub(super) fn line_start(&self) -> u64 {
        self.start
    }

    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The bytes before the position by which the file is known again: at least as many as [`Tail`] holds. An unfinished
    /// line is not covered by the head's fingerprint yet, and what is written in its place may end like it, so that more
    /// of it is told.
    pub(super) fn before(&self) -> &[u8] {
        let line = self.unfinished();
        let line = line.last_chunk::<BEFORE>().map_or(line, |last| last);
        let tail = self.tail.as_slice();
        if line.len() > tail.len() { line } else { tail }
    }

    /// The unfinished line; empty when it is longer than the limit, for then it is no whole record anyway.
    pub(super) fn unfinished(&self) -> &[u8] {
        if self.excess == 0 { &self.partial } else { &[] }
    }

    /// Takes the next bytes of the file. Blank lines are handed on too, for the offsets' sake.
    pub(super) fn feed(&mut self, chunk: &[u8], mut line: impl FnMut(Piece)) {
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', chunk) {
            let part = chunk.get(from..newline).unwrap_or_default();
            self.tail
                .push(chunk.get(from..=newline).unwrap_or_default());
            self.position += (newline + 1 - from) as u64;
            if self.start + part.len() as u64 + 1 == self.position && part.len() <= self.limit {
                let bytes = Bytes::copy_from_slice(part);
                line(self.piece(bytes));
            } else {
                self.keep(part);
                let bytes = std::mem::take(&mut self.partial).into();
                line(self.piece(bytes));
            }
            from = newline + 1;
        }
        let rest = chunk.get(from..).unwrap_or_default();
        self.tail.push(rest);
        self.position += rest.len() as u64;
        self.keep(rest);
    }

    /// Ends the unfinished line here, newline or not.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        if self.start == self.position {
            return None;
        }
        let bytes = std::mem::take(&mut self.partial).into();
        Some(self.piece(bytes))
    }

    fn piece(&mut self, bytes: Bytes) -> Piece {
        let start = std::mem::replace(&mut self.start, self.position);
        let excess = std::mem::take(&mut self.excess);
        Piece {
            start,
            end: self.position,
            bytes,
            excess,
            tail: self.tail,
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = self.limit - self.partial.len();
        let kept = part.get(..room.min(part.len())).unwrap_or_default();
        let needed = self.partial.len() + kept.len();
        if needed > self.partial.capacity() {
            // Doubling without the limit would reserve twice what may ever be kept.
            let capacity = (self.partial.capacity() * 2).clamp(needed, self.limit.max(needed));
            self.partial.reserve_exact(capacity - self.partial.len());
        }
        self.partial.extend_from_slice(kept);
        self.excess += (part.len() - kept.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Cut = (u64, u64, Vec<u8>, u64);

    fn cut(chunks: &[&[u8]], limit: usize) -> Vec<Cut> {
        let mut buffer = LineBuffer::at(0, Tail::EMPTY, limit);
        let mut lines = Vec::new();
        let mut take = |piece: Piece| {
            lines.push((piece.start, piece.end, piece.bytes.to_vec(), piece.excess));
        };
        for chunk in chunks {
            buffer.feed(chunk, &mut take);
        }
        buffer.finish().into_iter().for_each(take);
        lines
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_where_chunks_end(
            text in prop::collection::vec(prop_oneof![3 => 97u8..100, 1 => Just(b'\n')], 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
            limit in 1usize..20,
        ) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            ends.push(text.len());
            ends.sort_unstable();
            let mut from = 0;
            let mut chunks = Vec::new();
            for end in ends {
                chunks.push(&text[from..end]);
                from = end;
            }

            let mut expected: Vec<Cut> = Vec::new();
            let mut start = 0;
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let bare = line.strip_suffix(b"\n").unwrap_or(line);
                let kept = bare.len().min(limit);
                expected.push((
                    start as u64,
                    (start + line.len()) as u64,
                    bare[..kept].to_vec(),
                    (bare.len() - kept) as u64,
                ));
                start += line.len();
            }
            prop_assert_eq!(cut(&chunks, limit), expected);
        }
    }

    #[test]
    fn a_giant_line_never_holds_more_than_its_limit() {
        let mut buffer = LineBuffer::at(0, Tail::EMPTY, 1 << 20);
        let chunk = vec![b'x'; 64 << 10];
        for _ in 0..100 {
            buffer.feed(&chunk, |_| panic!("there is no newline yet"));
            assert!(buffer.partial.capacity() <= 1 << 20);
        }
        let mut seen = None;
        buffer.feed(b"\n", |piece| seen = Some(piece));
        let piece = seen.unwrap();
        assert_eq!(
            (piece.bytes.len(), piece.excess),
            (1 << 20, 99 * (64 << 10) + (64 << 10) - (1 << 20))
        );
        assert_eq!(buffer.partial.capacity(), 0, "the room is given back");
    }
}
