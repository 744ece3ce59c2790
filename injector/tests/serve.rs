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
use process::{Injector, asked, certificate, certificate_until, client, mount, pod};
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

/// 1 January 4000 and 2500, seconds since 1970.
const YEAR_4000: f64 = 64_060_588_800.0;
const YEAR_2500: f64 = 16_725_225_600.0;

#[tokio::test]
async fn readiness_and_metrics_tell_of_every_file_that_is_broken_or_renewed() {
    let injector = Injector::start(Some(injector::DEFAULT));
    let said = injector.ready("ready", |status, _| status == 200).await;
    assert_eq!(said, json!({"ready": true}));
    injector.review("/inject", asked()).await;
    injector.review("/inject", pod(&json!({}))).await;
    let metrics = async |expected: &[(&str, Option<f64>)]| {
        for (name, value) in expected {
            assert_eq!(injector.metric(name).await, *value, "{name}");
        }
    };
    let reloads = |what: &str, result: &str| {
        format!("injector_reloads_total{{what=\"{what}\",result=\"{result}\"}}")
    };
    metrics(&[
        (
            "injector_requests_total{result=\"injected\",reason=\"annotation\"}",
            Some(1.0),
        ),
        ("injector_duration_seconds_count", Some(2.0)),
        ("injector_template_generation", Some(1.0)),
        ("injector_certificate_expiry_seconds", Some(YEAR_4000)),
        (&reloads("template", "ok"), Some(1.0)),
        (&reloads("template", "failed"), None),
        (&reloads("certificate", "failed"), None),
    ])
    .await;
    let spent = injector.metric("injector_duration_seconds_sum").await;
    assert!(spent.is_some_and(|spent| spent > 0.0 && spent < 60.0));

    // Broken: what was good stays in force, and both say so.
    let definition = injector.mounted("sidecar");
    mount(&definition, 2, &[("sidecar.yaml", "version: 7")]);
    mount(&injector.mounted("tls"), 2, &[("tls.crt", "nothing")]);
    let broken =
        |_: u16, said: &Value| said["sidecar"].is_string() && said["certificate"].is_string();
    let said = injector.ready("both are broken", broken).await;
    assert_eq!(said["ready"], true, "what was good still serves");
    for detail in ["sidecar", "certificate"] {
        let text = said[detail].as_str().unwrap();
        assert!(text.starts_with("the old "), "{text}");
    }
    metrics(&[
        ("injector_template_generation", Some(1.0)),
        ("injector_certificate_expiry_seconds", Some(YEAR_4000)),
        (&reloads("template", "failed"), Some(1.0)),
        (&reloads("certificate", "failed"), Some(1.0)),
    ])
    .await;

    // Mended: nothing is left of it.
    let (chain, key) = certificate_until(2000, 2500);
    let definition_text = injector::DEFAULT.replace("version: 1\n", "version: 1\n# again\n");
    mount(&definition, 3, &[("sidecar.yaml", &definition_text)]);
    mount(
        &injector.mounted("tls"),
        3,
        &[("tls.crt", &chain), ("tls.key", &key)],
    );
    injector
        .ready("mended", |_, said| *said == json!({"ready": true}))
        .await;
    metrics(&[
        ("injector_template_generation", Some(2.0)),
        ("injector_certificate_expiry_seconds", Some(YEAR_2500)),
        (&reloads("template", "ok"), Some(2.0)),
        (&reloads("certificate", "ok"), Some(1.0)),
    ])
    .await;
}

#[tokio::test]
async fn with_an_expired_certificate_it_is_not_ready_until_it_is_renewed() {
    let injector = Injector::start(None);
    injector.ready("ready", |status, _| status == 200).await;
    let (chain, key) = certificate_until(2000, 2001);
    let tls = injector.mounted("tls");
    mount(&tls, 2, &[("tls.crt", &chain), ("tls.key", &key)]);
    let said = injector.ready("not ready", |status, _| status == 503).await;
    let why = said["certificate"].as_str().unwrap();
    assert!(why.contains("has expired"), "{why}");
    let (chain, key) = certificate();
    mount(&tls, 3, &[("tls.crt", &chain), ("tls.key", &key)]);
    injector
        .ready("ready again", |status, _| status == 200)
        .await;
}

#[tokio::test]
async fn a_broken_list_of_callers_authorities_shows_in_readiness_and_metrics() {
    let (chain, _) = certificate();
    let injector = Injector::start_with_callers(&chain);
    injector.swap_callers("nothing");
    let broken = |_: u16, said: &Value| said["callers"].is_string();
    let said = injector.ready("callers are broken", broken).await;
    assert_eq!(said["ready"], true);
    let failed = "injector_reloads_total{what=\"callers\",result=\"failed\"}";
    assert_eq!(injector.metric(failed).await, Some(1.0));
    injector.swap_callers(&chain);
    injector
        .ready("callers are mended", |_, said| {
            *said == json!({"ready": true})
        })
        .await;
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
