//! A caller as the API server is one: one TLS connection, kept, the headers it sends; over HTTP/2, or over HTTP/1.1, which is
//! what it speaks to webhooks (`NextProtos` in k8s.io/apiserver's `pkg/util/webhook/client.go`).

use crate::review::Review;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
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

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// One request after the other.
    Http1,
    Http2,
}

#[derive(Clone)]
enum Sender {
    Http1(Arc<Mutex<http1::SendRequest<Full<Bytes>>>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: Sender,
    uri: String,
}

impl Door {
    /// Connects; an error while nobody listens, or has no certificate yet.
    pub(crate) async fn connect(&self, speaks: Speaks) -> anyhow::Result<Connection> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.trusted.as_bytes()) {
            roots.add(certificate?)?;
        }
        let mut config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let protocol: &[u8] = match speaks {
            Speaks::Http1 => b"http/1.1",
            Speaks::Http2 => b"h2",
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let path = format!("{}?timeout=1s", self.path);
        let (sender, uri) = match speaks {
            Speaks::Http1 => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                (Sender::Http1(Arc::new(Mutex::new(sender))), path)
            }
            Speaks::Http2 => {
                let io = TokioIo::new(stream);
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                (
                    Sender::Http2(sender),
                    format!("https://{}{path}", self.host),
                )
            }
        };
        Ok(Connection { sender, uri })
    }

    /// Sends review number `at`: the answer's text, which is under the review's own uid and carries a patch.
    pub(crate) async fn ask(&self, connection: &Connection, at: usize) -> anyhow::Result<Bytes> {
        let (body, uid) = self.review.body(at);
        let mut request = Request::post(&connection.uri)
            .header("accept", "application/json, */*")
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .header("user-agent", "kube-apiserver-admission")
            .header("accept-encoding", "gzip")
            .body(Full::new(body))?;
        let (status, answer) = match &connection.sender {
            Sender::Http1(sender) => {
                let host = HeaderValue::from_str(&self.host)?;
                request.headers_mut().insert(header::HOST, host);
                let mut sender = sender.lock().await;
                sender.ready().await?;
                whole(sender.send_request(request).await?).await?
            }
            Sender::Http2(sender) => whole(sender.clone().send_request(request).await?).await?,
        };
        let text = std::str::from_utf8(&answer)?;
        let right = status.is_success() && text.contains(&uid) && text.contains(r#""patch":""#);
        anyhow::ensure!(right, "{status}: {text}");
        Ok(answer)
    }
}

async fn whole(response: Response<Incoming>) -> anyhow::Result<(StatusCode, Bytes)> {
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
