//! One message, until Discord has it.
//!
//! What may be tried again is tried for ever: the file keeps what comes after. What Discord refuses is sent smaller, with
//! its reason, so that nothing disappears in silence. Dropping the future is how the caller gives up.

use super::batch::message;
use super::hurry::Hurry;
use super::queue::Waiting;
use super::smaller::in_place_of;
use crate::metrics::Metrics;
use discord::{Backoff, Client, Error, Message, MessageId, WebhookUrl};
use std::rc::Rc;
use std::time::Duration;

/// What became of the posts.
#[derive(Debug, Default)]
pub struct Delivery {
    /// How many of them, from the first on, are taken care of.
    pub done: usize,
    /// Which of these are in no message: Discord refused them in every form.
    pub lost: Vec<usize>,
    /// Id of the last message saved.
    pub message: Option<MessageId>,
    /// The final error, when not all of them are: nothing more may be sent to this webhook.
    pub end: Option<Error>,
}

/// Sends the posts as one message; those it is refused for, one by one and smaller.
pub async fn deliver(
    client: &Client,
    webhook: &WebhookUrl,
    posts: &[Rc<Waiting>],
    metrics: &Metrics,
    hurry: &Hurry,
) -> Delivery {
    let sender = Sender {
        client,
        webhook,
        metrics,
        hurry,
    };
    let mut delivery = Delivery::default();
    let refused = match sender.send(&message(posts)).await {
        Ok(id) => {
            delivery.done = posts.len();
            delivery.message = id;
            return delivery;
        }
        Err(error) if error.is_final() => {
            delivery.end = Some(error);
            return delivery;
        }
        Err(error) => error,
    };
    if posts.len() > 1 {
        tracing::warn!(error = %refused, posts = posts.len(), "a message was refused; its posts are sent one by one");
    }
    for post in posts {
        let fate = match sender.alone(post, posts.len() > 1, &refused).await {
            Ok(fate) => fate,
            Err(error) => {
                delivery.end = Some(error);
                return delivery;
            }
        };
        match fate {
            Fate::Saved(id) => delivery.message = id.or(delivery.message),
            Fate::Lost => delivery.lost.push(delivery.done),
        }
        delivery.done += 1;
    }
    delivery
}

/// Changes a message once; an edit that fails is simply made again with the next figures, so only waits are obeyed.
pub async fn edit(
    client: &Client,
    webhook: &WebhookUrl,
    id: &str,
    message: Message,
    metrics: &Metrics,
) -> Result<(), Error> {
    let result = client.edit_webhook_message(webhook, id, message).await;
    if let Err(Error::RateLimited { .. }) = result {
        metrics.rate_limited.inc();
    }
    result
}

/// Takes a message away, and tries until it is gone. Between the tries it shows `last`, for what it says is over.
pub async fn remove(
    client: &Client,
    webhook: &WebhookUrl,
    id: &str,
    last: Message,
    metrics: &Metrics,
    hurry: &Hurry,
) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    let mut last = Some(last);
    loop {
        let error = match client.delete_webhook_message(webhook, id).await {
            Ok(()) | Err(Error::MessageGone) => return Ok(()),
            Err(error) => error,
        };
        if error.is_final() {
            return Err(error);
        }
        metrics.retries.inc();
        let mut wait = backoff.after(&error);
        if let Some(message) = last.clone() {
            match edit(client, webhook, id, message, metrics).await {
                Ok(()) => last = None,
                Err(Error::MessageGone) => return Ok(()),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => wait = wait.max(backoff.after(&error)),
            }
        }
        let Some(wait) = wait else {
            let shows = if last.is_none() {
                "the end"
            } else {
                "what it did"
            };
            tracing::warn!(%error, shows, "the live summary cannot be taken away");
            return Err(error);
        };
        hurry.pause(wait).await;
    }
}

/// What each of a delivery's messages needs.
struct Sender<'a> {
    client: &'a Client,
    webhook: &'a WebhookUrl,
    metrics: &'a Metrics,
    hurry: &'a Hurry,
}

impl Sender<'_> {
    /// Tries until there is an answer that another try would not change.
    async fn send(&self, message: &Message) -> Result<Option<MessageId>, Error> {
        let mut backoff = Backoff::default();
        let mut failures = 0_u32;
        loop {
            // What waits for a limit is not under way yet.
            self.client.webhook_ready(self.webhook).await;
            let wire = self.metrics.on_the_wire();
            let sent = self.client.execute_webhook(self.webhook, message.clone());
            let sent = sent.await;
            wire.answered();
            let error = match sent {
                Ok(id) => {
                    if failures > 0 {
                        tracing::info!(failures, "Discord takes messages again");
                    }
                    self.metrics.reachable(None);
                    return Ok(id);
                }
                Err(error) => error,
            };
            let Some(wait) = backoff.after(&error) else {
                return Err(error);
            };
            failures = failures.saturating_add(1);
            self.metrics.retried(&error);
            // The first failure and then ever rarer ones: an outage of hours must not fill the log.
            if failures.is_power_of_two() {
                let wait = wait_text(wait);
                tracing::warn!(%error, failures, wait, "not sent yet; the transcript keeps what follows");
            }
            // What Discord asks for is obeyed to the last; what we chose ourselves may be too long.
            if matches!(error, Error::RateLimited { .. }) {
                tokio::time::sleep(wait).await;
            } else {
                self.hurry.pause(wait).await;
            }
        }
    }

    /// One post in a message of its own; first in full unless that is what was `refused`. Only a final error comes back.
    async fn alone(
        &self,
        post: &Rc<Waiting>,
        in_full: bool,
        refused: &Error,
    ) -> Result<Fate, Error> {
        if !in_full {
            return self.reduced(post, refused).await;
        }
        match self.send(&message([post])).await {
            Ok(id) => Ok(Fate::Saved(id)),
            Err(error) if error.is_final() => Err(error),
            Err(error) => self.reduced(post, &error).await,
        }
    }

    /// A smaller message in place of one that Discord refused, then a stub. Only a final error comes back.
    async fn reduced(&self, post: &Waiting, refused: &Error) -> Result<Fate, Error> {
        self.metrics.refused.inc();
        tracing::warn!(error = %refused, "a post was refused; a smaller one with the reason is sent in its place");
        for message in in_place_of(&post.embeds, refused) {
            match self.send(&message).await {
                Ok(id) => return Ok(Fate::Saved(id)),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => tracing::warn!(%error, "the smaller message was refused too"),
            }
        }
        self.metrics.lost.inc();
        tracing::error!(error = %refused, "a post is lost: Discord refuses even a stub in its place");
        Ok(Fate::Lost)
    }
}

/// What became of one post.
enum Fate {
    Saved(Option<MessageId>),
    Lost,
}

fn wait_text(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64())
}
