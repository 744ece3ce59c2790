//! The admin routes: `/live`, `/ready`, `/metrics`.
//!
//! Liveness is an answer at all: it proves that the event loop turns. Readiness is what the process says of itself, with
//! the reasons; both never wait for anything outside the process.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the process is ready, and what there is to know about it; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    ready: bool,
    details: BTreeMap<&'static str, String>,
}

impl Readiness {
    /// Says whether the process is ready; it starts as not ready.
    pub fn set(&self, ready: bool) {
        self.with(|inner| inner.ready = ready);
    }

    /// Whether the process is ready.
    pub fn get(&self) -> bool {
        self.with(|inner| inner.ready)
    }

    /// Sets or clears one detail of the answer. It never changes readiness itself.
    pub fn detail(&self, key: &'static str, text: Option<String>) {
        self.with(|inner| match text {
            Some(text) => {
                inner.details.insert(key, text);
            }
            None => {
                inner.details.remove(key);
            }
        });
    }

    /// The answer's body: `{"ready": bool, KEY: TEXT, ...}`.
    pub fn to_json(&self) -> String {
        self.with(|inner| {
            let mut map = serde_json::Map::new();
            map.insert("ready".to_owned(), inner.ready.into());
            for (key, text) in &inner.details {
                map.insert((*key).to_owned(), text.clone().into());
            }
            serde_json::Value::Object(map).to_string()
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The admin routes over this readiness and this registry.
pub fn router(readiness: Readiness, registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/ready", get(ready).with_state(readiness))
        .route("/metrics", get(metrics).with_state(registry))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let status = if readiness.get() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        readiness.to_json(),
    )
        .into_response()
}

async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
        let request = http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_the_process_and_liveness_does_not() {
        let readiness = Readiness::default();
        let router = router(readiness.clone(), Arc::new(Registry::default()));
        assert_eq!(
            ask(&router, "/ready").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(ask(&router, "/live").await.0, StatusCode::OK);
        readiness.set(true);
        readiness.detail("discord", Some("webhook missing".into()));
        let (status, body) = ask(&router, "/ready").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, r#"{"discord":"webhook missing","ready":true}"#);
    }

    #[tokio::test]
    async fn metrics_are_open_metrics_text() {
        let router = router(Readiness::default(), Arc::new(Registry::default()));
        let (status, body) = ask(&router, "/metrics").await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "# EOF\n"));
    }
}
