//! SIGTERM and SIGINT. A watcher always exits with 0 on them: another code would fail its Pod.
//!
//! They are heard from the first statement of the program on, for a Pod may end while it starts, and on a thread of
//! their own: whatever the rest waits for, be it a dead file system or a log that nobody reads, the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the end may take before the settings are read: the default of `shutdown.flushSeconds`.
const PATIENCE: Duration = Duration::from_secs(5);
/// What an end may take beyond that, until the process is ended from here.
const MARGIN: Duration = Duration::from_secs(3);

/// The wish that the process ends.
#[derive(Debug, Clone)]
pub struct Stop {
    token: CancellationToken,
    /// Milliseconds.
    patience: Arc<AtomicU64>,
}

impl Stop {
    /// Hears signals from now on. The first is passed on; the second, or an end that takes too long, ends the process at
    /// once.
    pub fn hear() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (terminate, interrupt) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            )
        };
        let stop = Self {
            token: CancellationToken::new(),
            patience: Arc::default(),
        };
        stop.patience(PATIENCE);
        let thread = std::thread::Builder::new().name("signals".to_owned());
        let obeyed = stop.clone();
        thread.spawn(move || runtime.block_on(obeyed.obey(terminate, interrupt)))?;
        Ok(stop)
    }

    /// The token that the first signal cancels.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Sets how long an end may take.
    pub fn patience(&self, patience: Duration) {
        let millis = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.patience.store(millis, Ordering::Relaxed);
    }

    async fn obey(self, mut terminate: Signal, mut interrupt: Signal) {
        next(&mut terminate, &mut interrupt).await;
        self.token.cancel();
        // In steps, for the settings may be read only now. Nothing is logged from here: the log may be what hangs.
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(100);
        while waited < MARGIN + Duration::from_millis(self.patience.load(Ordering::Relaxed)) {
            tokio::select! {
                () = next(&mut terminate, &mut interrupt) => break,
                () = tokio::time::sleep(step) => waited += step,
            }
        }
        std::process::exit(0);
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
