//! What was signed holds for a while, and once. Discord signs no nonce: the timestamp and the interaction's own id are
//! all there is against a request sent again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How far a timestamp may lie from our clock, both ways, in seconds.
pub(super) const WINDOW: u64 = 300;
/// Ids kept: 27 a second for as long as they count. Only signed ones get here.
const MAX_IDS: usize = 16_384;

/// Whether a timestamp header is seconds since 1970, in decimal, near `now`.
pub(super) fn fresh(timestamp: &[u8], now: u64) -> bool {
    if timestamp.is_empty() || timestamp.len() > 20 || !timestamp.iter().all(u8::is_ascii_digit) {
        return false;
    }
    std::str::from_utf8(timestamp)
        .ok()
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|time| time.abs_diff(now) <= WINDOW)
}

/// Ids seen within the window. When there are too many, the oldest go first: what an input or a stop queues is known to
/// the store by the same id, so a request repeated after that, or at another replica, still queues nothing twice.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<u64>,
    /// With the second until which each counts, oldest first.
    order: VecDeque<(u64, u64)>,
}

impl Seen {
    /// Notes the id; whether it is new.
    pub(super) fn first(&self, id: u64, now: u64) -> bool {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(old, until)) = ids.order.front() {
            if until >= now && ids.order.len() < MAX_IDS {
                break;
            }
            ids.order.pop_front();
            ids.known.remove(&old);
        }
        if !ids.known.insert(id) {
            return false;
        }
        // A timestamp may lie ahead by the window and is good for another one after that.
        ids.order.push_back((id, now + 2 * WINDOW));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_both_ways_are_fresh_and_a_second_more_is_not() {
        let now = 1_800_000_000_u64;
        for (time, good) in [
            (now, true),
            (now - 300, true),
            (now + 300, true),
            (now - 301, false),
            (now + 301, false),
            (0, false),
        ] {
            assert_eq!(fresh(time.to_string().as_bytes(), now), good, "{time}");
        }
    }

    #[test]
    fn only_plain_digits_are_a_timestamp() {
        for wrong in [
            "",
            " 1800000000",
            "+1800000000",
            "1800000000.0",
            "-1",
            "0x6b49d200",
            "99999999999999999999",
            "111111111111111111111",
        ] {
            assert!(!fresh(wrong.as_bytes(), 1_800_000_000), "{wrong}");
        }
        assert!(!fresh(&[0xff, 0xfe], 1_800_000_000));
    }

    #[test]
    fn an_id_counts_once_until_no_timestamp_of_it_can_be_fresh() {
        let seen = Seen::default();
        assert!(seen.first(7, 1000));
        assert!(!seen.first(7, 1000));
        assert!(seen.first(8, 1000));
        assert!(!seen.first(7, 1000 + 2 * WINDOW));
        assert!(seen.first(7, 1000 + 2 * WINDOW + 1));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest_first() {
        let seen = Seen::default();
        let more = MAX_IDS as u64 + 10;
        for id in 0..more {
            assert!(seen.first(id, 1000));
        }
        let ids = seen.0.lock().unwrap();
        assert_eq!((ids.known.len(), ids.order.len()), (MAX_IDS, MAX_IDS));
        assert!(!ids.known.contains(&0) && ids.known.contains(&(more - 1)));
    }
}
