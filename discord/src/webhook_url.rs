//! A webhook's address, whose last path segment is a password.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// Longest text that is looked at as a URL, in bytes.
const MAX_BYTES: usize = 4096;

/// A webhook URL: any http(s) host whose path ends in `/webhooks/{id}/{token}`, with an optional `?thread_id=`.
/// `Debug` and `Display` show all but the token.
#[derive(Clone)]
pub struct WebhookUrl {
    /// The address up to and without `/webhooks/...`.
    base: Url,
    id: String,
    token: SecretString,
    thread_id: Option<String>,
}

/// Why a text is no webhook URL. Never holds the text, which may be a mistyped secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// Nothing but blanks.
    #[error(
        "the webhook URL is empty; take it from the channel's settings, Integrations, Webhooks"
    )]
    Empty,
    /// Not a URL at all, or longer than any webhook URL.
    #[error(
        "the webhook URL is not a URL; it should look like https://discord.com/api/webhooks/ID/TOKEN"
    )]
    NotAUrl,
    /// Another scheme than http and https.
    #[error(
        "the webhook URL is neither https nor http; it should look like https://discord.com/api/webhooks/ID/TOKEN"
    )]
    Scheme,
    /// The path does not end in `/webhooks/{id}/{token}`.
    #[error(
        "the webhook URL's path does not end in /webhooks/ID/TOKEN; copy it again from the channel's settings"
    )]
    Path,
    /// `thread_id` is not a number.
    #[error("the webhook URL's thread_id is not a number; copy the thread's id from Discord")]
    Thread,
}

impl WebhookUrl {
    /// Reads a URL; surrounding blanks do not count, since files and Secrets tend to end in a newline.
    pub fn parse(text: &str) -> Result<Self, WebhookUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(WebhookUrlError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(WebhookUrlError::NotAUrl);
        }
        let mut base = Url::parse(text).map_err(|_| WebhookUrlError::NotAUrl)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(WebhookUrlError::Scheme);
        }
        let thread_id = match base.query_pairs().find(|(key, _)| key == "thread_id") {
            None => None,
            Some((_, id)) if is_snowflake(&id) => Some(id.into_owned()),
            Some(_) => return Err(WebhookUrlError::Thread),
        };
        let (prefix, id, token) = split(base.path()).ok_or(WebhookUrlError::Path)?;
        base.set_path(&prefix);
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            base,
            id,
            token: token.into(),
            thread_id,
        })
    }

    /// The webhook's id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The thread or forum post that is posted into, if any.
    pub fn thread_id(&self) -> Option<&str> {
        self.thread_id.as_deref()
    }

    /// The token, to redact it where it might appear in foreign text.
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// The request address; `message` is the id of one message of this webhook. Holds the token: never log it.
    pub(crate) fn endpoint(&self, message: Option<&str>, wait: bool) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["webhooks", &self.id, self.token.expose_secret()]);
            if let Some(message) = message {
                path.extend(["messages", message]);
            }
        }
        if wait || self.thread_id.is_some() {
            let mut query = url.query_pairs_mut();
            if wait {
                query.append_pair("wait", "true");
            }
            if let Some(thread) = &self.thread_id {
                query.append_pair("thread_id", thread);
            }
        }
        url
    }
}

/// Discord's ids are 64-bit numbers in decimal.
fn is_snowflake(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits `/api/webhooks/1/x` into `/api`, `1` and `x`.
fn split(path: &str) -> Option<(String, String, String)> {
    let mut parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let token = parts.pop()?;
    let id = parts.pop()?;
    if parts.pop()? != "webhooks" || !is_snowflake(id) || token.is_empty() {
        return None;
    }
    // What Discord makes is base64url; a percent sign or the like is a placeholder or a mangled copy.
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    token
        .bytes()
        .all(legal)
        .then(|| (parts.join("/"), id.to_owned(), token.to_owned()))
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.base.host_str().unwrap_or("?");
        write!(
            formatter,
            "{}://{host}/…/webhooks/{}/[redacted]",
            self.base.scheme(),
            self.id
        )
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WebhookUrl({self})")
    }
}

impl PartialEq for WebhookUrl {
    fn eq(&self, other: &Self) -> bool {
        self.base == other.base
            && self.id == other.id
            && self.thread_id == other.thread_id
            && self.token.expose_secret() == other.token.expose_secret()
    }
}

impl Eq for WebhookUrl {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "https://discord.com/api/v10/webhooks/123456789012345678/aB-c_9";

    #[test]
    fn any_host_and_prefix_is_taken() {
        for (text, endpoint) in [
            (
                GOOD,
                "https://discord.com/api/v10/webhooks/123456789012345678/aB-c_9?wait=true",
            ),
            (
                "http://127.0.0.1:8080/webhooks/1/t/\n",
                "http://127.0.0.1:8080/webhooks/1/t?wait=true",
            ),
            (
                "http://h/api/webhooks/1/t?thread_id=9",
                "http://h/api/webhooks/1/t?wait=true&thread_id=9",
            ),
        ] {
            let url = WebhookUrl::parse(text).unwrap();
            assert_eq!(url.endpoint(None, true).as_str(), endpoint);
        }
    }

    #[test]
    fn a_message_has_its_own_address_in_the_same_thread() {
        let url = WebhookUrl::parse("http://h/api/webhooks/1/t?thread_id=9").unwrap();
        assert_eq!(
            url.endpoint(Some("77"), false).as_str(),
            "http://h/api/webhooks/1/t/messages/77?thread_id=9"
        );
    }

    #[test]
    fn what_is_no_webhook_url_is_refused_with_its_reason() {
        for (text, why) in [
            (" \n", WebhookUrlError::Empty),
            ("discord.com/api/webhooks/1/t", WebhookUrlError::NotAUrl),
            (
                "ftp://discord.com/api/webhooks/1/t",
                WebhookUrlError::Scheme,
            ),
            ("https://discord.com/channels/1/2", WebhookUrlError::Path),
            (
                "https://discord.com/api/webhooks/ID/TOKEN",
                WebhookUrlError::Path,
            ),
            (
                "https://discord.com/api/webhooks/1/<token>",
                WebhookUrlError::Path,
            ),
            (
                "https://discord.com/api/webhooks/1/t/slack",
                WebhookUrlError::Path,
            ),
            (
                "https://h/webhooks/1/t?thread_id=x",
                WebhookUrlError::Thread,
            ),
        ] {
            assert_eq!(WebhookUrl::parse(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn neither_display_nor_debug_shows_the_token() {
        let url = WebhookUrl::parse(GOOD).unwrap();
        assert!(!format!("{url} {url:?} {url:#?}").contains("aB-c_9"));
        assert!(format!("{url}").contains("123456789012345678"));
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic_or_leak(text in "\\PC{0,60}") {
            if let Err(error) = WebhookUrl::parse(&text) {
                let said = format!("{error}{error:?}");
                prop_assert!(text.trim().len() < 12 || !said.contains(text.trim()));
            }
        }
    }
}
