//! What the bot signs for itself: the run's key in a channel's topic, which members can edit, and run tokens.
//!
//! Everything follows from one secret and the run's key, so a bot whose store is lost reads its own channels and honours
//! its own tokens. Comparing takes the same time for every wrong signature (ring).

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt::Write as _;

/// What a run token starts with, so that a leaked one is recognised for what it is.
const TOKEN_PREFIX: &str = "dmr1";
/// Bytes of a topic's signature: enough against members who guess, short enough to stand in a topic.
const SHORT: usize = 12;

/// Signs and checks.
pub(crate) struct Signer {
    topics: hmac::Key,
    tokens: hmac::Key,
    ids: hmac::Key,
}

/// A run token that is one, expired or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunToken {
    pub run_id: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

impl Signer {
    /// A key for each purpose from one secret.
    pub(crate) fn new(secret: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let derive = |purpose: &str| {
            let key = hmac::sign(&root, format!("discord-monitoring {purpose} v1").as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())
        };
        Self {
            topics: derive("topic"),
            tokens: derive("run token"),
            ids: derive("run id"),
        }
    }

    /// The id of the run with this key: the same in every life of the store.
    pub(crate) fn run_id(
        &self,
        (namespace, task_id, attempt, short_id): (&str, &str, i64, &str),
    ) -> String {
        let text = format!("{namespace}\n{task_id}\n{attempt}\n{short_id}");
        hex(hmac::sign(&self.ids, text.as_bytes()).as_ref(), 16)
    }

    /// The signature below a topic's text.
    pub(crate) fn topic(&self, text: &str) -> String {
        hex(hmac::sign(&self.topics, text.as_bytes()).as_ref(), SHORT)
    }

    /// Whether this bot wrote the text.
    pub(crate) fn is_topic(&self, text: &str, signature: &str) -> bool {
        same(&self.topic(text), signature)
    }

    /// A token for the run's watcher.
    pub(crate) fn token(&self, run_id: &str, expires_at: i64) -> SecretString {
        let text = format!("{TOKEN_PREFIX}.{run_id}.{expires_at}");
        let signature = hmac::sign(&self.tokens, text.as_bytes());
        format!("{text}.{}", hex(signature.as_ref(), 32)).into()
    }

    /// Reads a run token; `None` when it is not of this bot.
    pub(crate) fn read_token(&self, token: &str) -> Option<RunToken> {
        let (text, signature) = token.rsplit_once('.')?;
        let expected = hmac::sign(&self.tokens, text.as_bytes());
        if !same(&hex(expected.as_ref(), 32), signature) {
            return None;
        }
        let mut parts = text.split('.');
        if parts.next()? != TOKEN_PREFIX {
            return None;
        }
        Some(RunToken {
            run_id: parts.next()?.to_owned(),
            expires_at: parts.next()?.parse().ok()?,
        })
    }
}

fn same(left: &str, right: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn hex(bytes: &[u8], take: usize) -> String {
    bytes
        .iter()
        .take(take)
        .fold(String::with_capacity(2 * take), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer(secret: &str) -> Signer {
        Signer::new(&secret.to_owned().into())
    }

    #[test]
    fn a_run_keeps_its_id_and_another_run_has_another() {
        let id = |key| signer("s").run_id(key);
        assert_eq!(id(("n", "t", 1, "s")), id(("n", "t", 1, "s")));
        assert_ne!(id(("n", "t", 1, "s")), id(("n", "t", 2, "s")));
        assert_ne!(
            id(("n", "t", 1, "s")),
            signer("other").run_id(("n", "t", 1, "s"))
        );
    }

    #[test]
    fn a_token_is_read_back_and_no_other_bots_is() {
        let token = signer("s").token("abc", 7);
        let read = signer("s").read_token(token.expose_secret()).unwrap();
        assert_eq!((read.run_id.as_str(), read.expires_at), ("abc", 7));
        assert_eq!(signer("other").read_token(token.expose_secret()), None);
    }

    proptest! {
        #[test]
        fn a_changed_token_is_refused(at in 0_usize..100, with in "[0-9a-f.]") {
            let token = signer("s").token("0123456789abcdef", 1_700_000_000_000);
            let text = token.expose_secret();
            let at = at % text.len();
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            prop_assert_eq!(
                signer("s").read_token(&changed).is_some(),
                changed == text
            );
        }
    }
}
