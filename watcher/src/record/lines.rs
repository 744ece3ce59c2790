//! A file as lines, in bounded memory.

use memchr::memchr;
use std::io::{self, Read};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// Hands every line of `from`, without its newline, to `take`; how many lines were longer than `most` bytes and left
/// out. The last line counts without a newline too.
pub fn each_line(mut from: impl Read, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    // Where the bytes of an unfinished line end.
    let mut filled = 0;
    let mut skipping = false;
    let mut skipped = 0;
    loop {
        if filled == buffer.len() {
            if filled >= most {
                skipped += u64::from(!skipping);
                skipping = true;
                filled = 0;
            } else {
                buffer.resize((filled * 2).min(most), 0);
            }
        }
        let read = match from.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = filled + read;
        let mut start = 0;
        let mut from = filled;
        while let Some(at) = buffer.get(from..end).and_then(|bytes| memchr(b'\n', bytes)) {
            if !std::mem::take(&mut skipping) {
                take(buffer.get(start..from + at).unwrap_or_default());
            }
            start = from + at + 1;
            from = start;
        }
        buffer.copy_within(start..end, 0);
        filled = end - start;
        if buffer.len() > CHUNK && filled < CHUNK / 2 {
            buffer.truncate(CHUNK);
            buffer.shrink_to(CHUNK);
        }
    }
    if !skipping && filled > 0 {
        take(buffer.get(..filled).unwrap_or_default());
    }
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8], most: usize) -> (Vec<Vec<u8>>, u64) {
        let mut found = Vec::new();
        let skipped = each_line(bytes, most, |line| found.push(line.to_vec())).unwrap();
        (found, skipped)
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_counted() {
        let long = vec![b'x'; 3 * CHUNK];
        let text = [b"a\n", &long[..], b"\nb\n", &long[..]].concat();
        assert_eq!(
            lines(&text, 2 * CHUNK),
            (vec![b"a".to_vec(), b"b".to_vec()], 2)
        );
        assert_eq!(lines(&text, 4 * CHUNK).0.len(), 4);
    }

    proptest! {
        #[test]
        fn lines_are_those_between_newlines(parts in proptest::collection::vec("[a-z]{0,9}", 0..20)) {
            let text = parts.join("\n");
            let mut expected: Vec<_> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(lines(text.as_bytes(), 1 << 20).0, expected);
        }
    }
}
