//! What the bot counts. Labels are route templates, status words and results: nothing a caller can make up.

mod buckets;

use crate::interaction::Handled;
use discord::Bot;
use discord::bot::CallReport;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What all names begin with.
const PREFIX: &str = "discord_bot";

/// A call to Discord.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    route: &'static str,
    /// HTTP status, 0 when no answer came.
    status: u16,
}

/// What an interaction came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
    result: &'static str,
}

/// All metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub live: Gauge,
    pub creating: Gauge,
    pub finished: Gauge,
    pub created: Counter,
    pub cleaned: Counter,
    pub restored: Counter,
    pub orphans: Counter,
    pub silent: Counter,
    pub leader: Gauge,
    calls: Family<Call, Counter>,
    waits: Histogram,
    pub input_waiting: Gauge,
    pub input_age: Gauge<f64, AtomicU64>,
    interactions: Family<Kind, Counter>,
    interaction_time: Histogram,
}

impl Metrics {
    /// Registers all under `discord_bot_`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            live: Gauge::default(),
            creating: Gauge::default(),
            finished: Gauge::default(),
            created: Counter::default(),
            cleaned: Counter::default(),
            restored: Counter::default(),
            orphans: Counter::default(),
            silent: Counter::default(),
            leader: Gauge::default(),
            calls: Family::default(),
            waits: Histogram::new([0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0]),
            input_waiting: Gauge::default(),
            input_age: Gauge::default(),
            interactions: Family::default(),
            interaction_time: Histogram::new([
                0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 3.0,
            ]),
        };
        let registry = registry.sub_registry_with_prefix(PREFIX);
        registry.register("runs_live", "Runs that go on", metrics.live.clone());
        registry.register(
            "runs_creating",
            "Runs that wait for their channel",
            metrics.creating.clone(),
        );
        registry.register(
            "runs_finished",
            "Runs that ended and still have a channel",
            metrics.finished.clone(),
        );
        registry.register(
            "runs_created",
            "Channels, or threads, made for runs",
            metrics.created.clone(),
        );
        registry.register(
            "runs_cleaned",
            "Runs whose channel was deleted",
            metrics.cleaned.clone(),
        );
        registry.register(
            "runs_restored",
            "Runs read back from Discord",
            metrics.restored.clone(),
        );
        registry.register(
            "orphans_removed",
            "Channels of ours that no run knew",
            metrics.orphans.clone(),
        );
        registry.register(
            "runs_silent",
            "Runs ended because their watcher was silent",
            metrics.silent.clone(),
        );
        registry.register(
            "leader",
            "1 while this process makes channels",
            metrics.leader.clone(),
        );
        registry.register(
            "discord_calls",
            "Calls to Discord; status 0 is no answer",
            metrics.calls.clone(),
        );
        registry.register_with_unit(
            "discord_wait",
            "Waits for a turn and a rate limit before a call",
            Unit::Seconds,
            metrics.waits.clone(),
        );
        registry.register(
            "input_waiting",
            "Inputs that wait for their watcher",
            metrics.input_waiting.clone(),
        );
        registry.register_with_unit(
            "input_oldest",
            "Age of the oldest input that waits",
            Unit::Seconds,
            metrics.input_age.clone(),
        );
        registry.register(
            "interactions",
            "Interactions by what they were and what came of them",
            metrics.interactions.clone(),
        );
        registry.register_with_unit(
            "interaction_time",
            "Time to answer an interaction",
            Unit::Seconds,
            metrics.interaction_time.clone(),
        );
        metrics
    }

    /// Shows the rate limits that this client has met.
    pub(crate) fn buckets(registry: &mut Registry, bot: Arc<Bot>) {
        buckets::register(registry.sub_registry_with_prefix(PREFIX), bot);
    }

    /// Counts a call.
    pub(crate) fn call(&self, report: CallReport) {
        let status = report.status.unwrap_or(0);
        self.calls
            .get_or_create(&Call {
                route: report.route,
                status,
            })
            .inc();
        self.waits.observe(report.waited.as_secs_f64());
    }

    /// Counts an interaction and the time its answer took.
    pub(crate) fn interaction(&self, handled: Handled) {
        let Handled { kind, result, took } = handled;
        self.interactions
            .get_or_create(&Kind { kind, result })
            .inc();
        self.interaction_time.observe(took.as_secs_f64());
    }
}
