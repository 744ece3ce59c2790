//! The cluster that KUBECONFIG names, and the one installation of the chart that all tests share.

use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) const RELEASE: &str = "dm";
pub(crate) const RELEASE_NAMESPACE: &str = "discord-monitoring";

static INSTALLATION: RwLock<()> = RwLock::const_new(());
static WITHOUT_US: OnceLock<String> = OnceLock::new();

/// Held while a test relies on the installation as it is.
pub(crate) async fn shared() -> RwLockReadGuard<'static, ()> {
    let guard = INSTALLATION.read().await;
    WITHOUT_US.get_or_init(install);
    guard
}

/// Held while a test changes the installation; it must leave it as it was.
pub(crate) async fn exclusive() -> RwLockWriteGuard<'static, ()> {
    let guard = INSTALLATION.write().await;
    WITHOUT_US.get_or_init(install);
    guard
}

/// What the API server makes of [`PLAIN_POD`] where nothing of ours is installed, as JSON.
pub(crate) fn without_us() -> &'static str {
    WITHOUT_US.get_or_init(install)
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

/// Starts from a cluster without us, looks at it, and installs the chart as a person would.
fn install() -> String {
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
    let plain = dry_run_plain_pod();
    helm_upgrade(&[]);
    plain
}

/// A client for this test's own runtime: connections do not outlive the runtime that made them.
pub(crate) async fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::infer()
        .await
        .expect("KUBECONFIG names a cluster that answers");
    config.read_timeout = Some(super::wait::seconds(60));
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
