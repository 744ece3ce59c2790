//! A run: one loop over lines, answers, time and signals.
//!
//! Nothing here waits for one thing alone. Reading stops while the queue is full, sending while there is no webhook, and
//! both while the webhook is refused; the transcript keeps what follows.

mod answers;
mod bot;
mod ending;
mod feed;
mod figures;
mod hook;
mod live;
mod losses;
mod memo;
mod notices;
mod outbox;
mod pace;
mod setup;
mod signals;
mod turn;

pub use ending::Report;
pub use losses::Losses;
pub use setup::renderer;
pub use signals::Stop;

use crate::config::Config;
use crate::follow::Follower;
use crate::health;
use crate::metrics::Metrics;
use crate::register::Registration;
use ending::Ending;
use feed::Feed;
use hook::Hook;
use live::Live;
use memo::Memo;
use notices::{Beat, Unreadable};
use outbox::Outbox;
use prometheus_client::registry::Registry;
use runtime::admin::{Readiness, router};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Pause between two looks at the state of things.
const BEAT: Duration = Duration::from_secs(1);

/// Everything a run holds.
struct Run {
    config: Config,
    once: bool,
    feed: Feed,
    hook: Hook,
    registration: Option<Registration>,
    /// Lines read when the bot was last told the figures.
    told_lines: u64,
    outbox: Outbox,
    live: Live,
    metrics: Rc<Metrics>,
    readiness: Readiness,
    started: Instant,
    /// When something was read or Discord took something.
    progress: Instant,
    ending: Option<Ending>,
    /// A signal asked for the end.
    asked: bool,
    next_beat: Instant,
    beats: [Beat; 4],
    losses: losses::Said,
    unreadable: Unreadable,
    /// Something was acknowledged since the checkpoint was written.
    unsaved: bool,
}

/// Follows and posts until the transcript is done with (`once`, or as the configuration says) or a signal comes.
pub async fn run(config: Config, once: bool, stop: &Stop) -> anyhow::Result<Report> {
    stop.patience(config.flush);
    let metrics = Rc::new(Metrics::default());
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let readiness = Readiness::default();
    readiness.set(true);
    let closing = CancellationToken::new();
    health::listen(
        &config,
        router(readiness.clone(), Arc::new(registry)),
        &closing,
    )
    .await;

    let (follower, memo) = Follower::open(setup::follow(&config, once))?;
    let renderer = setup::renderer(&config)?;
    let now = Instant::now();
    let mut run = Run {
        feed: Feed::new(
            follower,
            renderer,
            Memo::read(memo),
            &config.state_dir,
            Rc::clone(&metrics),
        ),
        hook: Hook::open(&config)?,
        registration: Registration::start(&config, metrics.bot.clone())?,
        told_lines: 0,
        outbox: Outbox::new(config.batch_size, Rc::clone(&metrics)),
        live: Live::default(),
        metrics,
        readiness,
        started: now,
        progress: now,
        ending: once.then(|| Ending::new(now, None)),
        asked: false,
        next_beat: now,
        beats: Default::default(),
        losses: losses::Said::default(),
        unreadable: Unreadable::default(),
        unsaved: false,
        config,
        once,
    };
    let report = run.turn_until_over(stop.token()).await;
    closing.cancel();
    report.tell(&run.config.termination_log);
    Ok(report)
}
