//! Nobody of ours is there to answer: whatever starts, starts.

use crate::support::cluster::{self, kubectl};
use crate::support::wait::seconds;
use crate::support::{Agent, injector, with_world};

/// No injector as long as this is held, also by a test that fails.
struct Nobody;

impl Nobody {
    fn begin() -> Self {
        let nobody = Self;
        injector::scale(0);
        nobody
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        // A panic within a panic would end the other tests too.
        let _ = std::panic::catch_unwind(|| injector::scale(2));
    }
}

#[tokio::test]
async fn without_any_injector_annotated_pods_still_start() {
    let _guard = cluster::exclusive().await;
    with_world("no-injector", |world| async move {
        let nobody = Nobody::begin();
        world
            .run(&Agent::new("bare", &["--generate", "demo"]))
            .await;
        world.completes("bare", seconds(60)).await;
        let pod = world.pod_of("bare").await;
        // What runs already comes back too when it is lost, with webhooks registered that nobody answers for: a neighbour's
        // Pods, and the cluster's own where it has any.
        for namespace in [&*world.namespace, "kube-system"] {
            let place = ["--namespace", namespace];
            let made_by_deployments = ["-l", "pod-template-hash", "-o", "name"];
            let pods = kubectl(&[&["get", "pods"], &place[..], &made_by_deployments[..]].concat());
            let pods: Vec<&str> = pods.split_whitespace().collect();
            if pods.is_empty() {
                assert_eq!(namespace, "kube-system", "the double at least");
                continue;
            }
            kubectl(&[&["delete"], &place[..], &pods[..]].concat());
            let waits = ["rollout", "status", "deployment", "--timeout", "120s"];
            kubectl(&[&waits[..], &place[..]].concat());
        }
        drop(nobody);
        let ready = injector::pods(&world.client).await.len();
        assert!(ready >= 2, "the injector comes back: {ready}");
        assert!(
            pod.spec.unwrap().init_containers.is_none(),
            "nobody was there to inject"
        );
    })
    .await;
}
