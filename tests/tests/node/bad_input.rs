//! What people get wrong, and where they are told.

use super::support::cluster::{self, RELEASE_NAMESPACE, client};
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, with_world};

/// Waits until the watcher's log has all of `words`.
async fn log_says(world: &World, job: &str, words: &[&str]) -> String {
    let pod = world.pod_of(job).await.metadata.name.unwrap();
    eventually(
        &format!("the watcher's log names {words:?}"),
        seconds(60),
        async || {
            let log = world.log(&pod, "discord-watcher").await;
            anyhow::ensure!(words.iter().all(|word| log.contains(word)), "{log}");
            Ok(log)
        },
    )
    .await
}

const SHORT: [&str; 6] = ["--generate", "demo", "--rate", "100", "--linger", "5"];

#[tokio::test]
async fn a_webhook_url_that_is_none_is_named_without_being_shown() {
    let _guard = cluster::shared().await;
    with_world("bad-url", |world| async move {
        world.create_webhook_secret("hunter2-is-no-url").await;
        world.run(&Agent::new("agent", &SHORT)).await;
        let log = log_says(&world, "agent", &["webhook", "URL"]).await;
        assert!(
            !log.contains("hunter2"),
            "the log shows what may be a secret: {log}"
        );
        world.completes("agent", seconds(60)).await;
    })
    .await;
}

#[tokio::test]
async fn a_missing_secret_is_named_and_holds_nothing() {
    let _guard = cluster::shared().await;
    with_world("no-secret", |world| async move {
        world.run(&Agent::new("agent", &SHORT)).await;
        log_says(&world, "agent", &["webhook"]).await;
        world.completes("agent", seconds(60)).await;
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_transcript_is_named_with_its_cure_in_the_log_and_in_the_channel() {
    let _guard = cluster::shared().await;
    with_world("unreadable", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        // The image's user is 1000 and the Pod does not say so: the watcher runs as 65532 and may not read.
        let mut agent = Agent::new(
            "agent",
            &["--generate", "demo", "--rate", "100", "--linger", "15"],
        );
        agent.container = serde_json::json!({"securityContext": null});
        world.run(&agent).await;
        let cure = "discord-monitoring.io/securityContext.runAsUser";
        log_says(&world, "agent", &[cure, "1000"]).await;
        eventually("the channel says it too", seconds(30), async || {
            let text = world.double.text().await?;
            anyhow::ensure!(text.contains(cure), "{text}");
            Ok(())
        })
        .await;
        world.completes("agent", seconds(60)).await;
    })
    .await;
}

#[tokio::test]
async fn an_agent_without_a_transcript_is_left_alone() {
    let _guard = cluster::shared().await;
    with_world("no-transcript", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        world
            .run(&Agent::new("agent", &["--no-transcript", "--linger", "8"]))
            .await;
        world.completes("agent", seconds(60)).await;
    })
    .await;
}

#[tokio::test]
async fn a_transcript_of_garbage_is_counted_and_does_not_stop_the_watcher() {
    let _guard = cluster::shared().await;
    with_world("garbage", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        world
            .run(&Agent::new(
                "agent",
                &["--garbage", "200000", "--linger", "5"],
            ))
            .await;
        world.completes("agent", seconds(60)).await;
        assert_eq!(
            world.double.violations().await,
            Vec::<serde_json::Value>::new()
        );
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_admission_review_is_answered_clearly() {
    let _guard = cluster::shared().await;
    let client = client().await;
    let service = "https:dm-discord-monitoring-injector:443";
    let uri = format!("/api/v1/namespaces/{RELEASE_NAMESPACE}/services/{service}/proxy/inject");
    for body in [
        "",
        "{}",
        "not json",
        "[1,2,3]",
        r#"{"kind":"AdmissionReview","request":{"uid":7}}"#,
    ] {
        let request = http::Request::post(&uri)
            .header("content-type", "application/json")
            .body(body.as_bytes().to_vec())
            .unwrap();
        let refusal = client.request_text(request).await.unwrap_err().to_string();
        assert!(refusal.contains("AdmissionReview"), "{body:?}: {refusal}");
    }
}
