//! Identifiers as clients write them.

use rand::Rng;
use rand::rngs::SmallRng;
use std::fmt::Write as _;

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A UUID of version 4.
pub(crate) fn uuid(rng: &mut SmallRng) -> String {
    let bits: u128 = rng.random();
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// A prefix and so many letters and digits.
pub(crate) fn base62(rng: &mut SmallRng, prefix: &str, length: usize) -> String {
    let mut text = String::with_capacity(prefix.len() + length);
    text.push_str(prefix);
    for _ in 0..length {
        let digit = BASE62
            .get(rng.random_range(0..BASE62.len()))
            .copied()
            .unwrap_or(b'0');
        text.push(char::from(digit));
    }
    text
}

/// The id of an assistant's message.
pub(crate) fn message(rng: &mut SmallRng) -> String {
    base62(rng, "msg_01", 22)
}

/// The id of a tool call.
pub(crate) fn tool_use(rng: &mut SmallRng) -> String {
    base62(rng, "toolu_01", 22)
}

/// The id of a request to the API.
pub(crate) fn request(rng: &mut SmallRng) -> String {
    base62(rng, "req_011C", 20)
}

/// The signature of a thinking block.
pub(crate) fn signature(rng: &mut SmallRng) -> String {
    base62(rng, "EqIECkYICxgCKkB", 180)
}

/// Hexadecimal digits, e.g. of an agent's id or a commit.
pub(crate) fn hex(rng: &mut SmallRng, length: usize) -> String {
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        let _ = write!(text, "{:x}", rng.random_range(0..16));
    }
    text
}
