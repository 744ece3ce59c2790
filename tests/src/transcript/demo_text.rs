//! What is said in the session of the demo.

pub(crate) const REQUEST: &str = "The test `a_failed_mail_is_sent_again` fails about once in twenty CI runs. Please find out why, repair it so that \
     it cannot come back, and open a pull request.";

pub(crate) const THOUGHT: &str = "A test that fails once in twenty runs: either it depends on real time or on an order that is not given. I should \
     reproduce it before I change anything, otherwise I cannot show that it is repaired.";

pub(crate) const PLAN: &str = "I'll reproduce the failure first, then look for its cause.";

pub(crate) const TODOS: &[(&str, &str)] = &[
    ("Reproduce the failure", "Reproducing the failure"),
    (
        "Find the cause and similar places",
        "Finding the cause and similar places",
    ),
    (
        "Repair the outbox and its test",
        "Repairing the outbox and its test",
    ),
    ("Run the test 200 times", "Running the test 200 times"),
    ("Open a pull request", "Opening a pull request"),
];

pub(crate) const LOOK: &str = "Let me see where the test is and what it waits for.";

pub(crate) const GIT_LOG: &str = "b41c9e7 api: answer 409 when a slot is taken\n\
    7f20d13 outbox: back off between attempts\n\
    e5a8806 booking: holds expire after ten minutes";

pub(crate) const TEST_BEFORE: &str = "use harbour::mail::{Outbox, Receipt};
use std::time::Duration;
mod support;

#[tokio::test]
async fn a_failed_mail_is_sent_again() {
    let server = support::mail_server().failing_once().start().await;
    let outbox = Outbox::new(server.address());
    outbox.push(\"guest@example.com\", \"Your booking\").await;

    // The second attempt comes after 100 ms.
    tokio::time::sleep(Duration::from_millis(120)).await;

    assert_eq!(outbox.receipts().await, [Receipt::sent(2)]);
}
";

pub(crate) const REPRODUCE: &str = "The test sleeps 120 ms and expects the second attempt to be over by then. I'll run it until it fails.";

pub(crate) const FAILURE: &str = "running 1 test
a_failed_mail_is_sent_again --- FAILED

thread 'a_failed_mail_is_sent_again' panicked at tests/outbox.rs:14:5:
assertion `left == right` failed
  left: []
 right: [Receipt { attempts: 2 }]

test result: FAILED. 0 passed; 1 failed; finished in 0.13s";

pub(crate) const CAUSE: &str = "Reproduced after 23 runs. The test has a margin of **20 ms**, and the outbox adds up to 50 % jitter to its 100 ms \
     pause: whenever the jitter is large, the test looks too early.";

pub(crate) const DELEGATE: &str =
    "Before I repair it, I want to know whether other code reads the wall clock in the same way.";

pub(crate) const TASK: &str = "Find every place in src/ and tests/ that reads the wall clock directly instead of using the `Clock` trait. Report \
     file, line and whether a test depends on it.";

pub(crate) const CLOCKS: &str =
    "src/mail/outbox.rs:14:        let due = Instant::now() + self.policy.pause(attempt);
src/clock.rs:9:        SystemTime::now()";

pub(crate) const CLOCK: &str = "/// Where the program takes the time from.
pub trait Clock: Send + Sync {
    fn now(&self) -> SystemTime;
}

pub struct WallClock;
impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
";

pub(crate) const REPORT: &str = "Only `src/mail/outbox.rs:14` reads the time directly. `src/clock.rs` has a `Clock` trait that everything else uses; \
     the outbox was written before it existed. No other test depends on real time.";

pub(crate) const SEARCH: &str =
    "One place only. Let me check how tokio's paused time behaves with spawned tasks.";

pub(crate) const SEARCH_RESULT: &str = "With `#[tokio::test(start_paused = true)]` the clock stands still and moves on by itself to the next timer as soon \
     as no task has anything to do. It needs the current-thread runtime.";

pub(crate) const REPAIR: &str = "That is what we need. The outbox shall take its time from tokio's clock and its jitter from a source that a test can set.";

pub(crate) const OUTBOX: &str = "impl Outbox {
    async fn deliver(&self, mail: Mail) -> Receipt {
        for attempt in 1.. {
            match self.transport.send(&mail).await {
                Ok(()) => return Receipt::sent(attempt),
                Err(error) => tracing::warn!(%error, attempt, \"mail not sent\"),
            }
            let due = Instant::now() + self.policy.pause(attempt);
            tokio::time::sleep_until(due.into()).await;
        }
    }
}
";

pub(crate) const OUTBOX_OLD: &str =
    "            let due = Instant::now() + self.policy.pause(attempt);
            tokio::time::sleep_until(due.into()).await;";

pub(crate) const OUTBOX_NEW: &str =
    "            // Relative to the runtime's clock: a test can stop it.
            tokio::time::sleep(self.policy.pause(attempt, &self.jitter)).await;";

pub(crate) const HELPER: &str = "Now a helper that gives tests a jitter of their own.";

pub(crate) const FAKE_CLOCK: &str = "//! Time that tests control.

use harbour::mail::Jitter;

/// Always the largest pause that the policy allows: the worst case, each time.
pub fn worst_jitter() -> Jitter {
    Jitter::fixed(1.0)
}
";

pub(crate) const TRY: &str = "Let me run the tests of the outbox.";

pub(crate) const COMPILE_ERROR: &str =
    "error[E0061]: this function takes 2 arguments but 1 argument was supplied
  --> tests/outbox.rs:8:18
   |
 8 |     let outbox = Outbox::new(server.address());
   |                  ^^^^^^^^^^^------------------ argument #2 of type `Jitter` is missing
error: could not compile `harbour` (test \"outbox\") due to 1 previous error";

pub(crate) const FIX_TEST: &str = "As expected: the test has to pass the jitter, and it can wait for the receipt instead of sleeping.";

pub(crate) const TEST_OLD: &str = "    let outbox = Outbox::new(server.address());
    outbox.push(\"guest@example.com\", \"Your booking\").await;

    // The second attempt comes after 100 ms.
    tokio::time::sleep(Duration::from_millis(120)).await;

    assert_eq!(outbox.receipts().await, [Receipt::sent(2)]);";

pub(crate) const TEST_NEW: &str =
    "    let outbox = Outbox::new(server.address(), support::worst_jitter());
    outbox.push(\"guest@example.com\", \"Your booking\").await;

    assert_eq!(outbox.next_receipt().await, Receipt::sent(2));";

pub(crate) const PROVE: &str = "Now the proof: 200 runs in a row.";

pub(crate) const MANY: &str = "200 runs, 200 passed, 0 failed (slowest 0.02s)";

pub(crate) const ALL_TESTS: &str = "   Compiling harbour v0.4.2
     Running unittests src/lib.rs
test result: ok. 84 passed; 0 failed; 0 ignored; finished in 0.61s
     Running tests/booking.rs
test result: ok. 31 passed; 0 failed; 0 ignored; finished in 0.44s
     Running tests/outbox.rs
test result: ok. 9 passed; 0 failed; 0 ignored; finished in 0.05s";

pub(crate) const PUBLISH: &str = "All green. I'll commit and open the pull request.";

pub(crate) const PR_URL: &str = "https://github.com/harbour-booking/harbour/pull/318";

pub(crate) const ANSWER: &str = "The flaky test is repaired: https://github.com/harbour-booking/harbour/pull/318

**Cause.** The test slept 120 ms and expected the second attempt after 100 ms, but the outbox adds up to 50 % jitter. \
With a jitter above 20 ms the test looked too early.

**Repair.**
- `src/mail/outbox.rs` sleeps on the runtime's clock and takes its jitter from outside.
- `tests/outbox.rs` waits for the receipt instead of sleeping, with the largest jitter there can be.
- `tests/support/fake_clock.rs` is new.

**Proof.** 200 runs in a row pass, and so do all 124 tests. No other code reads the wall clock directly.";
