//! Who may call: Ed25519 over the timestamp's bytes followed by the raw body (interactions/overview.mdx).
//!
//! `verify_strict` takes no small-order key and no signature that can be written in two ways, so nobody but Discord can
//! make one that holds, and nobody can turn one into another.

use ed25519_dalek::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH, Signature, VerifyingKey};

/// Keys at one time: the old and the new one, and room.
const MAX_KEYS: usize = 8;

/// Why a text names no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "PUBLIC_KEY must hold one to {MAX_KEYS} Ed25519 public keys of 64 hexadecimal digits, separated by commas; copy it \
     from the application's page, General Information"
)]
pub struct KeyError;

/// The application's public keys. More than one while a key is exchanged.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<VerifyingKey>);

impl Keys {
    /// Reads keys separated by commas or blanks.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for part in text
            .split([',', ' ', '\n', '\t'])
            .filter(|part| !part.is_empty())
        {
            let bytes: [u8; PUBLIC_KEY_LENGTH] = hex(part.as_bytes()).ok_or(KeyError)?;
            let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError)?;
            if key.is_weak() || keys.len() == MAX_KEYS {
                return Err(KeyError);
            }
            keys.push(key);
        }
        if keys.is_empty() {
            Err(KeyError)
        } else {
            Ok(Self(keys))
        }
    }

    /// Whether one of the keys signed this. `signature` is hexadecimal, as the header has it.
    pub(super) fn hold(&self, timestamp: &[u8], body: &[u8], signature: &[u8]) -> bool {
        let Some(bytes) = hex::<SIGNATURE_LENGTH>(signature) else {
            return false;
        };
        let signature = Signature::from_bytes(&bytes);
        let message = [timestamp, body].concat();
        self.0
            .iter()
            .any(|key| key.verify_strict(&message, &signature).is_ok())
    }

    /// Whether this key, in hexadecimal, is among them.
    pub(crate) fn has(&self, key: &str) -> bool {
        hex::<PUBLIC_KEY_LENGTH>(key.trim().as_bytes())
            .is_some_and(|key| self.0.iter().any(|own| *own.as_bytes() == key))
    }

    /// Whether there is none, so that nothing can be checked.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Exactly `N` bytes from `2 * N` hexadecimal digits.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8032, section 7.1, tests 2 and 3.
    const VECTORS: [(&str, &str, &str); 2] = [
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];

    fn message(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn the_vectors_of_the_standard_hold_however_timestamp_and_body_divide_them() {
        for (key, text, signature) in VECTORS {
            let keys = Keys::parse(key).unwrap();
            let message = message(text);
            for at in 0..=message.len() {
                let (timestamp, body) = message.split_at(at);
                assert!(keys.hold(timestamp, body, signature.as_bytes()));
                assert!(keys.hold(timestamp, body, signature.to_uppercase().as_bytes()));
            }
            assert!(!keys.hold(b"", b"other", signature.as_bytes()));
        }
    }

    #[test]
    fn each_of_several_keys_counts_and_no_other() {
        let (first, second) = (VECTORS[0], VECTORS[1]);
        let keys = Keys::parse(&format!(" {},{}\n", first.0, second.0)).unwrap();
        for (_, text, signature) in VECTORS {
            assert!(keys.hold(b"", &message(text), signature.as_bytes()));
        }
        let other = Keys::parse(first.0).unwrap();
        assert!(!other.hold(b"", &message(second.1), second.2.as_bytes()));
        assert!(!Keys::default().hold(b"", &message(first.1), first.2.as_bytes()));
    }

    #[test]
    fn a_changed_signature_or_one_of_another_length_is_refused() {
        let (key, text, signature) = VECTORS[0];
        let (keys, message) = (Keys::parse(key).unwrap(), message(text));
        for at in 0..signature.len() {
            let mut changed = signature.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(!keys.hold(b"", &message, &changed), "digit {at}");
        }
        let long = format!("{signature}00");
        for wrong in [
            "",
            "00",
            &signature[1..],
            &signature[2..],
            &long,
            &"zz".repeat(64),
            &"é".repeat(64),
        ] {
            assert!(!keys.hold(b"", &message, wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_signature_written_in_the_second_way_is_refused() {
        // The same S plus the group's order: a verifier that does not insist on the canonical form takes it.
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let (key, text, signature) = VECTORS[0];
        let mut bytes: [u8; 64] = hex(signature.as_bytes()).unwrap();
        let mut carry = 0;
        for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        let second: String = bytes.map(|byte| format!("{byte:02x}")).concat();
        assert!(
            !Keys::parse(key)
                .unwrap()
                .hold(b"", &message(text), second.as_bytes())
        );
    }

    #[test]
    fn small_order_keys_are_refused_as_keys_and_by_the_check() {
        // Under the neutral element as key, R = S*B holds for every message: S = 0 and R = the neutral element.
        let neutral = format!("01{}", "00".repeat(31));
        let forged = format!("{neutral}{}", "00".repeat(32));
        let bytes = hex(neutral.as_bytes()).unwrap();
        let keys = Keys(vec![VerifyingKey::from_bytes(&bytes).unwrap()]);
        assert!(!keys.hold(b"1", b"{}", forged.as_bytes()));
        for weak in [
            neutral.as_str(),
            "0000000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ] {
            assert_eq!(Keys::parse(weak).unwrap_err(), KeyError, "{weak}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_to_do() {
        let many = [VECTORS[0].0; MAX_KEYS + 1].join(",");
        for wrong in ["", " , ", "12", &VECTORS[0].0[1..], &"g".repeat(64), &many] {
            let message = Keys::parse(wrong).unwrap_err().to_string();
            assert!(message.contains("PUBLIC_KEY"), "{message}");
        }
    }
}
