//! One token that every task of a process waits on.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: 128 + SIGINT, as shells count.
const ABORTED: i32 = 130;

/// A token that SIGTERM or SIGINT cancels. A second signal ends the process at once, for whoever is tired of waiting.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = next().await;
        tracing::info!(signal = name, "shutting down");
        cancel.cancel();
        let name = next().await;
        tracing::warn!(signal = name, "second signal, ending at once");
        std::process::exit(ABORTED);
    });
    Ok(token)
}
