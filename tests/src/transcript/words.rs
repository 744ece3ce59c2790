//! English that reads like work on a small program, and program text that reads like a program.

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

/// One of the list.
pub(crate) fn pick(rng: &mut SmallRng, list: &[&'static str]) -> &'static str {
    list.choose(rng).copied().unwrap_or_default()
}

const FILES: &[&str] = &[
    "src/booking/slots.rs",
    "src/booking/mod.rs",
    "src/api/routes.rs",
    "src/api/errors.rs",
    "src/store/postgres.rs",
    "src/store/memory.rs",
    "src/clock.rs",
    "src/mail/outbox.rs",
    "src/main.rs",
    "tests/booking.rs",
    "tests/outbox.rs",
    "migrations/0007_add_holds.sql",
    "web/src/calendar.ts",
    "web/src/api/client.ts",
    "docs/operations.md",
    "Cargo.toml",
    "README.md",
    "scripts/seed.py",
];
const NAMES: &[&str] = &[
    "free_slots",
    "hold_expires_at",
    "confirm_booking",
    "OutboxWorker",
    "send_reminder",
    "parse_window",
    "RetryPolicy",
    "TimeZone",
    "cancel_hold",
    "BookingError",
    "list_calendars",
    "with_transaction",
    "from_row",
    "rate_limit",
];
const THINGS: &[&str] = &[
    "the expiry of held slots",
    "the reminder mail",
    "the retry of failed deliveries",
    "the calendar's time zone",
    "the page of free slots",
    "the migration for holds",
    "the seed data",
    "the health route",
    "the error type",
    "the query behind the weekly view",
    "the test that waits for the worker",
    "the import of old bookings",
];
const REASONS: &[&str] = &[
    "it compares local time with UTC",
    "two workers may take the same row",
    "the index is missing on that column",
    "the error is swallowed one level up",
    "the test relies on the order of a map",
    "the clock is read twice",
    "the pool is exhausted under load",
    "the value is cached for a minute",
    "an empty list is taken for a failure",
];
const REQUESTS: &[&str] = &[
    "Please look at {thing}: users report that {reason}.",
    "Can you add a test for {thing}? I believe {reason}.",
    "Change {name} so that {thing} no longer depends on the clock.",
    "Why is {thing} slow? I suspect that {reason}.",
    "Refactor {file}; {name} has grown too long.",
    "Write down in the docs how {thing} works.",
    "The build is red since yesterday, something about {name} in {file}.",
    "Rename {name} and update all callers.",
];
const SENTENCES: &[&str] = &[
    "Let me look at {file} first.",
    "I found it: in {name}, {reason}.",
    "Now I will change {name} in {file}.",
    "The tests cover {thing}, but not the case where {reason}.",
    "That explains the failure: {reason}.",
    "Next I will run the tests again.",
    "{name} is called in three places, so a small change is enough.",
    "I will keep the signature of {name} as it is.",
    "This also affects {thing}.",
    "Done with {file}; {thing} is next.",
];
const THOUGHTS: &[&str] = &[
    "The user wants me to look at {thing}. ",
    "If {reason}, then {name} returns early and nothing is written. ",
    "I should check {file} before I change anything. ",
    "A smaller fix is better here: only {name} has to change. ",
    "Perhaps {reason}; a test would show it. ",
    "Let me think about what happens on a daylight saving day. ",
];
const CODE: &[&str] = &[
    "let now = clock.now();",
    "if hold.expires_at <= now {",
    "    return Err(BookingError::Expired(hold.id));",
    "}",
    "let rows = sqlx::query_as!(Slot, \"select * from slots where day = $1\", day)",
    "    .fetch_all(&self.pool)",
    "    .await?;",
    "for slot in rows {",
    "    free.push(slot.window());",
    "pub fn free_slots(&self, day: Date) -> Vec<Slot> {",
    "tracing::debug!(%day, count = free.len(), \"free slots\");",
    "// Held slots count as taken until they expire.",
    "",
    "#[derive(Debug, Clone, PartialEq)]",
    "let policy = RetryPolicy::exponential(3).with_jitter(0.2);",
    "match outcome {",
    "    Ok(receipt) => self.mark_sent(receipt).await,",
    "    Err(error) if error.is_transient() => self.requeue(id).await,",
];
const LOG: &[&str] = &[
    "test booking::expired_holds_are_free ... ok",
    "test booking::a_hold_blocks_a_slot ... ok",
    "   Compiling harbour v0.4.2 (/workspace)",
    "test outbox::a_failed_mail_is_sent_again ... ok",
    "warning: unused variable: `window`",
    "    Finished `test` profile [unoptimized + debuginfo] target(s) in 4.31s",
    "INFO outbox: delivered id=4821 attempt=1",
    "INFO api: GET /v1/slots?day=2026-11-02 200 12ms",
    "DEBUG store: 18 rows in 3ms",
    "src/booking/slots.rs:88: pub fn free_slots(&self, day: Date)",
    "M src/booking/slots.rs",
    "?? tests/holds.rs",
    "Zürich, São Paulo and 東京 have bookings today ✓",
];

/// A file of the project.
pub(crate) fn file(rng: &mut SmallRng) -> &'static str {
    pick(rng, FILES)
}

/// A name that occurs in the project.
pub(crate) fn name(rng: &mut SmallRng) -> &'static str {
    pick(rng, NAMES)
}

/// What something is about, e.g. a task.
pub(crate) fn thing(rng: &mut SmallRng) -> &'static str {
    pick(rng, THINGS)
}

fn filled(rng: &mut SmallRng, from: &[&'static str]) -> String {
    let template = pick(rng, from);
    template
        .replace("{thing}", thing(rng))
        .replace("{reason}", pick(rng, REASONS))
        .replace("{name}", &format!("`{}`", name(rng)))
        .replace("{file}", &format!("`{}`", file(rng)))
}

/// What a person asks for.
pub(crate) fn request(rng: &mut SmallRng) -> String {
    filled(rng, REQUESTS)
}

/// What an agent says on the way.
pub(crate) fn remark(rng: &mut SmallRng) -> String {
    let count = rng.random_range(1..=3);
    (0..count)
        .map(|_| filled(rng, SENTENCES))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What an agent thinks.
pub(crate) fn thought(rng: &mut SmallRng) -> String {
    let count = rng.random_range(2..=8);
    (0..count).map(|_| filled(rng, THOUGHTS)).collect()
}

/// What an agent says at the end, in Markdown.
pub(crate) fn summary(rng: &mut SmallRng) -> String {
    let points = rng.random_range(2..=5);
    let list: Vec<String> = (0..points).map(|_| filled(rng, SENTENCES)).collect();
    format!(
        "{}\n\n## What changed\n\n- {}\n\nAll tests pass.",
        remark(rng),
        list.join("\n- ")
    )
}

fn lines(rng: &mut SmallRng, from: &[&'static str], count: usize) -> String {
    let mut text = String::with_capacity(count * 48);
    for line in 0..count {
        if line > 0 {
            text.push('\n');
        }
        text.push_str(pick(rng, from));
    }
    text
}

/// Program text of so many lines.
pub(crate) fn code(rng: &mut SmallRng, count: usize) -> String {
    lines(rng, CODE, count)
}

/// What a command prints, of so many lines.
pub(crate) fn log(rng: &mut SmallRng, count: usize) -> String {
    lines(rng, LOG, count)
}

/// A length as real outputs have it: most short, some long, few very long.
pub(crate) fn length(rng: &mut SmallRng) -> usize {
    match rng.random_range(0..1000) {
        0..700 => rng.random_range(1..=14),
        700..950 => rng.random_range(15..=80),
        950..995 => rng.random_range(80..=600),
        _ => rng.random_range(600..=1_800),
    }
}
