//! Discord's side of a run: its channel, its retention, and the way to talk back.
//!
//! Promises so far: `bot serve` answers its health routes at once, whatever Discord says, and ends within the drain
//! time. Runs, interactions and the input relay do not exist yet. Refuses to know: transcripts and Kubernetes.

mod args;
pub mod desk;

pub use args::{Args, Command, ServeArgs};

use runtime::admin::{self, Readiness};
use runtime::serve::{Listener, ServeOptions, serve};
use std::sync::Arc;

/// Why the bot could not serve.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; choose another with --listen or LISTEN")]
    Listen {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The signal handlers could not be installed.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: ServeArgs) -> Result<(), BotError> {
    let ServeArgs { listen, logging: _ } = args;
    let shutdown = runtime::shutdown::on_signal().map_err(BotError::Signals)?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|source| BotError::Listen {
            address: listen,
            source,
        })?;
    let readiness = Readiness::default();
    readiness.set(true);
    readiness.detail("runs", Some("not implemented yet".to_owned()));
    let router = admin::router(
        readiness,
        Arc::new(prometheus_client::registry::Registry::default()),
    );
    tracing::info!(%listen, "serving the health routes");
    serve(
        Listener::Tcp(listener),
        router,
        ServeOptions::default(),
        shutdown,
    )
    .await;
    Ok(())
}
