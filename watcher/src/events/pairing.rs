//! Calls that wait for their result.

use super::Call;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Calls kept open at most; a model asks for some ten at once, so more are results that never come.
const CALLS: usize = 1024;
/// Bytes of their arguments kept at most.
const BYTES: usize = 4 * 1024 * 1024;

/// A call without a result yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) call: Call,
    pub(super) at: Option<jiff::Timestamp>,
    pub(super) session: Arc<str>,
    pub(super) agent: Option<Arc<str>>,
    pub(super) cwd: Option<Arc<str>>,
    /// When we read it; how long it waits is judged by our own clock.
    pub(super) read: Instant,
    /// Whether it is a copy of a call seen before, which is no news.
    pub(super) copy: bool,
    /// Whether it was told as running.
    pub(super) told: bool,
}

/// Open calls, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    open: VecDeque<Open>,
    bytes: usize,
}

impl Pairing {
    /// Opens a call; what had to give way, oldest first.
    pub(super) fn open(&mut self, call: Open) -> Vec<Open> {
        if self.open.iter().any(|known| known.id == call.id) {
            return Vec::new();
        }
        self.bytes += call.call.size();
        self.open.push_back(call);
        let mut gone = Vec::new();
        while self.open.len() > CALLS || (self.bytes > BYTES && self.open.len() > 1) {
            let Some(oldest) = self.open.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.call.size());
            gone.push(oldest);
        }
        gone
    }

    /// Takes the call that a result answers.
    pub(super) fn close(&mut self, id: &str) -> Option<Open> {
        // Results come soon after their calls, so the search is short from the newest end.
        let at = self.open.iter().rposition(|call| call.id == id)?;
        let call = self.open.remove(at)?;
        self.bytes = self.bytes.saturating_sub(call.call.size());
        Some(call)
    }

    /// The call `id` when it is open.
    pub(super) fn find(&self, id: &str) -> Option<&Open> {
        self.open.iter().rev().find(|call| call.id == id)
    }

    /// All open calls, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Open> {
        self.open.iter()
    }

    /// All open calls, to be marked.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.open.iter_mut()
    }
}
