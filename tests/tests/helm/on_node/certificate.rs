//! A certificate of one's own, with a real injector behind it; and `helm test`, which asks it for a watcher.

use super::{INJECT, Release, kubectl, must};
use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// CA, certificate and key for one DNS name, as PEM.
fn certificate(name: &str) -> (String, String, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    (ca_pem, leaf.pem(), key.serialize_pem())
}

/// Pods that the one injector of this namespace has given a watcher, as it counts them.
fn injected(namespace: &str) -> u64 {
    let pod = must(kubectl(
        &[
            "get",
            "pods",
            "--namespace",
            namespace,
            "--selector=app.kubernetes.io/component=injector",
            "--output=jsonpath={.items[0].metadata.name}",
        ],
        None,
    ));
    let metrics = must(kubectl(
        &[
            "get",
            "--raw",
            &format!("/api/v1/namespaces/{namespace}/pods/{pod}:8081/proxy/metrics"),
        ],
        None,
    ));
    metrics
        .lines()
        .filter(|line| line.starts_with("injector_requests_total{result=\"injected\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[test]
fn a_certificate_of_ones_own_serves_and_helm_test_passes() {
    let release = Release::new("existing");
    let namespace = release.name.as_str();
    must(kubectl(&["create", "namespace", namespace], None));
    let seen = format!("charts-test={namespace}");
    must(kubectl(&["label", "namespace", namespace, &seen], None));
    let (ca, chain, key) = certificate(&format!("{}.{namespace}.svc", release.injector()));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "mine", "namespace": namespace},
        "stringData": {"tls.crt": chain, "tls.key": key},
    });
    must(kubectl(&["create", "--filename=-"], Some(&secret)));
    must(release.apply(&json!({
        "injector": {"replicaCount": 1, "webhooks": {"timeoutSeconds": 10}, "test": {"enabled": true}},
        "certs": {"mode": "existing", "existing": {
            "secret": "mine", "caBundle": base64::prelude::BASE64_STANDARD.encode(ca)}},
    })));
    let deployment = format!("deployment/{}", release.injector());
    must(kubectl(
        &[
            "rollout",
            "status",
            &deployment,
            "--namespace",
            namespace,
            "--timeout=90s",
        ],
        None,
    ));

    // The API server asks us, and trusts who answers. It may take a moment until it finds the way; and what another
    // installation's injector would add beside is not our matter, so our own count is asked.
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace, "annotations": {INJECT: "true"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "agent"}]},
    });
    let began = Instant::now();
    loop {
        let made = must(kubectl(
            &[
                "create",
                "--dry-run=server",
                "--output=json",
                "--filename=-",
            ],
            Some(&pod),
        ));
        if injected(namespace) > 0 {
            let made: Value = serde_json::from_str(&made).unwrap();
            assert_eq!(
                made["spec"]["initContainers"][0]["name"],
                sidecar::names::WATCHER
            );
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the injector was never asked"
        );
        std::thread::sleep(Duration::from_millis(200));
    }

    must(release.helm(&["test", &release.name, "--timeout", "90s"]));
    // The Pod of the test went with its success.
    let left = must(kubectl(
        &[
            "get",
            "pods",
            "--namespace",
            namespace,
            "--selector=app.kubernetes.io/component=test",
            "--output=name",
        ],
        None,
    ));
    assert_eq!(left, "");
    // The same Pod where every webhook passes over it: the test can fail, and says why.
    let hook = must(release.helm(&["get", "hooks", &release.name]));
    let part_of = "app.kubernetes.io/part-of: discord-monitoring";
    assert!(hook.contains(&format!("{part_of}-test")), "{hook}");
    let mut unseen =
        serde_saphyr::from_str::<Value>(&hook.replace(&format!("{part_of}-test"), part_of))
            .unwrap();
    unseen["metadata"]["annotations"] = json!({});
    must(kubectl(&["create", "--filename=-"], Some(&unseen)));
    let name = unseen["metadata"]["name"].as_str().unwrap();
    must(kubectl(
        &[
            "wait",
            "--for=jsonpath={.status.phase}=Failed",
            &format!("pod/{name}"),
            "--namespace",
            namespace,
            "--timeout=60s",
        ],
        None,
    ));
    let log = must(kubectl(&["logs", name, "--namespace", namespace], None));
    assert!(log.contains("injected- cannot be read"), "{log}");

    must(release.helm(&["uninstall", &release.name]));
    must(kubectl(
        &["create", "--dry-run=server", "--filename=-"],
        Some(&pod),
    ));
}
