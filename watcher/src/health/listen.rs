//! Serves the admin routes on the unix socket and, when asked to, on TCP.

use crate::config::Config;
use axum::Router;
use runtime::serve::{Listener, ServeOptions, serve};
use sidecar::names;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// Starts serving `router`. What cannot be opened is logged and left out: health is no reason to fail.
pub async fn listen(config: &Config, router: Router, shutdown: &CancellationToken) {
    let mut listeners = Vec::new();
    let path = config.state_dir.join(names::HEALTH_SOCKET);
    // A socket file outlives its process, and binding to it would fail.
    let _ = std::fs::remove_file(&path);
    match UnixListener::bind(&path) {
        Ok(listener) => listeners.push(Listener::Unix(listener)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no health socket; `watcher --health` will not work");
        }
    }
    if let Some(address) = config.health_addr {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(Listener::Tcp(listener)),
            Err(error) => tracing::warn!(%address, %error, "no health port; HTTP probes will fail"),
        }
    }
    for listener in listeners {
        let options = ServeOptions {
            max_connections: 8,
            header_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(2),
            drain: Duration::ZERO,
            ..ServeOptions::default()
        };
        tokio::spawn(serve(listener, router.clone(), options, shutdown.clone()));
    }
}
