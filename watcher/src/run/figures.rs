//! The run in figures: for the summary, the log and the kubelet.

use super::Run;
use super::ending::Report;
use super::losses::Losses;
use crate::follow::FollowStatus;
use crate::render::{Post, RunState};
use crate::send::Waiting;
use std::time::{Duration, Instant};

impl Run {
    /// The live summary.
    pub(super) fn summary(&self) -> Post {
        let activity = self.feed.interpreter.activity();
        self.summary_of(match activity.outcome() {
            Some(true) => RunState::Failed,
            Some(false) => RunState::Finished,
            None if !self.feed.happened => RunState::Waiting,
            None if activity.idle => RunState::Idle,
            None => RunState::Working,
        })
    }

    /// The final summary: green only when nothing speaks against it.
    pub(super) fn final_summary(&self) -> Post {
        let (activity, report) = (self.feed.interpreter.activity(), self.report());
        let mut post = self.summary_of(match activity.outcome() {
            Some(true) => RunState::Failed,
            None if activity.api_failed => RunState::Failed,
            None if activity.open_calls > 0 || activity.interrupted => RunState::Stopped,
            _ if !report.is_complete() => RunState::Incomplete,
            _ => RunState::Finished,
        });
        report.complete(&mut post);
        post
    }

    fn summary_of(&self, state: RunState) -> Post {
        let elapsed = self.elapsed();
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

    /// From the first record to the last, or since the start when none says its time.
    pub(super) fn elapsed(&self) -> Duration {
        let activity = self.feed.interpreter.activity();
        activity.lasted().unwrap_or_else(|| self.started.elapsed())
    }

    pub(super) fn losses_of(&self, status: &FollowStatus) -> Losses {
        Losses::of(status, self.feed.interpreter.losses())
    }

    pub(super) fn report(&self) -> Report {
        let figures = self.feed.renderer.figures(&self.feed.interpreter);
        let status = self.feed.follower.status();
        Report {
            events: self.metrics.events.get(),
            posted: self.metrics.posted.get(),
            unsent: self.feed.queue.posts(),
            unread_bytes: status.bytes_behind.saturating_sub(status.bytes_unfinished)
                + status.lost_bytes,
            unfinished_bytes: status.bytes_unfinished,
            lost: self.metrics.lost.get(),
            losses: self.losses_of(&status),
            maybe_twice: self.metrics.maybe_twice.get(),
            tokens: figures.tally.tokens.total(),
            cost_usd: figures.cost,
            given_up: self.ending.as_ref().is_some_and(|ending| ending.given_up),
            trouble: self.hook.trouble().or_else(|| self.metrics.trouble()),
        }
    }
}

/// A summary as the outbox takes it.
pub(super) fn waiting(embeds: Vec<discord::Embed>) -> Waiting {
    Waiting {
        embeds,
        files: Vec::new(),
        written: Instant::now(),
        position: None,
        told: None,
    }
}
