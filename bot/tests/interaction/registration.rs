//! Commands are told to Discord when it has others, and never in a loop.

use super::outside::Outside;
use super::{GUILD, discord_at};
use axum::http::Method;
use bot::interaction::{Registration, register};
use serde_json::json;

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
