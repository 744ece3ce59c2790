//! Who waits for what, within one process. A wake-up carries no data: whoever wakes reads the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Notify;

/// The engine's topic; every other topic is a run's id.
pub(crate) const ENGINE: &str = "engine";
/// Topics kept before those that nobody waits for are forgotten.
const MANY: usize = 64;

/// One [`Notify`] a topic, for as long as somebody waits.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    engine: Notify,
    runs: Mutex<HashMap<String, Weak<Notify>>>,
}

impl Wakes {
    /// What is woken for the engine; one wake-up is kept while it works.
    pub(crate) fn engine(&self) -> &Notify {
        &self.engine
    }

    /// What is woken for this run. Call `notified()` on it before reading the store.
    pub(crate) fn run(&self, id: &str) -> Arc<Notify> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = runs.get(id).and_then(Weak::upgrade) {
            return known;
        }
        if runs.len() >= MANY && runs.len().is_power_of_two() {
            runs.retain(|_, waiting| waiting.strong_count() > 0);
        }
        let notify = Arc::new(Notify::new());
        runs.insert(id.to_owned(), Arc::downgrade(&notify));
        notify
    }

    /// Wakes everybody who waits for the topic.
    pub(crate) fn wake(&self, topic: &str) {
        if topic == ENGINE {
            return self.engine.notify_one();
        }
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match runs.get(topic).and_then(Weak::upgrade) {
            Some(waiting) => waiting.notify_waiters(),
            None => drop(runs.remove(topic)),
        }
    }

    /// Wakes everybody: something may have been missed.
    pub(crate) fn wake_all(&self) {
        self.engine.notify_one();
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in runs.values().filter_map(Weak::upgrade) {
            waiting.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_between_asking_and_waiting_is_not_lost() {
        let wakes = Wakes::default();
        let run = wakes.run("a");
        let notified = run.notified();
        wakes.wake("a");
        notified.await;
        wakes.wake(ENGINE);
        wakes.engine().notified().await;
    }

    #[test]
    fn runs_nobody_waits_for_are_forgotten() {
        let wakes = Wakes::default();
        for id in 0..100_000 {
            drop(wakes.run(&id.to_string()));
        }
        assert!(wakes.runs.lock().unwrap().len() < 1024);
    }
}
