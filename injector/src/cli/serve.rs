//! `serve`: the webhook and the admin port, until a signal.

use super::durations;
use crate::body::Bodies;
use crate::metrics::{Metrics, Reload};
use crate::server::{self, Shared};
use crate::source::Source;
use anyhow::{Context as _, bail};
use certs::callers::Callers;
use certs::files::Files;
use certs::kubernetes::{Kubernetes, Names};
use certs::{Manager, Policy, Resolver};
use clap::{Args, ValueEnum};
use prometheus_client::registry::Registry;
use runtime::admin::{self, Readiness};
use runtime::log;
use runtime::serve::{Listener, ServeOptions, serve};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest request, its body included. The API server itself waits for at most 30 s, 1 s by default; whoever sends more
/// slowly than this is not the API server.
const REQUEST: Duration = Duration::from_secs(5);

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Certs {
    /// The injector makes and rotates it, and tells the API server.
    SelfManaged,
    /// Two files; something else renews them.
    Existing,
}

/// Arguments of `serve`; each is also an environment variable `INJECTOR_<NAME>`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address of the webhook.
    #[arg(long, env = "INJECTOR_LISTEN", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// Address of /live, /ready and /metrics; none when absent.
    #[arg(long, env = "INJECTOR_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,
    /// Sidecar definition, as the chart renders it; the chart's defaults when absent.
    #[arg(long, env = "INJECTOR_SIDECAR", value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Where the certificate comes from; existing when --tls-cert is given, self-managed otherwise.
    #[arg(long, env = "INJECTOR_CERTS", value_enum)]
    certs: Option<Certs>,
    /// PEM chain to serve, the server's own certificate first.
    #[arg(
        long,
        env = "INJECTOR_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// PEM private key of that certificate.
    #[arg(
        long,
        env = "INJECTOR_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// PEM certificates of who may call; without it anybody may. The API server shows one when its admission configuration
    /// names a kubeconfig for this webhook.
    #[arg(long, env = "INJECTOR_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Self-managed: Secret that holds CA and certificate.
    #[arg(long, env = "INJECTOR_SECRET_NAME", value_name = "NAME")]
    secret_name: Option<String>,
    /// Self-managed: the `MutatingWebhookConfiguration` that is told about the CA.
    #[arg(long, env = "INJECTOR_WEBHOOK_CONFIGURATION", value_name = "NAME")]
    webhook_configuration: Option<String>,
    /// Self-managed: Service through which the API server calls.
    #[arg(long, env = "INJECTOR_SERVICE_NAME", value_name = "NAME")]
    service_name: Option<String>,
    /// Self-managed: namespace of Secret and Service.
    #[arg(long, env = "INJECTOR_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// Self-managed: how long a new CA is published before a certificate of its is served.
    #[arg(long, env = "INJECTOR_PROPAGATION", default_value = "30s", value_parser = durations::parse)]
    propagation: Duration,
    /// Self-managed: how long a CA is valid.
    #[arg(long, env = "INJECTOR_CA_VALIDITY", default_value = "8760h", value_parser = durations::parse)]
    ca_validity: Duration,
    /// Self-managed: how long a certificate is valid.
    #[arg(long, env = "INJECTOR_LEAF_VALIDITY", default_value = "2160h", value_parser = durations::parse)]
    leaf_validity: Duration,
    /// After a signal: how long to serve on, until no endpoint points here any more.
    #[arg(long, env = "INJECTOR_WITHDRAWAL", default_value = "5s", value_parser = durations::parse)]
    withdrawal: Duration,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, env = "INJECTOR_LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// How it is logged: text or json.
    #[arg(long, env = "INJECTOR_LOG_FORMAT", default_value = "text")]
    log_format: String,
}

impl ServeArgs {
    /// Serves until a signal; then on for `withdrawal`, and until open requests are done.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let behind = log::init_behind(&self.log_level, self.log_format.parse()?)?;
        let signal =
            runtime::shutdown::on_signal().context("signal handlers cannot be installed")?;
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let readiness = Readiness::default();
        let tasks = TaskTracker::new();
        // Everything is bound and read before anything is served.
        let listener = bind(self.listen).await?;
        let admin = match self.admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let source = Arc::new(Source::open(self.sidecar.clone(), &metrics, &readiness).await);
        let resolver = Arc::new(Resolver::default());
        let ready = Ready {
            readiness: readiness.clone(),
            source: Arc::clone(&source),
            verified: Arc::default(),
            stopping: Arc::default(),
        };
        let stop = CancellationToken::new();
        tasks.spawn(behind.run(stop.clone()));
        self.certificates(&resolver, &metrics, &ready, &tasks, &stop)
            .await?;
        ready.update();

        let follow = (
            Arc::clone(&source),
            metrics.clone(),
            readiness.clone(),
            stop.clone(),
            ready.clone(),
        );
        tasks.spawn(async move {
            let (source, metrics, readiness, stop, ready) = follow;
            source
                .follow(metrics, readiness, stop, || ready.update())
                .await;
        });
        if let Some(listener) = admin {
            let router = admin::router(readiness, Arc::new(registry));
            tasks.spawn(serve(
                Listener::Tcp(listener),
                router,
                ServeOptions::default(),
                stop.clone(),
            ));
        }
        let tls = match &self.tls_client_ca {
            None => rustls::ServerConfig::builder().with_no_client_auth(),
            Some(path) => {
                let mut callers = Callers::new(path.clone());
                let verifier = callers.load().await?;
                tasks.spawn(callers.follow(stop.clone()));
                rustls::ServerConfig::builder().with_client_cert_verifier(verifier)
            }
        };
        let options = ServeOptions {
            tls: Some(Arc::new(with_alpn(tls.with_cert_resolver(resolver)))),
            request_timeout: REQUEST,
            ..ServeOptions::default()
        };
        let router = server::router(Arc::new(Shared {
            source,
            metrics,
            bodies: Bodies::default(),
        }));
        let closing = CancellationToken::new();
        tasks.spawn(withdraw(signal, self.withdrawal, ready, closing.clone()));
        let address = listener.local_addr()?;
        tracing::info!(%address, "serving");
        serve(Listener::Tcp(listener), router, options, closing).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
    }

    async fn certificates(
        &self,
        resolver: &Arc<Resolver>,
        metrics: &Metrics,
        ready: &Ready,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        match (self.certs, files) {
            (Some(Certs::Existing) | None, Some((chain, key))) => {
                let mut files = Files::new(chain, key);
                // A pair that is broken at the start is a wrong command line; later it is an outage to sit out.
                if let Some(certificate) = files.load().await? {
                    resolver.set(&certificate);
                    ready.verified.store(true, Ordering::Relaxed);
                }
                let (resolver, metrics, ready, stop) = (
                    Arc::clone(resolver),
                    metrics.clone(),
                    ready.clone(),
                    stop.clone(),
                );
                tasks.spawn(async move {
                    let changed = |result: Result<(), &certs::files::FileError>| {
                        let result = if result.is_ok() { "ok" } else { "failed" };
                        metrics
                            .reloads
                            .get_or_create(&Reload {
                                what: "certificate",
                                result,
                            })
                            .inc();
                        ready.update();
                    };
                    files.follow(resolver, stop, changed).await;
                });
                Ok(())
            }
            (Some(Certs::Existing), None) => {
                bail!("--certs existing needs --tls-cert and --tls-key")
            }
            (Some(Certs::SelfManaged), Some(_)) => {
                bail!("--certs self-managed takes no --tls-cert")
            }
            (Some(Certs::SelfManaged) | None, None) => {
                let manager = self.manager(resolver).await?;
                let (metrics, ready, stop) = (metrics.clone(), ready.clone(), stop.clone());
                tasks.spawn(manager.run(stop, move |health| {
                    metrics
                        .certificate_expiry
                        .set(health.not_after.unwrap_or_default());
                    ready.verified.store(health.verified, Ordering::Relaxed);
                    ready
                        .readiness
                        .detail("certificate", health.problem.clone());
                    ready.update();
                }));
                Ok(())
            }
        }
    }

    /// Self-managed certificates, which need names and an API server.
    async fn manager(&self, resolver: &Arc<Resolver>) -> anyhow::Result<Manager<Kubernetes>> {
        let (Some(secret), Some(webhooks), Some(service), Some(namespace)) = (
            &self.secret_name,
            &self.webhook_configuration,
            &self.service_name,
            &self.namespace,
        ) else {
            bail!(
                "self-managed certificates need --secret-name, --webhook-configuration, --service-name and \
                 --namespace; without a cluster, give --tls-cert and --tls-key"
            );
        };
        let policy = Policy {
            names: vec![
                format!("{service}.{namespace}.svc"),
                format!("{service}.{namespace}"),
                format!("{service}.{namespace}.svc.cluster.local"),
            ],
            ca_validity: self.ca_validity,
            leaf_validity: self.leaf_validity,
            propagation: self.propagation,
        };
        let names = Names {
            namespace: namespace.clone(),
            secret: secret.clone(),
            webhooks: webhooks.clone(),
        };
        Ok(Manager::new(
            Kubernetes::connect(names).await?,
            policy,
            Arc::clone(resolver),
        ))
    }
}

/// Readiness: a definition to inject, a certificate that callers accept, and no end in sight.
#[derive(Debug, Clone)]
struct Ready {
    readiness: Readiness,
    source: Arc<Source>,
    verified: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

impl Ready {
    fn update(&self) {
        let verified = self.verified.load(Ordering::Relaxed);
        let stopping = self.stopping.load(Ordering::Relaxed);
        self.readiness
            .set(self.source.is_usable() && verified && !stopping);
    }
}

/// After the signal: not ready at once, closed only when endpoints had time to follow.
async fn withdraw(
    signal: CancellationToken,
    withdrawal: Duration,
    ready: Ready,
    closing: CancellationToken,
) {
    signal.cancelled().await;
    ready.stopping.store(true, Ordering::Relaxed);
    ready.update();
    ready.readiness.detail(
        "shutdown",
        Some("serving on until no endpoint points here".to_owned()),
    );
    tokio::time::sleep(withdrawal).await;
    closing.cancel();
}

fn with_alpn(mut config: rustls::ServerConfig) -> rustls::ServerConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // The API server keeps its connections; tickets would only cost memory.
    config.send_tls13_tickets = 0;
    config
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; is another process there?"))
}
