//! When the process is ready, and how it stops being so.

use crate::source::Source;
use certs::Health;
use runtime::admin::Readiness;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// Readiness: a definition to inject, a certificate that callers accept, and no end in sight.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    readiness: Readiness,
    source: Arc<Source>,
    verified: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

impl Ready {
    /// Not ready before the first word of a certificate.
    pub(super) fn new(readiness: Readiness, source: Arc<Source>) -> Self {
        Self {
            readiness,
            source,
            verified: Arc::default(),
            stopping: Arc::default(),
        }
    }

    /// How the certificate stands.
    pub(super) fn certificate(&self, health: &Health) {
        self.verified.store(health.verified, Ordering::Relaxed);
        self.detail("certificate", health.problem.clone());
        self.update();
    }

    /// Sets or clears a detail that does not make it unready.
    pub(super) fn detail(&self, key: &'static str, text: Option<String>) {
        self.readiness.detail(key, text);
    }

    pub(super) fn update(&self) {
        let verified = self.verified.load(Ordering::Relaxed);
        let stopping = self.stopping.load(Ordering::Relaxed);
        self.readiness
            .set(self.source.is_usable() && verified && !stopping);
    }
}

/// After the signal: not ready at once.
pub(super) async fn withdraw(signal: CancellationToken, ready: Ready) {
    signal.cancelled().await;
    ready.stopping.store(true, Ordering::Relaxed);
    ready.update();
    ready.detail(
        "shutdown",
        Some("serving on until no endpoint points here".to_owned()),
    );
}
