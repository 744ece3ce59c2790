//! What an answer, or the lack of one, means for the run.

use super::Run;
use super::ending::Step;
use super::figures::waiting;
use super::memo::{LiveMessage, place};
use super::outbox::Done;
use crate::send::Delivery;
use discord::Message;
use std::time::{Duration, Instant};

impl Run {
    /// Takes an ending's next step when the one before is done.
    pub(super) fn advance_ending(&mut self, now: Instant) {
        let Some(ending) = &mut self.ending else {
            return;
        };
        if ending.step == Step::Feed && self.feed.follower.finished() && !ending.told {
            ending.told = true;
            // Nobody will wait for these results any more.
            self.feed.tick(now + Duration::from_hours(24));
        }
        let Some(ending) = &mut self.ending else {
            return;
        };
        let all_sent = ending.told && self.feed.queue.posts() == 0;
        if ending.step == Step::Feed
            && (all_sent || ending.is_past_cutoff(now))
            && !self.outbox.is_posting()
        {
            // A live summary that a killed process left behind must not go on saying that the agent works.
            let begun = self.feed.happened || self.feed.memo.live.is_some();
            let nothing_new = !begun || self.feed.memo.ended;
            let Some((client, webhook)) = self.hook.get().filter(|_| !nothing_new) else {
                // Once asked to end, a webhook that is not there is not waited for.
                if nothing_new || self.hook.is_refused() || ending.deadline.is_some() {
                    ending.step = Step::Bot;
                }
                return;
            };
            ending.step = Step::Summary;
            let webhook = webhook.clone();
            let embeds = self.final_summary().embeds;
            if let Some(ending) = &mut self.ending {
                ending.last_words.clone_from(&embeds);
            }
            self.outbox.post_summary(client, webhook, waiting(embeds));
        }
    }

    pub(super) fn posted(&mut self, done: Done) {
        match done {
            Done::Room => {}
            Done::Posts(delivery) => {
                if delivery.done > 0 {
                    self.progress = Instant::now();
                }
                self.feed.acknowledge(delivery.done, &delivery.lost);
                self.feed.save();
                self.unsaved = true;
                self.refuse(delivery);
            }
            Done::Summary(mut delivery) => {
                if delivery.done > 0 {
                    self.progress = Instant::now();
                }
                let message = delivery.message.take();
                let webhook = self.hook.get().map(|(_, webhook)| place(webhook));
                let saved = message
                    .zip(webhook)
                    .map(|(id, webhook)| LiveMessage { webhook, id });
                match self
                    .ending
                    .as_mut()
                    .filter(|ending| ending.step == Step::Summary)
                {
                    Some(ending) => {
                        ending.step = Step::Live;
                        self.feed.memo.ended = delivery.end.is_none();
                        self.drop_live();
                    }
                    None if saved.is_some() => self.feed.memo.live = saved,
                    // Without an id there is nothing to edit.
                    None if delivery.end.is_none() => self.live.give_up(),
                    None => {}
                }
                self.feed.save();
                self.refuse(delivery);
            }
        }
    }

    /// The final summary stands at the channel's end: the live one would only repeat it, or contradict it.
    fn drop_live(&mut self) {
        let ours = self.hook.get().zip(self.feed.memo.live.take());
        let over = match ours {
            Some(((client, webhook), message)) if message.webhook == place(webhook) => {
                let webhook = webhook.clone();
                let embeds = self.ending.iter().flat_map(|ending| &ending.last_words);
                let last = Message {
                    embeds: embeds.cloned().collect(),
                    ..Message::default()
                };
                self.outbox.remove(client, webhook, message.id, last);
                false
            }
            _ => true,
        };
        if let Some(ending) = self.ending.as_mut().filter(|_| over) {
            ending.step = Step::Bot;
        }
    }

    pub(super) fn edited(&mut self, result: &Result<(), discord::Error>) {
        if let Some(ending) = self
            .ending
            .as_mut()
            .filter(|ending| ending.step == Step::Live)
        {
            ending.step = Step::Bot;
        } else if self.live.edited(result, Instant::now()) {
            self.feed.memo.live = None;
        }
        if let Err(error) = result {
            self.feed.changed = true;
            if error.is_final() {
                self.give_up(error.clone());
            }
        }
    }

    /// Stops using the webhook, which is said once.
    fn give_up(&mut self, error: discord::Error) {
        self.hook.refuse(error);
        self.outbox.abandon();
        let [discord, ..] = &mut self.beats;
        discord.said(self.hook.trouble(), Instant::now());
    }

    fn refuse(&mut self, delivery: Delivery) {
        if let Some(error) = delivery.end {
            self.give_up(error);
            if let Some(ending) = self
                .ending
                .as_mut()
                .filter(|ending| ending.step != Step::Feed)
            {
                ending.step = Step::Bot;
            }
        }
    }
}
