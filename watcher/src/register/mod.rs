//! The run at the bot: registered, so that a channel of its own is there; told of its figures and its end; and the way
//! back, on which input comes.
//!
//! Promises: nothing here is waited for by the feed; a bot that is down, slow or wrong costs the run nothing but what
//! only the bot can give. A run is registered again after each restart: no token is ever written to a disk.

mod bridge;
mod client;
mod error;
mod keep;
mod key;
mod relay;
mod wire;

pub(crate) use wire::{Activity, Figures, Status, Tokens};

use crate::config::Config;
use crate::metrics::BotMetrics;
use bridge::Bridge;
use client::BotClient;
use discord::{SetupError, WebhookUrl};
use keep::Keeper;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Where the registration stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// Not registered yet, and why, when something was answered.
    Waiting(Option<String>),
    /// Not registered, and a person has to act: a webhook of one's own may be used meanwhile.
    Refused(String),
    /// The run has a channel.
    Registered(WebhookUrl),
}

/// What the task is asked to do.
#[derive(Debug)]
enum Order {
    /// Register again: Discord refuses the webhook.
    Renew,
    /// Say that the run is over.
    End {
        status: Status,
        said: oneshot::Sender<()>,
    },
}

/// A run's registration, kept by a task of its own until this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    standing: watch::Receiver<Standing>,
    figures: watch::Sender<Option<Figures>>,
    orders: mpsc::Sender<Order>,
    said: Option<oneshot::Receiver<()>>,
    task: JoinHandle<()>,
}

impl Registration {
    /// Starts to register, if the configuration names a bot.
    pub(crate) fn start(config: &Config, metrics: BotMetrics) -> Result<Option<Self>, SetupError> {
        let Some(bot) = &config.bot else {
            return Ok(None);
        };
        let bridge = bot
            .bridge_url
            .clone()
            .map(|url| Bridge::new(url, bot.bridge_secret.clone()))
            .transpose()?;
        let (standing, standing_seen) = watch::channel(Standing::Waiting(None));
        let (figures, figures_seen) = watch::channel(None);
        let (orders, ordered) = mpsc::channel(4);
        let keeper = Keeper {
            bot: BotClient::new(bot.url.clone(), config.extra_ca_file.clone())?,
            key: key::key(&config.run, bot.retention_hours, bridge.is_some()),
            bridge,
            token: bot.token.clone(),
            standing,
            figures: figures_seen,
            orders: ordered,
            metrics,
        };
        tracing::info!(bot = bot.url, run = ?keeper.key, "registering the run");
        Ok(Some(Self {
            standing: standing_seen,
            figures,
            orders,
            said: None,
            task: tokio::spawn(keeper.run()),
        }))
    }

    /// Where it stands now.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Returns when that has changed; cancel-safe.
    pub(crate) async fn changed(&mut self) {
        if self.standing.changed().await.is_err() {
            // The task is over: nothing changes any more.
            std::future::pending::<()>().await;
        }
    }

    /// Gives the task the figures of now; it tells them when it may.
    pub(crate) fn tell(&self, figures: Figures) {
        self.figures.send_if_modified(|told| {
            let changed = told.as_ref() != Some(&figures);
            *told = Some(figures);
            changed
        });
    }

    /// Asks for another webhook.
    pub(crate) fn renew(&self) {
        // A full queue means that it was asked already.
        let _ = self.orders.try_send(Order::Renew);
    }

    /// Starts to say that the run is over; once.
    pub(crate) fn end(&mut self, status: Status, figures: Figures) {
        if self.said.is_some() {
            return;
        }
        self.tell(figures);
        let (said, heard) = oneshot::channel();
        let _ = self.orders.try_send(Order::End { status, said });
        self.said = Some(heard);
    }

    /// Returns when that was said or cannot be; cancel-safe. Never before [`Registration::end`].
    pub(crate) async fn ended(&mut self) {
        match &mut self.said {
            Some(heard) => {
                let _ = heard.await;
            }
            None => std::future::pending().await,
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.task.abort();
    }
}
