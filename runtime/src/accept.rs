//! How a peer gets in: a place, a connection, a handshake.

use crate::linger::Linger;
use crate::places::{Place, Places};
use crate::serve::Listener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection and the place it takes.
pub(crate) struct Peer {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) linger: Linger,
    pub(crate) place: Place,
}

/// A place first, then a connection: what is not accepted waits in the kernel and costs us nothing.
pub(crate) async fn accept(listener: &Listener, places: &Arc<Places>) -> std::io::Result<Peer> {
    let place = places.take().await?;
    let (stream, linger): (Box<dyn Stream>, _) = match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            // Answers are small and wanted at once.
            stream.set_nodelay(true)?;
            let linger = Linger::on(&stream);
            (Box::new(stream), linger)
        }
        Listener::Unix(listener) => (Box::new(listener.accept().await?.0), Linger::none()),
    };
    places.lacking(false);
    Ok(Peer {
        stream,
        linger,
        place,
    })
}

/// TLS over `stream`, when TLS is asked for.
pub(crate) async fn handshake(
    stream: Box<dyn Stream>,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> std::io::Result<Box<dyn Stream>> {
    let Some(tls) = tls else { return Ok(stream) };
    Ok(Box::new(TlsAcceptor::from(tls).accept(stream).await?))
}

/// Returns once a handshake that begins now has lasted too long: `limit`, or `crowded` while others wait for its place.
pub(crate) async fn out_of_patience(
    limit: Duration,
    crowded: Duration,
    crowd: &mut watch::Receiver<bool>,
) {
    let began = Instant::now();
    loop {
        let longest = if *crowd.borrow_and_update() {
            limit.min(crowded)
        } else {
            limit
        };
        tokio::select! {
            () = tokio::time::sleep_until(began + longest) => return,
            Ok(()) = crowd.changed() => {}
        }
    }
}
