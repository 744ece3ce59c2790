//! `X-Input-Signature: sha256=HEX`, the HMAC of the raw body.

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// The header's value that signs `body`.
pub(crate) fn sign(secret: &SecretString, body: &[u8]) -> String {
    use std::fmt::Write as _;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let mut text = "sha256=".to_owned();
    for byte in hmac::sign(&key, body).as_ref() {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether `header` signs `body`; compared in constant time.
pub(super) fn is_valid(secret: &SecretString, header: Option<&str>, body: &[u8]) -> bool {
    let Some(tag) = header.and_then(|header| decode(header.trim().strip_prefix("sha256=")?)) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hmac::verify(&key, body, &tag).is_ok()
}

fn decode(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    if hex.len() != 64 {
        return None;
    }
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const GOOD: &str = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn the_rfcs_vector_is_valid_and_nothing_near_it() {
        let secret = SecretString::from("Jefe");
        assert!(is_valid(&secret, Some(GOOD), BODY));
        assert_eq!(sign(&secret, BODY), GOOD);
        let bare = GOOD.strip_prefix("sha256=");
        let other = GOOD.replace("5bdc", "5bdd");
        for header in [
            None,
            Some(""),
            Some("sha256="),
            bare,
            Some(other.as_str()),
            Some("sha256=zz"),
        ] {
            assert!(!is_valid(&secret, header, BODY), "{header:?}");
        }
        assert!(!is_valid(
            &secret,
            Some(GOOD),
            b"what do ya want for nothing!"
        ));
        assert!(!is_valid(&SecretString::from("jefe"), Some(GOOD), BODY));
    }
}
