//! What the run tells the bot, and hears from it.

use super::Run;
use super::ending::Step;
use super::setup;
use crate::register::{Activity, Figures, Registration, Standing, Status, Tokens};
use std::time::Instant;

/// What comes from the bot.
pub(super) enum Heard {
    /// The registration's standing changed.
    Standing,
    /// It was told of the end, or cannot be.
    End,
}

/// What comes from the bot next: its word on the end while that is `awaited`, else a new standing. Never without a bot.
/// Cancel-safe.
pub(super) async fn heard(registration: Option<&mut Registration>, awaited: bool) -> Heard {
    match registration {
        Some(registration) if awaited => {
            registration.ended().await;
            Heard::End
        }
        Some(registration) => {
            registration.changed().await;
            Heard::Standing
        }
        None => std::future::pending().await,
    }
}

impl Run {
    /// Tells the figures, when lines were read since the last time.
    pub(super) fn tell_bot(&mut self) {
        let lines = self.metrics.lines.get();
        let Some(registration) = self
            .registration
            .as_ref()
            .filter(|_| lines != self.told_lines && self.feed.caught_up)
        else {
            return;
        };
        registration.tell(self.bot_figures());
        self.told_lines = lines;
    }

    /// Redacts what is the watcher's own, as it is now.
    pub(super) fn learn_secrets(&mut self) {
        let used = self.hook.get().map(|(_, webhook)| webhook.clone());
        for webhook in used.into_iter().chain(self.hook.own()) {
            self.feed.renderer.learn(webhook.token());
        }
        for secret in setup::secrets(&self.config) {
            self.feed.renderer.learn(&secret);
        }
    }

    /// The bot hears of the end once all else is said, or when the time for the feed is over: a Discord that does not
    /// answer must not keep the bot from knowing.
    pub(super) fn advance_bot(&mut self, now: Instant) {
        let Some(ending) = &self.ending else {
            return;
        };
        let (at_step, past_cutoff) = (ending.step == Step::Bot, ending.is_past_cutoff(now));
        if !at_step && !past_cutoff {
            return;
        }
        let status = self.status();
        let figures = self.bot_figures();
        let registration = self.registration.as_mut().filter(|registration| {
            // A run that never got a channel has nothing that could end.
            matches!(registration.standing(), Standing::Registered(_))
        });
        match registration {
            Some(registration) => registration.end(status, figures),
            None if at_step => self.bot_was_told(),
            None => {}
        }
    }

    pub(super) fn is_telling_bot(&self) -> bool {
        self.ending
            .as_ref()
            .is_some_and(|ending| ending.step == Step::Bot)
    }

    pub(super) fn bot_was_told(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.step = Step::Over;
        }
    }

    /// How the run ended, as far as a transcript can tell: a `result` record says that it failed, or an error of the API
    /// that nothing came after.
    fn status(&self) -> Status {
        let activity = self.feed.interpreter.activity();
        match activity.outcome() {
            Some(true) => Status::Failed,
            None if activity.api_failed => Status::Failed,
            Some(false) => Status::Succeeded,
            None if activity.interrupted => Status::Stopped,
            None if activity.idle && activity.open_calls == 0 => Status::Succeeded,
            None => Status::Unknown,
        }
    }

    fn bot_figures(&self) -> Figures {
        let activity = self.feed.interpreter.activity();
        let summary = self.feed.renderer.figures(&self.feed.interpreter);
        let tokens = &summary.tally.tokens;
        let priced = summary.cost > 0.0 || summary.unpriced == 0;
        let state = if !self.feed.happened {
            Activity::Waiting
        } else if activity.idle {
            Activity::Idle
        } else {
            Activity::Working
        };
        Figures {
            state,
            tool: activity.tool.clone(),
            tools: activity.calls,
            errors: activity.errors,
            tokens: Tokens {
                input: tokens.input,
                output: tokens.output,
                cache_read: tokens.cache_read,
                cache_write: tokens.cache_write_5m + tokens.cache_write_1h,
            },
            cost_usd: (self.config.stats.track_cost && priced).then_some(summary.cost),
            cost_is_lower_bound: summary.at_least || summary.unpriced > 0,
            duration_seconds: self.elapsed().as_secs_f64(),
        }
    }
}
