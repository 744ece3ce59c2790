//! The real process over real TLS, without a cluster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "serve/process.rs"]
mod process;

use base64::Engine as _;
use process::{Injector, asked, certificate, client, mount, pod};
use serde_json::{Value, json};

#[tokio::test]
async fn a_review_is_answered_with_a_patch_that_applies() {
    let injector = Injector::start(None);
    let answer = injector.review("/inject", asked()).await;
    assert_eq!(answer["allowed"], true);
    let patch = base64::engine::general_purpose::STANDARD
        .decode(answer["patch"].as_str().unwrap())
        .unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut patched = asked();
    json_patch::patch(&mut patched, &patch).unwrap();
    assert_eq!(
        patched["spec"]["initContainers"][0]["name"],
        "discord-watcher"
    );
    assert_eq!(answer["auditAnnotations"]["decision"], "injected");
    assert!(injector.wait_for("answered").contains("u-1"));
}

#[tokio::test]
async fn the_path_tells_of_the_namespaces_label() {
    let injector = Injector::start(None);
    let plain = pod(&json!({}));
    assert_eq!(
        injector.review("/inject", plain.clone()).await.get("patch"),
        None
    );
    assert!(injector.review("/inject/namespace", plain).await["patch"].is_string());
    let refusing = pod(&json!({"discord-monitoring.io/inject": "false"}));
    assert_eq!(
        injector
            .review("/inject/namespace", refusing)
            .await
            .get("patch"),
        None
    );
}

#[tokio::test]
async fn what_is_no_review_is_answered_and_never_refuses_the_pod() {
    let injector = Injector::start(None);
    let garbage = injector
        .post("/inject", r#"{"request":{"uid":"u-2","object":[}}"#)
        .await;
    let answer: Value = serde_json::from_slice(&garbage.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["response"]["uid"], "u-2");
    assert_eq!(answer["response"]["allowed"], true);
    assert!(
        answer["response"]["warnings"][0]
            .as_str()
            .unwrap()
            .contains("does not parse")
    );
    let odd = injector
        .review("/inject", json!({"metadata": 5, "spec": []}))
        .await;
    assert_eq!(odd["allowed"], true);
    assert!(
        odd["warnings"][0]
            .as_str()
            .unwrap()
            .contains("not injected")
    );
    assert_eq!(injector.post("/inject", "nothing").await.status(), 400);
    assert_eq!(
        injector.post("/inject", vec![b' '; 5 << 20]).await.status(),
        413
    );
    let typeless = injector
        .client
        .post(injector.url("/inject"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(typeless.status(), 415);
    let get = injector
        .client
        .get(injector.url("/inject"))
        .send()
        .await
        .unwrap();
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn a_pod_that_asks_to_be_refused_when_it_cannot_be_read_is() {
    let injector = Injector::start(None);
    let mut pod = pod(
        &json!({"discord-monitoring.io/inject": "true", "discord-monitoring.io/on-error": "deny"}),
    );
    pod["spec"] = json!("no mapping");
    let answer = injector.review("/inject", pod).await;
    assert_eq!(answer["allowed"], false);
    assert!(
        answer["status"]["message"]
            .as_str()
            .unwrap()
            .contains("on-error")
    );
}

#[tokio::test]
async fn a_broken_definition_admits_and_says_so_until_it_is_mended() {
    let injector = Injector::start(Some("version: 1"));
    let answer = injector.review("/inject", asked()).await;
    assert_eq!(
        (answer["allowed"].clone(), answer.get("patch")),
        (json!(true), None)
    );
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("not injected"),
        "{answer}"
    );
    mount(
        &injector.mounted("sidecar"),
        2,
        &[("sidecar.yaml", injector::DEFAULT)],
    );
    injector.wait_for("sidecar definition in force");
    assert!(injector.review("/inject", asked()).await["patch"].is_string());
    // A broken new one leaves the old one in force.
    mount(
        &injector.mounted("sidecar"),
        3,
        &[("sidecar.yaml", "version: 7")],
    );
    injector.wait_for("cannot be used");
    assert!(injector.review("/inject", asked()).await["patch"].is_string());
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let injector = Injector::start(None);
    injector.review("/inject", asked()).await;
    let (chain, key) = certificate();
    mount(
        &injector.mounted("tls"),
        2,
        &[("tls.crt", &chain), ("tls.key", &key)],
    );
    injector.wait_for("certificate in force");
    // Connections made from now on see it.
    let renewed = client(&[&chain]);
    let answer = renewed
        .post(injector.url("/inject"))
        .header("content-type", "application/json");
    assert_eq!(answer.body("{}").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn after_a_signal_it_serves_on_and_then_ends_well() {
    let mut injector = Injector::start(None);
    injector.review("/inject", asked()).await;
    injector.signal("-TERM");
    injector.wait_for("shutting down");
    assert!(injector.review("/inject", asked()).await["patch"].is_string());
    let status = tokio::task::spawn_blocking(move || injector.child.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success(), "{status}");
}
