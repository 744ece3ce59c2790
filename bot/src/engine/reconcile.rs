//! What Discord shows against what the store says: at the start, and now and then, since people delete and edit.
//!
//! Nothing is deleted here. A row's channel is known by its id; a channel that no row names is taken for a run's own only
//! when it stands where this bot makes them, is called as it calls them, and the run has none. What is left in doubt is
//! said and left alone: topics can be copied, and ids of runs follow from a key that may have changed.

use super::Engine;
use super::guild::Ours;
use super::halt::Halt;
use crate::clock::now;
use crate::store::{Run, State};
use std::collections::{HashMap, HashSet};

impl Engine {
    /// Brings store and guild together. Runs with a step under way, the `busy` ones, are left to it.
    pub(super) async fn reconcile(
        &self,
        guild_id: &str,
        busy: &HashSet<String>,
    ) -> Result<(), Halt> {
        self.homes.lock().await.remove(guild_id);
        let guild = self.guild(guild_id);
        // Held to the end: no channel is made between list and store.
        let mut guild = guild.lock().await;
        let rows = self.store.of_guild(guild_id).await?;
        let ours = guild.read(self.bot(), self.app.signer.as_ref()).await?;
        let named: HashSet<&str> = rows
            .iter()
            .filter_map(|run| run.channel_id.as_deref())
            .collect();
        let keys: HashMap<_, &Run> = rows.iter().map(|run| (run.key(), run)).collect();
        let mut taken = HashSet::new();
        for found in &ours {
            if named.contains(found.channel.as_str()) {
                continue;
            }
            let known = keys.get(&found.run.key());
            if known.is_some_and(|run| busy.contains(&run.id)) {
                continue;
            }
            let wanted = known.is_none_or(|run| wants_channel(run))
                && !taken.contains(&found.run.key())
                && guild.is_own(found, &self.categories());
            let took = match known {
                _ if !wanted => false,
                Some(run) => self.adopt(run, found).await?,
                None => self.restore(found).await?,
            };
            if took {
                taken.insert(found.run.key());
            } else {
                guild.leave(found);
            }
        }
        for run in &rows {
            let Some(channel) = &run.channel_id else {
                continue;
            };
            let open = !matches!(run.state, State::Deleted | State::Cleaning | State::Refused);
            if open && !run.is_thread() && !guild.has(channel) && !busy.contains(&run.id) {
                tracing::warn!(channel, "the run's channel was deleted by somebody else");
                self.store.channel_gone(run, now()).await?;
            }
        }
        self.store.compared(guild_id, now()).await?;
        Ok(())
    }

    /// The names of the categories that channels of ours stand in.
    pub(super) fn categories(&self) -> Vec<&str> {
        let config = &self.app.config;
        let archive = config.archive_category.as_deref();
        std::iter::once(config.category.as_str())
            .chain(archive)
            .collect()
    }

    /// The run's row has no channel, and Discord has one. Whether the run took it.
    pub(super) async fn adopt(&self, run: &Run, found: &Ours) -> Result<bool, Halt> {
        if self.store.run_of_channel(&found.channel).await?.is_some() {
            return Ok(false);
        }
        let parent = found.run.parent_id.as_deref();
        self.store.doubt(&run.id).await?;
        self.store
            .made_channel(&run.id, &found.channel, parent)
            .await?;
        Ok(true)
    }

    /// Puts a run back that only Discord remembers. Whether the channel is its own.
    async fn restore(&self, found: &Ours) -> Result<bool, Halt> {
        let mut run = found.run.clone();
        // Each part is looked for before it is made; an end is marked again, which changes nothing.
        if run.state == State::Finished {
            run.state = State::Finishing;
        }
        if self.store.restore(&run).await? {
            self.app.metrics.restored.inc();
            tracing::info!(
                namespace = run.namespace,
                task = run.task_id,
                attempt = run.attempt,
                channel = found.channel,
                "run read back from Discord"
            );
            return Ok(true);
        }
        // Registered since the rows were read, or in another guild.
        match self.store.run_of_key(&run).await? {
            Some(row) if row.guild_id == run.guild_id && wants_channel(&row) => {
                self.adopt(&row, found).await
            }
            Some(row) => Ok(row.channel_id.as_ref() == Some(&found.channel)),
            None => Ok(false),
        }
    }
}

/// Whether a channel that turns up may be this run's.
fn wants_channel(run: &Run) -> bool {
    run.channel_id.is_none() && run.state != State::Deleted
}
