//! What is under way on an HTTP/1 connection: whether hyper could give it up for a while without losing a byte.

use axum::response::Response;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// An answer that is waited for.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Shared by a connection, its bytes and its service.
#[derive(Default)]
pub(crate) struct Exchange {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Requests since hyper was given the connection.
    taken: usize,
    /// Those whose answer hyper does not have to its last byte.
    open: usize,
    /// A request's body was not read to its end: what comes next on the connection is not a request.
    is_unread: bool,
    /// Bytes are written and not flushed, or the connection is being shut.
    is_writing: bool,
    parked: Option<Answer>,
    ready: Option<Response>,
}

impl Exchange {
    /// hyper is given the connection, with an answer that it is to send first, if there is one.
    pub(crate) fn begin(&self, ready: Option<Response>) {
        self.with(|inner| {
            *inner = Inner {
                ready,
                ..Inner::default()
            }
        });
    }

    /// The answer to what hyper takes for a request.
    pub(crate) fn ready(&self) -> Option<Response> {
        self.with(|inner| inner.ready.take())
    }

    /// Whether nothing is under way: the request is answered and the answer sent.
    pub(crate) fn is_over(&self) -> bool {
        self.with(|inner| {
            inner.taken > 0 && inner.open == 0 && !inner.is_unread && !inner.is_writing
        })
    }

    /// Whether the answer to a request that begins now may be parked: nothing of an earlier one is left to send.
    pub(crate) fn may_park(&self) -> bool {
        self.with(|inner| inner.open == 0 && !inner.is_unread && !inner.is_writing)
    }

    pub(crate) fn park(&self, answer: Answer) {
        self.with(|inner| inner.parked = Some(answer));
    }

    pub(crate) fn parked(&self) -> Option<Answer> {
        self.with(|inner| inner.parked.take())
    }

    pub(crate) fn unread(&self) {
        self.with(|inner| inner.is_unread = true);
    }

    pub(crate) fn writing(&self, is_writing: bool) {
        self.with(|inner| inner.is_writing = is_writing);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request that hyper took; dropped when its answer is with hyper to the last byte, or given up.
pub(crate) struct Taken(Arc<Exchange>);

impl Taken {
    pub(crate) fn new(exchange: &Arc<Exchange>) -> Self {
        exchange.with(|inner| {
            inner.taken += 1;
            inner.open += 1;
        });
        Self(Arc::clone(exchange))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0
            .with(|inner| inner.open = inner.open.saturating_sub(1));
    }
}
