//! A desk that is played: what it answers is set, what it was asked is noted.

use bot::desk::{Desk, DeskError, NewInput, Outcome, Queued, Reply, RunState, RunView};
use std::sync::Mutex;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(crate) struct Played {
    pub(crate) runs: Mutex<Vec<RunView>>,
    pub(crate) queued: Mutex<Vec<(String, NewInput)>>,
    pub(crate) verdict: Mutex<Queued>,
    pub(crate) end: Mutex<Option<Outcome>>,
    pub(crate) broken: Mutex<bool>,
    /// What each answer waits for, when there is something.
    pub(crate) held: Mutex<Option<CancellationToken>>,
}

impl Default for Played {
    fn default() -> Self {
        Self {
            runs: Mutex::new(vec![view(super::CHANNEL, "build", "abcd1234")]),
            queued: Mutex::default(),
            verdict: Mutex::new(Queued::Queued { seq: 3 }),
            end: Mutex::default(),
            broken: Mutex::default(),
            held: Mutex::default(),
        }
    }
}

pub(crate) fn view(channel: &str, task: &str, short: &str) -> RunView {
    RunView {
        channel_id: channel.to_owned(),
        namespace: "team".to_owned(),
        task_id: task.to_owned(),
        attempt: 1,
        short_id: short.to_owned(),
        title: None,
        state: RunState::Live,
        input: true,
        created_at: 1_700_000_000_000,
        finished_at: None,
        report: None,
        report_at: None,
    }
}

impl Played {
    async fn answer(&self) -> Result<(), DeskError> {
        let held = self.held.lock().unwrap().clone();
        if let Some(go) = held {
            go.cancelled().await;
        }
        if *self.broken.lock().unwrap() {
            Err(DeskError::Unavailable)
        } else {
            Ok(())
        }
    }

    /// Answers nothing until the token is cancelled.
    pub(crate) fn hold(&self) -> CancellationToken {
        let go = CancellationToken::new();
        *self.held.lock().unwrap() = Some(go.clone());
        go
    }

    pub(crate) fn inputs(&self) -> Vec<(String, NewInput)> {
        self.queued.lock().unwrap().clone()
    }
}

impl Desk for Played {
    fn live<'a>(
        &'a self,
        guild_id: &'a str,
        prefix: &'a str,
        limit: usize,
    ) -> Reply<'a, Vec<RunView>> {
        Box::pin(async move {
            assert_eq!(guild_id, super::GUILD);
            self.answer().await?;
            let runs = self.runs.lock().unwrap();
            let fits =
                |run: &&RunView| run.state == RunState::Live && run.label().starts_with(prefix);
            Ok(runs.iter().filter(fits).take(limit).cloned().collect())
        })
    }

    fn run<'a>(&'a self, guild_id: &'a str, channel_id: &'a str) -> Reply<'a, Option<RunView>> {
        Box::pin(async move {
            assert_eq!(guild_id, super::GUILD);
            self.answer().await?;
            Ok(self
                .runs
                .lock()
                .unwrap()
                .iter()
                .find(|run| run.channel_id == channel_id)
                .cloned())
        })
    }

    fn queue<'a>(
        &'a self,
        guild_id: &'a str,
        channel_id: &'a str,
        input: NewInput,
    ) -> Reply<'a, Queued> {
        Box::pin(async move {
            assert_eq!(guild_id, super::GUILD);
            self.answer().await?;
            self.queued
                .lock()
                .unwrap()
                .push((channel_id.to_owned(), input));
            Ok(*self.verdict.lock().unwrap())
        })
    }

    fn outcome<'a>(&'a self, _: &'a str, _: i64, patience: Duration) -> Reply<'a, Option<Outcome>> {
        Box::pin(async move {
            for _ in 0..patience.as_millis() / 10 {
                if let Some(end) = *self.end.lock().unwrap() {
                    return Ok(Some(end));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(None)
        })
    }
}
