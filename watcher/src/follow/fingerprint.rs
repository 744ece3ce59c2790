//! Recognising content: a fingerprint of a file's head and of the bytes before an offset.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use ring::digest;
use serde::{Deserialize, Serialize};

/// Bytes of a file's head that its fingerprint covers, as far as they were there when it was taken.
pub(super) const HEAD: usize = 1024;
/// Bytes before an offset that are compared before anything is read at that offset.
pub(super) const TAIL: usize = 64;

/// Half of a SHA-256 over `len` bytes: a checkpoint must not repeat a transcript's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    pub(super) len: u16,
    #[serde(with = "hex")]
    hash: u128,
}

impl Fingerprint {
    /// Of all of `bytes`, of which there are at most [`HEAD`].
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let half = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self {
            len: u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            hash: u128::from_be_bytes(half),
        }
    }

    /// Does the file have these bytes at `offset`? A file that ends before them does not.
    pub(super) fn matches(&self, file: &File, offset: u64) -> io::Result<bool> {
        if self.len == 0 {
            return Ok(true);
        }
        let mut bytes = [0; HEAD];
        let Some(bytes) = bytes.get_mut(..usize::from(self.len)) else {
            return Ok(false);
        };
        match file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(Self::of(bytes) == *self),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Of the first `len` bytes of the file as it is now.
    pub(super) fn of_head(file: &File, len: usize) -> io::Result<Self> {
        let mut bytes = [0; HEAD];
        let read = read_at(file, bytes.get_mut(..len).unwrap_or_default(), 0)?;
        Ok(Self::of(bytes.get(..read).unwrap_or_default()))
    }
}

/// Reads until `bytes` is full or the file ends.
pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The last bytes before an offset, up to [`TAIL`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    len: usize,
    bytes: [u8; TAIL],
}

impl Tail {
    /// Before offset 0.
    pub(super) const EMPTY: Self = Self {
        len: 0,
        bytes: [0; TAIL],
    };

    /// Moves the offset on, over `read`.
    pub(super) fn push(&mut self, read: &[u8]) {
        if let Some(last) = read.last_chunk::<TAIL>() {
            *self = Self {
                len: TAIL,
                bytes: *last,
            };
            return;
        }
        let kept = self.len.min(TAIL - read.len());
        let from = self.len - kept;
        self.bytes.copy_within(from..self.len, 0);
        if let Some(place) = self.bytes.get_mut(kept..kept + read.len()) {
            place.copy_from_slice(read);
        }
        self.len = kept + read.len();
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.as_slice())
    }

    /// Of the bytes that stand before `offset` in the file.
    pub(super) fn before(file: &File, offset: u64) -> io::Result<Self> {
        let mut bytes = [0; TAIL];
        let start = offset.saturating_sub(TAIL as u64);
        let wanted = usize::try_from(offset - start).unwrap_or(TAIL);
        let read = read_at(file, bytes.get_mut(..wanted).unwrap_or_default(), start)?;
        let mut tail = Self::EMPTY;
        tail.push(bytes.get(..read).unwrap_or_default());
        Ok(tail)
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tail_is_the_last_bytes_however_they_arrived(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..8),
        ) {
            let mut tail = Tail::EMPTY;
            for piece in &pieces {
                tail.push(piece);
            }
            let all = pieces.concat();
            prop_assert_eq!(tail.as_slice(), &all[all.len().saturating_sub(TAIL)..]);
        }
    }

    #[test]
    fn a_fingerprint_survives_json_and_shows_no_content() {
        let print = Fingerprint::of(b"a secret of the agent");
        let text = serde_json::to_string(&print).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), print);
    }

    #[test]
    fn a_file_that_ends_early_or_differs_does_not_match() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::open(&path).unwrap();
        assert!(Fingerprint::of(b"456").matches(&file, 4).unwrap());
        assert!(!Fingerprint::of(b"456").matches(&file, 5).unwrap());
        assert!(!Fingerprint::of(b"89_").matches(&file, 8).unwrap());
        assert_eq!(Tail::before(&file, 3).unwrap().as_slice(), b"012");
    }
}
