//! POST /input and POST /interrupt on 127.0.0.1, and the health routes beside them.

use super::pipe::{Pipe, PipeError};
use super::{Format, Settings, input, signature};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use prometheus_client::registry::Registry;
use runtime::admin::{Readiness, router};
use runtime::serve::{Listener, ServeOptions, serve as serve_http};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Most bytes of one input.
const MAX_INPUT: usize = 1024 * 1024;
/// Pause between two tries to listen.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a slow agent may take what waits when the bridge is asked to end.
const FLUSH: Duration = Duration::from_secs(2);

/// How long an answer waits for the line to be in the FIFO; 50 ms are promised for all of it.
const WRITTEN: Duration = Duration::from_millis(25);
/// Longest name of an input, in bytes.
const MAX_NAME: usize = 128;

/// One line.
struct Offer {
    line: Vec<u8>,
    name: Option<String>,
    /// Who waits for the word that it was taken.
    taken: oneshot::Sender<Result<oneshot::Receiver<()>, PipeError>>,
}

#[derive(Clone)]
struct Door {
    settings: Arc<Settings>,
    offers: mpsc::Sender<Offer>,
}

/// Serves until `stop` is cancelled.
pub async fn serve(settings: Settings, stop: CancellationToken) -> std::io::Result<()> {
    let pipe = Pipe::new(settings.fifo.clone(), settings.format == Format::StreamJson);
    if let Err(error) = pipe.make() {
        tracing::warn!(%error, "no FIFO yet; it is tried again with every input");
    }
    let listener = loop {
        match TcpListener::bind(settings.listen).await {
            Ok(listener) => break listener,
            Err(error) => {
                tracing::error!(address = %settings.listen, %error, "cannot listen; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    };
    let address = listener.local_addr().unwrap_or(settings.listen);
    tracing::info!(%address, fifo = %settings.fifo.display(), "the bridge takes input");
    let readiness = Readiness::default();
    readiness.set(true);
    let (offers, mut offered) = mpsc::channel::<Offer>(16);
    let app = Router::new()
        .route("/input", post(take))
        .route("/interrupt", post(interrupt))
        .layer(DefaultBodyLimit::max(MAX_INPUT))
        .with_state(Door {
            settings: Arc::new(settings),
            offers,
        })
        .merge(router(readiness, Arc::new(Registry::default())));
    let options = ServeOptions {
        max_connections: 16,
        header_timeout: Duration::from_secs(5),
        drain: Duration::from_millis(500),
        ..ServeOptions::default()
    };
    let http = tokio::spawn(serve_http(
        Listener::Tcp(listener),
        app,
        options,
        stop.clone(),
    ));
    let taking = async {
        while let Some(offer) = offered.recv().await {
            let _ = offer.taken.send(pipe.take(offer.line, offer.name));
        }
    };
    let writer = Rc::clone(&pipe);
    let mut writing = std::pin::pin!(writer.write());
    tokio::select! {
        () = &mut writing => {}
        () = taking => {}
        () = stop.cancelled() => {}
    }
    let _ = http.await;
    let flushed = tokio::time::timeout(FLUSH, async {
        tokio::select! {
            () = &mut writing => {}
            () = empty(&pipe) => {}
        }
    });
    if flushed.await.is_err() {
        tracing::error!(
            bytes = pipe.bytes(),
            "the agent did not read all of its input before the end"
        );
    }
    Ok(())
}

async fn empty(pipe: &Pipe) {
    while pipe.bytes() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Why a request is not listened to, when it lacks the signature that is asked for.
fn stranger(door: &Door, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
    let secret = door.settings.secret.as_ref()?;
    let signed = signature::is_valid(secret, text(headers, "x-input-signature"), body);
    (!signed).then(|| {
        problem(
            StatusCode::UNAUTHORIZED,
            "the signature is missing or wrong; sign the body with the shared key",
        )
    })
}

/// POST /input.
async fn take(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = stranger(&door, &headers, &body) {
        return refusal;
    }
    let is_json = text(&headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/json"));
    match input::read(is_json, &body) {
        Ok(text) => {
            let line = input::line(door.settings.format, &text);
            offer(&door, &headers, line).await
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// POST /interrupt: the agent is asked to stop what it does, and waits for input again.
async fn interrupt(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = stranger(&door, &headers, &body) {
        return refusal;
    }
    match input::interrupt(door.settings.format) {
        Some(line) => offer(&door, &headers, line).await,
        None => problem(
            StatusCode::NOT_IMPLEMENTED,
            "plain text has no word that interrupts; run the agent with --input-format stream-json and BRIDGE_FORMAT=stream-json",
        ),
    }
}

/// Hands a line over and says what became of it: `{"written":true}` when it is in the FIFO, where it outlives the bridge,
/// else `{"written":false}` while it waits here for a slow agent. Asking again by the same `X-Input-Id` sends nothing twice.
async fn offer(door: &Door, headers: &HeaderMap, line: Vec<u8>) -> Response {
    let name = text(headers, "x-input-id").filter(|name| (1..=MAX_NAME).contains(&name.len()));
    let (taken, answered) = oneshot::channel();
    let offer = Offer {
        line,
        name: name.map(str::to_owned),
        taken,
    };
    if door.offers.send(offer).await.is_err() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the bridge is ending");
    }
    match answered.await {
        Ok(Ok(written)) => {
            let written = matches!(tokio::time::timeout(WRITTEN, written).await, Ok(Ok(())));
            let kind = [(header::CONTENT_TYPE, "application/json")];
            let body = format!("{{\"written\":{written}}}");
            (StatusCode::OK, kind, body).into_response()
        }
        Ok(Err(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(_) => problem(StatusCode::SERVICE_UNAVAILABLE, "the bridge is ending"),
    }
}

/// A problem body (RFC 9457).
fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("error");
    let body = serde_json::json!({"title": title, "status": status.as_u16(), "detail": detail});
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
