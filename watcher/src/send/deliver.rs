//! One message, until Discord has it.
//!
//! What may be tried again is tried for ever: the file keeps what comes after. What Discord refuses is sent smaller, with
//! its reason, so that nothing disappears in silence. Dropping the future is how the caller gives up.

use super::batch::message;
use super::hurry::Hurry;
use super::queue::Waiting;
use crate::metrics::Metrics;
use discord::{Backoff, Client, Embed, Error, Message, MessageId, WebhookUrl, limits};
use std::rc::Rc;
use std::time::Duration;

/// Colour of what stands for a refused message.
const AMBER: u32 = 0x00F0_B132;
/// Code points of a refused post that are still shown.
const EXCERPT: usize = 1000;

/// What became of the posts.
#[derive(Debug)]
pub struct Delivery {
    /// How many of them, from the first on, are taken care of.
    pub done: usize,
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
    let refused = match sender.send(&message(posts)).await {
        Ok(id) => {
            return Delivery {
                done: posts.len(),
                message: id,
                end: None,
            };
        }
        Err(error) if error.is_final() => {
            return Delivery {
                done: 0,
                message: None,
                end: Some(error),
            };
        }
        Err(error) => error,
    };
    if let [post] = posts {
        return match sender.reduced(post, &refused).await {
            Ok(id) => Delivery {
                done: 1,
                message: id,
                end: None,
            },
            Err(error) => Delivery {
                done: 0,
                message: None,
                end: Some(error),
            },
        };
    }
    tracing::warn!(error = %refused, posts = posts.len(), "a message was refused; its posts are sent one by one");
    let mut last = None;
    for (done, post) in posts.iter().enumerate() {
        let sent = match sender.send(&message([post])).await {
            Err(error) if !error.is_final() => sender.reduced(post, &error).await,
            other => other,
        };
        match sent {
            Ok(id) => last = id.or(last),
            Err(error) => {
                return Delivery {
                    done,
                    message: last,
                    end: Some(error),
                };
            }
        }
    }
    Delivery {
        done: posts.len(),
        message: last,
        end: None,
    }
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
            let sent = self.client.execute_webhook(self.webhook, message.clone());
            let error = match sent.await {
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

    /// A smaller message in place of one that Discord refused, then a stub. Only a final error comes back.
    async fn reduced(&self, post: &Waiting, refused: &Error) -> Result<Option<MessageId>, Error> {
        self.metrics.refused.inc();
        tracing::warn!(error = %refused, "a post was refused; a smaller one with the reason is sent in its place");
        for message in [smaller(post, refused), stub(refused)] {
            match self.send(&message).await {
                Ok(id) => return Ok(id),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => tracing::warn!(%error, "the smaller message was refused too"),
            }
        }
        self.metrics.lost.inc();
        tracing::error!(error = %refused, "a post is lost: Discord refuses even a stub in its place");
        Ok(None)
    }
}

fn smaller(post: &Waiting, refused: &Error) -> Message {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let title = post
        .embeds
        .first()
        .map(|embed| text(&embed.title))
        .unwrap_or_default();
    let body: String = post
        .embeds
        .iter()
        .map(|embed| text(&embed.description))
        .collect();
    // Fences and markdown may be what is wrong, and a cut fence swallows the rest of the message.
    let plain: String = format!("{title}\n{body}")
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .map(|letter| if letter == '`' { '\'' } else { letter })
        .collect();
    let mut description = format!("{refused}\n");
    let excerpt = limits::cut(plain.trim(), EXCERPT);
    if !excerpt.is_empty() {
        description = format!("{description}```\n{excerpt}\n```");
    }
    Message {
        embeds: vec![Embed {
            title: Some("Shown in part: Discord refused the full post".to_owned()),
            description: Some(description),
            color: Some(AMBER),
            ..Embed::default()
        }],
        ..Message::default()
    }
}

fn stub(refused: &Error) -> Message {
    let reason: String = refused
        .to_string()
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    let content = format!("One event could not be shown. {reason}");
    Message {
        content: Some(limits::cut(&content, limits::CONTENT).into_owned()),
        ..Message::default()
    }
}

fn wait_text(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64())
}
