//! A non-root agent that keeps its settings beside its transcripts.

use super::support::cluster;
use super::support::wait::seconds;
use super::support::{Agent, with_world};

/// The player's exit code 3 says that it could not write `<config>/settings.json`, so completion is the proof.
async fn completes_with(name: &'static str, image: &'static str, mount: Option<&str>) {
    let _guard = cluster::shared().await;
    with_world(name, |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let mut agent = Agent::new(
            name,
            &["--generate", "demo", "--rate", "100", "--write-settings"],
        );
        agent.image = image;
        if let Some(mount) = mount {
            agent = agent.annotate("transcript.mount", mount);
        }
        world.run(&agent).await;
        world.completes(name, seconds(60)).await;
        assert!(
            world.double.embeds().await.unwrap().len() > 3,
            "the run was watched as well"
        );
    })
    .await;
}

#[tokio::test]
async fn an_image_that_has_its_config_directory_needs_no_annotation() {
    completes_with(
        "config-in-image",
        "discord-monitoring/player-home:test",
        None,
    )
    .await;
}

#[tokio::test]
async fn an_image_without_it_needs_the_whole_directory_mounted() {
    completes_with(
        "config-not-in-image",
        "discord-monitoring/player:test",
        Some("config"),
    )
    .await;
}
