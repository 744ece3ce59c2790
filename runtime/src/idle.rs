//! Which connections do nothing: a peer that only holds its place must give it up, soonest when others wait for one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests of one connection: how many are open, and since when none is.
#[derive(Debug)]
pub(crate) struct Activity {
    inner: Mutex<Inner>,
    /// Told of requests over HTTP/2.
    http2: Notify,
}

#[derive(Debug)]
struct Inner {
    open: usize,
    /// Whether there was a request at all.
    asked: bool,
    since: Instant,
}

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Before its first request.
    pub(crate) first: Duration,
    /// Between requests.
    pub(crate) between: Duration,
    /// Either, while other connections wait for a place.
    pub(crate) crowded: Duration,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                open: 0,
                asked: false,
                since: Instant::now(),
            }),
            http2: Notify::new(),
        })
    }

    /// When the connection is to be given up if nothing happens; or, while a request is open, when to ask again.
    pub(crate) fn deadline(&self, patience: Patience, crowded: bool) -> (Instant, bool) {
        self.with(|inner| {
            let longest = if inner.asked {
                patience.between
            } else {
                patience.first
            };
            let longest = if crowded {
                longest.min(patience.crowded)
            } else {
                longest
            };
            if inner.open > 0 {
                (Instant::now() + longest, false)
            } else {
                (inner.since + longest, true)
            }
        })
    }

    /// Whether there was a request at all.
    pub(crate) fn was_asked(&self) -> bool {
        self.with(|inner| inner.asked)
    }

    /// Notes a request over HTTP/2.
    pub(crate) fn ask_over_http2(&self) {
        self.http2.notify_one();
    }

    /// Returns once there was a request over HTTP/2, to the first who waits for it.
    pub(crate) async fn asked_over_http2(&self) {
        self.http2.notified().await;
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An open request; dropped when it is answered or given up.
pub(crate) struct Open(Arc<Activity>);

impl Open {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        activity.with(|inner| {
            inner.open += 1;
            inner.asked = true;
        });
        Self(Arc::clone(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.with(|inner| {
            inner.open = inner.open.saturating_sub(1);
            inner.since = Instant::now();
        });
    }
}
