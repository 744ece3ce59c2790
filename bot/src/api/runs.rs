//! Runs as their owners see, end and report them.

use super::auth::{self, Who, store};
use super::problem::Problem;
use super::wire;
use super::{Body, Channel, Params, Shared};
use crate::clock::now;
use crate::desk::Report;
use crate::store::{Page, State};
use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// Runs of one page.
const PAGE: i64 = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    namespace: Option<String>,
    state: Option<String>,
    after: Option<String>,
}

/// GET /runs.
pub(super) async fn list(
    Extract(app): Extract<Shared>,
    headers: HeaderMap,
    Params(filter): Params<Filter>,
) -> Result<Json<Value>, Problem> {
    let caller = auth::caller(&app, &headers)?;
    let namespaces = match filter.namespace {
        Some(namespace) if caller.may(&namespace) => Some(vec![namespace]),
        // Not an error: a caller learns nothing of namespaces that are not its own.
        Some(_) => Some(Vec::new()),
        None => caller.namespaces.clone(),
    };
    let states = match filter.state.as_deref() {
        None => Vec::new(),
        Some("creating") => vec![State::Creating],
        Some("live") => vec![State::Live],
        Some("finished") => vec![State::Finishing, State::Finished, State::Cleaning],
        Some("archived") => vec![State::Archived],
        Some("deleted") => vec![State::Deleted],
        Some(_) => {
            return Err(Problem::field(
                "state",
                "must be creating, live, finished, archived or deleted",
            ));
        }
    };
    let after = match filter.after.as_deref() {
        None => None,
        Some(cursor) => Some(
            cursor
                .split_once('-')
                .and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())))
                .ok_or_else(|| Problem::field("after", "must be the `next` of the page before"))?,
        ),
    };
    let runs = store(&app)?
        .list(&Page {
            namespaces,
            states,
            after,
            limit: PAGE,
        })
        .await?;
    let next = (runs.len() == usize::try_from(PAGE).unwrap_or(0))
        .then(|| {
            runs.last()
                .map(|run| format!("{}-{}", run.created_at, run.id))
        })
        .flatten();
    let runs: Vec<wire::Shown> = runs.into_iter().map(Into::into).collect();
    Ok(Json(match next {
        Some(next) => json!({ "runs": runs, "next": next }),
        None => json!({ "runs": runs }),
    }))
}

/// GET /runs/{channelId}.
pub(super) async fn read(
    Extract(app): Extract<Shared>,
    headers: HeaderMap,
    Channel(channel): Channel,
) -> Result<Json<wire::Shown>, Problem> {
    let who = auth::anyone(&app, &headers)?;
    let run = auth::run(&app, &who, &channel).await?;
    if matches!(who, Who::Watcher { .. }) {
        auth::seen(&app, &run).await?;
    }
    Ok(Json(run.into()))
}

/// POST /runs/{channelId}/finalize.
pub(super) async fn finalize(
    Extract(app): Extract<Shared>,
    headers: HeaderMap,
    Channel(channel): Channel,
    Body(body): Body<wire::Finalize>,
) -> Result<StatusCode, Problem> {
    let who = auth::anyone(&app, &headers)?;
    let run = auth::run(&app, &who, &channel).await?;
    let body = body?;
    let summary = body.summary.map(wire::checked).transpose()?;
    let now = now();
    let delete_at = app
        .retention(run.retention_ms)
        .map(|time| now.saturating_add(time));
    // Its watcher may have last words to post, unless it is the watcher that says so.
    let pause = match who {
        Who::Caller(_) if run.leased => {
            i64::try_from(app.config.last_words.as_millis()).unwrap_or(0)
        }
        _ => 0,
    };
    store(&app)?
        .finalize(
            &run.id,
            body.status,
            summary.as_ref(),
            (now, delete_at, now + pause),
        )
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// POST /runs/{channelId}/report.
pub(super) async fn report(
    Extract(app): Extract<Shared>,
    headers: HeaderMap,
    Channel(channel): Channel,
    Body(body): Body<Report>,
) -> Result<StatusCode, Problem> {
    let run = auth::own_run(&app, auth::bearer(&headers), &channel).await?;
    if !run.state.is_open() {
        return Err(Problem::gone());
    }
    let report = wire::checked(body?)?;
    store(&app)?.report(&run.id, &report, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
