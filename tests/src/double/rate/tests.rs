//! The limits over a clock moved by hand.

use super::*;

fn send(webhook: &str, channel: &str) -> Keys {
    Keys {
        bucket: format!("POST {webhook}"),
        shown: "b".into(),
        hidden: Some(format!("channel {channel}")),
        bot: false,
        free: false,
    }
}

const fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_sixth_send_within_two_seconds_waits_for_the_window_and_no_longer() {
    let (limits, mut all) = (RateLimits::default(), Limiter::default());
    for n in 0..5 {
        let verdict = all.check(&limits, at(n * 10), &send("a", "c"));
        assert!(verdict.limited.is_none(), "send {n}");
        let remaining = u64::from(verdict.shown.unwrap().remaining);
        assert_eq!(remaining, 4 - n);
    }
    let verdict = all.check(&limits, at(500), &send("a", "c"));
    let limited = verdict.limited.unwrap();
    assert_eq!(
        (limited.scope, limited.retry_after),
        (Scope::User, at(1500))
    );
    assert!(verdict.disobeyed, "Remaining was 0 and the reset not over");
    let other = all.check(&limits, at(500), &send("b", "d"));
    assert!(other.limited.is_none() && !other.disobeyed);
    assert!(
        all.check(&limits, at(1999), &send("a", "c"))
            .limited
            .is_some()
    );
    let after = all.check(&limits, at(2000), &send("a", "c"));
    assert!(after.limited.is_none() && !after.disobeyed);
}

#[test]
fn the_channel_limit_bites_although_the_headers_show_requests_left() {
    let (limits, mut all) = (RateLimits::default(), Limiter::default());
    for n in 0..30 {
        let verdict = all.check(&limits, at(n * 500), &send("a", "c"));
        assert!(verdict.limited.is_none(), "send {n}");
    }
    let verdict = all.check(&limits, at(16_000), &send("a", "c"));
    assert!(
        !verdict.disobeyed,
        "nobody can know the hidden limit beforehand"
    );
    assert!(verdict.shown.unwrap().remaining > 0);
    let limited = verdict.limited.unwrap();
    assert_eq!(
        (limited.scope, limited.retry_after),
        (Scope::Shared, at(44_000))
    );
    // Another webhook of the same channel shares it, and now the sender has been told.
    let other = all.check(&limits, at(59_999), &send("b", "c"));
    assert!(other.limited.is_some() && other.disobeyed);
    assert!(
        all.check(&limits, at(60_000), &send("b", "c"))
            .limited
            .is_none()
    );
}

#[test]
fn the_global_limit_counts_over_all_webhooks() {
    let (limits, mut all) = (RateLimits::default(), Limiter::default());
    for n in 0..50 {
        let id = n.to_string();
        assert!(all.check(&limits, at(n), &send(&id, &id)).limited.is_none());
    }
    let limited = all
        .check(&limits, at(100), &send("x", "x"))
        .limited
        .unwrap();
    assert_eq!(
        (limited.scope, limited.retry_after),
        (Scope::Global, at(900))
    );
    assert!(
        all.check(&limits, at(1000), &send("x", "x"))
            .limited
            .is_none()
    );
}

#[test]
fn refused_answers_within_the_window_add_up_to_a_ban() {
    let limits = RateLimits {
        ban: Some(Window::new(3, 1000)),
        ban_ms: 5000,
        ..RateLimits::default()
    };
    let mut all = Limiter::default();
    for ms in [0, 1000, 1500] {
        all.refused(&limits, at(ms));
    }
    assert_eq!(all.banned(at(1500)), None, "the first one had aged out");
    all.refused(&limits, at(1600));
    assert_eq!(all.banned(at(1600)), Some(at(5000)));
    assert_eq!(all.banned(at(6600)), None);
}
