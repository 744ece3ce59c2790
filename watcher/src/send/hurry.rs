//! The end is near: what waits between two tries waits no longer than it must.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Longest wait between two tries once there is little time left.
const SHORT: Duration = Duration::from_millis(500);

/// Told once, heard by every wait from then on. Clones are one.
#[derive(Debug, Default, Clone)]
pub struct Hurry(Rc<(Cell<bool>, Notify)>);

impl Hurry {
    /// From now on there is little time.
    pub fn begin(&self) {
        let (begun, waiting) = &*self.0;
        begun.set(true);
        waiting.notify_waiters();
    }

    /// Waits between two tries; a wait that is under way when the hurry begins ends with it.
    pub async fn pause(&self, wait: Duration) {
        let (begun, waiting) = &*self.0;
        if begun.get() {
            tokio::time::sleep(wait.min(SHORT)).await;
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = waiting.notified() => {}
        }
    }
}
