//! Who asks: a caller with a named token, or a run's own watcher with its run token.

use super::problem::Problem;
use crate::app::App;
use crate::callers::Caller;
use crate::clock::now;
use crate::store::{Run, Store, StoreError};
use axum::http::{HeaderMap, header};
use std::sync::Arc;

/// Longest token looked at, in bytes.
const MAX_TOKEN: usize = 1024;

/// Who asks.
#[derive(Debug)]
pub(super) enum Who {
    /// An orchestrator, or a watcher that registers.
    Caller(Arc<Caller>),
    /// The watcher of this run.
    Watcher { run_id: String },
}

impl Who {
    fn may(&self, run: &Run) -> bool {
        match self {
            Self::Caller(caller) => caller.may(&run.namespace),
            Self::Watcher { run_id } => *run_id == run.id,
        }
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= MAX_TOKEN).then_some(token)
}

/// A caller by a named token.
pub(super) fn caller(app: &App, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
    bearer(headers)
        .and_then(|token| app.callers.find(token))
        .ok_or_else(Problem::unauthorized)
}

/// A caller or a watcher.
pub(super) fn anyone(app: &App, headers: &HeaderMap) -> Result<Who, Problem> {
    let token = bearer(headers).ok_or_else(Problem::unauthorized)?;
    if let Some(caller) = app.callers.find(token) {
        return Ok(Who::Caller(caller));
    }
    watcher(app, token).map(|run_id| Who::Watcher { run_id })
}

fn watcher(app: &App, token: &str) -> Result<String, Problem> {
    app.signer
        .as_ref()
        .and_then(|signer| signer.read_token(token))
        .filter(|token| token.expires_at > now())
        .map(|token| token.run_id)
        .ok_or_else(Problem::unauthorized)
}

/// The store, or why there is none.
pub(super) fn store(app: &App) -> Result<&Store, Problem> {
    app.store()
        .ok_or_else(|| Problem::unavailable("the store is not open yet; try again in a moment", 2))
}

/// The run of this channel, for whoever may see it.
pub(super) async fn run(app: &App, who: &Who, channel: &str) -> Result<Run, Problem> {
    if !crate::config::is_snowflake(channel) {
        return Err(Problem::not_found());
    }
    let run = heard(app, store(app)?.run_of_channel(channel).await)?;
    if run.is_none() && !heard(app, app.are_rebuilt().await)? {
        // A store that was lost knows of no run before Discord was read.
        return Err(unread());
    }
    run.filter(|run| who.may(run))
        .ok_or_else(Problem::not_found)
}

/// What Discord shows is not read yet, so nothing can be said of a run that the store does not know.
pub(super) fn unread() -> Problem {
    Problem::unavailable(
        "the bot has not read yet which runs there are; try again in a moment",
        5,
    )
}

/// What the store said. While it says nothing, a watcher that is not heard is not silent.
fn heard<T>(app: &App, said: Result<T, StoreError>) -> Result<T, Problem> {
    Ok(said.inspect_err(|_| app.store_failed())?)
}

/// The run of this channel, for its own watcher alone. The watcher is seen by it.
pub(super) async fn own_run(app: &App, token: Option<&str>, channel: &str) -> Result<Run, Problem> {
    let token = token.ok_or_else(Problem::unauthorized)?;
    let run_id = watcher(app, token)?;
    let run = run(app, &Who::Watcher { run_id }, channel).await?;
    seen(app, &run).await?;
    Ok(run)
}

/// Renews the lease; written at most four times a lease.
pub(super) async fn seen(app: &App, run: &Run) -> Result<(), Problem> {
    let quarter = i64::try_from(app.config.lease.as_millis() / 4).unwrap_or(i64::MAX);
    let now = now();
    if run.state.is_open() && (!run.leased || run.seen_at.saturating_add(quarter) <= now) {
        heard(app, store(app)?.seen(&run.id, now).await)?;
    }
    Ok(())
}
