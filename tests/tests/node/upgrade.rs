//! What helm believes of the installation, and what is there.

use super::support::cluster::{self, RELEASE, RELEASE_NAMESPACE, kubectl, root, tool};

#[tokio::test]
async fn what_the_injector_wrote_is_no_difference_to_what_helm_believes() {
    let _guard = cluster::shared().await;
    // It has done its work: its certificate is in the Secret, and its CA in both webhooks.
    let data = kubectl(&[
        "get",
        "secret",
        "dm-discord-monitoring-injector-tls",
        "--namespace",
        RELEASE_NAMESPACE,
        "-o",
        "jsonpath={.data}",
    ]);
    assert!(
        data.contains("tls.key") || data.len() > 100,
        "the injector has written no certificate"
    );
    let bundles = kubectl(&[
        "get",
        "mutatingwebhookconfiguration",
        "dm-discord-monitoring-injector",
        "-o",
        "jsonpath={.webhooks[*].clientConfig.caBundle}",
    ]);
    assert_eq!(
        bundles
            .split(' ')
            .filter(|bundle| bundle.len() > 100)
            .count(),
        2,
        "{bundles}"
    );
    let manifest = tool(
        "helm",
        &["get", "manifest", RELEASE, "--namespace", RELEASE_NAMESPACE],
    );
    assert!(manifest.contains("kind: MutatingWebhookConfiguration"));
    let file = root().join("target/tmp/upgrade-manifest.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, manifest).unwrap();
    // Fails, with the difference, where there is one.
    let file = file.to_str().unwrap();
    kubectl(&["diff", "--filename", file]);
    kubectl(&[
        "diff",
        "--filename",
        file,
        "--server-side",
        "--field-manager=argocd-controller",
        "--force-conflicts",
    ]);
}
