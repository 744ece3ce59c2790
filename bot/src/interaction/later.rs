//! What is said after the first answer, through the interaction's own webhook: it needs no bot token and lives 15
//! minutes. All of it is bounded in number and in time, and none of it is needed: the run's channel says the same.

use super::parse::Interaction;
use super::words;
use crate::desk::Desk;
use discord::{Bot, Message, WebhookUrl};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers that wait for something, at one time.
const MAX_PENDING: usize = 256;
/// How long an input's end is waited for; the token lives 15 minutes.
const FOLLOW: Duration = Duration::from_mins(14);
/// Discord takes no edit before it has read the first answer, which is on its way when we begin.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

/// Where later answers go.
pub(super) struct Later {
    discord: Option<Arc<Bot>>,
    places: Arc<Semaphore>,
}

/// An input whose end is told.
#[derive(Debug, Clone)]
pub(super) struct Follow {
    pub channel: String,
    pub label: String,
    pub seq: i64,
}

/// A place among those that wait, and the address of one interaction.
pub(super) struct Ticket {
    bot: Arc<Bot>,
    url: WebhookUrl,
    id: String,
    _place: OwnedSemaphorePermit,
}

impl Later {
    pub(super) fn new(discord: Option<Arc<Bot>>) -> Self {
        Self {
            discord,
            places: Arc::new(Semaphore::new(MAX_PENDING)),
        }
    }

    /// The client, to read files with.
    pub(super) fn discord(&self) -> Option<&Arc<Bot>> {
        self.discord.as_ref()
    }

    /// A place for this interaction; `None` when there is no room, no client or no address.
    pub(super) fn ticket(&self, interaction: &Interaction) -> Option<Ticket> {
        let bot = self.discord.clone()?;
        let url = bot
            .webhook_url(&interaction.application_id, &interaction.token, None)
            .ok()?;
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Ticket {
            bot,
            url,
            id: interaction.id.clone(),
            _place: place,
        })
    }
}

impl Ticket {
    /// Replaces the first answer's text.
    pub(super) async fn say(&self, text: &str) {
        let message = Message {
            content: Some(discord::limits::cut(text, discord::limits::CONTENT).into_owned()),
            ..Message::default()
        };
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            let sent =
                self.bot
                    .client()
                    .edit_webhook_message(&self.url, "@original", message.clone());
            match sent.await {
                Ok(()) => return,
                // Also "final" ones: before Discord has read our first answer it knows no such webhook.
                Err(error) => {
                    tracing::debug!(id = %self.id, %error, "a later answer was not taken");
                }
            }
        }
        tracing::warn!(id = %self.id, "a later answer could not be given; the run's channel has it");
    }

    /// Waits for the input's end and says it.
    pub(super) async fn follow(self, desk: Arc<dyn Desk>, follow: Follow) {
        match desk.outcome(&follow.channel, follow.seq, FOLLOW).await {
            Ok(Some(outcome)) => {
                self.say(&words::outcome(outcome, &follow.label, follow.seq))
                    .await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(id = %self.id, %error, "an input's end is not told to its author");
            }
        }
    }
}
