//! The one place that changes anything in Discord for runs. Of several replicas one leads and runs it; the others only
//! write down what is wanted and wake it.
//!
//! Invariants: the store knows of every call before it is made; one task at a time works on a run; what failed is left
//! alone for a while, longer each time; a refusal that concerns all runs stops all of them until the permissions were
//! looked at again.

mod cards;
mod create;
mod feedback;
mod finish;
mod guild;
mod halt;
mod names;
mod post;
mod probe;
mod reconcile;
mod sweep;
mod threads;
mod topic;

use crate::app::App;
use crate::clock::now;
use crate::store::{Run, State, Store, StoreError};
use discord::Bot;
use guild::Guild;
use halt::Halt;
use probe::Hold;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The points a step passes, in their order: where a test stops the engine.
pub const STEPS: [&str; 24] = [
    "category.made",
    "channel.intent",
    "channel.made",
    "channel.stored",
    "webhook.intent",
    "webhook.made",
    "webhook.stored",
    "header.intent",
    "header.made",
    "header.stored",
    "live.before",
    "final.intent",
    "final.made",
    "final.stored",
    "end.intent",
    "archive.category",
    "archive.moved",
    "archive.webhook",
    "end.made",
    "end.stored",
    "clean.intent",
    "clean.made",
    "clean.stored",
    "starter.made",
];

/// Runs worked on at one time; calls on one guild go in turn anyway.
const MAX_TASKS: usize = 16;
/// How long a step under way may go on after the end was asked for.
const LAST_STEPS: Duration = Duration::from_secs(3);
/// How often store and guild are compared.
const COMPARE: Duration = Duration::from_mins(10);
/// When to compare again after Discord did not answer.
const SOON: Duration = Duration::from_secs(5);
/// Longest sleep without looking at the store.
const LONGEST: Duration = Duration::from_secs(30);

/// Works on runs while it leads.
pub(crate) struct Engine {
    app: Arc<App>,
    bot: Arc<Bot>,
    store: Store,
    guilds: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Guild>>>>,
    homes: tokio::sync::Mutex<HashMap<String, threads::Home>>,
    hold: Mutex<Hold>,
    /// Held while feedback on inputs is shown.
    showing: tokio::sync::Mutex<()>,
    lockable: AtomicBool,
    /// Whether a refusal asks for another look at the permissions.
    doubtful: AtomicBool,
}

/// Leads and works until the shutdown.
pub(crate) async fn run(app: Arc<App>, store: Store, shutdown: CancellationToken) {
    let Some(bot) = app.discord.clone() else {
        return;
    };
    loop {
        let mut leader = tokio::select! {
            () = shutdown.cancelled() => return,
            leader = store.backend().lead() => leader,
        };
        app.metrics.leader.set(1);
        tracing::info!("this process makes and removes channels");
        let engine = Arc::new(Engine {
            app: Arc::clone(&app),
            bot: Arc::clone(&bot),
            store: store.clone(),
            guilds: Mutex::default(),
            homes: tokio::sync::Mutex::default(),
            hold: Mutex::default(),
            showing: tokio::sync::Mutex::default(),
            lockable: AtomicBool::new(true),
            doubtful: AtomicBool::new(true),
        });
        tokio::select! {
            () = engine.work(&shutdown) => return,
            () = leader.lost() => {}
        }
        app.metrics.leader.set(0);
    }
}

impl Engine {
    async fn work(self: Arc<Self>, shutdown: &CancellationToken) {
        let mut tasks: JoinSet<String> = JoinSet::new();
        let mut busy: HashSet<String> = HashSet::new();
        let mut compare_at = Instant::now();
        loop {
            let doubtful = self.doubtful.load(Ordering::Relaxed);
            if doubtful && tasks.is_empty() && self.hold(Hold::look) {
                // What was refused has a name, and it is wanted now; the hold stands.
                for guild in self.every_guild().await.unwrap_or_default() {
                    self.look(&guild).await;
                }
            }
            if (doubtful || Instant::now() >= compare_at) && tasks.is_empty() && self.held().is_ok()
            {
                self.doubtful.store(false, Ordering::Relaxed);
                let sound = tokio::select! {
                    sound = self.compare() => sound,
                    () = shutdown.cancelled() => return,
                };
                // Runs may go on when Discord did not answer; steps look for themselves.
                compare_at = Instant::now() + if sound { COMPARE } else { SOON };
            }
            if let Err(error) = self.turn(&mut tasks, &mut busy).await {
                tracing::warn!(%error, "the store does not answer; runs wait");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let sleep = self.sleep(compare_at).await;
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.store.wakes().engine().notified() => {}
                Some(done) = tasks.join_next(), if !tasks.is_empty() => match done {
                    Ok(id) => drop(busy.remove(&id)),
                    Err(error) => {
                        tracing::error!(%error, "a step broke; its run is taken up again");
                        busy.clear();
                        tasks.abort_all();
                        while tasks.join_next().await.is_some() {}
                    }
                },
                () = tokio::time::sleep(sleep) => {}
            }
        }
        let finish = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_STEPS, finish).await.is_err() {
            tracing::info!("steps under way are left; the next start goes on with them");
        }
    }

    /// Sweeps, and begins work on what is due.
    async fn turn(
        self: &Arc<Self>,
        tasks: &mut JoinSet<String>,
        busy: &mut HashSet<String>,
    ) -> Result<(), Halt> {
        self.sweep().await?;
        if busy.insert("feedback".to_owned()) {
            let engine = Arc::clone(self);
            tasks.spawn(async move {
                loop {
                    match engine.feedback(None).await {
                        Ok(0) => break,
                        Ok(_) => {}
                        Err(halt) => {
                            tracing::debug!(error = %halt, "feedback on input waits");
                            tokio::time::sleep(halt.pause(1)).await;
                            break;
                        }
                    }
                }
                "feedback".to_owned()
            });
        }
        if self.doubtful.load(Ordering::Relaxed) {
            // The permissions are looked at first.
            return Ok(());
        }
        let room = (MAX_TASKS + 1).saturating_sub(tasks.len());
        if room == 0 {
            return Ok(());
        }
        let limit = i64::try_from(MAX_TASKS * 2).unwrap_or(i64::MAX);
        let due = self.store.due(now(), limit).await?;
        let free = due.into_iter().filter(|run| !busy.contains(&run.id));
        for run in free.take(room).collect::<Vec<_>>() {
            busy.insert(run.id.clone());
            let engine = Arc::clone(self);
            tasks.spawn(async move {
                let id = run.id.clone();
                engine.advance(run).await;
                id
            });
        }
        Ok(())
    }

    /// Works on one run until it rests or cannot go on.
    async fn advance(&self, run: Run) {
        let (id, failures, state) = (run.id.clone(), run.failures, run.state);
        let done = match state {
            State::Creating => self.create(run).await,
            State::Finishing => self.finish(run).await,
            State::Cleaning => self.clean(run).await,
            _ => Ok(()),
        };
        let Err(halt) = done else { return };
        if halt.concerns_all() {
            self.refused(&halt.to_string());
        }
        if let Err(error) = self.rest(&id, state, failures, &halt).await {
            tracing::warn!(%error, "the store does not answer; runs wait");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Leaves a run alone for a while, or refuses it: something is written, or it would be due again at once.
    async fn rest(
        &self,
        id: &str,
        state: State,
        failures: i64,
        halt: &Halt,
    ) -> Result<(), StoreError> {
        if let (Halt::NoRoom(why), State::Creating) = (halt, state)
            && self.store.refuse(id, why).await?
        {
            return Ok(());
        }
        let pause = halt.pause(failures);
        let until = now().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2));
        if matches!(halt, Halt::Wait { .. }) && self.held().is_ok() {
            return self.store.wait(id, until).await;
        }
        tracing::warn!(run = id, error = %halt, wait = ?pause, "a run does not go on");
        self.store.postpone(id, until, &halt.to_string()).await
    }

    /// Permissions, then store against guild, for every guild there are runs in. Whether all could be compared.
    async fn compare(&self) -> bool {
        let Ok(guilds) = self.every_guild().await else {
            tracing::warn!("the store does not answer");
            return false;
        };
        let mut all = true;
        for guild in guilds {
            if !self.probe(&guild).await {
                all = false;
                continue;
            }
            if let Err(halt) = self.reconcile(&guild).await {
                tracing::warn!(guild, error = %halt, "runs and channels could not be compared");
                all = false;
            }
        }
        all
    }

    /// All guilds there are runs in, and the configured one.
    async fn every_guild(&self) -> Result<HashSet<String>, Halt> {
        let mut guilds: HashSet<String> = self.app.config.guild_id.iter().cloned().collect();
        guilds.extend(self.store.guilds().await?);
        Ok(guilds)
    }

    /// How long there is nothing to do.
    async fn sleep(&self, compare_at: Instant) -> Duration {
        // A step that is due and under way must not make a busy loop.
        let shortest = Duration::from_millis(50);
        if let Some((_, time)) = self.hold(|hold| hold.active()) {
            return time.clamp(shortest, LONGEST);
        }
        let lease = i64::try_from(self.app.config.lease.as_millis()).unwrap_or(i64::MAX / 2);
        let due = self.store.next_due(lease).await.ok().flatten();
        let left = due.map_or(LONGEST, |due| {
            Duration::from_millis(u64::try_from(due - now()).unwrap_or(0))
        });
        left.min(compare_at.saturating_duration_since(Instant::now()))
            .clamp(shortest, LONGEST)
    }

    fn bot(&self) -> &Bot {
        &self.bot
    }

    fn guild(&self, id: &str) -> Arc<tokio::sync::Mutex<Guild>> {
        let mut guilds = self.guilds.lock().unwrap_or_else(PoisonError::into_inner);
        let guild = guilds
            .entry(id.to_owned())
            .or_insert_with(|| Arc::new(tokio::sync::Mutex::new(Guild::new(id))));
        Arc::clone(guild)
    }

    fn hold<T>(&self, change: impl FnOnce(&mut Hold) -> T) -> T {
        change(&mut self.hold.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `Err` while nothing is tried.
    fn held(&self) -> Result<(), Halt> {
        match self.hold(|hold| hold.active()) {
            Some((why, time)) => Err(Halt::wait(why, time)),
            None => Ok(()),
        }
    }

    fn may_lock(&self) -> bool {
        self.lockable.load(Ordering::Relaxed)
    }

    fn cannot_lock(&self) {
        if self.lockable.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "the bot may not write permission overwrites (Manage Roles, and Send Messages, which it denies others); ended runs are moved, not locked"
            );
        }
    }
}
