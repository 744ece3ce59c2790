//! Webhook calls as the bot that makes them counts them: told beside its own, and counted towards the same ban.

use super::budget::Budget;
use super::{CallReport, Observer};
use crate::error::{Error, Scope};
use std::sync::Arc;
use std::time::Duration;

/// Who hears of each webhook call of a client.
pub(crate) struct Watch {
    observer: Option<Observer>,
    budget: Arc<Budget>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(observer: Option<Observer>, budget: Arc<Budget>) -> Self {
        Self { observer, budget }
    }

    /// Whether a call may go. A bot token that was refused stops no webhook; what nears a ban of the address does.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.budget.closed() {
            None => Ok(()),
            Some(after) => Err(Error::RateLimited {
                after: Some(after),
                global: true,
                scope: Scope::Unknown,
            }),
        }
    }

    /// One call as it went; no status when no answer came.
    pub(crate) fn learn(&self, route: &'static str, status: Option<u16>, waited: Duration) {
        if let Some(status) = status {
            self.budget.count(status);
        }
        if let Some(observer) = &self.observer {
            observer(CallReport {
                route,
                status,
                waited,
            });
        }
    }
}
