//! What the bot's tests share: the strict double of Discord, and the bot as a process would run it, killed at will.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    unreachable_pub,
    reason = "a folder of helpers is private to each test that names it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests fail by panicking"
)]

pub mod discord;
pub mod life;
pub mod oracle;
pub mod process;
pub mod store;

use std::time::{Duration, Instant};

/// Clients of HTTP need one, also where nothing is encrypted.
pub fn provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Longest wait for anything that should happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `check` gives a value.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{what} did not happen in {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
