//! A caller as the API server is one: one TLS connection, kept, HTTP/2, the headers it sends.

use crate::review::Review;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Who is asked, where, and what.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Name in its certificate.
    pub(crate) host: String,
    pub(crate) path: String,
    /// PEM certificates that are trusted.
    pub(crate) trusted: String,
    pub(crate) review: Review,
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    uri: String,
}

impl Door {
    /// Connects; an error while nobody listens, or has no certificate yet.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.trusted.as_bytes()) {
            roots.add(certificate?)?;
        }
        let mut config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection {
            sender,
            uri: format!("https://{}{}?timeout=1s", self.host, self.path),
        })
    }

    /// Sends review number `at`: the answer's text, which is under the review's own uid and carries a patch.
    pub(crate) async fn ask(&self, connection: &Connection, at: usize) -> anyhow::Result<Bytes> {
        let (body, uid) = self.review.body(at);
        let request = Request::post(&connection.uri)
            .header("accept", "application/json, */*")
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .header("user-agent", "kube-apiserver-admission")
            .header("accept-encoding", "gzip")
            .body(Full::new(body))?;
        let response = connection.sender.clone().send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        let text = std::str::from_utf8(&answer)?;
        let right = status.is_success() && text.contains(&uid) && text.contains(r#""patch":""#);
        anyhow::ensure!(right, "{status}: {text}");
        Ok(answer)
    }
}
