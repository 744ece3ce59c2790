//! Feedback on input in the run's channel: queued, then delivered or not. A channel that takes none now keeps no other
//! from its own.

use super::halt::Halt;
use super::{Engine, cards};
use crate::clock::now;
use crate::store::{Shown, State, StoreError};
use std::time::Duration;

/// Inputs in one turn.
const BATCH: i64 = 16;
/// When to look again at a run whose channel is being made.
const MAKING: Duration = Duration::from_secs(2);

impl Engine {
    /// Shows all that this run's channel does not show yet, or leaves it for later. No step of the run is under way.
    pub(super) async fn show_all(&self, run: &str) {
        let failed = loop {
            match self.feedback(run).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(failed) => break failed,
            }
        };
        let Failed { halt, guild, tries } = failed;
        tracing::debug!(run, error = %halt, "feedback on input waits");
        if let Some(guild) = &guild {
            self.heed(guild, &halt);
        }
        let pause = i64::try_from(halt.pause(tries).as_millis()).unwrap_or(i64::MAX / 2);
        let later = self.store.show_later(
            run,
            now().saturating_add(pause),
            !matches!(halt, Halt::Wait { .. }),
        );
        if let Err(error) = later.await {
            tracing::warn!(%error, "the store does not answer; feedback waits");
            tokio::time::sleep(super::STORE_PAUSE).await;
        }
    }

    /// Shows what became of inputs of one run; one that is gone shows nothing. How many there were, at most [`BATCH`].
    pub(super) async fn feedback(&self, run: &str) -> Result<usize, Failed> {
        let inputs = self.store.unshown(run, BATCH).await?;
        let count = inputs.len();
        for input in inputs {
            let Some(run) = self.store.run(&input.run_id).await? else {
                self.store.shown(&input, None).await?;
                continue;
            };
            let failed = |halt| Failed {
                halt,
                guild: Some(run.guild_id.clone()),
                tries: input.tries,
            };
            let id = match run.state {
                State::Live | State::Finishing | State::Finished => {
                    self.held(&run.guild_id).map_err(failed)?;
                    let shown = self.show(&run, &input).await.map_err(failed)?;
                    if shown.is_none() && run.state == State::Live {
                        self.store.forget_webhook(&run.id).await?;
                        let why = "the run's webhook was deleted; it gets a new one";
                        return Err(failed(Halt::wait(why, MAKING)));
                    }
                    shown
                }
                State::Creating => {
                    return Err(failed(Halt::wait(
                        "the run's channel is being made",
                        MAKING,
                    )));
                }
                _ => input.message_id.clone(),
            };
            self.store.shown(&input, id.as_deref()).await?;
        }
        Ok(count)
    }

    async fn show(&self, run: &crate::store::Run, input: &Shown) -> Result<Option<String>, Halt> {
        let embed = cards::input(input);
        if let Some(id) = &input.message_id
            && self.repost(run, id, embed.clone()).await?
        {
            return Ok(Some(id.clone()));
        }
        self.post(run, embed).await
    }
}

/// Why feedback waits.
#[derive(Debug)]
pub(super) struct Failed {
    pub halt: Halt,
    /// The run's guild, when the run was read.
    guild: Option<String>,
    /// Times it failed before.
    tries: i64,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            halt: error.into(),
            guild: None,
            tries: 0,
        }
    }
}
