//! An agent that has a native sidecar already, as a mesh's or a proxy's: its Job ends, and whoever asks for its log gets the
//! agent's.

use super::support::cluster::{self, kubectl};
use super::support::wait::seconds;
use super::support::{Agent, with_world};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

#[tokio::test]
async fn a_job_with_a_native_sidecar_before_ours_completes_and_its_log_is_the_agents() {
    let _guard = cluster::shared().await;
    with_world("second-sidecar", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let args = [
            "--generate",
            "clean",
            "--seed",
            "3",
            "--records",
            "60",
            "--rate",
            "20",
        ];
        let mut agent = Agent::new("agent", &args);
        agent.pod = json!({"initContainers": [{
            "name": "proxy", "restartPolicy": "Always", "image": "discord-monitoring/player:test",
            "imagePullPolicy": "IfNotPresent", "args": ["--no-transcript", "--linger", "3600"],
        }]});
        world.run(&agent).await;
        world.completes("agent", seconds(180)).await;
        let name = world.pod_of("agent").await.metadata.name.unwrap();
        let pod: Pod = world.api().get(&name).await.unwrap();
        let inits = pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap();
        let order: Vec<&str> = inits.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            order,
            ["proxy", sidecar::names::WATCHER],
            "ours starts just before the agent"
        );
        let statuses = pod.status.unwrap().init_container_statuses.unwrap();
        let ended = |name: &str| {
            let status = statuses.iter().find(|one| one.name == name).unwrap();
            status.state.clone().unwrap().terminated.unwrap()
        };
        assert_eq!(ended(sidecar::names::WATCHER).exit_code, 0);
        super::job::all_steps_arrived(&world, &args).await;

        // No -c: what a person types.
        let log = kubectl(&["logs", &name, "--namespace", &world.namespace]);
        assert_eq!(log, world.log(&name, "agent").await);
        assert!(log.contains("playing to"), "{log}");
    })
    .await;
}
