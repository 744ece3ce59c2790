//! Do no harm: whatever of ours or of Discord's is broken, the agent runs and ends as without us.

use super::job::{all_steps_arrived, session, steps_in_order};
use super::support::cluster;
use super::support::wait::seconds;
use super::support::world::World;
use super::support::{Agent, eventually, with_world};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use serde_json::json;

/// How the agent's container ended.
async fn agent_end(world: &World, job: &str) -> ContainerStateTerminated {
    let name = world.pod_of(job).await.metadata.name.unwrap();
    let pod: Pod = world.api().get(&name).await.unwrap();
    let statuses = pod.status.unwrap().container_statuses.unwrap();
    statuses
        .into_iter()
        .find(|one| one.name == "agent")
        .unwrap()
        .state
        .unwrap()
        .terminated
        .unwrap()
}

fn run_seconds(end: &ContainerStateTerminated) -> i64 {
    let at = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        time.as_ref().unwrap().0.as_second()
    };
    at(&end.finished_at) - at(&end.started_at)
}

/// An outage that ends while the agent works: all arrives. One that does not end: the agent ends as its unwatched twin.
async fn outage(name: &'static str, fault: serde_json::Value) {
    let _guard = cluster::shared().await;
    with_world(name, |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let args = [
            "--generate",
            "clean",
            "--records",
            "120",
            "--rate",
            "6",
            "--linger",
            "10",
            "--exit-code",
            "0",
        ];
        world.double.fault(fault).await;
        let watched = Agent::new("watched", &args);
        world.run(&watched).await;
        world
            .run(&watched.clone().unannotated().renamed("twin"))
            .await;
        tokio::time::sleep(seconds(15)).await;
        assert_eq!(
            world.double.embeds().await.unwrap().len(),
            0,
            "the outage is one"
        );
        world.double.heal().await;
        world.completes("watched", seconds(90)).await;
        world.completes("twin", seconds(60)).await;
        let (ours, theirs) = (
            agent_end(&world, "watched").await,
            agent_end(&world, "twin").await,
        );
        assert_eq!((ours.exit_code, theirs.exit_code), (0, 0));
        // Both play for 30 s. One that waited for the end of the outage, after 15 s and more, would take as much longer.
        let (ours, theirs) = (run_seconds(&ours), run_seconds(&theirs));
        assert!(
            (ours - theirs).abs() <= 10,
            "the agent ran {ours} s, its unwatched twin {theirs} s"
        );
        all_steps_arrived(&world, &args).await;
    })
    .await;
}

#[tokio::test]
async fn discord_answering_500_delays_posts_and_nothing_else() {
    outage("outage-500", json!({"action": "status", "status": 500})).await;
}

#[tokio::test]
async fn discord_answering_nothing_delays_posts_and_nothing_else() {
    outage("outage-silence", json!({"action": "hang"})).await;
}

#[tokio::test]
async fn an_outage_that_never_ends_leaves_the_agents_end_alone() {
    let _guard = cluster::shared().await;
    with_world("outage-for-good", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        world
            .double
            .fault(json!({"action": "status", "status": 500}))
            .await;
        world
            .run(&Agent::new(
                "watched",
                &["--generate", "clean", "--records", "60", "--rate", "20"],
            ))
            .await;
        world.completes("watched", seconds(60)).await;
        let end = agent_end(&world, "watched").await;
        assert_eq!(end.exit_code, 0);
        let name = world.pod_of("watched").await.metadata.name.unwrap();
        let pod: Pod = world.api().get(&name).await.unwrap();
        let watcher = pod
            .status
            .unwrap()
            .init_container_statuses
            .unwrap()
            .remove(0)
            .state
            .unwrap()
            .terminated
            .unwrap();
        assert_eq!(watcher.exit_code, 0, "{watcher:?}");
        let late =
            watcher.finished_at.unwrap().0.as_second() - end.finished_at.unwrap().0.as_second();
        // Whoever does not end by itself is killed after 30.
        assert!(
            late <= 20,
            "the Pod outlived its agent by {late} s; flushSeconds is 5"
        );
        assert!(
            watcher.message.unwrap_or_default().contains("lost"),
            "what was not sent is said"
        );
    })
    .await;
}

#[tokio::test]
async fn a_webhook_secret_made_after_the_pod_is_found_and_nothing_is_missing() {
    let _guard = cluster::shared().await;
    with_world("late-secret", |world| async move {
        let args = [
            "--generate",
            "clean",
            "--records",
            "60",
            "--rate",
            "20",
            "--linger",
            "600",
        ];
        world.run(&Agent::new("early", &args)).await;
        let pod = world.pod_of("early").await.metadata.name.unwrap();
        eventually(
            "the watcher says that its webhook is missing",
            seconds(60),
            async || {
                let log = world.log(&pod, "discord-watcher").await;
                anyhow::ensure!(
                    log.contains("DISCORD_WEBHOOK_URL") || log.contains("webhook"),
                    "{log}"
                );
                Ok(())
            },
        )
        .await;
        let full = std::env::var("FULL").is_ok_and(|full| full == "true");
        tokio::time::sleep(seconds(if full { 60 } else { 10 })).await;
        world.create_webhook_secret(&world.webhook_url()).await;
        // The kubelet brings a Secret into a running Pod within its sync period, a minute or so. The agent goes with its
        // namespace: that Jobs complete is shown elsewhere.
        let last = steps_in_order(&session(&args)).pop().expect("a step");
        eventually("all of the agent's work", seconds(150), async || {
            let embeds = world.double.embeds().await?;
            let fed = |embed: &serde_json::Value| {
                let text = embed.to_string();
                text.contains("```") && text.contains(&last)
            };
            anyhow::ensure!(embeds.iter().any(fed), "{} posts", embeds.len());
            Ok(())
        })
        .await;
        all_steps_arrived(&world, &args).await;
    })
    .await;
}
