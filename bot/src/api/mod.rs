//! The routes for orchestrators and watchers. Bodies are bounded, answers are JSON, problems are RFC 9457.

mod auth;
#[cfg(test)]
mod held;
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
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post};
use problem::Problem;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
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

/// The channel a path names. What cannot even be read as text is no channel's id, and the handler says so to whom it
/// may concern: a wrong token is told of first.
struct Channel(String);

impl<S: Send + Sync> FromRequestParts<S> for Channel {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map(|Path(channel)| channel).unwrap_or_default()))
    }
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
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let body = match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(body),
            Err(JsonRejection::JsonDataError(error)) => {
                Err(Problem::field("the body:", &error.body_text()))
            }
            Err(JsonRejection::BytesRejection(error))
                if error.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                Err(Problem::field("the body", "must be at most 32 KiB"))
            }
            Err(JsonRejection::BytesRejection(_)) => Err(Problem::field("the body", "broke off")),
            Err(_) => Err(Problem::field(
                "the body",
                "must be JSON, with content-type application/json",
            )),
        };
        Ok(Self(body))
    }
}
