//! The routes for orchestrators and watchers. Bodies are bounded, answers are JSON, problems are RFC 9457.

mod auth;
mod input;
mod openapi;
mod problem;
mod register;
mod runs;
mod wire;

use crate::app::App;
use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use problem::Problem;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Largest body: a registration with ten links is below 8 KiB.
const MAX_BODY: usize = 32 * 1024;

/// What handlers share.
pub(crate) type Shared = Arc<App>;

/// All routes but the interactions.
pub(crate) fn router(app: Shared) -> Router {
    Router::new()
        .route("/runs", post(register::register).get(runs::list))
        .route("/runs/{channel}", get(runs::read))
        .route("/runs/{channel}/finalize", post(runs::finalize))
        .route("/runs/{channel}/report", post(runs::report))
        .route("/runs/{channel}/input", get(input::poll))
        .route("/openapi.json", get(openapi::document))
        .fallback(async || Problem::no_route())
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// A query, or which part of it is wrong.
struct Params<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Problem::field("the query:", &error.body_text())),
        }
    }
}

/// A JSON body, or why it is none. A handler looks at it after it knows who asks.
struct Body<T>(Result<T, Problem>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(Ok(body))),
            Err(JsonRejection::JsonDataError(error)) => {
                Ok(Self(Err(Problem::field("the body:", &error.body_text()))))
            }
            Err(JsonRejection::BytesRejection(error)) => {
                Err(if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    Problem::field("the body", "must be at most 32 KiB").into_response()
                } else {
                    error.into_response()
                })
            }
            Err(_) => Ok(Self(Err(Problem::field(
                "the body",
                "must be JSON, with content-type application/json",
            )))),
        }
    }
}
