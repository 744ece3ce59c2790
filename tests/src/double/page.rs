//! The page at /, one file with everything in it, and the files of messages.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::gate::App;

const PAGE: &str = include_str!("page.html");

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(page))
        .route("/attachments/{channel}/{id}/{name}", get(file))
}

async fn page() -> Response {
    // What agents print is on this page: nothing of it may ever run or load.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";
    let mut response = Html(PAGE).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn file(
    State(app): State<App>,
    Path((channel, id, _)): Path<(u64, u64, String)>,
) -> Response {
    let core = app.shared.lock();
    let mut messages = core
        .messages
        .values()
        .filter(|message| message.channel_id == channel);
    let found = messages.find_map(|message| message.attachments.iter().find(|file| file.id == id));
    let Some(file) = found else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let image = file.content_type.starts_with("image/") && !file.content_type.contains("svg");
    let kind = if image {
        file.content_type.as_str()
    } else {
        "text/plain; charset=utf-8"
    };
    let mut response = file.bytes.clone().into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}
