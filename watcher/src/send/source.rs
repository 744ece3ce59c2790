//! Which webhook is posted to, now.
//!
//! A Secret may be made, changed or repaired long after the Pod has started: its file is read again and again. An
//! environment variable is fixed for life, and so only what is taken when the file holds nothing.

use crate::config::Webhook;
use crate::files;
use discord::{WebhookUrl, WebhookUrlError};
use secrecy::ExposeSecret as _;
use std::path::Path;

/// Most bytes read from the file.
const MAX_BYTES: u64 = 8 * 1024;

/// Why there is no webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Neither file nor variable is set.
    #[error(
        "no webhook URL: set DISCORD_WEBHOOK_URL, or DISCORD_WEBHOOK_URL_FILE to a file that holds it"
    )]
    Unset,
    /// The file is not there (yet).
    #[error(
        "no webhook URL yet: {path} does not exist; create the Secret with the key {key:?}, it is picked up"
    )]
    Missing {
        /// The file.
        path: String,
        /// Its name, which is the Secret's key.
        key: String,
    },
    /// The file does not read.
    #[error("the webhook URL in {path} cannot be read ({reason}); it is tried again")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// What is there is no webhook URL.
    #[error("{origin}: {reason}")]
    Invalid {
        /// The file or variable.
        origin: String,
        /// What is wrong with it.
        #[source]
        reason: WebhookUrlError,
    },
}

/// Reads the webhook's URL from where the configuration says.
#[derive(Debug)]
pub struct Source {
    settings: Webhook,
}

impl Source {
    /// A source that has read nothing yet.
    pub fn new(settings: Webhook) -> Self {
        Self { settings }
    }

    /// The webhook as it stands now.
    pub fn read(&self) -> Result<WebhookUrl, SourceError> {
        let from_file = self.settings.file.as_deref().map(file);
        if let Some(Ok(webhook)) = from_file {
            return Ok(webhook);
        }
        if let Some(text) = &self.settings.url {
            match WebhookUrl::parse(text.expose_secret()) {
                Ok(webhook) => return Ok(webhook),
                Err(reason) => {
                    let origin = "DISCORD_WEBHOOK_URL".to_owned();
                    return Err(SourceError::Invalid { origin, reason });
                }
            }
        }
        from_file.unwrap_or(Err(SourceError::Unset))
    }
}

fn file(path: &Path) -> Result<WebhookUrl, SourceError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            let key = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            return SourceError::Missing {
                path: name.clone(),
                key,
            };
        }
        SourceError::Unreadable {
            path: name.clone(),
            reason: error.to_string(),
        }
    };
    let bytes = files::read(path, MAX_BYTES).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(std::io::Error::other("not UTF-8 text")))?;
    WebhookUrl::parse(&text).map_err(|reason| SourceError::Invalid {
        origin: name,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://discord.com/api/webhooks/1/aaa";
    const B: &str = "https://discord.com/api/webhooks/2/bbb\n";

    #[test]
    fn a_file_made_and_changed_later_is_picked_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        let source = Source::new(Webhook {
            url: None,
            file: Some(path.clone()),
        });
        let missing = source.read().unwrap_err().to_string();
        assert!(
            missing.contains("url") && missing.contains("Secret"),
            "{missing}"
        );
        std::fs::write(&path, A).unwrap();
        assert_eq!(source.read().unwrap().id(), "1");
        std::fs::write(&path, B).unwrap();
        assert_eq!(source.read().unwrap().id(), "2");
    }

    #[test]
    fn the_file_wins_while_it_holds_a_url() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        let source = Source::new(Webhook {
            url: Some(A.into()),
            file: Some(path.clone()),
        });
        assert_eq!(source.read().unwrap().id(), "1");
        std::fs::write(&path, B).unwrap();
        assert_eq!(source.read().unwrap().id(), "2");
        std::fs::write(&path, "garbage").unwrap();
        assert_eq!(source.read().unwrap().id(), "1");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let secret = "discord.com/api/webhooks/1/s3cr3t";
        let source = Source::new(Webhook {
            url: Some(secret.into()),
            file: None,
        });
        let error = source.read().unwrap_err();
        assert!(error.to_string().contains("DISCORD_WEBHOOK_URL"), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"));
        let dir = tempfile::tempdir().unwrap();
        let source = Source::new(Webhook {
            url: None,
            file: Some(dir.path().to_owned()),
        });
        assert!(matches!(source.read(), Err(SourceError::Unreadable { .. })));
        assert_eq!(
            Source::new(Webhook::default()).read(),
            Err(SourceError::Unset)
        );
    }
}
