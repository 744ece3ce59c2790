//! A connection, of which hyper holds only what has something to say.
//!
//! hyper takes 16 to 24 KiB for an HTTP/1 connection, mostly buffers, for as long as it has it: a thousand that wait would
//! take what the whole process may. So it has a connection from a request's first byte to the last of its answer, and not
//! between requests, nor while a handler has its answer parked (see [`crate::park`]). HTTP/2 connections stay with hyper.

use crate::exchange::Answer;
use crate::idle::Open;
use crate::serve::{ServeOptions, too_slow};
use crate::watched::Watched;
use crate::wire::Wire;
use axum::response::Response;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite as _;
use tokio::time::Sleep;

/// What a peer that speaks HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Stands for a request whose answer is there: hyper took the request itself before the answer was parked. Only such
/// requests are parked that hyper would answer like this one.
const AGAIN: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
/// Bytes a peer may send ahead of us, for one request and for all of a connection's: what waits there is memory.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Why a connection ended before its time.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
type Http1 = http1::Connection<TokioIo<Wire>, Watched>;
type Http2 = http2::Connection<TokioIo<Wire>, Watched, TokioExecutor>;

/// What the protocols may take of us.
pub(crate) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(crate) fn new(options: &ServeOptions) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_buf_size(64 * 1024);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(64 * 1024)
            .max_concurrent_streams(250)
            .max_header_list_size(16 * 1024);
        Self { http1, http2 }
    }
}

/// Resolves when the connection is over.
pub(crate) struct Connection<'a> {
    state: State,
    protocols: &'a Protocols,
    service: Watched,
    /// Longest wait for a parked answer.
    limit: Duration,
    is_new: bool,
    is_ending: bool,
}

enum State {
    /// Nothing was asked yet, or all is answered.
    Quiet(Wire),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    /// One request waits for its answer.
    Parked(Wire, Box<Parked>),
    /// Told to end while nothing was asked.
    Closing(Wire),
    Over,
}

struct Parked {
    answer: Answer,
    limit: Pin<Box<Sleep>>,
    _open: Open,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(
        protocols: &'a Protocols,
        wire: Wire,
        service: Watched,
        limit: Duration,
    ) -> Self {
        Self {
            state: State::Quiet(wire),
            protocols,
            service,
            limit,
            is_new: true,
            is_ending: false,
        }
    }

    /// The request at hand is answered yet, and no further one; the peer is told.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
        match &mut self.state {
            State::Http1(http1) => Pin::new(&mut **http1).graceful_shutdown(),
            State::Http2(http2) => Pin::new(&mut **http2).graceful_shutdown(),
            State::Quiet(_) => {
                if let State::Quiet(wire) = self.leave() {
                    self.state = State::Closing(wire);
                }
            }
            State::Parked(..) | State::Closing(_) | State::Over => {}
        }
    }

    fn leave(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Over)
    }

    fn http1(&self, wire: Wire, ready: Option<Response>) -> State {
        self.service.exchange.begin(ready);
        let (io, service) = (TokioIo::new(wire), self.service.clone());
        State::Http1(Box::new(self.protocols.http1.serve_connection(io, service)))
    }

    /// What the first bytes ask for; stays quiet while they do not tell.
    fn begun(&self, wire: Wire) -> State {
        if !self.is_new || !PREFACE.starts_with(wire.ahead()) && !wire.ahead().starts_with(PREFACE)
        {
            return self.http1(wire, None);
        }
        if wire.ahead().len() < PREFACE.len() {
            return State::Quiet(wire);
        }
        let (io, service) = (TokioIo::new(wire), self.service.clone());
        State::Http2(Box::new(self.protocols.http2.serve_connection(io, service)))
    }

    /// What follows a turn of hyper's that left nothing to do at present.
    fn after(&self, http1: Box<Http1>) -> (State, Poll<()>) {
        let exchange = &self.service.exchange;
        let parked = exchange.parked();
        if parked.is_none() && (self.is_ending || !exchange.is_over()) {
            return (State::Http1(http1), Poll::Pending);
        }
        let open = Open::new(&self.service.activity);
        let parts = http1.into_parts();
        let mut wire = parts.io.into_inner();
        wire.put_ahead(&parts.read_buf);
        let state = match parked {
            Some(answer) => {
                let parked = Parked {
                    answer,
                    limit: Box::pin(tokio::time::sleep(self.limit)),
                    _open: open,
                };
                State::Parked(wire, Box::new(parked))
            }
            None if wire.ahead().is_empty() => State::Quiet(wire),
            // The next request has begun.
            None => self.http1(wire, None),
        };
        (state, Poll::Ready(()))
    }
}

impl Future for Connection<'_> {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Quiet(wire) => {
                    if ready!(wire.poll_ahead(context))? == 0 {
                        this.state = State::Over;
                        return Poll::Ready(Ok(()));
                    }
                    if let State::Quiet(wire) = this.leave() {
                        this.state = this.begun(wire);
                    }
                    this.is_new &= matches!(this.state, State::Quiet(_));
                }
                State::Http1(http1) => {
                    if let Poll::Ready(ended) = Pin::new(&mut **http1).poll(context) {
                        return Poll::Ready(ended.map_err(Failure::from));
                    }
                    let State::Http1(http1) = this.leave() else {
                        return Poll::Pending;
                    };
                    let (state, changed) = this.after(http1);
                    this.state = state;
                    ready!(changed);
                }
                State::Http2(http2) => {
                    return Pin::new(&mut **http2).poll(context).map_err(Failure::from);
                }
                State::Parked(wire, parked) => {
                    // Whoever has left waits for no answer. One who has sent more has not left.
                    while wire.ahead().is_empty()
                        && let Poll::Ready(read) = wire.poll_ahead(context)
                    {
                        if read? == 0 {
                            this.state = State::Over;
                            return Poll::Ready(Ok(()));
                        }
                    }
                    let answer = ready!(parked.poll(context));
                    if let State::Parked(mut wire, _) = this.leave() {
                        wire.put_ahead(AGAIN);
                        this.state = this.http1(wire, Some(answer));
                    }
                }
                State::Closing(wire) => {
                    // It ends either way.
                    let _ = ready!(Pin::new(wire).poll_shutdown(context));
                    this.state = State::Over;
                }
                State::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Parked {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Response> {
        if let Poll::Ready(answer) = self.answer.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        self.limit.as_mut().poll(context).map(|()| too_slow())
    }
}
