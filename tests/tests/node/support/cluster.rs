//! The cluster that KUBECONFIG names, and the one installation of the chart that all tests share.

use super::injector;
use super::wait::seconds;
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) const RELEASE: &str = "dm";
pub(crate) const RELEASE_NAMESPACE: &str = "discord-monitoring";

/// What stands there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installed {
    /// What another process left, or a change that failed.
    Unknown,
    /// As a person installs it.
    Usual,
    /// See [`exclusive_restless`].
    Restless,
}

static INSTALLATION: RwLock<()> = RwLock::const_new(());
static INSTALLED: Mutex<Installed> = Mutex::new(Installed::Unknown);
static WITHOUT_US: OnceLock<String> = OnceLock::new();
static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Held while a test relies on the installation as it is.
pub(crate) async fn shared() -> RwLockReadGuard<'static, ()> {
    BEGAN.get_or_init(Instant::now);
    let guard = INSTALLATION.read().await;
    install(Installed::Usual);
    guard
}

/// Held while a test changes the installation; it must leave it as it was.
pub(crate) async fn exclusive() -> RwLockWriteGuard<'static, ()> {
    BEGAN.get_or_init(Instant::now);
    let guard = INSTALLATION.write().await;
    install(Installed::Usual);
    guard
}

/// The same with three replicas, an authority that lives a minute, a certificate that lives 40 s, and 2 s to reach everybody.
/// It stays so until a test wants the usual: there and back takes a minute. The API server waits as long as it may: what is
/// counted as missed is what nobody answered, and not that the machine stalled.
pub(crate) async fn exclusive_restless() -> RwLockWriteGuard<'static, ()> {
    // Tests that begin together ask in any order; those that want the usual shall be first, so that it changes once.
    let began = *BEGAN.get_or_init(Instant::now);
    tokio::time::sleep_until((began + seconds(1)).into()).await;
    let guard = INSTALLATION.write().await;
    install(Installed::Restless);
    guard
}

/// What the API server makes of [`PLAIN_POD`] where nothing of ours is installed, as JSON.
pub(crate) fn without_us() -> &'static str {
    install(Installed::Usual);
    WITHOUT_US.get().expect("it was looked at first")
}

/// Makes it so, if it is not. Only the first of those that share it finds anything to do.
fn install(wanted: Installed) {
    // A change that failed has failed its test, and is made anew for the next.
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed == wanted {
        return;
    }
    let before = std::mem::replace(&mut *installed, Installed::Unknown);
    WITHOUT_US.get_or_init(start_over);
    if before == Installed::Restless {
        // An authority that lives a minute would be succeeded for two more.
        injector::scale(0);
        let secret = ["secret", injector::SECRET, "--namespace", RELEASE_NAMESPACE];
        let emptied = ["--type", "merge", "--patch", r#"{"data":null}"#];
        kubectl(&[&["patch"], &secret[..], &emptied[..]].concat());
    }
    if wanted == Installed::Restless {
        helm_upgrade(&[
            "--set",
            "injector.replicaCount=3,injector.webhooks.timeoutSeconds=10",
            "--set",
            "certs.caValidity=60s,certs.leafValidity=40s,certs.propagation=2s",
        ]);
    } else {
        helm_upgrade(&[]);
    }
    *installed = wanted;
}

/// A Pod that asks for nothing.
pub(crate) const PLAIN_POD: &str = "tests/tests/node/plain-pod.yaml";

/// [`PLAIN_POD`] as the API server would store it, without storing it.
pub(crate) fn dry_run_plain_pod() -> String {
    kubectl(&[
        "create",
        "--namespace",
        "default",
        "--dry-run=server",
        "-o",
        "json",
        "-f",
        PLAIN_POD,
    ])
}

/// kubectl of PATH: any version near the cluster's will do.
pub(crate) fn kubectl(args: &[&str]) -> String {
    tool("kubectl", args)
}

/// Starts from a cluster without us, and looks at it.
fn start_over() -> String {
    tool(
        "helm",
        &[
            "uninstall",
            RELEASE,
            "--namespace",
            RELEASE_NAMESPACE,
            "--ignore-not-found",
            "--wait",
        ],
    );
    dry_run_plain_pod()
}

/// A client for this test's own runtime: connections do not outlive the runtime that made them.
pub(crate) async fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::infer()
        .await
        .expect("KUBECONFIG names a cluster that answers");
    config.read_timeout = Some(seconds(60));
    Client::try_from(config).expect("a client from KUBECONFIG")
}

/// Top of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate stands in the workspace")
        .into()
}

/// Runs a program of `.tools/bin` or PATH; panics with its output when it fails.
pub(crate) fn tool(program: &str, args: &[&str]) -> String {
    let own = root().join(".tools/bin").join(program);
    let program = if own.exists() { own } else { program.into() };
    let output = Command::new(&program)
        .args(args)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| {
            panic!("{} does not run: {error}; `make tools`", program.display())
        });
    assert!(
        output.status.success(),
        "{} {args:?}: {}{}",
        program.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Installs the chart as a person would, plus the double's certificate authority; or upgrades it.
pub(crate) fn helm_upgrade(further: &[&str]) {
    let mut args = vec![
        "upgrade",
        "--install",
        RELEASE,
        "charts/discord-monitoring",
        "--namespace",
        RELEASE_NAMESPACE,
        "--create-namespace",
        "--wait",
        "--timeout",
        "120s",
        "--set",
        "discord.monitoring.extraCA.configMap=discord-ca",
    ];
    args.extend_from_slice(further);
    tool("helm", &args);
}
