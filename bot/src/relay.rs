//! The desk on the store: what interactions see of runs, and where they leave input.

use crate::app::App;
use crate::clock::now;
use crate::desk::{Desk, DeskError, MAX_INPUT_BYTES, NewInput, Outcome, Queued, Reply, RunView};
use crate::store::{Run, Store, StoreError};
use std::time::Duration;
use tokio::time::Instant;

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store does not answer");
        Self::Unavailable
    }
}

impl App {
    fn desk(&self) -> Result<&Store, DeskError> {
        self.store().ok_or(DeskError::Unavailable)
    }

    async fn run_here(&self, guild: &str, channel: &str) -> Result<Option<Run>, DeskError> {
        let run = self.desk()?.run_of_channel(channel).await?;
        if run.is_none() && !self.are_rebuilt().await? {
            return Err(DeskError::Unavailable);
        }
        Ok(run.filter(|run| run.guild_id == guild))
    }

    async fn leave(
        &self,
        guild: &str,
        channel: &str,
        input: NewInput,
    ) -> Result<Queued, DeskError> {
        if input.text.len() > MAX_INPUT_BYTES {
            return Ok(Queued::TooLong);
        }
        let Some(run) = self.run_here(guild, channel).await? else {
            return Ok(Queued::Unknown);
        };
        // One whose webhook is being made anew goes on.
        if !run.state.is_open() {
            return Ok(Queued::Finished);
        }
        if !run.input {
            return Ok(Queued::NoBridge);
        }
        let ttl = i64::try_from(self.config.input_ttl.as_millis()).unwrap_or(i64::MAX / 2);
        Ok(self.desk()?.queue(&run.id, &input, now(), ttl).await?)
    }

    async fn settled(
        &self,
        channel: &str,
        seq: i64,
        patience: Duration,
    ) -> Result<Option<Outcome>, DeskError> {
        let store = self.desk()?;
        let Some(run) = store.run_of_channel(channel).await? else {
            return Ok(Some(Outcome::Dropped));
        };
        let waiting = store.wakes().run(&run.id);
        let end = Instant::now() + patience;
        loop {
            let woken = waiting.notified();
            let outcome = store.outcome(&run.id, seq).await?;
            let left = end.saturating_duration_since(Instant::now());
            if outcome.is_some() || left.is_zero() {
                return Ok(outcome);
            }
            let look = store.backend().recheck().min(left);
            let _ = tokio::time::timeout(look, woken).await;
        }
    }
}

impl Desk for App {
    fn live<'a>(
        &'a self,
        guild_id: &'a str,
        prefix: &'a str,
        limit: usize,
    ) -> Reply<'a, Vec<RunView>> {
        Box::pin(async move {
            let limit = i64::try_from(limit.min(100)).unwrap_or(0);
            let runs = self.desk()?.live(guild_id, prefix, limit).await?;
            Ok(runs.iter().filter_map(Run::view).collect())
        })
    }

    fn run<'a>(&'a self, guild_id: &'a str, channel_id: &'a str) -> Reply<'a, Option<RunView>> {
        Box::pin(async move {
            let run = self.run_here(guild_id, channel_id).await?;
            Ok(run.as_ref().and_then(Run::view))
        })
    }

    fn queue<'a>(
        &'a self,
        guild_id: &'a str,
        channel_id: &'a str,
        input: NewInput,
    ) -> Reply<'a, Queued> {
        Box::pin(self.leave(guild_id, channel_id, input))
    }

    fn outcome<'a>(
        &'a self,
        channel_id: &'a str,
        seq: i64,
        patience: Duration,
    ) -> Reply<'a, Option<Outcome>> {
        Box::pin(self.settled(channel_id, seq, patience))
    }
}

#[cfg(test)]
mod tests;
