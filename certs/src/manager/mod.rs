//! The loop that keeps Secret, webhooks and the served certificate in step. Every replica runs it; none leads.

use crate::clock;
use crate::cluster::{Cluster, ClusterError, Secret};
use crate::decide::{Action, Policy, decide};
use crate::make::{self, MakeError};
use crate::resolver::Resolver;
use crate::state::{Seconds, State};
use crate::verify::{usable, verify};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest pause between two looks, so that a replica learns soon what another did.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Shortest, so that seconds of validity (as in tests) do not make it spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// First and longest pause after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Steps in one go; more than that is a fault.
const MOST_STEPS: usize = 12;

/// How things stand after a look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// What we serve verifies against what is published.
    pub verified: bool,
    /// End of the served certificate's validity.
    pub not_after: Option<Seconds>,
    /// What stands in the way.
    pub problem: Option<String>,
}

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Make(#[from] MakeError),
    #[error(
        "the rotation does not settle; is something else writing to the Secret or the webhooks?"
    )]
    Restless,
    #[error("making a certificate was interrupted")]
    Interrupted,
}

/// Keeps certificates for one server.
pub struct Manager<C> {
    cluster: C,
    policy: Policy,
    resolver: Arc<Resolver>,
    /// The last good state: it survives the Secret.
    known: Option<State>,
    served: Option<String>,
}

impl<C: Cluster> Manager<C> {
    /// A manager that serves through `resolver`.
    pub fn new(cluster: C, policy: Policy, resolver: Arc<Resolver>) -> Self {
        Self {
            cluster,
            policy,
            resolver,
            known: None,
            served: None,
        }
    }

    /// Runs until `shutdown`; `report` hears after every look how things stand.
    pub async fn run(mut self, shutdown: CancellationToken, mut report: impl FnMut(&Health)) {
        let mut backoff = BACKOFF.0;
        let mut last = Health::default();
        loop {
            let (pause, health) = match self.look(clock::here()).await {
                Ok((left, health)) => {
                    backoff = BACKOFF.0;
                    let until = Duration::from_secs(u64::try_from(left).unwrap_or_default());
                    (until.clamp(SHORTEST_PAUSE, self.longest_pause()), health)
                }
                Err(error) => {
                    let problem = error.to_string();
                    if last.problem.as_deref() != Some(&problem) {
                        tracing::warn!(%error, "certificates could not be looked after; trying again");
                    }
                    let pause = backoff;
                    backoff = (backoff * 2).min(BACKOFF.1);
                    let not_after = self.known.as_ref().map(|state| state.leaf.not_after);
                    // What was published stays published while we cannot look; an expired leaf helps nobody.
                    let now = clock::here() + self.cluster.ahead();
                    let alive = last.verified && not_after.is_some_and(|end| now < end);
                    (
                        pause,
                        Health {
                            verified: alive,
                            not_after,
                            problem: Some(problem),
                        },
                    )
                }
            };
            report(&health);
            last = health;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn longest_pause(&self) -> Duration {
        (self.policy.propagation / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// Takes steps until there is nothing to do; how many seconds are left to the next one, and how things stand.
    async fn look(&mut self, here: Seconds) -> Result<(Seconds, Health), StepError> {
        for _ in 0..MOST_STEPS {
            match self.step(here).await {
                Ok(Some(done)) => return Ok(done),
                // Another replica was faster: what it did counts.
                Ok(None) | Err(StepError::Cluster(ClusterError::Conflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StepError::Restless)
    }

    async fn step(&mut self, here: Seconds) -> Result<Option<(Seconds, Health)>, StepError> {
        // Webhooks before the Secret: a bundle from a Secret read earlier could be older than what is published.
        let webhooks = self.cluster.webhooks().await?;
        let secret = self.cluster.secret().await?;
        let now = here + self.cluster.ahead();
        let stored = secret
            .content
            .as_deref()
            .and_then(State::read)
            .filter(|state| usable(state).is_some());
        let state = match stored {
            Some(state) => Some(state),
            None => self.restore(&secret).await?,
        };
        if let Some(state) = &state {
            self.serve(state);
            self.known = Some(state.clone());
        }
        let bundle = state.as_ref().map(State::bundle).unwrap_or_default();
        let published = !webhooks.entries.is_empty()
            && webhooks
                .entries
                .iter()
                .all(|(_, found)| found.as_slice() == bundle.as_bytes());
        let action = decide(state.as_ref(), published, now, &self.policy);
        match action {
            Action::Wait(next) => {
                let problem = webhooks
                    .entries
                    .iter()
                    .find_map(|(_, found)| self.verify(found, now).err());
                let verified = problem.is_none() && !webhooks.entries.is_empty();
                let not_after = state.map(|state| state.leaf.not_after);
                return Ok(Some((
                    next - now,
                    Health {
                        verified,
                        not_after,
                        problem,
                    },
                )));
            }
            Action::Publish => {
                self.cluster.publish(&webhooks, &bundle).await?;
                tracing::info!(webhooks = webhooks.entries.len(), "caBundle published");
            }
            action => {
                let next = self.make(state, action.clone(), now).await?;
                if let Some(next) = next {
                    self.write(&secret, &next).await?;
                    tracing::info!(step = ?action, until = next.leaf.not_after, "certificates changed");
                }
            }
        }
        Ok(None)
    }

    /// The Secret is empty, broken or gone: what we have is written back, so that what is published stays true.
    async fn restore(&mut self, secret: &Secret) -> Result<Option<State>, StepError> {
        let Some(known) = self.known.clone().filter(|state| usable(state).is_some()) else {
            return Ok(None);
        };
        self.write(secret, &known).await?;
        tracing::warn!(
            "the Secret held no usable certificate any more; the one in memory was written back"
        );
        Err(ClusterError::Conflict("the Secret".to_owned()).into())
    }

    async fn write(&self, secret: &Secret, state: &State) -> Result<(), StepError> {
        let content = serde_json::to_vec(state).unwrap_or_default();
        self.cluster
            .write_secret(secret.version.as_deref(), &content, &state.bundle())
            .await?;
        Ok(())
    }

    /// Keys are made on another thread: requests are answered meanwhile.
    async fn make(
        &self,
        state: Option<State>,
        action: Action,
        now: Seconds,
    ) -> Result<Option<State>, StepError> {
        let policy = self.policy.clone();
        let work = move || {
            let next = make::apply(state.as_ref(), &action, now, &policy)?;
            match next {
                // Certificate and key of the authority do not belong together: nothing it signs will do.
                Some(next) if usable(&next).is_none() => {
                    make::apply(None, &Action::Create, now, &policy)
                }
                next => Ok(next),
            }
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| StepError::Interrupted)?
            .map_err(StepError::Make)
    }

    fn serve(&mut self, state: &State) {
        if self.served.as_deref() == Some(&state.leaf.certificate) {
            return;
        }
        if let Some(certificate) = usable(state) {
            self.resolver.set(&certificate);
            self.served = Some(state.leaf.certificate.clone());
            tracing::info!(
                authority = state.leaf.authority,
                until = state.leaf.not_after,
                "certificate in force"
            );
        }
    }

    fn verify(&self, bundle: &[u8], now: Seconds) -> Result<(), String> {
        let leaf = self.resolver.end_entity().unwrap_or_default();
        verify(&leaf, bundle, &self.policy.names, now).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
