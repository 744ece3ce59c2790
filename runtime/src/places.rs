//! Places for connections, and word to those who hold one when places are lacking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// As many connections as there may be at one time.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// True while connections that do nothing are to go.
    crowd: watch::Sender<bool>,
    /// So many free places end the crowd. More than one: each change of mind wakes every connection, and with one place
    /// at a time thousands who come would wake a thousand each.
    enough: usize,
    /// Something other than places is lacking, until a connection is accepted again.
    lacking: AtomicBool,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(most)),
            crowd: watch::Sender::new(false),
            enough: (most / 8).max(1),
            lacking: AtomicBool::new(false),
        })
    }

    /// Waits for a place. While there is none, connections that do nothing hear of it.
    pub(crate) async fn take(self: &Arc<Self>) -> std::io::Result<Place> {
        if self.free.available_permits() == 0 {
            self.crowd.send_replace(true);
        }
        let permit = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .map_err(std::io::Error::other)?;
        Ok(Place {
            permit: Some(permit),
            places: Arc::clone(self),
        })
    }

    /// A connection could not be accepted, mostly for lack of file descriptors, of which idle connections hold some; or
    /// it could be again.
    pub(crate) fn lacking(&self, is_lacking: bool) {
        self.lacking.store(is_lacking, Ordering::Relaxed);
        if is_lacking {
            self.crowd.send_replace(true);
        } else {
            self.ease();
        }
    }

    /// Whether places are lacking, for whoever holds one.
    pub(crate) fn crowd(&self) -> watch::Receiver<bool> {
        self.crowd.subscribe()
    }

    fn ease(&self) {
        let is_enough = self.free.available_permits() >= self.enough;
        if is_enough && !self.lacking.load(Ordering::Relaxed) {
            self.crowd.send_if_modified(std::mem::take);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        self.places.ease();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crowd_ends_when_enough_places_are_free_and_not_before() {
        let places = Places::new(16);
        let crowd = places.crowd();
        let mut taken = Vec::new();
        for _ in 0..16 {
            taken.push(places.take().await.unwrap());
        }
        assert!(!*crowd.borrow(), "nobody waits yet");
        let waits = tokio::time::timeout(std::time::Duration::from_millis(10), places.take());
        assert!(waits.await.is_err(), "a place too many");
        assert!(*crowd.borrow());
        taken.pop();
        assert!(*crowd.borrow(), "one place is not enough");
        taken.pop();
        assert!(!*crowd.borrow());
    }

    #[tokio::test]
    async fn what_else_is_lacking_makes_a_crowd_until_it_is_there_again() {
        let places = Places::new(16);
        let crowd = places.crowd();
        places.lacking(true);
        drop(places.take().await.unwrap());
        assert!(*crowd.borrow(), "free places do not help");
        places.lacking(false);
        assert!(!*crowd.borrow());
    }
}
