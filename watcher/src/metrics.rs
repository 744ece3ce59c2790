//! What the watcher counts. Counters come in pairs, in and out, so that their difference is what waits.

use discord::Error;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// All metrics of a watcher.
#[derive(Debug)]
pub struct Metrics {
    /// Lines read.
    pub lines: Counter,
    /// Events found in them.
    pub events: Counter,
    /// Events that Discord has.
    pub posted: Counter,
    /// Events the filters held back.
    pub filtered: Counter,
    /// Secrets redacted.
    pub redacted: Counter,
    /// Requests tried again.
    pub retries: Counter,
    /// Answers 429.
    pub rate_limited: Counter,
    /// Posts Discord refused and that were sent smaller.
    pub refused: Counter,
    /// Messages that may stand twice, since the connection broke after they were sent, or nobody waited for the answer.
    pub maybe_twice: Counter,
    /// Posts that could not be sent at all.
    pub lost: Counter,
    /// Records of transcripts that could not be read.
    pub lost_records: Counter,
    /// Lines longer than the bound.
    pub cut_lines: Counter,
    /// The bytes left out of them.
    pub cut_bytes: Counter,
    /// Files gone before all of them was read.
    pub lost_files: Counter,
    /// The bytes lost with them.
    pub lost_bytes: Counter,
    /// Posts that wait.
    pub queue: Gauge,
    /// Bytes of the transcripts not yet acknowledged.
    pub behind_bytes: Gauge,
    /// From the writing of a line to Discord's answer, in seconds. The time of writing is the file's: for a line that
    /// others followed before the watcher looked, what is counted is less than the truth.
    pub latency: Histogram,
    /// What passes between the watcher and the bot.
    pub bot: BotMetrics,
    /// Why Discord does not take messages right now.
    trouble: RefCell<Option<String>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            lines: Counter::default(),
            events: Counter::default(),
            posted: Counter::default(),
            filtered: Counter::default(),
            redacted: Counter::default(),
            retries: Counter::default(),
            rate_limited: Counter::default(),
            refused: Counter::default(),
            maybe_twice: Counter::default(),
            lost: Counter::default(),
            lost_records: Counter::default(),
            cut_lines: Counter::default(),
            cut_bytes: Counter::default(),
            lost_files: Counter::default(),
            lost_bytes: Counter::default(),
            queue: Gauge::default(),
            behind_bytes: Gauge::default(),
            // 5 ms to 82 s.
            latency: Histogram::new(exponential_buckets(0.005, 2.0, 15)),
            bot: BotMetrics::default(),
            trouble: RefCell::default(),
        }
    }
}

/// What passes between a watcher and its bot. All stay 0 without a bot.
#[derive(Debug, Clone)]
pub struct BotMetrics {
    /// 1 while the run is registered.
    pub registered: Gauge,
    /// Registrations that the bot granted.
    pub granted: Counter,
    /// Tries to register that only a person can make succeed.
    pub refused: Counter,
    /// Tries to register that failed and may succeed by themselves.
    pub failed: Counter,
    /// Inputs that the bridge took.
    pub delivered: Counter,
    /// Inputs that the bridge will never take.
    pub input_refused: Counter,
    /// Seconds since the bot last answered with success.
    pub silence: Gauge,
    started: Instant,
    /// Milliseconds from the start to the bot's last good answer; [`NEVER`] without one.
    heard: Arc<AtomicU64>,
}

/// No answer yet.
const NEVER: u64 = u64::MAX;

impl Default for BotMetrics {
    fn default() -> Self {
        Self {
            registered: Gauge::default(),
            granted: Counter::default(),
            refused: Counter::default(),
            failed: Counter::default(),
            delivered: Counter::default(),
            input_refused: Counter::default(),
            silence: Gauge::default(),
            started: Instant::now(),
            heard: Arc::new(AtomicU64::new(NEVER)),
        }
    }
}

impl BotMetrics {
    /// Notes that the bot answered with success.
    pub fn heard(&self, now: Instant) {
        let passed = now.saturating_duration_since(self.started).as_millis();
        let millis = u64::try_from(passed).unwrap_or(NEVER - 1);
        self.heard.store(millis, Ordering::Relaxed);
    }

    /// Sets how long the bot has been silent by now: since its last good answer, else since the start.
    pub fn look(&self, now: Instant) {
        let passed = now.saturating_duration_since(self.started).as_millis();
        let heard = match self.heard.load(Ordering::Relaxed) {
            NEVER => 0,
            millis => u128::from(millis),
        };
        let seconds = passed.saturating_sub(heard) / 1000;
        self.silence.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "registered",
            "1 while the run is registered at the bot, else 0",
            self.registered.clone(),
        );
        for (name, help, counter) in [
            (
                "registrations_granted",
                "Registrations that the bot granted",
                &self.granted,
            ),
            (
                "registrations_refused",
                "Tries to register that wait for a person: no token, or a refusal",
                &self.refused,
            ),
            (
                "registrations_failed",
                "Tries to register that failed and are made again by themselves",
                &self.failed,
            ),
            (
                "input_delivered",
                "Inputs from Discord that the bridge took for the agent",
                &self.delivered,
            ),
            (
                "input_refused",
                "Inputs from Discord that the bridge will never take",
                &self.input_refused,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "bot_silent_seconds",
            "Seconds since the bot last answered with success, or since the start when it never did; 0 without a bot",
            self.silence.clone(),
        );
    }
}

impl Metrics {
    /// Every metric with its name and help text; the documented table comes from here.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("discord_watcher");
        for (name, help, counter) in [
            ("lines_read", "Lines of transcripts read", &self.lines),
            (
                "events_read",
                "Events found in the lines read",
                &self.events,
            ),
            (
                "events_posted",
                "Events that Discord has acknowledged",
                &self.posted,
            ),
            (
                "events_filtered",
                "Events that the filters held back",
                &self.filtered,
            ),
            (
                "secrets_redacted",
                "Secrets redacted before sending",
                &self.redacted,
            ),
            ("retries", "Requests to Discord tried again", &self.retries),
            (
                "rate_limited",
                "Answers 429 from Discord",
                &self.rate_limited,
            ),
            (
                "posts_refused",
                "Posts that Discord refused and that were sent smaller",
                &self.refused,
            ),
            (
                "messages_maybe_twice",
                "Messages given up after they were sent, or sent again after the connection broke",
                &self.maybe_twice,
            ),
            (
                "events_lost",
                "Events that could not be sent at all",
                &self.lost,
            ),
            (
                "records_lost",
                "Records of transcripts that could not be read: broken off, or no record at all",
                &self.lost_records,
            ),
            (
                "lines_cut",
                "Lines of transcripts longer than MAX_LINE_BYTES, read up to there",
                &self.cut_lines,
            ),
            (
                "bytes_cut",
                "Bytes left out of lines that were too long",
                &self.cut_bytes,
            ),
            (
                "files_lost",
                "Transcripts that were gone before all of their bytes were read",
                &self.lost_files,
            ),
            (
                "bytes_lost",
                "Bytes known to be lost with transcripts that were gone",
                &self.lost_bytes,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "queue_posts",
            "Posts that wait for Discord",
            self.queue.clone(),
        );
        registry.register(
            "behind_bytes",
            "Bytes of the transcripts that are not acknowledged yet",
            self.behind_bytes.clone(),
        );
        registry.register(
            "acknowledge_seconds",
            "Seconds from the agent's writing of a line (by its file's time of last change) to Discord's acknowledgement",
            self.latency.clone(),
        );
        self.bot.register(registry);
    }

    /// Notes a failed request that is tried again.
    pub fn retried(&self, error: &Error) {
        self.retries.inc();
        if matches!(error, Error::RateLimited { .. }) {
            self.rate_limited.inc();
        } else {
            self.reachable(Some(error.to_string()));
        }
        if error.maybe_saved() {
            self.maybe_twice.inc();
        }
    }

    /// Notes that a message is sent from now on; see [`Wire`].
    pub fn on_the_wire(&self) -> Wire<'_> {
        Wire {
            metrics: self,
            answered: false,
        }
    }

    /// Notes whether Discord takes messages, for health.
    pub fn reachable(&self, trouble: Option<String>) {
        *self.trouble.borrow_mut() = trouble;
    }

    /// Why Discord does not take messages right now.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }
}

/// A message under way. Given up before its answer, it may be saved all the same, and will then stand twice once its
/// posts are sent again.
#[derive(Debug)]
pub struct Wire<'a> {
    metrics: &'a Metrics,
    answered: bool,
}

impl Wire<'_> {
    /// Its answer came, or its failure.
    pub fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Wire<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.metrics.maybe_twice.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_bots_silence_counts_from_its_last_good_answer_or_from_the_start() {
        let bot = BotMetrics::default();
        let after = |seconds| bot.started + Duration::from_secs(seconds);
        bot.look(after(7));
        assert_eq!(bot.silence.get(), 7);
        bot.heard(after(10));
        bot.look(after(12));
        assert_eq!(bot.silence.get(), 2);
        // A clone is the same bot's.
        bot.clone().heard(after(12));
        bot.look(after(12));
        assert_eq!(bot.silence.get(), 0);
    }
}
