//! What the watcher counts. Counters come in pairs, in and out, so that their difference is what waits.

use discord::Error;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::cell::RefCell;

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
    /// Messages that may stand twice, since the connection broke after they were sent.
    pub maybe_twice: Counter,
    /// Posts that could not be sent at all.
    pub lost: Counter,
    /// Posts that wait.
    pub queue: Gauge,
    /// Bytes of the transcripts not yet acknowledged.
    pub behind_bytes: Gauge,
    /// From the writing of a line to Discord's answer, in seconds. The time of writing is the file's: for a line that
    /// others followed before the watcher looked, what is counted is less than the truth.
    pub latency: Histogram,
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
            queue: Gauge::default(),
            behind_bytes: Gauge::default(),
            // 5 ms to 82 s.
            latency: Histogram::new(exponential_buckets(0.005, 2.0, 15)),
            trouble: RefCell::default(),
        }
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
                "Messages sent again after the connection broke",
                &self.maybe_twice,
            ),
            (
                "events_lost",
                "Events that could not be sent at all",
                &self.lost,
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

    /// Notes whether Discord takes messages, for health.
    pub fn reachable(&self, trouble: Option<String>) {
        *self.trouble.borrow_mut() = trouble;
    }

    /// Why Discord does not take messages right now.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }
}
