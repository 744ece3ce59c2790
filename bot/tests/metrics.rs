//! The figures of a run's life, as a Prometheus would read them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use support::discord::{Discord, buckets};
use support::eventually;
use support::life::{API, Life, config, run, say};

/// One reading of the admin port.
struct Page(String);

impl Page {
    async fn read(bot: &Life) -> Self {
        Self(bot.admin("/metrics").await)
    }

    /// The sample of this name with all of these labels.
    fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.0.lines().find_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let series = series.strip_prefix("discord_bot_")?;
            let (found, told) = series.split_once('{').unwrap_or((series, ""));
            let fits = |(key, value): &(&str, &str)| told.contains(&format!("{key}=\"{value}\""));
            (found == name && labels.iter().all(fits)).then(|| value.parse().unwrap())
        })
    }

    fn is(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        assert_eq!(
            self.get(name, labels),
            Some(value),
            "{name} {labels:?} in {}",
            self.0
        );
    }

    /// How often a route came to this status.
    fn calls(&self, route: &str, status: &str) -> Option<f64> {
        let labels = [("route", route), ("status", status)];
        self.get("discord_calls_total", &labels)
    }
}

/// Waits for a gauge, which the engine's next turn sets.
async fn gauge(bot: &Life, name: &str, value: f64) {
    let what = format!("{name} is {value}");
    eventually(&what, async || {
        (Page::read(bot).await.get(name, &[]) == Some(value)).then_some(())
    })
    .await;
}

const HOOK: &str = "/webhooks/{webhook}/{token}";

#[tokio::test]
async fn a_life_is_told_in_figures() {
    let limits = buckets(50, Duration::from_mins(5));
    let (discord, directory) = (Discord::limited(limits), tempfile::tempdir().unwrap());
    let bot = Life::start(Config {
        // Deleted as soon as it is archived.
        retention_ms: 1,
        ..config(&discord, directory.path())
    });
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let channel = answer["channelId"].as_str().unwrap();
    let token = answer["runToken"].as_str().unwrap();
    gauge(&bot, "runs_live", 1.0).await;
    let page = Page::read(&bot).await;
    page.is("runs_created_total", &[], 1.0);
    page.is("runs_creating", &[], 0.0);
    page.is("leader", &[], 1.0);
    assert!(page.calls("POST /guilds/{guild}/channels", "201") >= Some(1.0));
    assert_eq!(
        page.calls("POST /channels/{channel}/webhooks", "200"),
        Some(1.0)
    );
    assert_eq!(
        page.calls(&format!("POST {HOOK}"), "200"),
        Some(1.0),
        "the header"
    );
    let hooks = [("route", "POST /channels/{channel}/webhooks")];
    page.is("discord_buckets", &hooks, 1.0);
    page.is("discord_buckets_empty", &hooks, 0.0);
    page.is("discord_bucket_remaining", &hooks, 49.0);

    // Inputs wait, are fetched, and are no longer waited for.
    say(&discord, &bot.base, channel, "look").await;
    gauge(&bot, "input_waiting", 1.0).await;
    say(&discord, &bot.base, channel, "and here").await;
    gauge(&bot, "input_waiting", 2.0).await;
    let page = Page::read(&bot).await;
    let kind = [("kind", "input"), ("result", "queued")];
    page.is("interactions_total", &kind, 2.0);
    page.is("interaction_time_seconds_count", &[], 2.0);
    let oldest = page.get("input_oldest_seconds", &[]).unwrap();
    assert!(oldest > 0.0 && oldest < 3600.0, "{oldest}");
    for after in [0, 2] {
        // The second asks for what comes after them, and so acknowledges both; nothing comes.
        let path = format!("/runs/{channel}/input?after={after}");
        let asked = bot.ask(Method::GET, &path, token, None);
        if after == 0 {
            assert_eq!(asked.await.0, 200);
        } else {
            tokio::select! {
                _ = asked => panic!("nothing more was said"),
                () = gauge(&bot, "input_waiting", 0.0) => {}
            }
        }
    }
    Page::read(&bot).await.is("input_oldest_seconds", &[], 0.0);

    let end = Some(json!({ "status": "succeeded" }));
    let path = format!("/runs/{channel}/finalize");
    assert_eq!(bot.ask(Method::POST, &path, token, end).await.0, 202);
    gauge(&bot, "runs_cleaned_total", 1.0).await;
    gauge(&bot, "runs_live", 0.0).await;
    gauge(&bot, "runs_finished", 0.0).await;
    let page = Page::read(&bot).await;
    page.is("runs_created_total", &[], 1.0);
    assert_eq!(page.calls("DELETE /channels/{channel}", "200"), Some(1.0));
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_was_not_created_again() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let bot = Life::start(config(&discord, directory.path()));
    let (_, answer) = bot.register(run("t", "aaaa1111")).await;
    let path = format!("/runs/{}", answer["channelId"].as_str().unwrap());
    let end = Some(json!({ "status": "unknown" }));
    let token = answer["runToken"].as_str().unwrap();
    bot.ask(Method::POST, &format!("{path}/finalize"), token, end)
        .await;
    let state = async |word: &str| {
        eventually(word, async || {
            let (_, run): (_, Value) = bot.ask(Method::GET, &path, API, None).await;
            (run["state"] == word).then_some(())
        })
        .await;
    };
    state("archived").await;
    assert_eq!(bot.register(run("t", "aaaa1111")).await.0, 200);
    state("live").await;
    Page::read(&bot).await.is("runs_created_total", &[], 1.0);
}
