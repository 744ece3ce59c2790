//! A service whose requests are counted, from their first byte to the last of their answer, and each bounded in time.

use crate::door::End;
use crate::exchange::{Exchange, Taken};
use crate::idle::{Activity, Open};
use crate::park::Parking;
use crate::serve::too_slow;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Version, header};
use axum::response::Response;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) router: TowerToHyperService<Router>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) exchange: Arc<Exchange>,
    /// Longest request, body and answer included.
    pub(crate) limit: Duration,
    pub(crate) end: End,
}

impl Watched {
    fn may_park(&self, request: &Request<Incoming>) -> bool {
        request.version() == Version::HTTP_11
            && *request.method() == Method::GET
            && request.body().is_end_stream()
            && stays(request.headers())
            && self.exchange.may_park()
    }
}

/// Whether the peer asks for nothing of the connection but that it stays.
fn stays(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
}

impl Service<Request<Incoming>> for Watched {
    type Response = Response<Sent>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if self.may_park(&request) {
            let parking = Parking::new(Arc::clone(&self.exchange));
            request.extensions_mut().insert(parking);
        }
        let is_http2 = request.version() == Version::HTTP_2;
        if is_http2 {
            self.activity.ask_over_http2();
        }
        // HTTP/2 has GOAWAY.
        let is_last = !is_http2 && self.end.is_near();
        let open = Open::new(&self.activity);
        let taken = Taken::new(&self.exchange);
        if let Some(response) = self.exchange.ready() {
            return Box::pin(async move { Ok(sent(last(response, is_last), taken)) });
        }
        let exchange = Arc::clone(&self.exchange);
        let answer = self
            .router
            .call(request.map(|body| Read::new(body, exchange)));
        // Here and not as a layer of the router, which would cost each request five allocations more.
        let answer = tokio::time::timeout(self.limit, answer);
        Box::pin(async move {
            let response = answer.await.unwrap_or_else(|_| Ok(too_slow()))?;
            drop(open);
            Ok(sent(last(response, is_last), taken))
        })
    }
}

/// Tells the peer when this is its connection's last answer.
fn last(mut response: Response, is_last: bool) -> Response {
    if is_last {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn sent(response: Response, taken: Taken) -> Response<Sent> {
    response.map(|body| Sent {
        body,
        _taken: taken,
    })
}

/// A request's body, which says when nobody read it to its end.
pub(crate) struct Read {
    body: Incoming,
    is_whole: bool,
    exchange: Arc<Exchange>,
}

impl Read {
    const fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        Self {
            body,
            is_whole: false,
            exchange,
        }
    }
}

impl Body for Read {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.is_whole |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if !self.is_whole && !self.body.is_end_stream() {
            self.exchange.unread();
        }
    }
}

/// An answer's body; hyper drops it when it has all of it.
pub(crate) struct Sent {
    body: axum::body::Body,
    _taken: Taken,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
