//! The turns of the loop: what is due is started, then whatever happens first is dealt with.

use super::ending::{Ending, Report, Step};
use super::memo::LiveMessage;
use super::outbox::{Done, Progress};
use super::{BEAT, Run, notices};
use crate::config::EndsAfter;
use crate::render::{Post, RunState};
use crate::send::{Delivery, Waiting};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Least time a plain watcher sends on after it has decided by itself that the run is over.
const OWN_END: Duration = Duration::from_secs(30);
/// Silence that ends a plain watcher that waits for a `result` record: without one it would keep its Pod for ever.
const NO_RESULT: Duration = Duration::from_hours(1);

impl Run {
    pub(super) async fn turn_until_over(&mut self, stop: &CancellationToken) -> Report {
        loop {
            let now = Instant::now();
            self.beat(now);
            self.start_what_is_due(now);
            if self.is_over(now) {
                break;
            }
            let (reading, stopping) = (self.may_read(), self.is_hurried());
            let wake = self.wake(now);
            tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => self.end(Instant::now(), Some(self.config.flush)),
                progress = self.outbox.next() => match progress {
                    Progress::Posted(done) => self.posted(done),
                    Progress::Edited(result) => self.edited(&result),
                },
                () = tokio::time::sleep_until(wake.into()) => {}
                lines = self.feed.next(), if reading => {
                    self.unsaved |= !lines.is_empty();
                    self.feed.take(&lines);
                }
            }
            // Lines may be there without end: health and the connection need their turns too.
            tokio::task::yield_now().await;
        }
        self.feed.save_last();
        self.report()
    }

    fn is_hurried(&self) -> bool {
        self.ending
            .as_ref()
            .is_some_and(|ending| ending.deadline.is_some())
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

    /// The next moment at which something is due by itself.
    fn wake(&self, now: Instant) -> Instant {
        let feed = self
            .hook
            .get()
            .and_then(|_| self.outbox.due(&self.feed.queue, now));
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
        if self.hook.next_look().is_none_or(|at| at <= now) && self.hook.look(now) {
            self.outbox.abandon();
        }
        if self
            .feed
            .interpreter
            .next_tick()
            .is_some_and(|at| at <= now)
        {
            self.feed.tick(now);
        }
        if self.ending.is_none() && self.end_by_itself().is_some_and(|at| at <= now) {
            tracing::info!("the run is over, as ENDS_AFTER says; sending what is left");
            self.end(now, Some(self.config.flush.max(OWN_END)));
        }
        if self.next_beat > now {
            return;
        }
        self.next_beat = now + BEAT;
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
        let transcript = notices::transcript(&status);
        let troubles = [
            // While it is retried, the sender itself says so.
            ("discord", discord, self.hook.trouble()),
            ("transcript", transcript.clone(), transcript),
            (
                "checkpoint",
                status.checkpoint.clone(),
                status.checkpoint.clone(),
            ),
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
        let since = self.feed.last_line.unwrap_or(self.started);
        match self.config.ends_after? {
            EndsAfter::Silence(silence) => Some(since + silence),
            EndsAfter::Result if self.feed.interpreter.activity().finished.is_some() => Some(since),
            EndsAfter::Result => Some(since + NO_RESULT),
        }
    }

    fn end(&mut self, now: Instant, limit: Option<Duration>) {
        self.feed.follower.finish();
        match (&mut self.ending, limit) {
            (Some(ending), Some(limit)) => ending.hurry(now, limit),
            (Some(_), None) => {}
            (none, limit) => *none = Some(Ending::new(now, limit)),
        }
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

    fn start_what_is_due(&mut self, now: Instant) {
        self.advance_ending(now);
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
            let live_first = self.ending.is_none()
                && self.metrics.events.get() > 0
                && self
                    .live
                    .is_missing(self.feed.memo.live.as_ref(), webhook.id());
            if live_first {
                let embeds = self.summary().embeds;
                self.live.posting(embeds.clone(), now);
                self.feed.changed = false;
                self.outbox
                    .post_summary(client.clone(), webhook.clone(), waiting(embeds));
            } else if self
                .outbox
                .due(&self.feed.queue, now)
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

    fn wants_edit(&self) -> bool {
        let ours = self.feed.memo.live.as_ref().zip(self.hook.get());
        self.feed.changed
            && !self.outbox.is_editing()
            && self.ending.is_none()
            && ours.is_some_and(|(message, (_, webhook))| message.webhook == webhook.id())
    }

    /// Takes an ending's next step when the one before is done.
    fn advance_ending(&mut self, now: Instant) {
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
            let nothing_new = self.metrics.events.get() == 0 || self.feed.memo.ended;
            let Some((client, webhook)) = self.hook.get().filter(|_| !nothing_new) else {
                // Once asked to end, a webhook that is not there is not waited for.
                if nothing_new || self.hook.is_refused() || ending.deadline.is_some() {
                    ending.step = Step::Over;
                }
                return;
            };
            ending.step = Step::Summary;
            let webhook = webhook.clone();
            let mut post = self.summary();
            self.report().complete(&mut post);
            self.outbox
                .post_summary(client, webhook, waiting(post.embeds));
        }
    }

    fn posted(&mut self, done: Done) {
        match done {
            Done::Room => {}
            Done::Posts(delivery) => {
                self.feed.acknowledge(delivery.done);
                self.feed.save();
                self.unsaved = true;
                self.refuse(delivery);
            }
            Done::Summary(mut delivery) => {
                let message = delivery.message.take();
                let webhook = self.hook.get().map(|(_, webhook)| webhook.id().to_owned());
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
            Some(((client, webhook), message)) if message.webhook == webhook.id() => {
                let webhook = webhook.clone();
                self.outbox.delete(client, webhook, message.id);
                false
            }
            _ => true,
        };
        if let Some(ending) = self.ending.as_mut().filter(|_| over) {
            ending.step = Step::Over;
        }
    }

    fn edited(&mut self, result: &Result<(), discord::Error>) {
        if let Some(ending) = self
            .ending
            .as_mut()
            .filter(|ending| ending.step == Step::Live)
        {
            ending.step = Step::Over;
        } else if self.live.edited(result, Instant::now()) {
            self.feed.memo.live = None;
        }
        if let Err(error) = result {
            self.feed.changed = true;
            if error.is_final() {
                self.hook.refuse(error.clone());
                self.outbox.abandon();
            }
        }
    }

    fn refuse(&mut self, delivery: Delivery) {
        if let Some(error) = delivery.end {
            self.hook.refuse(error);
            self.outbox.abandon();
            if let Some(ending) = self
                .ending
                .as_mut()
                .filter(|ending| ending.step != Step::Feed)
            {
                ending.step = Step::Over;
            }
        }
    }

    fn summary(&self) -> Post {
        let activity = self.feed.interpreter.activity();
        let state = match (self.ending.is_some(), activity.finished) {
            (_, Some(true)) => RunState::Failed,
            (true, _) | (_, Some(false)) => RunState::Finished,
            _ if self.metrics.events.get() == 0 => RunState::Waiting,
            _ if activity.idle => RunState::Idle,
            _ => RunState::Working,
        };
        let elapsed = between(activity.first.as_deref(), activity.last.as_deref());
        let elapsed = elapsed.unwrap_or_else(|| self.started.elapsed());
        let mut post = self
            .feed
            .renderer
            .summary(&self.feed.interpreter, state, elapsed);
        if let (Some(embed), Some(title)) = (post.embeds.first_mut(), self.config.run.title()) {
            let name = discord::limits::cut(&title, discord::limits::AUTHOR).into_owned();
            embed
                .author
                .get_or_insert(discord::Author { name, url: None });
        }
        post
    }

    fn report(&self) -> Report {
        let figures = self.feed.renderer.figures(&self.feed.interpreter);
        let status = self.feed.follower.status();
        Report {
            events: self.metrics.events.get(),
            posted: self.metrics.posted.get(),
            unsent: self.feed.queue.posts(),
            unread_bytes: status.bytes_behind + status.lost_bytes,
            lost: self.metrics.lost.get(),
            maybe_twice: self.metrics.maybe_twice.get(),
            tokens: figures.tally.tokens.total(),
            cost_usd: figures.cost,
            trouble: self.hook.trouble().or_else(|| self.metrics.trouble()),
        }
    }
}

/// A summary as the outbox takes it.
fn waiting(embeds: Vec<discord::Embed>) -> Waiting {
    Waiting {
        embeds,
        files: Vec::new(),
        read_at: Instant::now(),
        position: None,
        told: None,
    }
}

/// The time between two ISO 8601 moments, when both are.
fn between(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    let from: jiff::Timestamp = from?.parse().ok()?;
    let to: jiff::Timestamp = to?.parse().ok()?;
    Duration::try_from(to.duration_since(from)).ok()
}
