//! How soon a message that is not full may follow the last one.
//!
//! Beside the limit that Discord shows (5 messages in 2 s) there is a hidden one of 30 a minute and channel
//! (discord-api-docs 367). Whoever runs into it is silent for most of a minute, and at the end of a run that minute is
//! not there. So the fuller the last minute, the longer a message waits for company; some of the 30 stay free for the
//! end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The window of the hidden limit.
const WINDOW: Duration = Duration::from_mins(1);
/// Messages a minute that this sender takes for itself; the rest of the 30 is for the end of the run and for others.
const SHARE: usize = 26;
/// So many messages follow each other at once, as they do when little happens.
const BURST: usize = 8;
/// Pause between those.
const SHORT: Duration = Duration::from_millis(50);
/// Least pause for a minute after a 429.
const AFTER_LIMIT: Duration = Duration::from_millis(2500);
/// Starts remembered; the share asks for no more.
const REMEMBERED: usize = 32;

/// The starts of the last minute's messages.
#[derive(Debug, Default)]
pub(super) struct Pace {
    starts: VecDeque<Instant>,
    limited_at: Option<Instant>,
}

impl Pace {
    /// Notes that a message starts.
    pub(super) fn started(&mut self, now: Instant) {
        if self.starts.len() == REMEMBERED {
            self.starts.pop_front();
        }
        self.starts.push_back(now);
    }

    /// Notes that Discord asked to wait.
    pub(super) fn limited(&mut self, now: Instant) {
        self.limited_at = Some(now);
    }

    /// When the next message that is not full may start: what is left of the share is spread over the time until the
    /// oldest start leaves the window.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let Some(last) = self.starts.back() else {
            return now;
        };
        let is_recent = |at: &&Instant| now.duration_since(**at) < WINDOW;
        let recent = self.starts.iter().filter(is_recent).count();
        let oldest = self.starts.iter().find(is_recent).unwrap_or(last);
        let left = u32::try_from(SHARE.saturating_sub(recent).max(1)).unwrap_or(1);
        let spread = (*oldest + WINDOW).duration_since(*last) / left;
        let pause = if recent < BURST {
            SHORT
        } else {
            spread.max(SHORT)
        };
        let limited = self.limited_at.as_ref().is_some_and(|at| is_recent(&at));
        *last
            + if limited {
                pause.max(AFTER_LIMIT)
            } else {
                pause
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages in each of five minutes in which there is always something to say.
    fn burst(mut pace: Pace, start: Instant) -> Vec<Instant> {
        let mut sent = vec![start];
        pace.started(start);
        let mut now = start;
        while now < start + 5 * WINDOW {
            // As the loop does: it asks again when the time has come.
            let next = pace.next(now).max(now);
            if next > now {
                now = next;
                continue;
            }
            pace.started(now);
            sent.push(now);
        }
        sent
    }

    fn most_in_any_minute(sent: &[Instant]) -> usize {
        let minute = |from: &Instant| {
            sent.iter()
                .filter(|at| **at >= *from && **at < *from + WINDOW)
                .count()
        };
        sent.iter().map(minute).max().unwrap()
    }

    #[test]
    fn the_first_message_and_one_after_a_silence_go_at_once() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.next(now), now);
        pace.started(now);
        assert_eq!(pace.next(now), now + SHORT);
        assert!(pace.next(now + WINDOW) < now + WINDOW);
    }

    #[test]
    fn a_burst_stays_under_the_hidden_limit_of_thirty_a_minute_and_uses_what_it_may() {
        let sent = burst(Pace::default(), Instant::now());
        assert!(
            most_in_any_minute(&sent) <= SHARE + 1,
            "{}",
            most_in_any_minute(&sent)
        );
        assert!(sent.len() > 4 * 20, "{} in five minutes", sent.len());
    }

    #[test]
    fn events_that_come_no_faster_than_one_in_two_and_a_half_seconds_never_wait() {
        for millis in [2500, 2600, 3000, 4000, 7000, 8571, 20_000] {
            let (mut pace, start) = (Pace::default(), Instant::now());
            for number in 0..200 {
                let now = start + Duration::from_millis(millis) * number;
                let wait = pace.next(now).saturating_duration_since(now);
                assert!(wait <= SHORT, "{wait:?} at one in {millis} ms");
                pace.started(now + wait);
            }
        }
    }

    #[test]
    fn the_messages_of_a_small_burst_and_those_long_after_one_wait_50_ms_at_most() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..BURST {
            let wait = pace.next(now).saturating_duration_since(now);
            assert!(wait <= SHORT, "{wait:?}");
            now += wait;
            pace.started(now);
        }
        // The next one pays for the burst, and says how much on the page.
        let wait = pace.next(now).saturating_duration_since(now);
        assert!(
            wait > SHORT && wait <= Duration::from_millis(3400),
            "{wait:?}"
        );
        let later = now + WINDOW;
        assert!(pace.next(later) <= later);
    }

    #[test]
    fn after_a_429_messages_keep_their_distance() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.limited(now);
        pace.started(now);
        assert_eq!(pace.next(now), now + AFTER_LIMIT);
    }

    #[test]
    fn the_memory_is_bounded() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        (0..1000).for_each(|_| pace.started(now));
        assert_eq!(pace.starts.len(), REMEMBERED);
    }
}
