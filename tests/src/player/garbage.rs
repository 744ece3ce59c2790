//! Lines that are no transcript.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Random lines from a seed: bytes of any sort, broken JSON, JSON that is no record.
pub(super) struct Garbage {
    rng: SmallRng,
    left: u64,
}

impl Garbage {
    pub(super) fn new(seed: u64, bytes: u64) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            left: bytes,
        }
    }

    fn line(&mut self) -> Vec<u8> {
        let length = self.rng.random_range(1..400);
        let mut line: Vec<u8> = match self.rng.random_range(0..6) {
            0 => (0..length).map(|_| self.rng.random()).collect(),
            1 => (0..length)
                .map(|_| self.rng.random_range(b' '..=b'~'))
                .collect(),
            2 => vec![0; length],
            3 => format!(
                "{{\"type\":\"assistant\",\"message\":{}",
                "[".repeat(length)
            )
            .into_bytes(),
            4 => {
                format!("{{\"type\":{length},\"message\":[null,{{}}],\"uuid\":{{}}}}").into_bytes()
            }
            _ => format!("[{}]", "1,".repeat(length)).into_bytes(),
        };
        line.push(b'\n');
        line
    }
}

impl Iterator for Garbage {
    type Item = Vec<u8>;
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let mut line = self.line();
        line.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= line.len() as u64;
        Some(line)
    }
}
