use super::*;
use crate::config::Config;
use crate::desk::{InputKind, MAX_WAITING};
use crate::metrics::Metrics;
use crate::store::{Final, NewRun, State};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const GUILD: &str = "9";
const CHANNEL: &str = "77";

fn registration(bridge: bool) -> NewRun {
    NewRun {
        guild_id: GUILD.to_owned(),
        namespace: "agents".to_owned(),
        task_id: "Task_1".to_owned(),
        attempt: None,
        short_id: "abcd".to_owned(),
        caller: "a".to_owned(),
        title: Some("Fix 100% of it".to_owned()),
        links: Vec::new(),
        input: bridge,
        leased: true,
        retention_ms: None,
    }
}

/// An app over a store in `directory` with one live run.
async fn app(directory: &std::path::Path, ttl: Duration, bridge: bool) -> Arc<App> {
    let url = format!("sqlite://{}", directory.join("bot.db").display());
    let config = Config {
        database_url: url.into(),
        input_ttl: ttl,
        ..Config::default()
    };
    let store = Store::open(&config.database_url).await.unwrap();
    let new = registration(bridge);
    let id_of = |_| "id".to_owned();
    store.register(&new, id_of, now()).await.unwrap();
    store.made_channel("id", CHANNEL, None).await.unwrap();
    store
        .settle("id", State::Creating, State::Live, now())
        .await
        .unwrap();
    let metrics = Metrics::new(&mut prometheus_client::registry::Registry::default());
    let app = App::new(
        config,
        None,
        metrics,
        runtime::admin::Readiness::default(),
        None,
        CancellationToken::new(),
    );
    app.set_store(store);
    Arc::new(app)
}

fn input(source: &str, text: &str) -> NewInput {
    NewInput {
        kind: InputKind::Text,
        text: text.to_owned(),
        author: "someone".to_owned(),
        source: source.to_owned(),
    }
}

#[tokio::test]
async fn input_comes_in_order_and_again_until_it_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    for at in 1..=20 {
        let source = format!("s{at}");
        let queued = app
            .queue(GUILD, CHANNEL, input(&source, &source))
            .await
            .unwrap();
        assert_eq!(queued, Queued::Queued { seq: at });
    }
    let again = app.queue(GUILD, CHANNEL, input("s3", "s3")).await.unwrap();
    assert_eq!(again, Queued::Queued { seq: 3 }, "the same interaction");
    let stop = NewInput {
        kind: InputKind::Interrupt,
        ..input("stop", "")
    };
    app.queue(GUILD, CHANNEL, stop).await.unwrap();

    for _ in 0..2 {
        let items = store.poll("id", 0, now()).await.unwrap().items;
        assert_eq!(items.len(), 16, "at most so many at one time");
        let json = serde_json::to_value(&items[0]).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "seq": 1, "kind": "text", "text": "s1" })
        );
    }
    let items = store.poll("id", 16, now()).await.unwrap().items;
    let numbers: Vec<i64> = items.iter().map(|item| item.seq).collect();
    assert_eq!(numbers, [17, 18, 19, 20, 21]);
    let json = serde_json::to_value(&items[4]).unwrap();
    assert_eq!(json, serde_json::json!({ "seq": 21, "kind": "interrupt" }));
    let outcome = |seq| app.outcome(CHANNEL, seq, Duration::ZERO);
    assert_eq!(outcome(16).await.unwrap(), Some(Outcome::Delivered));
    assert_eq!(outcome(17).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_waits_for_an_outcome_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    app.queue(GUILD, CHANNEL, input("s", "t")).await.unwrap();
    let told = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.outcome(CHANNEL, 1, Duration::from_mins(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    app.store().unwrap().poll("id", 1, now()).await.unwrap();
    assert_eq!(told.await.unwrap().unwrap(), Some(Outcome::Delivered));
}

#[tokio::test]
async fn what_the_bridge_will_never_take_is_refused_and_what_follows_is_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    for source in ["a", "b", "c"] {
        app.queue(GUILD, CHANNEL, input(source, "t")).await.unwrap();
    }
    // A number beyond what is acknowledged is not this answer's to refuse.
    store.refuse_inputs("id", 2, &[1, 3]).await.unwrap();
    let items = store.poll("id", 2, now()).await.unwrap().items;
    assert_eq!(items.iter().map(|item| item.seq).collect::<Vec<_>>(), [3]);
    let outcome = |seq| app.outcome(CHANNEL, seq, Duration::ZERO);
    assert_eq!(outcome(1).await.unwrap(), Some(Outcome::Refused));
    assert_eq!(outcome(2).await.unwrap(), Some(Outcome::Delivered));
    assert_eq!(outcome(3).await.unwrap(), None);
}

#[tokio::test]
async fn what_nobody_fetches_expires_and_what_outlives_its_run_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::ZERO, true).await;
    let store = app.store().unwrap();
    app.queue(GUILD, CHANNEL, input("a", "t")).await.unwrap();
    assert_eq!(store.poll("id", 0, now()).await.unwrap().items, []);
    assert_eq!(store.expire_inputs(now()).await.unwrap(), 1);
    let outcome = |seq| app.outcome(CHANNEL, seq, Duration::ZERO);
    assert_eq!(outcome(1).await.unwrap(), Some(Outcome::Expired));
    app.queue(GUILD, CHANNEL, input("b", "t")).await.unwrap();
    store
        .finalize("id", Final::Stopped, None, (now(), None, now()))
        .await
        .unwrap();
    assert_eq!(outcome(2).await.unwrap(), Some(Outcome::Dropped));
    let late = app.queue(GUILD, CHANNEL, input("c", "t")).await.unwrap();
    assert_eq!(late, Queued::Finished);
    let shown = store.unshown("id", 16).await.unwrap();
    let states: Vec<_> = shown.iter().map(|input| input.state.as_str()).collect();
    assert_eq!(
        states,
        ["expired", "dropped"],
        "the channel is to show both"
    );
}

#[tokio::test]
async fn what_was_handed_out_just_before_its_time_is_not_called_lost_while_it_may_be_acknowledged()
{
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    app.queue(GUILD, CHANNEL, input("a", "t")).await.unwrap();
    app.queue(GUILD, CHANNEL, input("b", "t")).await.unwrap();
    let (start, minute) = (now(), 60_000);
    let late = start + minute - 1000;
    assert_eq!(store.poll("id", 0, late).await.unwrap().items.len(), 2);
    let over = late + 5000;
    assert_eq!(store.expire_inputs(over).await.unwrap(), 0);
    assert!(
        store.next_due(over, minute).await.unwrap().is_some(),
        "it is looked at again"
    );
    store.poll("id", 1, over).await.unwrap();
    let outcome = |seq| app.outcome(CHANNEL, seq, Duration::ZERO);
    assert_eq!(outcome(1).await.unwrap(), Some(Outcome::Delivered));
    assert_eq!(store.expire_inputs(late + minute).await.unwrap(), 1);
    assert_eq!(outcome(2).await.unwrap(), Some(Outcome::Expired));
}

#[tokio::test]
async fn what_is_due_at_a_moment_is_done_at_that_moment_or_looked_at_again() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    let seen = store.run("id").await.unwrap().unwrap().seen_at;
    let lease = 5000;
    let due = store.next_due(seen, lease).await.unwrap().unwrap();
    assert_eq!(due, seen + lease);
    assert_eq!(
        store
            .end_silent(due - 1 - lease, due - 1, |_| Some(7))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .end_silent(due - lease, due, |_| Some(7))
            .await
            .unwrap(),
        1
    );
    let run = store.run("id").await.unwrap().unwrap();
    assert_eq!(
        (run.state, run.delete_at),
        (State::Finishing, Some(due + 7))
    );
}

#[tokio::test]
async fn a_refused_registration_that_nobody_comes_for_does_not_stay_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    let new = NewRun {
        task_id: "other".to_owned(),
        ..registration(true)
    };
    store
        .register(&new, |_| "other".to_owned(), now())
        .await
        .unwrap();
    store.intend("other", "channel").await.unwrap();
    assert!(store.refuse("other", "full").await.unwrap());
    store.drop_unwanted(now() - 1000).await.unwrap();
    assert!(store.run("other").await.unwrap().is_some());
    store.drop_unwanted(now() + 1000).await.unwrap();
    assert!(store.run("other").await.unwrap().is_none());
    assert!(store.run("id").await.unwrap().is_some());
}

#[tokio::test]
async fn a_step_whose_row_is_gone_or_has_another_channel_halts() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let store = app.store().unwrap();
    let vanished = |done| matches!(done, Err(StoreError::Vanished));
    assert!(vanished(store.intend("nobody", "channel").await));
    assert!(vanished(store.made_channel("nobody", "5", None).await));
    assert!(vanished(store.made_channel("id", "78", None).await));
    assert!(vanished(store.made_thread("id", "78", "1", "2").await));
    store.made_channel("id", CHANNEL, Some("5")).await.unwrap();
    let run = store.run("id").await.unwrap().unwrap();
    assert_eq!(run.channel_id.as_deref(), Some(CHANNEL));
}

#[tokio::test]
async fn what_cannot_be_delivered_is_refused_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let deaf = app(directory.path(), Duration::from_mins(1), false).await;
    let queued = |app: Arc<App>, guild: &'static str, channel: &'static str, text: String| async move {
        app.queue(guild, channel, input(&text, &text))
            .await
            .unwrap()
    };
    let text = "t".to_owned();
    assert_eq!(
        queued(Arc::clone(&deaf), GUILD, CHANNEL, text.clone()).await,
        Queued::NoBridge
    );
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    assert_eq!(
        queued(Arc::clone(&app), GUILD, "78", text.clone()).await,
        Queued::Unknown
    );
    assert_eq!(
        queued(Arc::clone(&app), "8", CHANNEL, text).await,
        Queued::Unknown,
        "another guild's"
    );
    let long = "x".repeat(MAX_INPUT_BYTES + 1);
    assert_eq!(
        queued(Arc::clone(&app), GUILD, CHANNEL, long).await,
        Queued::TooLong
    );
    for at in 0..MAX_WAITING {
        queued(Arc::clone(&app), GUILD, CHANNEL, at.to_string()).await;
    }
    let more = queued(Arc::clone(&app), GUILD, CHANNEL, "more".to_owned()).await;
    assert_eq!(more, Queued::QueueFull);
}

#[tokio::test]
async fn live_runs_are_found_by_the_start_of_label_or_title_in_their_guild_alone() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path(), Duration::from_mins(1), true).await;
    let live = async |guild: &str, prefix: &str| app.live(guild, prefix, 25).await.unwrap().len();
    for prefix in ["", "task_1-1-ab", "TASK", "fix 100%"] {
        assert_eq!(live(GUILD, prefix).await, 1, "{prefix}");
    }
    for prefix in ["taskx", "%", "_ask", "abcd", "\\"] {
        assert_eq!(live(GUILD, prefix).await, 0, "{prefix}");
    }
    assert_eq!(live("8", "").await, 0);
}
