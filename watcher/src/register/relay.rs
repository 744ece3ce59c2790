//! Input, from the bot to the bridge.
//!
//! An input is acknowledged after the bridge wrote it into the agent's FIFO, never before: it comes again until then, so it
//! can reach the agent twice only when the bridge is killed between the two. What the bridge will never take is acknowledged as refused,
//! for nothing after it could pass otherwise.

use super::bridge::{Bridge, Handed};
use super::client::{BotClient, Grant};
use super::error::CallError;
use super::wire::Item;
use crate::metrics::BotMetrics;
use std::time::{Duration, Instant};

/// Pause after the bridge or the bot did not take something; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest such pause: a person waits on the other end.
const SLOWEST: Duration = Duration::from_secs(10);
/// Least time between two polls that found nothing, should the bot not hold them open.
const GAP: Duration = Duration::from_secs(1);
/// Most inputs that can be remembered as handed over and not acknowledged; the bot sends at most 16 at a time.
const REMEMBERED: usize = 64;

/// Where the relay stands; it outlives a grant.
#[derive(Debug, Default)]
pub(super) struct Relay {
    /// All up to here may be acknowledged under the present grant.
    after: i64,
    /// Of these, the ones the bridge will never take.
    refused: Vec<i64>,
    /// Handed over, and not known to be acknowledged.
    handed: Vec<Item>,
}

impl Relay {
    /// A new grant: a bot that lost its store counts from the start again, so nothing may be acknowledged unseen.
    pub(super) fn renew(&mut self) {
        self.after = 0;
        self.refused.clear();
    }

    /// Polls and hands over until the grant ends, and returns what ended it.
    pub(super) async fn run(
        &mut self,
        bot: &BotClient,
        bridge: &Bridge,
        grant: &Grant,
        metrics: &BotMetrics,
    ) -> CallError {
        let mut pause = PAUSE;
        loop {
            let asked = Instant::now();
            let items = match bot.inputs(grant, self.after, &self.refused).await {
                Ok(items) => {
                    metrics.heard(Instant::now());
                    items
                }
                Err(error) if error.ends_the_grant() => return error,
                Err(error) => {
                    tracing::debug!(%error, "no input fetched");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(SLOWEST);
                    continue;
                }
            };
            let after = self.after;
            self.refused.clear();
            self.handed.retain(|item| item.seq > after);
            if items.is_empty() {
                tokio::time::sleep(GAP.saturating_sub(asked.elapsed())).await;
                continue;
            }
            if self.hand_over(bridge, &grant.channel, items, metrics).await {
                pause = PAUSE;
            } else {
                // Asking again, instead of holding on to it, keeps the lease and sees when the input has expired.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(SLOWEST);
            }
        }
    }

    /// Hands over in order, up to the first that the bridge does not take now. Whether all were dealt with.
    async fn hand_over(
        &mut self,
        bridge: &Bridge,
        channel: &str,
        items: Vec<Item>,
        metrics: &BotMetrics,
    ) -> bool {
        for item in items {
            if item.seq <= self.after {
                continue;
            }
            let seq = item.seq;
            if !self.handed.contains(&item) {
                match bridge.hand(channel, &item).await {
                    Handed::Taken => {
                        tracing::info!(seq, kind = ?item.kind, "an input was handed to the agent");
                        metrics.delivered.inc();
                        self.handed.push(item);
                        let excess = self.handed.len().saturating_sub(REMEMBERED);
                        self.handed.drain(..excess);
                    }
                    Handed::Never(reason) => {
                        tracing::warn!(
                            seq,
                            reason,
                            "the bridge will not take an input; it is given up"
                        );
                        metrics.input_refused.inc();
                        self.refused.push(seq);
                    }
                    Handed::Waits => {
                        tracing::debug!(seq, "an input waits in the bridge for a slow agent");
                        return false;
                    }
                    Handed::NotYet(reason) => {
                        tracing::warn!(
                            seq,
                            reason,
                            "the bridge does not take an input yet; it waits at the bot"
                        );
                        return false;
                    }
                }
            }
            self.after = seq;
        }
        true
    }
}
