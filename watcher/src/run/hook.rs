//! The webhook in use: found, changed, refused, found again.
//!
//! The bot's channel is the run's while there is one. A webhook of one's own is used without a bot, and with one that a
//! person has to set right first: no token, or one that may not register here. A bot that is only down is waited for,
//! since the transcript waits too.

use crate::config::Config;
use crate::register::{Registration, Standing};
use crate::send::{Connection, Source, SourceError};
use discord::{Client, Error, SetupError, WebhookUrl};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Pause between two looks while there is no webhook to post to.
const SEARCHING: Duration = Duration::from_secs(1);
/// The same while there is one, for rotated Secrets.
const SETTLED: Duration = Duration::from_secs(5);

/// Pause between two questions for another webhook, while the bot's is refused.
const RENEWING: Duration = Duration::from_mins(1);

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
    next_renewal: Option<Instant>,
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
            next_renewal: None,
        })
    }

    /// The client and the webhook, when there is one that may be used.
    pub(super) fn get(&self) -> Option<(Rc<Client>, &WebhookUrl)> {
        Some((self.connection.client(), self.current.as_ref()?))
    }

    /// The configuration's own webhook, used or not.
    pub(super) fn own(&self) -> Option<WebhookUrl> {
        self.source.read().ok()
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

    /// The webhook to use by what the bot and the configuration say now, or why there is none; nothing is wrong while
    /// the bot has not answered yet.
    fn find(&self, standing: Option<&Standing>) -> Result<WebhookUrl, Option<String>> {
        match standing {
            Some(Standing::Registered(webhook)) => Ok(webhook.clone()),
            Some(Standing::Waiting(reason)) => Err(reason.clone()),
            Some(Standing::Refused(reason)) => self.source.read().map_err(|error| match error {
                // Nobody meant to set one.
                SourceError::Unset | SourceError::Missing { .. } => Some(reason.clone()),
                error => Some(format!("{reason}; {error}")),
            }),
            None => self.source.read().map_err(|error| Some(error.to_string())),
        }
    }

    /// Has the next look made at once.
    pub(super) fn hurry(&mut self) {
        self.next_look = None;
    }

    /// Looks at what the bot and the configuration name; true when what is under way should be given up.
    pub(super) fn look(&mut self, now: Instant, registration: Option<&Registration>) -> bool {
        let new_client = self.connection.refresh();
        let standing = registration.as_ref().map(|one| one.standing());
        let found = self.find(standing.as_ref());
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
                    if let Some(registration) = registration
                        && self.next_renewal.is_none_or(|at| at <= now)
                    {
                        self.next_renewal = Some(now + RENEWING);
                        registration.renew();
                    }
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
            Err(reason) => {
                let refused = self.refused.as_ref().map(|(_, error)| error.to_string());
                let reasons: Vec<_> = refused.into_iter().chain(reason).collect();
                self.trouble = (!reasons.is_empty()).then(|| reasons.join("; "));
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
