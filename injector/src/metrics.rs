//! What the injector counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Result {
    /// `injected`, `unchanged`, `skipped`, `failed` or `denied`.
    pub(crate) result: &'static str,
    /// Why, in one word; empty when there is nothing to add.
    pub(crate) reason: &'static str,
}

/// What is reloaded, and how that went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reload {
    /// `template`, `certificate` or `callers`.
    pub(crate) what: &'static str,
    /// `ok` or `failed`.
    pub(crate) result: &'static str,
}

/// The injector's metrics; clones count into the same cells.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) requests: Family<Result, Counter>,
    pub(crate) duration: Histogram,
    pub(crate) reloads: Family<Reload, Counter>,
    pub(crate) generation: Gauge,
    pub(crate) certificate_expiry: Gauge,
}

/// Bounds of the duration's buckets in seconds: the work itself takes some ten microseconds.
const BUCKETS: [f64; 10] = [
    0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.25,
];

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            duration: Histogram::new(BUCKETS),
            reloads: Family::default(),
            generation: Gauge::default(),
            certificate_expiry: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("injector");
        registry.register(
            "requests",
            "Admission reviews by result and reason",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "duration",
            "Time from a whole request to its answer",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "reloads",
            "Reloads of mounted files",
            metrics.reloads.clone(),
        );
        registry.register(
            "template_generation",
            "Sidecar definitions read since the start; 0 while there is none",
            metrics.generation.clone(),
        );
        registry.register_with_unit(
            "certificate_expiry",
            "End of the serving certificate's validity, seconds since 1970",
            Unit::Seconds,
            metrics.certificate_expiry.clone(),
        );
        metrics
    }
}
