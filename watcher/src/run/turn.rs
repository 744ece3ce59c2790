//! The turns of the loop: what is due is started, then whatever happens first is dealt with.

use super::bot::{self, Heard};
use super::ending::{Ending, Report, Step};
use super::figures::waiting;
use super::memo::place;
use super::outbox::Progress;
use super::{BEAT, Run, notices};
use crate::config::{EndsAfter, NO_RESULT};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Least time a plain watcher sends on after it has decided by itself that the run is over.
const OWN_END: Duration = Duration::from_secs(30);

impl Run {
    pub(super) async fn turn_until_over(&mut self, stop: &CancellationToken) -> Report {
        loop {
            let now = Instant::now();
            self.beat(now);
            self.start_what_is_due(now);
            if self.is_over(now) {
                break;
            }
            if self.is_stuck(now)
                && let Some(ending) = &mut self.ending
            {
                ending.given_up = true;
                break;
            }
            let (reading, asked) = (self.may_read(), self.asked);
            let telling = self.is_telling_bot();
            let wake = self.wake(now);
            tokio::select! {
                biased;
                () = stop.cancelled(), if !asked => {
                    self.asked = true;
                    tracing::info!("asked to end; sending what is left");
                    self.end(Instant::now(), self.config.flush);
                }
                progress = self.outbox.next() => match progress {
                    Progress::Posted(done) => self.posted(done),
                    Progress::Edited(result) => self.edited(&result),
                },
                lines = self.feed.next(), if reading => {
                    if !lines.is_empty() {
                        self.unsaved = true;
                        self.progress = Instant::now();
                    }
                    self.feed.take(lines);
                }
                heard = bot::heard(self.registration.as_mut(), telling) => match heard {
                    Heard::Standing => self.hook.hurry(),
                    Heard::End => self.bot_was_told(),
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            // Lines may be there without end: health and the connection need their turns too.
            tokio::task::yield_now().await;
        }
        // What is still under way may be saved: it is counted before the last word.
        self.outbox.abandon();
        self.feed.save();
        let report = self.report();
        self.losses.say(report.losses, None);
        report
    }

    fn may_read(&self) -> bool {
        let wanted = self
            .ending
            .as_ref()
            .is_none_or(|ending| ending.step == Step::Feed);
        wanted
            && self.feed.queue.has_room()
            && !self.hook.is_refused()
            && !self.feed.follower.finished()
    }

    /// Whether nothing more will come that could make a message fuller.
    fn all_is_read(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.told)
    }

    /// The next moment at which something is due by itself.
    fn wake(&self, now: Instant) -> Instant {
        let feed = self
            .hook
            .get()
            .and_then(|_| self.outbox.due(&self.feed.queue, now, self.all_is_read()));
        let edit = self.wants_edit().then(|| self.live.due(now));
        let ending = self.ending.as_ref().and_then(|ending| ending.wake(now));
        [
            feed,
            edit,
            ending,
            self.hook.next_look(),
            self.feed.interpreter.next_tick(),
            self.end_by_itself(),
        ]
        .into_iter()
        .flatten()
        .fold(self.next_beat, Instant::min)
    }

    /// What has its time: looking for the webhook, telling long calls, saving, health.
    fn beat(&mut self, now: Instant) {
        if self.hook.next_look().is_none_or(|at| at <= now) {
            if self.hook.look(now, self.registration.as_ref()) {
                self.outbox.abandon();
            }
            self.learn_secrets();
        }
        if self
            .feed
            .interpreter
            .next_tick()
            .is_some_and(|at| at <= now)
        {
            self.feed.tick(now);
        }
        if self.end_by_itself().is_some_and(|at| at <= now) {
            tracing::info!("the run is over, as ENDS_AFTER says; sending what is left");
            self.end(now, self.config.flush.max(OWN_END));
        }
        if self.next_beat > now {
            return;
        }
        self.next_beat = now + BEAT;
        self.tell_bot();
        if self.registration.is_some() {
            self.metrics.bot.look(now);
        }
        if std::mem::take(&mut self.unsaved) {
            self.feed.save();
        }
        let status = self.feed.follower.status();
        self.metrics
            .behind_bytes
            .set(i64::try_from(status.bytes_behind).unwrap_or(i64::MAX));
        self.metrics
            .queue
            .set(i64::try_from(self.feed.queue.posts()).unwrap_or(i64::MAX));
        let discord = self.hook.trouble().or_else(|| self.metrics.trouble());
        let inotify = notices::inotify(&status);
        let losses = self.losses_of(&status);
        losses.count(&self.metrics);
        self.readiness.detail("losses", losses.text());
        self.losses.say(losses, Some(now));
        let troubles = [
            // While it is retried, the sender itself says so.
            ("discord", discord, self.hook.trouble()),
            (
                "transcript",
                notices::transcript_now(&status),
                notices::transcript(&status),
            ),
            (
                "checkpoint",
                status.checkpoint.clone(),
                status.checkpoint.clone(),
            ),
            ("inotify", inotify.clone(), inotify),
        ];
        for (beat, (subject, shown, logged)) in self.beats.iter_mut().zip(troubles) {
            self.readiness.detail(subject, shown);
            beat.say(subject, logged, now);
        }
        if !self.feed.memo.unreadable_said
            && let Some(post) = self.unreadable.post(&status, now)
        {
            self.feed.memo.unreadable_said = true;
            self.feed.say(post);
        }
    }

    /// When a plain watcher ends by itself.
    fn end_by_itself(&self) -> Option<Instant> {
        if self.ending.is_some() {
            return None;
        }
        let since = self.feed.last_line.unwrap_or(self.started);
        match self.config.ends_after? {
            EndsAfter::Silence(silence) => Some(since + silence),
            EndsAfter::Result if self.feed.interpreter.activity().outcome().is_some() => {
                Some(since)
            }
            // Without one it would keep its Pod for ever.
            EndsAfter::Result => Some(since + NO_RESULT),
        }
    }

    pub(super) fn end(&mut self, now: Instant, limit: Duration) {
        self.feed.follower.finish();
        let ending = self.ending.get_or_insert_with(|| Ending::new(now, None));
        ending.hurry(now, limit);
        self.outbox.hurry();
    }

    fn is_over(&self, now: Instant) -> bool {
        self.ending.as_ref().is_some_and(|ending| {
            ending.step == Step::Over
                || ending.is_past_deadline(now)
                || (self.once && ending.step == Step::Feed && self.is_hopeless(now))
        })
    }

    /// With `--once` a person waits: no webhook, or a refused one, is not waited for longer than the flush time.
    fn is_hopeless(&self, now: Instant) -> bool {
        let nobody =
            self.hook.get().is_none() && (self.feed.queue.posts() > 0 || self.hook.is_refused());
        nobody && (self.hook.is_refused() || now.duration_since(self.started) > self.config.flush)
    }

    /// With `--once`, whether nothing moved for too long: a person, or a job of a pipeline, waits for the end.
    fn is_stuck(&self, now: Instant) -> bool {
        let patience = self.config.once_patience;
        let stuck = self.once && now.duration_since(self.progress) > patience;
        if stuck {
            tracing::error!(
                ?patience,
                "given up: Discord took nothing for so long; the checkpoint keeps what is left for the next time"
            );
        }
        stuck
    }

    fn start_what_is_due(&mut self, now: Instant) {
        self.advance_ending(now);
        self.advance_bot(now);
        let Some((client, webhook)) = self.hook.get() else {
            return;
        };
        let webhook = webhook.clone();
        if self
            .ending
            .as_ref()
            .is_some_and(|ending| ending.step != Step::Feed)
        {
            return;
        }
        if !self.outbox.is_posting() {
            if self.lacks_live(&place(&webhook)) {
                let embeds = self.summary().embeds;
                self.live.posting(embeds.clone(), now);
                self.feed.changed = false;
                self.outbox
                    .post_summary(client.clone(), webhook.clone(), waiting(embeds));
            } else if self
                .outbox
                .due(&self.feed.queue, now, self.all_is_read())
                .is_some_and(|at| at <= now)
            {
                self.outbox
                    .post(client.clone(), webhook.clone(), &self.feed.queue);
            }
        }
        if self.wants_edit() && self.live.due(now) <= now && self.ending.is_none() {
            self.feed.changed = false;
            let embeds = self.summary().embeds;
            let id = self
                .feed
                .memo
                .live
                .as_ref()
                .map(|message| message.id.clone());
            if let (Some(id), Some(message)) = (id, self.live.edit(embeds, now)) {
                self.outbox.edit(client, webhook, id, message);
            }
        }
    }

    /// Whether the live summary has to be posted first.
    fn lacks_live(&self, place: &str) -> bool {
        let something = self.feed.happened && self.feed.caught_up && !self.feed.memo.ended;
        let message = self.feed.memo.live.as_ref();
        self.ending.is_none() && something && self.live.is_missing(message, place)
    }

    fn wants_edit(&self) -> bool {
        let ours = self.feed.memo.live.as_ref().zip(self.hook.get());
        self.feed.changed
            && self.feed.caught_up
            && !self.outbox.is_editing()
            && self.ending.is_none()
            && ours.is_some_and(|(message, (_, webhook))| message.webhook == place(webhook))
    }
}
