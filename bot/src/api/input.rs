//! GET /runs/{channelId}/input: what was said to a run, by long poll. Items come again until they are acknowledged.

use super::auth::{self, store};
use super::problem::Problem;
use super::{Channel, Params, Shared, wire};
use crate::clock::now;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use runtime::park::Parking;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;

/// Most inputs that one poll can refuse: as many as one answer holds.
const MAX_REFUSED: usize = 16;
/// Longest poll.
pub(super) const POLL: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: i64,
    /// Of what is acknowledged, the numbers that could not be handed over, with commas.
    #[serde(default)]
    refused: String,
}

impl After {
    fn refused(&self) -> Vec<i64> {
        let numbers = self.refused.split(',');
        numbers
            .filter_map(|number| number.parse().ok())
            .take(MAX_REFUSED)
            .collect()
    }
}

pub(super) async fn poll(
    Extract(app): Extract<Shared>,
    parking: Option<Extension<Parking>>,
    headers: HeaderMap,
    Channel(channel): Channel,
    Params(asked): Params<After>,
) -> Response {
    // A poll is mostly waiting, a thousand at a time: of its request it holds what it needs and no more.
    let token = auth::bearer(&headers).map(Box::from);
    let answer = async move {
        let answer = inputs(&app, token, &channel, &asked).await;
        answer.unwrap_or_else(IntoResponse::into_response)
    };
    Parking::wait(parking.map(|Extension(parking)| parking), answer).await
}

async fn inputs(
    app: &Shared,
    token: Option<Box<str>>,
    channel: &str,
    asked: &After,
) -> Result<Response, Problem> {
    // What asks the store is boxed, and so not part of what waits.
    let run = Box::pin(auth::own_run(app, token.as_deref(), channel)).await?;
    drop(token);
    let store = store(app)?;
    let waiting = store.wakes().run(&run.id);
    let end = Instant::now() + POLL;
    let mut open = run.state.is_open();
    let after = asked.after;
    Box::pin(store.refuse_inputs(&run.id, after, &asked.refused())).await?;
    loop {
        let woken = waiting.notified();
        // What was delivered counts, even when the run ended meanwhile.
        let found = Box::pin(store.poll(&run.id, after, now())).await?;
        if !open {
            return Err(Problem::gone());
        }
        if !found.items.is_empty() {
            let items = found.items;
            return Ok(Json(wire::Inputs { items }).into_response());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || app.ending() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let look = store.backend().recheck().min(left);
        tokio::select! {
            _ = tokio::time::timeout(look, woken) => {}
            () = app.ended() => {}
        }
        open = Box::pin(store.run(&run.id))
            .await?
            .is_some_and(|run| run.state.is_open());
    }
}
