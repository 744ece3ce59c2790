//! Waiting that ends, and says what it waited for.

use std::time::{Duration, Instant};

/// Asks every 200 ms until there is an answer; panics with `what` and the last refusal after `limit`.
pub(crate) async fn eventually<T, F>(what: &str, limit: Duration, mut ask: F) -> T
where
    F: AsyncFnMut() -> anyhow::Result<T>,
{
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(refusal) if began.elapsed() > limit => {
                panic!("{what}: not within {} s: {refusal:#}", limit.as_secs())
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// `n` seconds.
pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
