//! The real process over real TLS, without a cluster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running injector with a certificate of its own.
struct Injector {
    child: Child,
    lines: Receiver<String>,
    address: String,
    client: reqwest::Client,
    folder: tempfile::TempDir,
}

/// Writes files the way kubelet mounts them: behind a directory link that is swapped as a whole.
fn mount(folder: &Path, generation: usize, files: &[(&str, &str)]) {
    let content = folder.join(format!("..{generation}"));
    std::fs::create_dir_all(&content).unwrap();
    for (name, text) in files {
        std::fs::write(content.join(name), text).unwrap();
        let link = folder.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let fresh = folder.join("..fresh");
    std::os::unix::fs::symlink(format!("..{generation}"), &fresh).unwrap();
    std::fs::rename(fresh, folder.join("..data")).unwrap();
}

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn client(certificates: &[&str]) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = certificates
        .iter()
        .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    reqwest::Client::builder()
        .tls_certs_only(roots)
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

impl Injector {
    fn start(sidecar: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = certificate();
        let tls = folder.path().join("tls");
        std::fs::create_dir(&tls).unwrap();
        mount(&tls, 1, &[("tls.crt", &chain), ("tls.key", &key)]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_injector"));
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
                "--withdrawal",
                "300ms",
            ])
            .arg("--tls-cert")
            .arg(tls.join("tls.crt"))
            .arg("--tls-key")
            .arg(tls.join("tls.key"))
            .stderr(Stdio::piped());
        if let Some(text) = sidecar {
            let path = folder.path().join("sidecar");
            std::fs::create_dir(&path).unwrap();
            mount(&path, 1, &[("sidecar.yaml", text)]);
            command.arg("--sidecar").arg(path.join("sidecar.yaml"));
        }
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut injector = Self {
            child,
            lines,
            address: String::new(),
            client: client(&[&chain]),
            folder,
        };
        let line = injector.wait_for("serving");
        let (_, port) = line.rsplit_once(':').unwrap();
        injector.address.push_str(port);
        injector
    }

    /// The next log line that contains `text`.
    fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no line with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn mounted(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address)
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self
            .client
            .post(self.url(path))
            .header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    async fn review(&self, path: &str, pod: Value) -> Value {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "namespace": "default",
            "operation": "CREATE", "object": pod}});
        let response = self.post(path, review.to_string()).await;
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["response"]["uid"], "u-1");
        answer["response"].clone()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Injector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pod(annotations: &Value) -> Value {
    json!({"metadata": {"name": "p", "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}})
}

fn asked() -> Value {
    pod(&json!({"discord-monitoring.io/inject": "true"}))
}

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
