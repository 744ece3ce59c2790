//! SIGTERM and SIGINT. A watcher always exits with 0 on them: another code would fail its Pod.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first signal cancels; the second ends the process at once.
pub(crate) fn watch() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if first {
                tracing::info!(signal = name, "asked to end; sending what is left");
                cancel.cancel();
            } else {
                tracing::warn!(signal = name, "asked again; ending at once");
            }
        }
        std::process::exit(0);
    });
    Ok(token)
}
