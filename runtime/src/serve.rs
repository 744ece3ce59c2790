//! An accept loop whose peers can neither hold nor starve the process.
//!
//! Order of limits for one connection: a place among `max_connections`, then the TLS handshake, then each request's
//! headers, then the whole request, then the pause before the next. While places are lacking, whoever does nothing gives
//! up its own, at whichever of these it stands. How it shuts down is told in [`crate::door`].

use crate::accept::{Peer, accept, handshake, out_of_patience};
use crate::connection::{Connection, Failure, Protocols};
use crate::door::{Door, End};
use crate::exchange::Exchange;
use crate::idle::{Activity, Patience};
use crate::places::Places;
use crate::watched::Watched;
use crate::wire::Wire;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a failed accept, so that a lack of file descriptors does not turn into a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is said of a request that took too long, as RFC 9457 has it.
const TOO_SLOW: &str = r#"{"type":"about:blank","title":"Request Timeout","status":408,"detail":"the request was not whole, or its answer not there, in time; send it again"}"#;

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
    /// Longest pause between two requests of one connection. The API server gives up idle connections itself after 90 s,
    /// so a longer time leaves the choice to it.
    pub idle_timeout: Duration,
    /// How long a connection may do nothing, a handshake included, while others wait for its place. The API server gives a
    /// webhook a second by default: whoever comes when all places and the kernel's backlog are taken waits twice as long
    /// as this.
    pub crowded_timeout: Duration,
    /// Longest request, body and answer included.
    pub request_timeout: Duration,
    /// How long a peer has to leave after it was told to.
    pub parting: Duration,
    /// After the shutdown token, how long to serve on while peers learn that they are to ask elsewhere; an hour
    /// at most.
    pub withdrawal: Duration,
    /// After that the listener closes when nobody has come for this long, or after ten times as long.
    pub late: Duration,
    /// Longest wait for open requests after the listener has closed.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            crowded_timeout: Duration::from_millis(250),
            request_timeout: Duration::from_secs(10),
            parting: Duration::from_secs(2),
            withdrawal: Duration::ZERO,
            late: Duration::ZERO,
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `router` on `listener` until `shutdown` is cancelled, `withdrawal` has passed, nobody has come for `late`, and open
/// requests are done or `drain` has passed.
pub async fn serve(
    listener: Listener,
    router: Router,
    options: ServeOptions,
    shutdown: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let mut door = Door::new(shutdown, options.withdrawal, options.late);
    let drained = CancellationToken::new();
    let server = Arc::new(Server {
        protocols: Protocols::new(&options),
        patience: Patience {
            first: options.header_timeout,
            between: options.idle_timeout,
            crowded: options.crowded_timeout,
        },
        tls: options.tls,
        request_timeout: options.request_timeout,
        handshake_timeout: options.handshake_timeout,
        parting: options.parting,
        leaving: Semaphore::new(options.max_connections),
        end: door.end(),
        drained: drained.clone(),
    });
    let places = Places::new(options.max_connections);
    let connections = TaskTracker::new();

    loop {
        let accepted = tokio::select! {
            biased;
            () = door.closes() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let peer = match accepted {
            Ok(peer) => peer,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; pausing briefly");
                places.lacking(true);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (server, router, crowded) = (Arc::clone(&server), router.clone(), places.crowd());
        connections.spawn(async move {
            if let Err(error) = server.connection(peer, router, crowded).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    door.close();
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = tokio::time::sleep(options.drain) => {
            tracing::warn!("some requests were still open when the drain time ended");
            drained.cancel();
        }
    }
}

/// What all connections share.
struct Server {
    protocols: Protocols,
    request_timeout: Duration,
    patience: Patience,
    tls: Option<Arc<rustls::ServerConfig>>,
    handshake_timeout: Duration,
    parting: Duration,
    /// Those that were told to go and gave up their place: as many as there are places, at most.
    leaving: Semaphore,
    end: End,
    drained: CancellationToken,
}

impl Server {
    /// Serves one connection until it ends, does nothing for too long, or the server closes. The last two are told to the
    /// peer (GOAWAY, or `connection: close`), so that no request on its way is lost.
    async fn connection(
        &self,
        peer: Peer,
        router: TowerToHyperService<Router>,
        mut crowded: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let Peer {
            stream,
            linger,
            place,
        } = peer;
        let stream = tokio::select! {
            () = self.end.closed() => return Ok(()),
            () = out_of_patience(self.handshake_timeout, self.patience.crowded, &mut crowded) => {
                return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
            }
            // Boxed: a thousand connections would each keep room for what only their beginning takes.
            stream = Box::pin(handshake(stream, self.tls.clone())) => stream?,
        };
        let activity = Activity::new();
        let exchange = Arc::<Exchange>::default();
        let service = Watched {
            router,
            activity: Arc::clone(&activity),
            exchange: Arc::clone(&exchange),
            limit: self.request_timeout,
            end: self.end.clone(),
        };
        let wire = Wire::new(stream, exchange);
        let limit = self.request_timeout;
        let mut connection = Connection::new(&self.protocols, wire, service, limit);
        loop {
            let (deadline, idle) = activity.deadline(self.patience, *crowded.borrow());
            tokio::select! {
                ended = &mut connection => return ended,
                () = self.end.comes_for(&activity) => {
                    connection.end();
                    let ended = tokio::select! {
                        ended = connection => ended,
                        () = self.drained.cancelled() => return Ok(()),
                    };
                    linger.until_left(self.parting).await;
                    return ended;
                }
                () = tokio::time::sleep_until(deadline) => {
                    let is_crowded = *crowded.borrow();
                    if !idle || activity.deadline(self.patience, is_crowded).0 > Instant::now() {
                        continue;
                    }
                    // Whoever never asked has nothing on its way that a goodbye could save, and whoever waits for the
                    // place must not wait for a goodbye either.
                    let Ok(_leaving) = self.leaving.try_acquire() else { return Ok(()) };
                    if is_crowded && !activity.was_asked() {
                        return Ok(());
                    }
                    drop(place);
                    connection.end();
                    if tokio::time::timeout(self.parting, connection).await.is_ok() {
                        linger.until_left(self.parting).await;
                    }
                    return Ok(());
                }
                Ok(()) = crowded.changed() => {}
            }
        }
    }
}

pub(crate) fn too_slow() -> Response {
    (
        StatusCode::REQUEST_TIMEOUT,
        [(header::CONTENT_TYPE, "application/problem+json")],
        TOO_SLOW,
    )
        .into_response()
}
