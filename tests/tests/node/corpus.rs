//! Pods of every kind through the real API server, with dry-run: whatever it admits without us, it admits with us.

use super::support::cluster::{self, root};
use super::support::with_world;
use super::support::world::{World, create};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{LimitRange, Namespace, ResourceQuota};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use sidecar::names::{INJECT, INJECTED};
use tests::corpus::{Specimen, some, specimens};

/// Specimens of a short run; all of them with FULL=true.
const SHORT: usize = 60;
/// Requests at one time.
const TOGETHER: usize = 8;

/// Annotations beside the one that asks: as by default, with a bridge, with a plain watcher, with probes over HTTP.
const WAYS: [&[(&str, &str)]; 4] = [
    &[],
    &[("discord-monitoring.io/bridge.enabled", "true")],
    &[
        ("discord-monitoring.io/mode", "plain"),
        ("discord-monitoring.io/plain.endsAfter", "result"),
    ],
    &[("discord-monitoring.io/probes.type", "http")],
];

fn full() -> bool {
    std::env::var("FULL").is_ok_and(|full| full == "true")
}

/// How many were admitted without us, and of these how many were injected with us.
#[derive(Debug, Default)]
struct Count {
    admitted: usize,
    injected: usize,
}

/// Creates a Pod without storing it. As JSON: types would drop fields newer than they are.
async fn dry_run(client: &Client, namespace: &str, pod: &Value) -> Result<Value, String> {
    let uri = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let request = http::Request::post(uri)
        .header("content-type", "application/json")
        .body(pod.to_string().into_bytes())
        .unwrap();
    client
        .request(request)
        .await
        .map_err(|error| error.to_string())
}

/// Sends every specimen without us, and asking for us; says which verdicts we changed. In a short run each in one of the
/// ways, by turns; else in each.
async fn compare(
    world: &World,
    all: &[Specimen],
    ways: &[&'static [(&str, &str)]],
) -> (Count, Vec<String>) {
    let all_ways = all.iter().cloned().enumerate().flat_map(|(at, specimen)| {
        let chosen = ways
            .iter()
            .enumerate()
            .filter(move |(way, _)| full() || *way == at % ways.len());
        chosen.map(move |(_, way)| (specimen.clone(), *way))
    });
    let verdicts = futures_util::stream::iter(all_ways.map(|(specimen, way)| {
        let (client, namespace) = (world.client.clone(), world.namespace.clone());
        async move {
            let without = dry_run(&client, &namespace, &specimen.pod).await;
            let asked = specimen.annotated(&[&[(INJECT, "true")], way].concat());
            let with = dry_run(&client, &namespace, &asked).await;
            (format!("{} {way:?}", specimen.name), without, with)
        }
    }))
    .buffer_unordered(TOGETHER)
    .collect::<Vec<_>>()
    .await;
    let mut count = Count::default();
    let mut changed = Vec::new();
    for (name, without, with) in verdicts {
        if without.is_err() {
            continue;
        }
        count.admitted += 1;
        match with {
            Ok(pod) => {
                let label = &pod["metadata"]["labels"][INJECTED];
                count.injected += usize::from(*label == "true");
            }
            Err(refusal) => changed.push(format!("{name}: {refusal}")),
        }
    }
    (count, changed)
}

/// The specimens of the cluster's own release.
async fn corpus(client: &Client) -> Vec<Specimen> {
    let version = client.apiserver_version().await.unwrap();
    let schemas = root().join(".tools/schemas");
    let minor = version.minor.trim_end_matches('+');
    let all = specimens(&schemas, &format!("1.{minor}")).unwrap();
    if full() {
        assert!(all.len() >= 300, "only {} specimens", all.len());
        all
    } else {
        some(all, SHORT)
    }
}

/// Namespaces as people have them: by level, by limits and by quota.
async fn in_namespace(name: &'static str, level: &'static str, limited: bool) {
    let _guard = cluster::shared().await;
    cluster::tool("hack/schemas.sh", &[]);
    with_world(name, |world| async move {
        let all = corpus(&world.client).await;
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
        let namespaces: Api<Namespace> = Api::all(world.client.clone());
        namespaces
            .patch(&world.namespace, &PatchParams::default(), &Patch::Merge(label))
            .await
            .unwrap();
        if limited {
            let limit = json!({"metadata": {"name": "usual"}, "spec": {"limits": [{"type": "Container",
                "default": {"cpu": "200m", "memory": "256Mi", "ephemeral-storage": "1Gi"}, "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                "min": {"cpu": "5m", "memory": "16Mi"}, "max": {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "2Gi"},
                "maxLimitRequestRatio": {"cpu": "10"}}]}});
            create::<LimitRange>(&world.api(), limit).await;
            let quota = json!({"metadata": {"name": "usual"}, "spec": {"hard": {"pods": "50", "requests.cpu": "8",
                "requests.memory": "8Gi", "limits.cpu": "16", "limits.memory": "16Gi"}}});
            create::<ResourceQuota>(&world.api(), quota).await;
        }
        let ways = if limited { &WAYS[..] } else { &WAYS[..1] };
        let (count, changed) = compare(&world, &all, ways).await;
        let sent = all.len() * if full() { ways.len() } else { 1 };
        println!("{} of {sent} admitted, {} injected", count.admitted, count.injected);
        assert!(changed.is_empty(), "{} refused because of us:\n{}", changed.len(), changed.join("\n"));
        assert!(count.admitted * 2 >= sent, "{count:?} of {sent}: too few to say anything");
        assert!(count.injected * 100 >= count.admitted * 90, "{count:?}: admitted without being injected");
    })
    .await;
}

#[tokio::test]
async fn whatever_is_admitted_without_us_is_admitted_with_us() {
    in_namespace("corpus", "privileged", false).await;
}

#[tokio::test]
async fn whatever_restricted_admits_it_admits_with_us() {
    in_namespace("corpus-restricted", "restricted", false).await;
}

#[tokio::test]
async fn whatever_limits_and_quota_admit_they_admit_with_us() {
    in_namespace("corpus-limited", "baseline", true).await;
}
