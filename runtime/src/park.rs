//! Requests that wait long: a connection whose answer is minutes away needs no buffers of hyper's meanwhile, 20 KiB each.

use crate::exchange::Exchange;
use axum::response::Response;
use std::sync::Arc;

/// Among a request's extensions where its answer may be waited for in a parked connection: a GET without a body over HTTP/1.1.
#[derive(Clone)]
pub struct Parking(Arc<Exchange>);

impl Parking {
    pub(crate) const fn new(exchange: Arc<Exchange>) -> Self {
        Self(exchange)
    }

    /// Waits for `answer`, in a parked connection where there can be one. The caller and all layers around it are dropped
    /// then: `answer` must hold all that it takes, and nothing of the request. The time for a request goes on to count.
    pub async fn wait<F>(parking: Option<Self>, answer: F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        match parking {
            Some(Self(exchange)) => {
                exchange.park(Box::pin(answer));
                std::future::pending().await
            }
            None => answer.await,
        }
    }
}
