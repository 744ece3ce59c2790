//! The injector as a process of its own, with files mounted as kubelet mounts them.

#![allow(dead_code, reason = "each test file uses its part")]

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running injector with a certificate of its own.
pub(crate) struct Injector {
    pub(crate) child: Child,
    lines: Receiver<String>,
    address: String,
    admin: String,
    pub(crate) client: reqwest::Client,
    /// The certificate it starts with, PEM.
    pub(crate) chain: String,
    folder: tempfile::TempDir,
}

/// Writes files the way kubelet mounts them: behind a directory link that is swapped as a whole.
pub(crate) fn mount(folder: &Path, generation: usize, files: &[(&str, &str)]) {
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

pub(crate) fn certificate() -> (String, String) {
    certificate_until(2000, 4000)
}

/// One that is valid from the first of these years to the second.
pub(crate) fn certificate_until(from: i32, until: i32) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    (made.pem(), key.serialize_pem())
}

pub(crate) fn client(certificates: &[&str]) -> reqwest::Client {
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

/// A client that shows a certificate of its own.
pub(crate) fn client_with_identity(trusted: &str, chain: &str, key: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = reqwest::Identity::from_pem(format!("{chain}{key}").as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap()])
        .identity(identity)
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// The binary under test; `INJECTOR_BIN` names another one, such as an image's.
fn binary() -> PathBuf {
    std::env::var_os("INJECTOR_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_injector").into(), PathBuf::from)
}

fn injector() -> Command {
    Command::new(binary())
}

impl Injector {
    pub(crate) fn start(sidecar: Option<&str>) -> Self {
        Self::run(sidecar, None, injector())
    }

    /// One that may open so many files, connections included.
    pub(crate) fn start_with_files(most: u32) -> Self {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
        command.arg(binary());
        Self::run(None, None, command)
    }

    /// One that serves only callers whose certificate `authority` signed.
    pub(crate) fn start_with_callers(authority: &str) -> Self {
        Self::run(None, Some(authority), injector())
    }

    pub(crate) fn swap_callers(&self, authority: &str) {
        let file = self.mounted("callers.pem");
        let fresh = self.mounted("fresh.pem");
        std::fs::write(&fresh, authority).unwrap();
        std::fs::rename(fresh, file).unwrap();
    }

    fn run(sidecar: Option<&str>, callers: Option<&str>, mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = certificate();
        let tls = folder.path().join("tls");
        std::fs::create_dir(&tls).unwrap();
        mount(&tls, 1, &[("tls.crt", &chain), ("tls.key", &key)]);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
                "--withdrawal",
                "5s",
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
        if let Some(authority) = callers {
            let path = folder.path().join("callers.pem");
            std::fs::write(&path, authority).unwrap();
            command.arg("--tls-client-ca").arg(path);
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
            admin: String::new(),
            client: client(&[&chain]),
            chain,
            folder,
        };
        let line = injector.wait_for("admin routes");
        let (_, port) = line.rsplit_once(':').unwrap();
        injector.admin.push_str(port);
        let line = injector.wait_for("serving");
        let (_, port) = line.rsplit_once(':').unwrap();
        injector.address.push_str(port);
        injector
    }

    /// The next log line that contains `text`.
    pub(crate) fn wait_for(&self, text: &str) -> String {
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

    pub(crate) fn port(&self) -> u16 {
        self.address.parse().unwrap()
    }

    /// Bytes of memory it has resident.
    pub(crate) fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
            * 1024
    }

    pub(crate) fn mounted(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address)
    }

    /// An answer of the admin port: status and text.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.admin);
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What the process says of its readiness, once `is_so`.
    pub(crate) async fn ready(&self, what: &str, is_so: impl Fn(u16, &Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, text) = self.admin("/ready").await;
            let said: Value = serde_json::from_str(&text).unwrap();
            if is_so(status, &said) {
                return said;
            }
            assert!(Instant::now() < end, "{what}: {status} {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value of one line of the metrics, by all that stands before it.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.admin("/metrics").await;
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let mut found = lines.filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.parse().unwrap())
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Response {
        let request = self
            .client
            .post(self.url(path))
            .header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn review(&self, path: &str, pod: Value) -> Value {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "namespace": "default",
            "operation": "CREATE", "object": pod}});
        let response = self.post(path, review.to_string()).await;
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["response"]["uid"], "u-1");
        answer["response"].clone()
    }

    pub(crate) fn signal(&self, name: &str) {
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

pub(crate) fn pod(annotations: &Value) -> Value {
    json!({"metadata": {"name": "p", "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "agent", "image": "a"}]}})
}

pub(crate) fn asked() -> Value {
    pod(&json!({"discord-monitoring.io/inject": "true"}))
}
