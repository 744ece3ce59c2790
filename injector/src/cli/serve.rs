//! `serve`: the webhook and the admin port, until a signal.

use super::durations;
use super::ready::{Ready, withdraw};
use crate::body::Bodies;
use crate::metrics::Metrics;
use crate::server::{self, Shared};
use crate::source::Source;
use anyhow::Context as _;
use certs::Resolver;
use clap::{Args, ValueEnum};
use prometheus_client::registry::Registry;
use runtime::admin::{self, Readiness};
use runtime::log;
use runtime::serve::{Listener, ServeOptions, serve};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest request, its body included. The API server itself waits for at most 30 s, 1 s by default; whoever sends more
/// slowly than this is not the API server.
const REQUEST: Duration = Duration::from_secs(5);

/// After the withdrawal new connections are still taken until none has come for this long: on a busy node endpoints may
/// follow later than that, and whoever is sent here and refused makes a Pod that is not watched.
const LATE: Duration = Duration::from_secs(1);

/// Connections that wait in the kernel. Of those beyond, it drops the first packet, which is sent again after a second:
/// that is all the time a webhook has. The usual 128 are too few for that.
const BACKLOG: u32 = 1024;

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Certs {
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
    pub(super) certs: Option<Certs>,
    /// PEM chain to serve, the server's own certificate first.
    #[arg(
        long,
        env = "INJECTOR_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub(super) tls_cert: Option<PathBuf>,
    /// PEM private key of that certificate.
    #[arg(
        long,
        env = "INJECTOR_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub(super) tls_key: Option<PathBuf>,
    /// PEM certificates of who may call; without it anybody may. The API server shows one when its admission configuration
    /// names a kubeconfig for this webhook.
    #[arg(long, env = "INJECTOR_TLS_CLIENT_CA", value_name = "FILE")]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Self-managed: Secret that holds CA and certificate.
    #[arg(long, env = "INJECTOR_SECRET_NAME", value_name = "NAME")]
    pub(super) secret_name: Option<String>,
    /// Self-managed: the `MutatingWebhookConfiguration` that is told about the CA.
    #[arg(long, env = "INJECTOR_WEBHOOK_CONFIGURATION", value_name = "NAME")]
    pub(super) webhook_configuration: Option<String>,
    /// Self-managed: Service through which the API server calls.
    #[arg(long, env = "INJECTOR_SERVICE_NAME", value_name = "NAME")]
    pub(super) service_name: Option<String>,
    /// Self-managed: namespace of Secret and Service.
    #[arg(long, env = "INJECTOR_NAMESPACE", value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// Self-managed: how long a new CA is published before a certificate of its is served.
    #[arg(long, env = "INJECTOR_PROPAGATION", default_value = "30s", value_parser = durations::parse)]
    pub(super) propagation: Duration,
    /// Self-managed: how long a CA is valid.
    #[arg(long, env = "INJECTOR_CA_VALIDITY", default_value = "8760h", value_parser = durations::parse)]
    pub(super) ca_validity: Duration,
    /// Self-managed: how long a certificate is valid.
    #[arg(long, env = "INJECTOR_LEAF_VALIDITY", default_value = "2160h", value_parser = durations::parse)]
    pub(super) leaf_validity: Duration,
    /// After a signal: how long to serve on, at least, until no endpoint points here any more.
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
    /// Serves until a signal; then on for `withdrawal`, until nobody comes any more, and until open requests are done.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let behind = log::init_behind(&self.log_level, self.log_format.parse()?)?;
        let signal =
            runtime::shutdown::on_signal().context("signal handlers cannot be installed")?;
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let readiness = Readiness::default();
        let tasks = TaskTracker::new();
        // Everything is bound and read before anything is served.
        let listener = bind(self.listen)?;
        let admin = match self.admin_listen {
            Some(address) => Some(bind(address)?),
            None => None,
        };
        let source = Arc::new(Source::open(self.sidecar.clone(), &metrics, &readiness).await);
        let resolver = Arc::new(Resolver::default());
        let ready = Ready::new(readiness.clone(), Arc::clone(&source));
        let stop = CancellationToken::new();
        tasks.spawn(behind.run(stop.clone()));
        self.certificates(&resolver, &metrics, &ready, &tasks, &stop)
            .await?;

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
            let address = listener.local_addr()?;
            tracing::info!(%address, "admin routes");
            let router = admin::router(readiness, Arc::new(registry));
            tasks.spawn(serve(
                Listener::Tcp(listener),
                router,
                ServeOptions::default(),
                stop.clone(),
            ));
        }
        let tls = self.callers(&metrics, &ready, &tasks, &stop).await?;
        let options = ServeOptions {
            tls: Some(Arc::new(with_alpn(tls.with_cert_resolver(resolver)))),
            request_timeout: REQUEST,
            withdrawal: self.withdrawal,
            late: LATE,
            ..ServeOptions::default()
        };
        let router = server::router(Arc::new(Shared {
            source,
            metrics,
            bodies: Bodies::default(),
        }));
        tasks.spawn(withdraw(signal.clone(), ready));
        let address = listener.local_addr()?;
        tracing::info!(%address, "serving");
        serve(Listener::Tcp(listener), router, options, signal).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
    }
}

fn with_alpn(mut config: rustls::ServerConfig) -> rustls::ServerConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // The API server keeps its connections; tickets would only cost memory.
    config.send_tls13_tickets = 0;
    config
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address)
        .with_context(|| format!("{address} cannot be listened on; is another process there?"))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
