//! POST /runs: the same key is the same run. It waits for the channel as long as that is of use, and says why not else.

use super::auth::{self, store};
use super::problem::Problem;
use super::wire;
use super::{Body, Shared};
use crate::app::App;
use crate::callers::Caller;
use crate::clock::{now, rfc3339};
use crate::store::{NewRun, Refusal, Run, State};
use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use tokio::time::Instant;

/// How long a run token is good: registering again gives another.
const TOKEN_MS: i64 = 24 * 3_600_000;
/// How often a registration looks whether Discord was read.
const READ_AGAIN: Duration = Duration::from_millis(50);
/// What a caller whose run waits in the queue is told to wait before asking again, in seconds.
const ASK_AGAIN: u64 = 5;

pub(super) async fn register(
    Extract(app): Extract<Shared>,
    headers: HeaderMap,
    Body(body): Body<wire::Register>,
) -> Result<Response, Problem> {
    let caller = auth::caller(&app, &headers)?;
    let new = body?.check(&app.config, &caller.name)?;
    may(&caller, &new.namespace)?;
    let Some(signer) = &app.signer else {
        return Err(Problem::unavailable(
            "the bot has no DISCORD_BOT_TOKEN, so it can make no channels",
            60,
        ));
    };
    let store = store(&app)?;
    read(&app, &new.guild_id).await?;
    let id_of = |attempt| signer.run_id((&new.namespace, &new.task_id, attempt, &new.short_id));
    let registered = store.register(&new, id_of, now()).await.map_err(refusal)?;
    if let (State::Live, Some(webhook)) = (registered.run.state, &registered.run.webhook_id) {
        // Who asks again may do so because Discord refused what it was given.
        if registered.run.is_thread() {
            app.forget_old_token(webhook);
        } else {
            app.forget_token(webhook);
        }
    }
    let run = stands(&app, &new, registered.run).await?;
    let token = webhook_token(&app, &run).await?;
    let status = if registered.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    answer(&app, status, &run, &token)
}

/// Waits until what Discord shows of the guild stands in the store: the run may be among it, and numbers are counted on.
async fn read(app: &App, guild: &str) -> Result<(), Problem> {
    let end = Instant::now() + app.config.patience;
    while !app.is_rebuilt(guild).await? {
        if let Some(trouble) = app.trouble(guild) {
            return Err(Problem::unavailable(
                format!("no channel yet: {trouble}"),
                15,
            ));
        }
        if Instant::now() >= end || app.ending() {
            return Err(auth::unread());
        }
        tokio::time::sleep(READ_AGAIN).await;
    }
    Ok(())
}

fn may(caller: &Caller, namespace: &str) -> Result<(), Problem> {
    if caller.may(namespace) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "the token of {} is not for the namespace {namespace}",
        caller.name
    )))
}

fn refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Foreign => Problem::forbidden(refusal.to_string()),
        Refusal::Busy => Problem::unavailable(refusal.to_string(), 2),
        Refusal::Queue => Problem::unavailable(refusal.to_string(), 30),
        Refusal::Store(error) => error.into(),
    }
}

/// Waits until the run's channel, webhook and header stand.
async fn stands(app: &App, new: &NewRun, mut run: Run) -> Result<Run, Problem> {
    let store = store(app)?;
    let waiting = store.wakes().run(&run.id);
    let end = Instant::now() + app.config.patience;
    loop {
        let woken = waiting.notified();
        match run.state {
            State::Creating => {}
            State::Refused => {
                store.remove_refused(&run.id).await?;
                return Err(Problem::no_room(run.problem.unwrap_or_default()));
            }
            _ if run.webhook_id.is_some() => return Ok(run),
            // Archived: nobody posts there any more.
            _ => return Err(Problem::gone()),
        }
        if let Some(trouble) = app.trouble(&run.guild_id).or(run.problem) {
            return Err(Problem::unavailable(
                format!("no channel yet: {trouble}"),
                15,
            ));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Problem::unavailable(
                format!(
                    "the channel of {} is queued; ask again for the same run",
                    new.task_id
                ),
                ASK_AGAIN,
            ));
        }
        // Troubles of Discord's wake nobody: look now and then.
        let look = store.backend().recheck().min(Duration::from_secs(2));
        let _ = tokio::time::timeout(left.min(look), woken).await;
        run = store.run(&run.id).await?.ok_or_else(|| {
            Problem::unavailable("the registration was dropped; register again", 1)
        })?;
    }
}

/// The webhook's token: from memory, else from Discord.
async fn webhook_token(app: &App, run: &Run) -> Result<SecretString, Problem> {
    let again = |detail: String| Problem::unavailable(detail, ASK_AGAIN);
    let (Some(id), Some(bot)) = (&run.webhook_id, &app.discord) else {
        return Err(again("the run has no webhook yet".to_owned()));
    };
    if let Some(token) = app.webhook_token(id) {
        return Ok(token);
    }
    let asked = tokio::time::timeout(app.config.patience, bot.webhook(id)).await;
    match asked {
        Ok(Ok(webhook)) => match webhook.token {
            Some(token) => {
                app.keep_token(id, token.clone());
                Ok(token)
            }
            None => Err(again(
                "Discord does not tell the webhook's token".to_owned(),
            )),
        },
        Ok(Err(error)) if error.is_gone() && run.state.is_open() => {
            let store = store(app)?;
            store.forget_webhook(&run.id).await?;
            store.wake_engine().await;
            Err(again(
                "the run's webhook was deleted; it gets a new one".to_owned(),
            ))
        }
        Ok(Err(error)) => Err(again(format!("the webhook cannot be looked up: {error}"))),
        Err(_) => Err(again("Discord did not answer in time".to_owned())),
    }
}

fn answer(
    app: &App,
    status: StatusCode,
    run: &Run,
    token: &SecretString,
) -> Result<Response, Problem> {
    let (Some(channel), Some(webhook), Some(bot), Some(signer)) =
        (&run.channel_id, &run.webhook_id, &app.discord, &app.signer)
    else {
        return Err(Problem::unavailable(
            "the run has no channel yet",
            ASK_AGAIN,
        ));
    };
    let thread = run.is_thread().then_some(channel.as_str());
    let url = bot.webhook_text(webhook, token, thread);
    let expires_at = now().saturating_add(TOKEN_MS);
    let run_token = signer.token(&run.id, expires_at);
    let body = wire::Registered {
        channel_id: channel,
        thread_id: thread,
        webhook_url: url.expose_secret(),
        run_token: run_token.expose_secret(),
        attempt: run.attempt,
        expires_at: rfc3339(expires_at),
    };
    Ok((status, Json(body)).into_response())
}
