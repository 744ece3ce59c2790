//! The webhook in use: found, changed, refused, found again.

use crate::config::Config;
use crate::send::{Connection, Source};
use discord::{Client, Error, SetupError, WebhookUrl};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Pause between two looks while there is no webhook to post to.
const SEARCHING: Duration = Duration::from_secs(1);
/// The same while there is one, for rotated Secrets.
const SETTLED: Duration = Duration::from_secs(5);

/// Which webhook is posted to, and why none is.
#[derive(Debug)]
pub(super) struct Hook {
    source: Source,
    connection: Connection,
    current: Option<WebhookUrl>,
    /// What Discord refused for good. It is never used again.
    refused: Option<(WebhookUrl, Error)>,
    trouble: Option<String>,
    next_look: Option<Instant>,
}

impl Hook {
    pub(super) fn open(config: &Config) -> Result<Self, SetupError> {
        Ok(Self {
            source: Source::new(config.webhook.clone()),
            connection: Connection::open(config.extra_ca_file.clone())?,
            current: None,
            refused: None,
            trouble: None,
            next_look: None,
        })
    }

    /// The client and the webhook, when there is one that may be used.
    pub(super) fn get(&self) -> Option<(Rc<Client>, &WebhookUrl)> {
        Some((self.connection.client(), self.current.as_ref()?))
    }

    /// Whether the webhook was refused for good and no other is there.
    pub(super) fn is_refused(&self) -> bool {
        self.current.is_none() && self.refused.is_some()
    }

    /// Why nothing can be posted, in words.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Looks at what the configuration names; true when what is under way should be given up.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let new_client = self.connection.refresh();
        let found = self.source.read();
        let mut new_webhook = false;
        match found {
            Ok(webhook) => {
                let refused = self
                    .refused
                    .as_ref()
                    .filter(|(refused, _)| *refused == webhook);
                if let Some((_, error)) = refused {
                    self.trouble = Some(format!(
                        "{error}; nothing more is sent until the webhook URL changes"
                    ));
                } else if self.current.as_ref() != Some(&webhook) {
                    tracing::info!(%webhook, "posting to this webhook");
                    new_webhook = self.current.is_some();
                    self.current = Some(webhook);
                    self.refused = None;
                    self.trouble = None;
                }
            }
            // A Secret that goes away takes nothing from us that still works.
            Err(_) if self.current.is_some() => {}
            Err(error) => {
                let refused = self.refused.as_ref().map(|(_, error)| format!("{error}; "));
                self.trouble = Some(format!("{}{error}", refused.unwrap_or_default()));
            }
        }
        let pause = if self.current.is_some() {
            SETTLED
        } else {
            SEARCHING
        };
        self.next_look = Some(now + pause);
        new_client || new_webhook
    }

    /// Stops using the webhook for good.
    pub(super) fn refuse(&mut self, error: Error) {
        let Some(webhook) = self.current.take() else {
            return;
        };
        tracing::error!(%webhook, %error, "nothing more is sent until the webhook URL changes; the transcript keeps what follows");
        self.trouble = Some(format!(
            "{error}; nothing more is sent until the webhook URL changes"
        ));
        self.refused = Some((webhook, error));
        self.next_look = None;
    }
}
