//! A connection that was told to end stays open for reading until its peer has left.
//!
//! A peer that sent a request while the goodbye was on its way learns from the goodbye that nobody took it, and sends it
//! elsewhere. If the socket were closed by then, the kernel would answer with a reset, and the peer would see a broken pipe:
//! to Go's HTTP/2 client, which the API server uses, that is a failed request and not one to repeat.

use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// A second handle on a connection's socket; nothing while the connection is served.
#[derive(Debug)]
pub(crate) struct Linger(Option<OwnedFd>);

impl Linger {
    /// For a TCP connection. Without a file descriptor left there is no lingering, and all else goes on.
    pub(crate) fn on(stream: &TcpStream) -> Self {
        Self(stream.as_fd().try_clone_to_owned().ok())
    }

    /// For one whose peer stands beside us.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Ends our side, and reads what the peer still says, for nobody, until it ends its own; at most for `limit`.
    pub(crate) async fn until_left(self, limit: Duration) {
        let Some(socket) = self.0.map(std::net::TcpStream::from) else {
            return;
        };
        // Fails when the peer has already gone.
        let _ = socket.shutdown(Shutdown::Write);
        let Ok(mut socket) = TcpStream::from_std(socket) else {
            return;
        };
        let read_out = async {
            let mut nobody = [0; 1024];
            while matches!(socket.read(&mut nobody).await, Ok(1..)) {}
        };
        let _ = tokio::time::timeout(limit, read_out).await;
    }
}
