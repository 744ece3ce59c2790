//! Rate limits as the server states them. Nothing is hard-coded: Discord says per answer which bucket a route belongs
//! to, how much is left and when it fills again (developers/topics/rate-limits.mdx).

use crate::answer::seconds;
use http::HeaderMap;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Buckets remembered; the stalest ones go first. A watcher has two, a bot a few a run.
const MAX_BUCKETS: usize = 4096;

/// A route as rate limits see it: what is called, and on which top-level resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// Method and path template.
    pub name: &'static str,
    /// Hash of the top-level resource: all webhooks report one bucket name (discord-api-docs #6753), so the name
    /// alone would make every run share one limit.
    pub major: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Before the first answer, or for answers that name no bucket.
    Route(Route),
    Bucket(String, u64),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    remaining: u64,
    reset: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Which bucket a route was last said to be in.
    routes: HashMap<Route, Key>,
    buckets: HashMap<Key, Bucket>,
    /// No request at all before this time.
    global: Option<Instant>,
}

/// What is known of the rate limits of one route, over all resources it is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// Method and path template.
    pub route: &'static str,
    /// Buckets whose window still runs.
    pub open: usize,
    /// Of these, the ones that no call may go to before they fill again.
    pub empty: usize,
    /// The fewest calls that one of them has left.
    pub least: u64,
}

/// All limits one client knows.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    state: Mutex<State>,
}

impl Limiter {
    /// Waits until this route may be called, and takes one call from its bucket. Cancel-safe: a wait takes nothing.
    pub(crate) async fn acquire(&self, route: Route) {
        while let Some(until) = self.with(|state| state.take(route, Instant::now())) {
            tokio::time::sleep_until(until).await;
        }
    }

    /// The same, unless it would be waited for longer than `most`: then the answer is for how long, and nothing is taken.
    pub(crate) async fn acquire_within(
        &self,
        route: Route,
        most: Duration,
    ) -> Result<(), Duration> {
        while let Some(until) = self.with(|state| state.take(route, Instant::now())) {
            let left = until.saturating_duration_since(Instant::now());
            if left > most {
                return Err(left);
            }
            tokio::time::sleep_until(until).await;
        }
        Ok(())
    }

    /// Waits until this route may be called, and takes nothing.
    pub(crate) async fn ready(&self, route: Route) {
        while let Some(until) = self.with(|state| state.until(route, Instant::now())) {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Learns from the headers of any answer.
    pub(crate) fn learn(&self, route: Route, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let key = text("x-ratelimit-bucket").map_or(Key::Route(route), |bucket| {
            Key::Bucket(bucket.chars().take(128).collect(), route.major)
        });
        let remaining = text("x-ratelimit-remaining").and_then(|value| value.parse().ok());
        let reset = text("x-ratelimit-reset-after")
            .and_then(|value| value.parse().ok())
            .and_then(seconds);
        if let (Some(remaining), Some(reset)) = (remaining, reset) {
            self.with(|state| {
                let reset = Instant::now() + reset;
                state.make_room();
                state.routes.insert(route, key.clone());
                state.buckets.insert(key, Bucket { remaining, reset });
            });
        }
    }

    /// A 429: nothing on this route's bucket, or at all, before `after` has passed.
    pub(crate) fn block(&self, route: Route, after: Duration, global: bool) {
        let reset = Instant::now() + after;
        self.with(|state| {
            if global {
                state.global = Some(state.global.map_or(reset, |other| other.max(reset)));
                return;
            }
            state.make_room();
            let key = state.key(route);
            state.buckets.insert(
                key,
                Bucket {
                    remaining: 0,
                    reset,
                },
            );
        });
    }

    /// The buckets whose window runs now, by route. Routes that share a bucket each show it.
    pub(crate) fn survey(&self) -> Vec<Buckets> {
        let now = Instant::now();
        let mut found = BTreeMap::new();
        self.with(|state| {
            let told = state.routes.iter().map(|(route, key)| (route.name, key));
            // A 429 that named no bucket holds its route alone.
            let untold = state.buckets.keys().filter_map(|key| match key {
                Key::Route(route) if !state.routes.contains_key(route) => Some((route.name, key)),
                _ => None,
            });
            for (route, key) in told.chain(untold) {
                let Some(bucket) = state.buckets.get(key).filter(|one| one.reset > now) else {
                    continue;
                };
                let all = found.entry(route).or_insert(Buckets {
                    route,
                    open: 0,
                    empty: 0,
                    least: u64::MAX,
                });
                all.open += 1;
                all.empty += usize::from(bucket.remaining == 0);
                all.least = all.least.min(bucket.remaining);
            }
        });
        found.into_values().collect()
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn key(&self, route: Route) -> Key {
        self.routes
            .get(&route)
            .cloned()
            .unwrap_or(Key::Route(route))
    }

    /// Until when to wait, if at all.
    fn until(&mut self, route: Route, now: Instant) -> Option<Instant> {
        if let Some(until) = self.global.filter(|until| *until > now) {
            return Some(until);
        }
        let key = self.key(route);
        let bucket = *self.buckets.get(&key)?;
        if bucket.reset <= now {
            // Full again, to an amount the next answer will tell.
            self.buckets.remove(&key);
            return None;
        }
        (bucket.remaining == 0).then_some(bucket.reset)
    }

    /// Takes one call, or says until when to wait.
    fn take(&mut self, route: Route, now: Instant) -> Option<Instant> {
        let until = self.until(route, now);
        if until.is_none() {
            let key = self.key(route);
            if let Some(bucket) = self.buckets.get_mut(&key) {
                bucket.remaining -= 1;
            }
        }
        until
    }

    fn make_room(&mut self) {
        if self.buckets.len() >= MAX_BUCKETS {
            let now = Instant::now();
            self.buckets.retain(|_, bucket| bucket.reset > now);
        }
        if self.buckets.len() >= MAX_BUCKETS || self.routes.len() >= MAX_BUCKETS {
            // Forgetting costs at most one 429 a route.
            self.buckets.clear();
            self.routes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: Route = Route {
        name: "POST",
        major: 1,
    };

    fn headers(bucket: &str, remaining: &str, reset_after: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert("x-ratelimit-bucket", bucket.parse().unwrap());
        map.insert("x-ratelimit-remaining", remaining.parse().unwrap());
        map.insert("x-ratelimit-reset-after", reset_after.parse().unwrap());
        map
    }

    /// Milliseconds of virtual time that `acquire` waits.
    async fn waits(limiter: &Limiter, route: Route) -> u128 {
        let start = Instant::now();
        limiter.acquire(route).await;
        start.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_is_waited_for_and_others_are_not() {
        let limiter = Limiter::default();
        limiter.learn(POST, &headers("b", "1", "1.5"));
        assert_eq!(waits(&limiter, POST).await, 0);
        assert_eq!(
            waits(
                &limiter,
                Route {
                    name: "POST",
                    major: 2
                }
            )
            .await,
            0
        );
        assert!(waits(&limiter, POST).await >= 1500);
        assert_eq!(waits(&limiter, POST).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_be_waited_for_too_long_is_said_at_once_and_takes_nothing() {
        let limiter = Limiter::default();
        limiter.learn(POST, &headers("b", "0", "600"));
        let (start, most) = (Instant::now(), Duration::from_secs(30));
        let left = limiter.acquire_within(POST, most).await.unwrap_err();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(left > Duration::from_secs(590), "{left:?}");
        tokio::time::sleep(Duration::from_secs(580)).await;
        assert_eq!(limiter.acquire_within(POST, most).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn routes_of_one_bucket_share_it() {
        let limiter = Limiter::default();
        let patch = Route {
            name: "PATCH",
            major: 1,
        };
        limiter.learn(patch, &headers("b", "5", "1"));
        limiter.learn(POST, &headers("b", "0", "1"));
        assert!(waits(&limiter, patch).await >= 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_global_limit_holds_every_route() {
        let limiter = Limiter::default();
        limiter.block(POST, Duration::from_secs(3), true);
        assert!(
            waits(
                &limiter,
                Route {
                    name: "PATCH",
                    major: 7
                }
            )
            .await
                >= 3000
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_route_without_a_known_bucket_waits() {
        let limiter = Limiter::default();
        limiter.block(POST, Duration::from_millis(1337), false);
        let waited = waits(&limiter, POST).await;
        assert!((1337..1345).contains(&waited), "{waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_survey_tells_the_buckets_whose_window_runs_by_route() {
        let limiter = Limiter::default();
        let on = |name, major| Route { name, major };
        limiter.learn(on("POST", 1), &headers("b", "4", "10"));
        limiter.learn(on("POST", 2), &headers("b", "0", "10"));
        limiter.learn(on("PATCH", 1), &headers("c", "1", "1"));
        limiter.block(on("GET", 1), Duration::from_secs(10), false);
        tokio::time::advance(Duration::from_secs(2)).await;
        let of = |route, open, empty, least| Buckets {
            route,
            open,
            empty,
            least,
        };
        assert_eq!(
            limiter.survey(),
            [of("GET", 1, 1, 0), of("POST", 2, 1, 0)],
            "what is full again is not counted"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let limiter = Limiter::default();
        for major in 0..2 * MAX_BUCKETS as u64 {
            let route = Route {
                name: "POST",
                major,
            };
            limiter.learn(route, &headers("b", "0", "100"));
        }
        assert!(limiter.with(|state| state.buckets.len()) <= MAX_BUCKETS);
    }
}
