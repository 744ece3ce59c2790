//! What Discord shows against what the store says: at the start, and now and then, since people delete and edit.
//!
//! Only channels whose topic this bot signed are ever touched.

use super::Engine;
use super::guild::Ours;
use super::halt::Halt;
use crate::clock::now;
use crate::store::{Run, State};
use std::collections::HashMap;

impl Engine {
    /// Brings store and guild together. Call it without any step of a run under way in this guild's channels.
    pub(super) async fn reconcile(&self, guild_id: &str) -> Result<(), Halt> {
        let guild = self.guild(guild_id);
        // Held to the end: no channel is made between list and store.
        let mut guild = guild.lock().await;
        let rows: HashMap<String, Run> = self
            .store
            .of_guild(guild_id)
            .await?
            .into_iter()
            .map(|run| (run.id.clone(), run))
            .collect();
        let ours = guild.read(self.bot(), self.app.signer.as_ref()).await?;
        let mut kept: HashMap<String, String> = HashMap::new();
        for found in ours {
            let id = found.run.id.clone();
            let keep = match rows.get(&id) {
                None if kept.contains_key(&id) => false,
                None => self.restore(&found).await?,
                Some(run) => match &run.channel_id {
                    Some(channel) if *channel == found.channel => true,
                    Some(channel) if guild.has(channel) => false,
                    _ if run.state == State::Deleted || kept.contains_key(&id) => false,
                    _ => {
                        self.adopt(&found).await?;
                        true
                    }
                },
            };
            if keep {
                kept.insert(id, found.channel);
                continue;
            }
            tracing::warn!(
                channel = found.channel,
                "a channel of ours that no run has is removed"
            );
            match self
                .bot()
                .delete_channel(&found.channel, "made twice, or left behind")
                .await
            {
                Ok(()) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error.into()),
            }
            self.app.metrics.orphans.inc();
            guild.remove(&found.channel);
        }
        for run in rows.values() {
            let Some(channel) = &run.channel_id else {
                continue;
            };
            let open = !matches!(run.state, State::Deleted | State::Cleaning | State::Refused);
            if open && !run.is_thread() && !guild.has(channel) && !kept.contains_key(&run.id) {
                tracing::warn!(channel, "the run's channel was deleted by somebody else");
                self.store.channel_gone(run, now()).await?;
            }
        }
        Ok(())
    }

    /// The run's row has no channel, and Discord has one.
    async fn adopt(&self, found: &Ours) -> Result<(), Halt> {
        let parent = found.run.parent_id.as_deref();
        self.store.doubt(&found.run.id).await?;
        self.store
            .made_channel(&found.run.id, &found.channel, parent)
            .await?;
        Ok(())
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
        // Registered since the rows were read.
        match self.store.run(&run.id).await? {
            Some(row) if row.channel_id.is_none() => {
                self.adopt(found).await?;
                Ok(true)
            }
            Some(row) => Ok(row.channel_id.as_ref() == Some(&found.channel)),
            None => Ok(false),
        }
    }
}
