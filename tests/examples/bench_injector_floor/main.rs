//! The floor beneath the injector's figures: a bare server of the same stack (tokio, rustls with ring, hyper) that parses a
//! review into borrowed structs and answers a constant patch. What the injector costs beyond it is its own.
//!
//! `bench_injector_floor ADDRESS CERTIFICATE KEY PATCH`: three files; PATCH holds the answer's patch in base64.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails by panicking"
)]

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Asked<'a>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    uid: &'a str,
    operation: &'a str,
    namespace: &'a str,
    #[serde(borrow)]
    object: Pod<'a>,
}

#[derive(Deserialize)]
struct Pod<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    annotations: HashMap<&'a str, &'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    restart_policy: &'a str,
    #[serde(borrow)]
    containers: Vec<Container<'a>>,
    #[serde(borrow, default)]
    init_containers: Vec<Container<'a>>,
    #[serde(borrow, default)]
    volumes: Vec<Named<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    name: &'a str,
    image: &'a str,
    #[serde(borrow, default)]
    env: Vec<Named<'a>>,
    #[serde(borrow, default)]
    volume_mounts: Vec<Mount<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mount<'a> {
    name: &'a str,
    mount_path: &'a str,
}

/// A word of everything that was read, so that no compiler leaves out the reading.
fn weight(asked: &Asked<'_>) -> usize {
    let spec = &asked.object.spec;
    let named = |of: &Named<'_>| of.name.len() + of.value.map_or(0, |value| value.get().len());
    let containers = spec.containers.iter().chain(&spec.init_containers);
    let containers = containers.map(|one| {
        let mounts = one.volume_mounts.iter();
        one.name.len()
            + one.image.len()
            + one.env.iter().map(named).sum::<usize>()
            + mounts
                .map(|m| m.name.len() + m.mount_path.len())
                .sum::<usize>()
    });
    let annotations = asked.object.metadata.annotations.iter();
    asked.operation.len()
        + asked.namespace.len()
        + spec.restart_policy.len()
        + containers.sum::<usize>()
        + spec.volumes.iter().map(named).sum::<usize>()
        + annotations
            .map(|(key, value)| key.len() + value.get().len())
            .sum::<usize>()
}

async fn answer(
    request: Request<Incoming>,
    patch: Arc<str>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let review: Review<'_> = serde_json::from_slice(&body).unwrap();
    let asked = &review.request;
    let allowed = std::hint::black_box(weight(asked)) > 0;
    let text = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{}","allowed":{allowed},"patchType":"JSONPatch","patch":"{patch}"}}}}"#,
        asked.uid
    );
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let kind = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chain = CertificateDer::from_pem_file(&arguments[1]).unwrap();
    let key = PrivateKeyDer::from_pem_file(&arguments[2]).unwrap();
    let patch: Arc<str> = std::fs::read_to_string(&arguments[3]).unwrap().into();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(&arguments[0]).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, patch) = (acceptor.clone(), Arc::clone(&patch));
        tokio::spawn(async move {
            // A caller that goes away is no news.
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(|request| answer(request, Arc::clone(&patch)));
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let io = TokioIo::new(stream);
            let _ = if is_http2 {
                http2::Builder::new(TokioExecutor::new())
                    .serve_connection(io, service)
                    .await
            } else {
                http1::Builder::new().serve_connection(io, service).await
            };
        });
    }
}
