//! The one place that changes anything in Discord for runs. Of several replicas one leads and runs it; the others only
//! write down what is wanted and wake it.
//!
//! Invariants: the store knows of every call before it is made; one task at a time works on a run; what failed is left
//! alone for a while, longer each time; a refusal that concerns a whole guild stops that guild, and one of the token all
//! of them, until it was looked at again. With nothing due it sleeps.

mod cards;
mod create;
mod feedback;
mod finish;
mod guild;
mod halt;
mod hold;
mod home;
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
use halt::{Concerns, Halt};
use hold::Holds;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
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
/// Runs whose feedback is shown at one time.
const MAX_SHOWING: usize = 8;
/// Pause after the store did not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Longest sleep without looking at the store.
const LONGEST: Duration = Duration::from_secs(30);

/// Works on runs while it leads.
pub(crate) struct Engine {
    app: Arc<App>,
    bot: Arc<Bot>,
    store: Store,
    guilds: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Guild>>>>,
    homes: tokio::sync::Mutex<HashMap<String, home::Home>>,
    holds: Mutex<Holds>,
    lockable: AtomicBool,
    /// Since when watchers can have been heard, in milliseconds since 1970: silence before says nothing of them.
    hearing_since: AtomicI64,
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
            holds: Mutex::default(),
            lockable: AtomicBool::new(true),
            hearing_since: AtomicI64::new(now()),
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
        let mut showing: HashSet<String> = HashSet::new();
        tokio::select! {
            () = self.settle() => {}
            () = shutdown.cancelled() => return,
        }
        loop {
            let under_way = busy.union(&showing).cloned().collect();
            tokio::select! {
                () = self.survey(&under_way) => {}
                () = shutdown.cancelled() => break,
            }
            let at = now();
            let sleep = match self.turn(at, &mut tasks, &mut busy, &mut showing).await {
                Ok(()) => self.sleep(at).await,
                Err(error) => {
                    tracing::warn!(%error, "the store does not answer; runs wait");
                    self.hearing_since.store(now(), Ordering::Relaxed);
                    STORE_PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.store.wakes().engine().notified() => {}
                Some(done) = tasks.join_next(), if !tasks.is_empty() => match done {
                    Ok(id) => {
                        busy.remove(&id);
                        showing.remove(&id);
                    }
                    Err(error) => {
                        tracing::error!(%error, "a step broke; its run is taken up again");
                        tasks.abort_all();
                        while tasks.join_next().await.is_some() {}
                        busy.clear();
                        showing.clear();
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

    /// A new store knows of no life before, and nothing locks a lost one. Where a Pod is deleted by force, the process in it
    /// may be making a channel for seconds yet; read before that, the guild would lack it, and the run would get two.
    async fn settle(&self) {
        for guild in self.app.config.guilds() {
            if !self.store.was_compared(guild).await.unwrap_or(false) {
                return tokio::time::sleep(self.app.config.settle).await;
            }
        }
    }

    /// Sweeps, and begins work on what is due by `at`: steps of runs, and what their channels do not show yet.
    async fn turn(
        self: &Arc<Self>,
        at: i64,
        tasks: &mut JoinSet<String>,
        busy: &mut HashSet<String>,
        showing: &mut HashSet<String>,
    ) -> Result<(), StoreError> {
        self.sweep(at).await?;
        // A step of the run shows what it has to show by itself; so the two never meet.
        let free = |id: &String, busy: &HashSet<String>, showing: &HashSet<String>| {
            !busy.contains(id) && !showing.contains(id)
        };
        if busy.len() < MAX_TASKS {
            let limit = i64::try_from(MAX_TASKS * 2).unwrap_or(i64::MAX);
            for run in self.store.due(at, limit).await? {
                if busy.len() >= MAX_TASKS {
                    break;
                }
                if !free(&run.id, busy, showing) {
                    continue;
                }
                busy.insert(run.id.clone());
                let engine = Arc::clone(self);
                tasks.spawn(async move {
                    let id = run.id.clone();
                    engine.advance(run).await;
                    id
                });
            }
        }
        if showing.len() < MAX_SHOWING {
            let limit = i64::try_from(MAX_TASKS + MAX_SHOWING).unwrap_or(i64::MAX);
            for id in self.store.unshown_runs(at, limit).await? {
                if showing.len() >= MAX_SHOWING {
                    break;
                }
                if !free(&id, busy, showing) {
                    continue;
                }
                showing.insert(id.clone());
                let engine = Arc::clone(self);
                tasks.spawn(async move {
                    engine.show_all(&id).await;
                    id
                });
            }
        }
        Ok(())
    }

    /// Works on one run until it rests or cannot go on.
    async fn advance(&self, run: Run) {
        let (id, guild) = (run.id.clone(), run.guild_id.clone());
        let (failures, state) = (run.failures, run.state);
        let done = match state {
            State::Creating => self.create(run).await,
            State::Finishing => self.finish(run).await,
            State::Cleaning => self.clean(run).await,
            _ => Ok(()),
        };
        let Err(halt) = done else { return };
        self.heed(&guild, &halt);
        if let Err(error) = self.rest((&id, &guild), state, failures, &halt).await {
            tracing::warn!(%error, "the store does not answer; runs wait");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// Leaves a run alone for a while, or refuses it: something is written, or it would be due again at once.
    async fn rest(
        &self,
        (id, guild): (&str, &str),
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
        if matches!(halt, Halt::Wait { .. }) && self.held(guild).is_ok() {
            return self.store.wait(id, until).await;
        }
        tracing::warn!(run = id, error = %halt, wait = ?pause, "a run does not go on");
        self.store.postpone(id, until, &halt.to_string()).await
    }

    /// What a refusal means beyond its own run.
    fn heed(&self, guild: &str, halt: &Halt) {
        match halt.concerns() {
            Concerns::One => {}
            Concerns::Guild => self.refused(guild, &halt.to_string()),
            Concerns::All => self.refused_all(&halt.to_string()),
            Concerns::Unclear => {
                if self.holds(|holds| holds.suspect(guild)) {
                    tracing::warn!(guild, error = %halt, "a call was refused; looking at the permissions");
                }
            }
        }
    }

    /// All guilds there are runs in, and the configured ones.
    async fn every_guild(&self) -> Result<HashSet<String>, Halt> {
        let configured = self.app.config.guilds().map(ToOwned::to_owned);
        let mut guilds: HashSet<String> = configured.collect();
        guilds.extend(self.store.guilds().await?);
        Ok(guilds)
    }

    /// How long there is nothing to do after a turn at this time. A task that ends, and every wish, ends the sleep.
    async fn sleep(&self, at: i64) -> Duration {
        // A clock that stands still must not make a busy loop.
        let shortest = Duration::from_millis(50);
        let Ok(due) = self.store.next_due(at, self.lease()).await else {
            return STORE_PAUSE;
        };
        let left = |due: i64| Duration::from_millis(u64::try_from(due - now()).unwrap_or(0));
        let heard = Some(self.heard_by()).filter(|heard| *heard > at);
        [
            due.map(left),
            heard.map(left),
            self.holds(|holds| holds.rest()),
        ]
        .into_iter()
        .flatten()
        .fold(LONGEST, Duration::min)
        .max(shortest)
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

    fn holds<T>(&self, change: impl FnOnce(&mut Holds) -> T) -> T {
        change(&mut self.holds.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `Err` while nothing is tried in this guild.
    fn held(&self, guild: &str) -> Result<(), Halt> {
        match self.holds(|holds| holds.active(guild)) {
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
