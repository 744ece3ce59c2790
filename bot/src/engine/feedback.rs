//! Feedback on input in the run's channel: queued, then delivered or not.

use super::halt::Halt;
use super::{Engine, cards};
use crate::store::{Shown, State};

/// Inputs in one turn.
const BATCH: i64 = 16;

impl Engine {
    /// Shows what became of inputs: of one run, or of all. A failure is tried again with the next turn; a run that is gone
    /// shows nothing. Returns how many there were, at most [`BATCH`].
    pub(super) async fn feedback(&self, run: Option<&str>) -> Result<usize, Halt> {
        if self.held().is_err() {
            return Ok(0);
        }
        // Two at one time would say one thing twice.
        let _one = self.showing.lock().await;
        let inputs = self.store.unshown(run, BATCH).await?;
        let count = inputs.len();
        for input in inputs {
            let id = self.show(&input).await?;
            self.store.shown(&input, id.as_deref()).await?;
        }
        Ok(count)
    }

    async fn show(&self, input: &Shown) -> Result<Option<String>, Halt> {
        let run = self.store.run(&input.run_id).await?;
        let Some(run) =
            run.filter(|run| matches!(run.state, State::Live | State::Finishing | State::Finished))
        else {
            return Ok(input.message_id.clone());
        };
        let embed = cards::input(input);
        if let Some(id) = &input.message_id
            && self.repost(&run, id, embed.clone()).await?
        {
            return Ok(Some(id.clone()));
        }
        self.post(&run, embed).await
    }
}
