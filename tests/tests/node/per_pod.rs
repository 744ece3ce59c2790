//! Pods that share one claim for their transcripts, each in a folder of its own.

use super::job::{session, steps_in_order};
use super::support::cluster;
use super::support::node_shell::{folder, node_shell};
use super::support::wait::seconds;
use super::support::world::{WEBHOOK_ID, WEBHOOK_TOKEN, World, create};
use super::support::{Agent, eventually, with_world};
use super::zero_touch::channels;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Secret};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

/// A claim of this name on a folder of the node's that anybody may write to.
async fn claim(world: &World, name: &str) {
    let folder = folder(world);
    node_shell(
        world,
        &format!("rm -rf {folder}; mkdir -p {folder}; chmod 1777 {folder}"),
    )
    .await;
    let volumes: Api<PersistentVolume> = Api::all(world.client.clone());
    // One of a run that failed has outlived its namespace.
    let _ = volumes
        .delete(&world.namespace, &DeleteParams::default())
        .await;
    eventually("a former volume is gone", seconds(60), async || {
        let former = volumes.get_opt(&world.namespace).await?;
        anyhow::ensure!(former.is_none(), "still there");
        Ok(())
    })
    .await;
    let access = json!({"accessModes": ["ReadWriteMany"], "storageClassName": ""});
    let mut volume = access.clone();
    volume["capacity"] = json!({"storage": "16Mi"});
    volume["hostPath"] = json!({"path": folder, "type": "Directory"});
    volume["claimRef"] = json!({"namespace": world.namespace, "name": name});
    let meta = json!({"name": world.namespace});
    create(&volumes, json!({"metadata": meta, "spec": volume})).await;
    let mut claim = access;
    claim["resources"] = json!({"requests": {"storage": "16Mi"}});
    claim["volumeName"] = json!(world.namespace);
    let claim = json!({"metadata": {"name": name}, "spec": claim});
    create::<PersistentVolumeClaim>(&world.api(), claim).await;
}

/// Those of `known` that stand in the feed of the channel with this name, in order. Sessions number their calls alike: what
/// another Pod's session had to say would be here a second time.
async fn posted(world: &World, name: &str, known: &[String]) -> Vec<String> {
    let channels = channels(world, name).await.expect("the channels");
    let channel = &channels.first().expect("the channel")["id"];
    let messages = world.double.messages().await.expect("the messages");
    let own = messages
        .iter()
        .filter(|message| message["channelId"] == *channel);
    let embeds = own.flat_map(|message| message["embeds"].as_array().into_iter().flatten());
    // The live summary names the current command too: the feed's embeds are those with code.
    let texts = embeds.map(Value::to_string);
    texts
        .filter(|text| text.contains("```"))
        .flat_map(|text| {
            known
                .iter()
                .filter(move |step| text.contains(*step))
                .cloned()
        })
        .collect()
}

#[tokio::test]
async fn two_pods_on_one_claim_at_one_time_each_post_their_own() {
    let _guard = cluster::shared().await;
    with_world("per-pod", |world| async move {
        claim(&world, "transcripts").await;
        let mut agents = Vec::new();
        for (name, seed, webhook) in [
            ("left", "21", "1200000000000000021"),
            ("right", "22", "1200000000000000022"),
        ] {
            world
                .double
                .add_webhook(webhook, WEBHOOK_TOKEN, webhook)
                .await;
            let url = world.webhook_url().replace(WEBHOOK_ID, webhook);
            let secret = json!({"metadata": {"name": webhook}, "stringData": {"url": url}});
            create::<Secret>(&world.api(), secret).await;
            let args = [
                "--generate",
                "clean",
                "--seed",
                seed,
                "--records",
                "100",
                "--rate",
                "10",
            ];
            let agent = Agent::new(name, &args)
                .annotate("transcript.volume.existingClaim", "transcripts")
                .annotate("transcript.volume.perPod", "true")
                .annotate("webhook.existingSecret", webhook);
            world.run(&agent).await;
            agents.push((name, webhook, steps_in_order(&session(&args))));
        }
        let mut times = Vec::new();
        for (name, webhook, steps) in &agents {
            world.completes(name, seconds(90)).await;
            let pod = world.pod_of(name).await;
            times.push(worked(&pod));
            let uid = pod.metadata.uid.clone().unwrap();
            let found = node_shell(&world, &format!("ls {}/{uid}", folder(&world))).await;
            assert_eq!(
                found.lines().count(),
                1,
                "{name} has a folder of its own: {found}"
            );
            assert_eq!(&posted(&world, webhook, steps).await, steps, "{name}");
        }
        assert!(
            times[0].0 < times[1].1 && times[1].0 < times[0].1,
            "both worked at one time: {times:?}"
        );
        assert_eq!(world.double.violations().await, Vec::<Value>::new());
        node_shell(&world, &format!("rm -rf {}", folder(&world))).await;
        let volumes: Api<PersistentVolume> = Api::all(world.client.clone());
        let _ = volumes
            .delete(&world.namespace, &DeleteParams::default())
            .await;
    })
    .await;
}

/// From when until when the agent worked, in seconds.
fn worked(pod: &Pod) -> (i64, i64) {
    let statuses = pod.status.as_ref().unwrap().container_statuses.as_ref();
    let agent = statuses.unwrap().iter().find(|one| one.name == "agent");
    let state = agent.unwrap().state.as_ref().unwrap();
    let ended = state.terminated.as_ref().expect("it has ended");
    let second = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        time.as_ref().unwrap().0.as_second()
    };
    (second(&ended.started_at), second(&ended.finished_at))
}
