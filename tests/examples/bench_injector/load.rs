//! Two kinds of load: as much as goes with so many reviews open, and so many a second whatever the answers do.

use crate::caller::{Door, Speaks};
use crate::process::processor_time;
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reviews before anything is counted.
const WARM_UP: usize = 500;

/// Sends `reviews` over one connection, `open` at a time.
pub(crate) async fn send(door: &Door, speaks: Speaks, reviews: usize, open: usize) {
    let connection = door.connect(speaks).await.unwrap();
    stream::iter(0..reviews)
        .map(|at| door.ask(&connection, at))
        .buffer_unordered(open)
        .for_each(|answer| async move {
            answer.unwrap();
        })
        .await;
}

/// Processor time of server `pid` in milliseconds per 1000 reviews.
pub(crate) async fn cost(
    door: &Door,
    speaks: Speaks,
    pid: u32,
    reviews: usize,
    open: usize,
) -> f64 {
    send(door, speaks, WARM_UP, open).await;
    let before = processor_time(pid);
    send(door, speaks, reviews, open).await;
    (processor_time(pid) - before) * 1000.0 / f64::from(u32::try_from(reviews).unwrap())
}

/// Times from when a review was due to its whole answer, in order, at `rate` a second for `seconds`.
pub(crate) async fn latency(door: &Arc<Door>, rate: u32, seconds: u32) -> Vec<Duration> {
    let connection = door.connect(Speaks::Http2).await.unwrap();
    let begun = Instant::now();
    let mut open = Vec::new();
    for at in 0..rate * seconds {
        let due = begun + Duration::from_secs(1) * at / rate;
        // A timer is a millisecond wide; we have the core for ourselves.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        let (door, connection) = (Arc::clone(door), connection.clone());
        open.push(tokio::spawn(async move {
            door.ask(&connection, at as usize).await.unwrap();
            due.elapsed()
        }));
    }
    let mut times = Vec::new();
    for asked in open {
        times.push(asked.await.unwrap());
    }
    times.sort_unstable();
    times
}

/// The time that so many thousandths of the answers stay within, in microseconds.
pub(crate) fn part(sorted: &[Duration], thousandths: usize) -> f64 {
    sorted[(sorted.len() - 1) * thousandths / 1000].as_secs_f64() * 1e6
}
