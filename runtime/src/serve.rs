//! An accept loop whose peers can neither hold nor starve the process.
//!
//! Order of limits for one connection: a place among `max_connections`, then the TLS handshake, then each request's
//! headers, then the whole request. On shutdown the listener closes, HTTP/2 peers get GOAWAY, HTTP/1 peers finish
//! the request at hand, and what is left after `drain` is dropped.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Pause after a failed accept, so that a lack of file descriptors does not turn into a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

/// Limits of one server. The defaults suit an admission webhook and an admin port alike.
#[derive(Clone)]
pub struct ServeOptions {
    /// TLS when given, plain HTTP otherwise.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Connections at one time; further ones wait in the kernel's backlog.
    pub max_connections: usize,
    /// Longest TLS handshake.
    pub handshake_timeout: Duration,
    /// Longest time until a request's headers are there.
    pub header_timeout: Duration,
    /// Longest request, body and answer included.
    pub request_timeout: Duration,
    /// Longest wait for open requests after the shutdown token.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `router` on `listener` until `shutdown` is cancelled and open requests are done or `drain` has passed.
pub async fn serve(
    listener: Listener,
    router: Router,
    options: ServeOptions,
    shutdown: CancellationToken,
) {
    let limit = options.request_timeout;
    let router = router.layer(middleware::from_fn(move |request, next| {
        bounded(limit, request, next)
    }));
    let service = TowerToHyperService::new(router);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(250)
        .max_header_list_size(16 * 1024);
    let builder = Arc::new(builder);
    let places = Arc::new(Semaphore::new(options.max_connections));
    let graceful = GracefulShutdown::new();

    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; pausing briefly");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (builder, service) = (Arc::clone(&builder), service.clone());
        let (tls, handshake_timeout) = (options.tls.clone(), options.handshake_timeout);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            let stream = match handshake(stream, tls, handshake_timeout).await {
                Ok(stream) => stream,
                Err(error) => return tracing::debug!(%error, "no TLS handshake"),
            };
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(options.drain) => {
            tracing::warn!("some requests were still open when the drain time ended");
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A place first, then a connection: what is not accepted waits in the kernel and costs us nothing.
async fn accept(
    listener: &Listener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(Box<dyn Stream>, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let stream: Box<dyn Stream> = match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            // Answers are small and wanted at once.
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Listener::Unix(listener) => Box::new(listener.accept().await?.0),
    };
    Ok((stream, place))
}

async fn handshake(
    stream: Box<dyn Stream>,
    tls: Option<Arc<rustls::ServerConfig>>,
    limit: Duration,
) -> std::io::Result<Box<dyn Stream>> {
    let Some(tls) = tls else { return Ok(stream) };
    let stream = tokio::time::timeout(limit, TlsAcceptor::from(tls).accept(stream))
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok(Box::new(stream))
}

async fn bounded(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
