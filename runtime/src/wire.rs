//! A peer's bytes: those that were read before hyper asked for them come first, and whether all that was written has left
//! is known.

use crate::accept::Stream;
use crate::exchange::Exchange;
use hyper::body::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes read at once ahead of hyper: the head of a usual request.
const AHEAD: usize = 1024;

pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    ahead: Bytes,
    exchange: Arc<Exchange>,
}

impl Wire {
    pub(crate) const fn new(stream: Box<dyn Stream>, exchange: Arc<Exchange>) -> Self {
        Self {
            stream,
            ahead: Bytes::new(),
            exchange,
        }
    }

    /// What was read and hyper has not seen.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Puts these bytes before all others.
    pub(crate) fn put_ahead(&mut self, bytes: &[u8]) {
        // A copy: a part of one of hyper's buffers would hold the whole of it.
        self.ahead = [bytes, &self.ahead].concat().into();
    }

    /// Reads some bytes; how many, and none at the peer's end.
    pub(crate) fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; AHEAD];
        let mut bytes = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
        self.ahead = [&self.ahead, bytes.filled()].concat().into();
        Poll::Ready(Ok(bytes.filled().len()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, space);
        }
        let part = self.ahead.len().min(space.remaining());
        space.put_slice(&self.ahead.split_to(part));
        if self.ahead.is_empty() {
            self.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.exchange.writing(true);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.exchange.writing(true);
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for it when it has nothing more to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.exchange.writing(false);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.exchange.writing(true);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
