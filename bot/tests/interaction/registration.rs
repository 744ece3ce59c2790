//! Commands are told to Discord when it has others, and never in a loop.

use super::outside::Outside;
use super::{GUILD, discord_at};
use axum::http::Method;
use bot::interaction::{Again, Registration, keep_registering, register};
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;

fn writes(outside: &Outside) -> usize {
    outside
        .calls()
        .iter()
        .filter(|(method, _, _)| method == Method::PUT)
        .count()
}

#[tokio::test]
async fn commands_are_written_once_and_again_only_when_they_differ() {
    let outside = Outside::start().await;
    let bot = discord_at(&outside.base);
    assert_eq!(register(&bot, GUILD).await, Registration::Written);
    assert_eq!(register(&bot, GUILD).await, Registration::Same);
    assert_eq!(writes(&outside), 1);
    outside.heard.lock().unwrap().commands = Some(json!([{"name": "input", "description": "old"}]));
    assert_eq!(register(&bot, GUILD).await, Registration::Written);
    assert_eq!(writes(&outside), 2);
    let path = "/api/v10/applications/400/guilds/100/commands";
    assert!(
        outside
            .calls()
            .iter()
            .any(|(method, found, _)| method == Method::PUT && found == path)
    );
}

#[tokio::test]
async fn a_refusal_is_the_end() {
    for status in [401, 403, 404, 400] {
        let outside = Outside::start().await;
        outside.heard.lock().unwrap().failures = (100, status);
        let done = register(&discord_at(&outside.base), GUILD).await;
        assert!(matches!(done, Registration::Failed(_)));
        assert_eq!(outside.calls().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_outage_is_tried_again() {
    let outside = Outside::start().await;
    outside.heard.lock().unwrap().failures = (1, 503);
    assert_eq!(
        register(&discord_at(&outside.base), GUILD).await,
        Registration::Written
    );
}

const SHORT: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_hours(1);

fn guilds() -> Vec<String> {
    vec![GUILD.to_owned(), "101".to_owned()]
}

#[tokio::test]
async fn a_guild_that_refused_is_asked_again_after_its_pause_and_no_other_is() {
    let outside = Outside::start().await;
    outside.heard.lock().unwrap().failures = (1, 403);
    let (bot, told) = (discord_at(&outside.base), Mutex::new(Vec::new()));
    let again = Again {
        later: NEVER,
        refused: SHORT,
    };
    keep_registering(&bot, guilds(), again, |words| {
        told.lock().unwrap().push(words);
    })
    .await;
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    let missing = told[0].as_deref().unwrap();
    assert!(missing.contains("the guild 100: "), "{missing}");
    assert!(!missing.contains("the guild 101: "), "{missing}");
    assert_eq!(told[1], None, "nothing is missing any more");
    let reads = |guild: &str| {
        let path = format!("/api/v10/applications/400/guilds/{guild}/commands");
        let calls = outside.calls();
        let asked = calls
            .iter()
            .filter(|(method, found, _)| method == Method::GET && *found == path);
        asked.count()
    };
    assert_eq!(reads("101"), 1, "what is done is done");
}

#[tokio::test]
async fn refusals_do_not_follow_each_other() {
    let outside = Outside::start().await;
    outside.heard.lock().unwrap().failures = (100, 401);
    let bot = discord_at(&outside.base);
    let again = Again {
        later: SHORT,
        refused: NEVER,
    };
    let told = Mutex::new(Vec::new());
    let keep = keep_registering(&bot, vec![GUILD.to_owned()], again, |words| {
        told.lock().unwrap().push(words);
    });
    let ended = tokio::time::timeout(Duration::from_millis(500), keep).await;
    assert!(ended.is_err(), "it goes on, later");
    assert_eq!(outside.calls().len(), 1);
    assert!(told.into_inner().unwrap().pop().flatten().is_some());
}
