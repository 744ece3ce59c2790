//! As much of Discord as stands outside of a request: the interaction's webhook, files, and the commands of a guild.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What it was asked, and what it answers.
#[derive(Default)]
pub(crate) struct Heard {
    /// Method, path, body.
    pub(crate) calls: Vec<(Method, String, Value)>,
    /// Answers that begin with this many failures of this status.
    pub(crate) failures: (usize, u16),
    /// The guild's commands.
    pub(crate) commands: Option<Value>,
    pub(crate) file: Bytes,
}

pub(crate) struct Outside {
    pub(crate) base: String,
    pub(crate) heard: Arc<Mutex<Heard>>,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v10", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&heard));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, heard }
    }

    pub(crate) fn calls(&self) -> Vec<(Method, String, Value)> {
        self.heard.lock().unwrap().calls.clone()
    }

    /// Texts that the first answer became.
    pub(crate) fn edits(&self) -> Vec<String> {
        let path = format!(
            "/api/v10/webhooks/{}/{}/messages/@original",
            super::APPLICATION,
            super::TOKEN
        );
        self.calls()
            .iter()
            .filter(|(method, found, _)| method == Method::PATCH && *found == path)
            .map(|(_, _, body)| {
                assert_eq!(body["allowed_mentions"], json!({"parse": []}));
                body["content"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    pub(crate) fn file(&self, path: &str) -> String {
        self.base.replace("/api/v10", path)
    }
}

async fn answer(State(heard): State<Arc<Mutex<Heard>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path().to_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let mut heard = heard.lock().unwrap();
    heard
        .calls
        .push((parts.method.clone(), path.clone(), body.clone()));
    if path == "/attachments/moved" {
        return Redirect::temporary("/attachments/file").into_response();
    }
    if path.starts_with("/attachments/") {
        return heard.file.clone().into_response();
    }
    if heard.failures.0 > 0 {
        heard.failures.0 -= 1;
        let problem = json!({"code": 10015, "message": "Unknown Webhook"});
        return (
            StatusCode::from_u16(heard.failures.1).unwrap(),
            axum::Json(problem),
        )
            .into_response();
    }
    let json = match (&parts.method, path.as_str()) {
        (&Method::GET, "/api/v10/applications/@me") => json!({"id": super::APPLICATION}),
        (&Method::GET, path) if path.ends_with("/commands") => {
            heard.commands.clone().unwrap_or(json!([]))
        }
        (&Method::PUT, path) if path.ends_with("/commands") => {
            heard.commands = Some(body.clone());
            body
        }
        _ => json!({"id": "1"}),
    };
    axum::Json(json).into_response()
}
