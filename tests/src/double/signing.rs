//! The application's Ed25519 key: what Discord signs interactions with.

use std::fmt::Write as _;

use ed25519_dalek::{Signer, SigningKey};

use super::state::Core;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The public key as /applications/@me shows it.
pub(super) fn public_hex(core: &Core) -> String {
    let key = SigningKey::from_bytes(&core.options.bot.seed);
    hex(key.verifying_key().as_bytes())
}

/// The signature over the timestamp's bytes and the raw body, in hex.
pub(super) fn sign(core: &Core, timestamp: &str, body: &[u8]) -> String {
    let key = SigningKey::from_bytes(&core.options.bot.seed);
    let signed = [timestamp.as_bytes(), body].concat();
    hex(&key.sign(&signed).to_bytes())
}
