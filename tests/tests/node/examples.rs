//! The examples a person copies from, as they stand: by annotation, and in a chart that includes the watcher itself.

use super::support::cluster::{self, kubectl, root, tool};
use super::support::wait::{eventually, seconds};
use super::support::world::{World, create};
use super::support::{Agent, with_world};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tests::transcript::{Options, generate, step};

/// Waits until this namespace's double has so many embeds, and checks that Discord would have taken them all.
async fn watched(world: &World, at_least: usize) {
    eventually("the agent's posts", seconds(60), async || {
        let embeds = world.double.embeds().await?.len();
        anyhow::ensure!(embeds >= at_least, "{embeds} embeds");
        Ok(())
    })
    .await;
    assert!(world.double.violations().await.is_empty());
}

/// Waits until all containers of a Deployment's one Pod are ready.
async fn ready(world: &World, name: &str) {
    eventually(&format!("{name} is ready"), seconds(60), async || {
        let found = world.api::<Deployment>().get(name).await?;
        let status = found.status.unwrap_or_default();
        anyhow::ensure!(status.ready_replicas == Some(1), "{status:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_deployment_that_asks_is_watched() {
    let _guard = cluster::shared().await;
    with_world("example-deployment", |world| async move {
        let secret = json!({"metadata": {"name": "team-webhook"}, "stringData": {"url": world.webhook_url()}});
        create::<Secret>(&world.api(), secret).await;
        // The image whose config directory is missing would want the other mount, which bad_input.rs looks at.
        let text = std::fs::read_to_string(root().join("examples/deployment.yaml")).unwrap();
        let text = text.replace("discord-monitoring/player:test", "discord-monitoring/player-home:test");
        let file = root().join("target/tmp").join("example-deployment.yaml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        kubectl(&["apply", "--namespace", &world.namespace, "--filename", file.to_str().unwrap()]);
        watched(&world, 3).await;
        ready(&world, "agent").await;
        let pods = world.api::<Pod>().list(&ListParams::default().labels("app.kubernetes.io/name=agent")).await.unwrap();
        let spec = pods.items[0].spec.clone().unwrap();
        let plain = spec.containers.iter().any(|container| container.name == sidecar::names::WATCHER);
        assert!(plain, "an agent that never ends has a plain watcher beside it");
    })
    .await;
}

/// Applies a file of `examples/` as it stands.
fn apply(file: &str, namespace: &str) {
    kubectl(&[
        "apply",
        "--namespace",
        namespace,
        "--filename",
        &format!("examples/{file}"),
    ]);
}

#[tokio::test]
async fn a_job_that_asks_is_watched_as_the_example_stands() {
    let _guard = cluster::shared().await;
    with_world("example-job", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        apply("job.yaml", &world.namespace);
        watched(&world, 3).await;
        world.completes("agent", seconds(120)).await;
    })
    .await;
}

#[tokio::test]
async fn in_the_examples_namespace_a_pod_is_watched_unless_it_declines() {
    let _guard = cluster::shared().await;
    with_world("example-namespace", |world| async move {
        // The double and what it needs stand in the test's own namespace; the example brings its own.
        let agents = "agents";
        let gone = || kubectl(&["delete", "namespace", agents, "--ignore-not-found", "--wait=true", "--timeout=90s"]);
        gone();
        apply("namespace.yaml", agents);
        let pods: Api<Pod> = Api::namespaced(world.client.clone(), agents);
        let unwatched = pods.get("unwatched").await.unwrap();
        let names = |pod: &Pod| {
            let spec = pod.spec.clone().unwrap();
            let all = spec.init_containers.unwrap_or_default().into_iter().chain(spec.containers);
            all.map(|container| container.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&unwatched), ["agent"], "it declined");
        let ca = world.api::<ConfigMap>().get("discord-ca").await.unwrap().data;
        let ca = json!({"metadata": {"name": "discord-ca"}, "data": ca});
        create::<ConfigMap>(&Api::namespaced(world.client.clone(), agents), ca).await;
        let secret = json!({"metadata": {"name": "discord-webhook"}, "stringData": {"url": world.webhook_url()}});
        create::<Secret>(&Api::namespaced(world.client.clone(), agents), secret).await;
        // A Pod that says nothing, but for what the restricted standard of this namespace asks.
        let text = std::fs::read_to_string(root().join("examples/job.yaml")).unwrap();
        let mut job: Value = serde_saphyr::from_str(&text).unwrap();
        job["spec"]["template"]["metadata"] = json!({});
        create::<Job>(&Api::namespaced(world.client.clone(), agents), job).await;
        watched(&world, 3).await;
        eventually("both Pods have ended well", seconds(120), async || {
            let all = pods.list(&ListParams::default()).await?.items;
            let ended = all.iter().filter(|pod| {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                assert_ne!(phase, Some("Failed"), "{:?}", pod.metadata.name);
                phase == Some("Succeeded")
            });
            anyhow::ensure!(ended.count() == 2, "{} Pods", all.len());
            Ok(())
        })
        .await;
        let watched = pods.list(&ListParams::default().labels("batch.kubernetes.io/job-name=agent")).await.unwrap();
        assert_eq!(names(&watched.items[0]), [sidecar::names::WATCHER, "agent"]);
        gone();
    })
    .await;
}

#[tokio::test]
async fn a_chart_that_includes_the_watcher_is_watched_as_job_and_as_deployment() {
    let _guard = cluster::shared().await;
    with_world("own-chart", |world| async move {
        world.create_webhook_secret(&world.webhook_url()).await;
        let install = |name: &str, job: bool| {
            // The agent of a Deployment never ends.
            let linger = if job { "1" } else { "86400" };
            let args = json!(["--generate", "demo", "--rate", "50", "--linger", linger]);
            let args = format!("agent.args={args}");
            let job = format!("job={job}");
            tool(
                "helm",
                &[
                    "install",
                    name,
                    "examples/own-chart",
                    "--namespace",
                    &world.namespace,
                    "--set",
                    &job,
                    "--set",
                    "agent.image=discord-monitoring/player-home:test",
                    "--set-json",
                    &args,
                    "--set",
                    "watcher-sidecar.extraCA.configMap=discord-ca",
                ],
            );
        };
        install("as-job", true);
        watched(&world, 3).await;
        let before = world.double.embeds().await.unwrap().len();
        install("as-deployment", false);
        ready(&world, "as-deployment").await;
        watched(&world, before + 3).await;
        world.completes("as-job", seconds(90)).await;
        let pod = world.pod_of("as-job").await;
        let watcher = pod
            .status
            .unwrap()
            .init_container_statuses
            .unwrap()
            .remove(0);
        assert_eq!(watcher.restart_count, 0);
        for name in ["as-job", "as-deployment"] {
            tool(
                "helm",
                &["uninstall", name, "--namespace", &world.namespace],
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_transcript_that_an_init_container_puts_there_is_posted_whole() {
    let _guard = cluster::shared().await;
    with_world("seeded", |world| async move {
        world.double.limits_off().await;
        world.create_webhook_secret(&world.webhook_url()).await;
        let session = generate(&Options::new("demo".parse().unwrap(), 7));
        let text = String::from_utf8(session.main()).unwrap();
        let config = json!({"metadata": {"name": "transcript"}, "data": {"transcript.jsonl": text}});
        create::<ConfigMap>(&world.api(), config).await;
        // What the init container wrote is there before the watcher starts; the agent itself writes nothing.
        let mut agent = Agent::new("seeded", &["--no-transcript", "--linger", "5"]);
        let projects = json!({"name": "projects", "mountPath": "/home/node/.claude/projects"});
        let mut seed = agent.template()["spec"]["containers"][0].clone();
        seed["name"] = json!("seed");
        seed["args"] = json!(["--transcript", "/sample/transcript.jsonl"]);
        seed["volumeMounts"] = json!([projects, {"name": "sample", "mountPath": "/sample"}]);
        agent.container = json!({"volumeMounts": [projects]});
        agent.pod = json!({
            "initContainers": [seed],
            "volumes": [{"name": "projects", "emptyDir": {}}, {"name": "sample", "configMap": {"name": "transcript"}}],
        });
        world.run(&agent).await;
        world.completes("seeded", seconds(60)).await;
        let text = world.double.text().await.unwrap();
        let mut steps = 0;
        for serial in session.expected.steps().map(step) {
            assert!(text.contains(&serial), "{serial} was not posted");
            steps += 1;
        }
        assert!(steps > 2, "{steps} steps");
        assert!(world.double.violations().await.is_empty());
    })
    .await;
}
