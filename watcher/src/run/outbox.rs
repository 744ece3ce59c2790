//! The sending side: one message in flight, and beside it at most one edit of the live summary.
//!
//! What happens is sent at once while little happens, for a person watches; in a burst, messages follow each other at
//! a [`Pace`] at which they fill.

use super::pace::Pace;
use crate::metrics::Metrics;
use crate::send::{Batch, Delivery, Hurry, Queue, Waiting, deliver, edit, remove};
use discord::{Client, Error, Message, WebhookUrl};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Instant;

/// What came back.
#[derive(Debug)]
pub(super) enum Done {
    /// The bucket has room; the next message is put together now.
    Room,
    /// A message of the feed.
    Posts(Delivery),
    /// The live or the final summary.
    Summary(Delivery),
}

/// Which of the two it was.
#[derive(Debug)]
pub(super) enum Progress {
    /// The message.
    Posted(Done),
    /// The edit, or the removal at the end.
    Edited(Result<(), Error>),
}

type Slot<T> = Option<Pin<Box<dyn Future<Output = T>>>>;

/// Messages under way.
pub(super) struct Outbox {
    batch_size: usize,
    posting: Slot<Done>,
    editing: Slot<Result<(), Error>>,
    has_room: bool,
    pace: Pace,
    limits_seen: u64,
    metrics: Rc<Metrics>,
    hurry: Hurry,
}

impl Outbox {
    pub(super) fn new(batch_size: usize, metrics: Rc<Metrics>) -> Self {
        Self {
            batch_size,
            posting: None,
            editing: None,
            has_room: false,
            pace: Pace::default(),
            limits_seen: 0,
            metrics,
            hurry: Hurry::default(),
        }
    }

    /// Whether a message is under way.
    pub(super) fn is_posting(&self) -> bool {
        self.posting.is_some()
    }

    /// Whether an edit is under way.
    pub(super) fn is_editing(&self) -> bool {
        self.editing.is_some()
    }

    /// From now on there is little time: nobody waits longer than Discord asks for.
    pub(super) fn hurry(&self) {
        self.hurry.begin();
    }

    /// Gives up on what is under way; it may or may not arrive.
    pub(super) fn abandon(&mut self) {
        self.posting = None;
        self.editing = None;
        self.has_room = false;
    }

    /// When the queue's next message may start; none while one is under way or nothing waits. In a hurry nothing is
    /// waited for that could make a message fuller.
    pub(super) fn due(&self, queue: &Queue, now: Instant, hurry: bool) -> Option<Instant> {
        if self.posting.is_some() || queue.posts() == 0 {
            return None;
        }
        let (_, full) = Batch::of(queue.iter(), self.batch_size);
        if full || hurry {
            return Some(now);
        }
        Some(self.pace.next(now))
    }

    /// Starts the queue's next message.
    pub(super) fn post(&mut self, client: Rc<Client>, webhook: WebhookUrl, queue: &Queue) {
        if !std::mem::take(&mut self.has_room) {
            // The message is put together only when it can go, so that it is as full as can be.
            self.posting = Some(Box::pin(async move {
                client.webhook_ready(&webhook).await;
                Done::Room
            }));
            return;
        }
        let (count, _) = Batch::of(queue.iter(), self.batch_size);
        let posts: Vec<Rc<Waiting>> = queue.iter().take(count).cloned().collect();
        self.start(client, webhook, posts, Done::Posts);
    }

    /// Starts a summary message.
    pub(super) fn post_summary(
        &mut self,
        client: Rc<Client>,
        webhook: WebhookUrl,
        summary: Waiting,
    ) {
        self.start(client, webhook, vec![Rc::new(summary)], Done::Summary);
    }

    fn start(
        &mut self,
        client: Rc<Client>,
        webhook: WebhookUrl,
        posts: Vec<Rc<Waiting>>,
        done: fn(Delivery) -> Done,
    ) {
        self.pace.started(Instant::now());
        let (metrics, hurry) = (Rc::clone(&self.metrics), self.hurry.clone());
        self.posting = Some(Box::pin(async move {
            done(deliver(&client, &webhook, &posts, &metrics, &hurry).await)
        }));
    }

    /// Starts an edit of the live summary.
    pub(super) fn edit(
        &mut self,
        client: Rc<Client>,
        webhook: WebhookUrl,
        id: String,
        message: Message,
    ) {
        let metrics = Rc::clone(&self.metrics);
        self.editing = Some(Box::pin(async move {
            edit(&client, &webhook, &id, message, &metrics).await
        }));
    }

    /// Starts taking a message away; while that fails it shows `last`.
    pub(super) fn remove(
        &mut self,
        client: Rc<Client>,
        webhook: WebhookUrl,
        id: String,
        last: Message,
    ) {
        let (metrics, hurry) = (Rc::clone(&self.metrics), self.hurry.clone());
        self.editing = Some(Box::pin(async move {
            remove(&client, &webhook, &id, last, &metrics, &hurry).await
        }));
    }

    /// What comes back next; never when nothing is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Progress {
        tokio::select! {
            biased;
            done = under_way(&mut self.posting) => {
                self.posting = None;
                self.has_room = matches!(done, Done::Room);
                let limits = self.metrics.rate_limited.get();
                if limits != self.limits_seen {
                    self.limits_seen = limits;
                    self.pace.limited(Instant::now());
                }
                Progress::Posted(done)
            }
            result = under_way(&mut self.editing) => {
                self.editing = None;
                Progress::Edited(result)
            }
        }
    }
}

async fn under_way<T>(slot: &mut Slot<T>) -> T {
    match slot {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
