//! The sidecar definition in force: read from a mounted file, read again when its content changes.
//!
//! The content is polled, not the file watched: kubelet swaps a directory link above it, which a watch on the file
//! never sees. A new definition that is not usable leaves the old one in force.

use crate::metrics::{Metrics, Reload};
use crate::template::{DEFAULT, Template};
use arc_swap::{ArcSwap, ArcSwapOption};
use runtime::admin::Readiness;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the file is looked at.
const POLL: Duration = Duration::from_secs(1);
/// No definition is near as long as this; what is longer is none.
const LONGEST: u64 = 1024 * 1024;
/// Key of the readiness detail.
const DETAIL: &str = "sidecar";

/// The definition in force and where it comes from.
#[derive(Debug)]
pub(crate) struct Source {
    path: Option<PathBuf>,
    /// `None` as long as there was no usable one.
    current: ArcSwapOption<Template>,
    /// What stood in the file at the last look; `Err` says why it could not be read.
    last: ArcSwap<Result<String, String>>,
    /// Why there is none; the answer's warning.
    problem: ArcSwapOption<String>,
}

impl Source {
    /// Reads the definition at `path`, or the embedded one.
    pub(crate) async fn open(
        path: Option<PathBuf>,
        metrics: &Metrics,
        readiness: &Readiness,
    ) -> Self {
        let source = Self {
            path,
            current: ArcSwapOption::empty(),
            last: ArcSwap::from_pointee(Err(String::new())),
            problem: ArcSwapOption::empty(),
        };
        source.look(metrics, readiness).await;
        source
    }

    /// The definition in force, or why there is none.
    pub(crate) fn template(&self) -> Result<Arc<Template>, Arc<String>> {
        self.current
            .load_full()
            .ok_or_else(|| self.problem.load_full().unwrap_or_default())
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.current.load().is_some()
    }

    /// Looks at the file every second until `shutdown`.
    pub(crate) async fn follow(
        &self,
        metrics: Metrics,
        readiness: Readiness,
        shutdown: CancellationToken,
        changed: impl Fn(),
    ) {
        if self.path.is_none() {
            return;
        }
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            if self.look(&metrics, &readiness).await {
                changed();
            }
        }
    }

    /// Reads the file; true when its content is new.
    async fn look(&self, metrics: &Metrics, readiness: &Readiness) -> bool {
        let content = match &self.path {
            None => Ok(DEFAULT.to_owned()),
            Some(path) => read(path).await,
        };
        if *self.last.load_full() == content {
            return false;
        }
        self.last.store(Arc::new(content.clone()));
        let result =
            content.and_then(|text| Template::parse(&text).map_err(|error| error.to_string()));
        let label = match result {
            Ok(template) => {
                for note in &template.notes {
                    tracing::warn!(note, "the sidecar definition was mended");
                }
                tracing::info!(hash = template.hash(), "sidecar definition in force");
                self.current.store(Some(Arc::new(template)));
                self.problem.store(None);
                readiness.detail(DETAIL, None);
                metrics.generation.inc();
                "ok"
            }
            Err(error) => {
                let kept = self.is_usable();
                tracing::error!(%error, kept, "the sidecar definition cannot be used; the old one stays if there is one");
                let text = if kept {
                    format!("the old one stays: {error}")
                } else {
                    error
                };
                readiness.detail(DETAIL, Some(text.clone()));
                self.problem.store(Some(Arc::new(text)));
                "failed"
            }
        };
        metrics
            .reloads
            .get_or_create(&Reload {
                what: "template",
                result: label,
            })
            .inc();
        true
    }
}

async fn read(path: &std::path::Path) -> Result<String, String> {
    let describe = |error: std::io::Error| {
        format!(
            "{} cannot be read: {error}; check --sidecar and the ConfigMap's mount",
            path.display()
        )
    };
    let length = tokio::fs::metadata(path).await.map_err(describe)?.len();
    if length > LONGEST {
        return Err(format!(
            "{} is longer than a sidecar definition can be ({length} bytes)",
            path.display()
        ));
    }
    tokio::fs::read_to_string(path).await.map_err(describe)
}
