//! Keeps a run registered: asks for a grant until there is one, renews it, and holds it by hearing of input and by
//! telling the figures, until it is told to end. What the bot takes for gone or ended is asked for again: the bot may have
//! lost its store, or have heard nothing of a run that goes on.

use super::bridge::Bridge;
use super::client::{BotClient, Grant};
use super::error::CallError;
use super::relay::Relay;
use super::wire::{Figures, Key, Status};
use super::{Order, Standing};
use crate::config::SecretSource;
use crate::metrics::BotMetrics;
use discord::WebhookUrl;
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Pause between two tries to register; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest such pause.
const SLOWEST: Duration = Duration::from_secs(30);
/// The same when only a person can change the answer: a token, a Secret, a namespace's rights.
const REFUSED: Duration = Duration::from_secs(30);
/// The same at the longest while the bot says that somebody ended the run, which only that person can take back.
const ENDED: Duration = Duration::from_mins(10);
/// The same while there is no token: its Secret may be made at any moment.
const NO_TOKEN: Duration = Duration::from_secs(2);
/// Least time between two reports, as the bot takes them.
const REPORT_GAP: Duration = Duration::from_secs(5);
/// Longest time without a word: the bot ends a run whose watcher is silent for its lease, 120 s by default.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Tries to say that the run is over.
const LAST_TRIES: u32 = 3;

/// Everything the task works with.
pub(super) struct Keeper {
    pub(super) bot: BotClient,
    pub(super) bridge: Option<Bridge>,
    pub(super) key: Key,
    pub(super) token: SecretSource,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) figures: watch::Receiver<Option<Figures>>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) metrics: BotMetrics,
}

/// Why a grant is not held any longer.
enum Left {
    /// The bot does not take it any more: ask for another.
    Lost,
    /// Discord does not take its webhook any more: ask for another.
    Renew,
    /// The watcher ends, and says how the run stands.
    Ended(Status, oneshot::Sender<()>),
    /// Nobody is left to work for.
    Dropped,
}

impl Keeper {
    /// Runs until the watcher ends.
    pub(super) async fn run(mut self) {
        let mut relay = Relay::default();
        let mut last: Option<Grant> = None;
        let mut pause = PAUSE;
        loop {
            let Some(grant) = self.obtain(last.as_ref()).await else {
                return;
            };
            relay.renew();
            let since = Instant::now();
            let left = self.hold(&grant, &mut relay).await;
            self.metrics.registered.set(0);
            match left {
                Left::Renew => {}
                Left::Lost => {
                    // One that does not last is not asked for in a loop.
                    if since.elapsed() > SLOWEST {
                        pause = PAUSE;
                    }
                    if !self.wait(pause, Some(&grant)).await {
                        return;
                    }
                    pause = (pause * 2).min(SLOWEST);
                }
                Left::Ended(status, said) => {
                    self.say_the_end(&grant, status).await;
                    let _ = said.send(());
                    return;
                }
                Left::Dropped => return,
            }
            last = Some(grant);
        }
    }

    /// Asks until there is a grant; none when the watcher ends first. The `last` one serves to say so.
    async fn obtain(&mut self, last: Option<&Grant>) -> Option<Grant> {
        let (mut pause, mut ended) = (PAUSE, REFUSED);
        loop {
            let wait = match self.ask().await {
                Ok((grant, webhook)) => {
                    tracing::info!(channel = grant.channel, %webhook, "the run is registered");
                    self.metrics.granted.inc();
                    self.metrics.registered.set(1);
                    self.metrics.heard(Instant::now().into());
                    self.standing.send_replace(Standing::Registered(webhook));
                    return Some(grant);
                }
                Err(Asked::NoToken(reason)) => {
                    self.metrics.refused.inc();
                    self.trouble(
                        format!("the run cannot be registered: no token: {reason}"),
                        true,
                    );
                    NO_TOKEN
                }
                Err(Asked::Call(error)) => {
                    let refused = matches!(
                        error,
                        CallError::Unauthorized(_)
                            | CallError::Refused { .. }
                            | CallError::NotFound
                            | CallError::Ended
                    );
                    let count = if refused {
                        &self.metrics.refused
                    } else {
                        &self.metrics.failed
                    };
                    count.inc();
                    self.trouble(format!("the run is not registered: {error}"), refused);
                    self.bot.refresh();
                    let asked_for = match error {
                        CallError::NotNow { after, .. } => after,
                        _ => None,
                    };
                    let wait = match error {
                        CallError::Ended => {
                            let wait = ended;
                            ended = (ended * 2).min(ENDED);
                            wait
                        }
                        _ if refused => REFUSED,
                        _ => {
                            let wait = pause;
                            pause = (pause * 2).min(SLOWEST);
                            wait
                        }
                    };
                    // Many watchers must not come back in step.
                    asked_for
                        .unwrap_or(wait)
                        .mul_f64(rand::random_range(0.8..1.2))
                }
            };
            if !self.wait(wait, last).await {
                return None;
            }
        }
    }

    /// Waits, unless somebody wants another webhook meanwhile; `false` when the watcher ended, which the bot was told by
    /// the last grant.
    async fn wait(&mut self, time: Duration, last: Option<&Grant>) -> bool {
        let begun = Instant::now();
        let mut until = begun + time;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
                order = self.orders.recv() => match order {
                    Some(Order::Renew) => until = until.min(begun + PAUSE),
                    Some(Order::End { status, said }) => {
                        if let Some(grant) = last {
                            self.say_the_end(grant, status).await;
                        }
                        let _ = said.send(());
                        return false;
                    }
                    None => return false,
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<(Grant, WebhookUrl), Asked> {
        let token = self
            .token
            .read()
            .map_err(|error| Asked::NoToken(error.to_string()))?;
        let registered = self
            .bot
            .register(&token, &self.key)
            .await
            .map_err(Asked::Call)?;
        let webhook = WebhookUrl::parse(registered.webhook_url.expose_secret())
            .map_err(|error| Asked::Call(CallError::Unreachable(error.to_string())))?;
        let grant = Grant {
            channel: registered.channel_id,
            token: registered.run_token,
        };
        Ok((grant, webhook))
    }

    /// What is posted by now stays valid: only who has no webhook yet is told of trouble.
    fn trouble(&self, reason: String, refused: bool) {
        self.standing.send_if_modified(|standing| {
            let new = match standing {
                Standing::Registered(_) => {
                    tracing::warn!(reason, "the run's registration could not be renewed yet");
                    return false;
                }
                _ if refused => Standing::Refused(reason),
                _ => Standing::Waiting(Some(reason)),
            };
            let changed = *standing != new;
            *standing = new;
            changed
        });
    }

    /// Hears of input and tells the figures until something ends it.
    async fn hold(&mut self, grant: &Grant, relay: &mut Relay) -> Left {
        let Self {
            bot,
            bridge,
            figures,
            orders,
            metrics,
            ..
        } = self;
        let relaying = async {
            match bridge {
                Some(bridge) => relay.run(bot, bridge, grant, metrics).await,
                None => std::future::pending().await,
            }
        };
        let error = tokio::select! {
            order = orders.recv() => return match order {
                Some(Order::Renew) => Left::Renew,
                Some(Order::End { status, said }) => Left::Ended(status, said),
                None => Left::Dropped,
            },
            error = relaying => error,
            error = tell(bot, grant, figures, metrics) => error,
        };
        if !matches!(error, CallError::Unauthorized(_)) {
            tracing::warn!(%error, "the run is registered again; the posts go on while Discord takes them");
        }
        Left::Lost
    }

    /// Says that the run is over. Should nobody hear it, the bot ends the run when its lease is over.
    async fn say_the_end(&self, grant: &Grant, status: Status) {
        let figures = self.figures.borrow().clone();
        for attempt in 1..=LAST_TRIES {
            match self.bot.finalize(grant, status, figures.as_ref()).await {
                Ok(()) => return,
                Err(error) if error.ends_the_grant() || attempt == LAST_TRIES => {
                    tracing::warn!(%error, "the bot was not told that the run is over");
                    return;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }
}

/// Why there is no grant.
enum Asked {
    NoToken(String),
    Call(CallError),
}

/// Tells the figures when they changed, and now and then when they did not; returns what ended the grant.
async fn tell(
    bot: &BotClient,
    grant: &Grant,
    figures: &mut watch::Receiver<Option<Figures>>,
    metrics: &BotMetrics,
) -> CallError {
    loop {
        let _ = tokio::time::timeout(HEARTBEAT, figures.changed()).await;
        let now = figures.borrow_and_update().clone();
        if let Some(now) = now {
            match bot.report(grant, &now).await {
                Ok(()) => metrics.heard(Instant::now().into()),
                Err(error) if error.ends_the_grant() => return error,
                Err(error) => tracing::debug!(%error, "the figures were not told"),
            }
        }
        tokio::time::sleep(REPORT_GAP).await;
    }
}
