//! The document at /openapi.json. It is a file of its own, for people to read and for a test to hold against the routes.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document, compiled in.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
