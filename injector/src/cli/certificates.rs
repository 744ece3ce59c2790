//! Where the certificate of `serve` comes from, and who may call: what is read from files or looked after in the cluster,
//! and what of it shows in metrics and readiness.

use super::ready::Ready;
use super::serve::{Certs, ServeArgs};
use crate::metrics::{Metrics, Reload};
use anyhow::bail;
use certs::callers::Callers;
use certs::files::{self, Files};
use certs::kubernetes::{Kubernetes, Names};
use certs::{Health, Manager, Policy, Resolver};
use rustls::server::WantsServerCert;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

impl ServeArgs {
    /// Has certificates served through `resolver`, until `stop`.
    pub(super) async fn certificates(
        &self,
        resolver: &Arc<Resolver>,
        metrics: &Metrics,
        ready: &Ready,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (shown, counted) = ((metrics.clone(), ready.clone()), metrics.clone());
        let show = move |health: &Health| {
            let (metrics, ready) = &shown;
            metrics
                .certificate_expiry
                .set(health.not_after.unwrap_or_default());
            ready.certificate(health);
        };
        let (resolver, stop) = (Arc::clone(resolver), stop.clone());
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        match (self.certs, files) {
            (Some(Certs::Existing) | None, Some((chain, key))) => {
                let mut files = Files::new(chain, key);
                // A pair that is broken at the start is a wrong command line; later it is an outage to sit out.
                if let Some(certificate) = files.load().await? {
                    resolver.set(&certificate);
                }
                show(&files.health(&resolver));
                tasks.spawn(files.follow(resolver, stop, move |reload, health| {
                    count(&counted, "certificate", reload);
                    show(health);
                }));
                Ok(())
            }
            (Some(Certs::Existing), None) => {
                bail!("--certs existing needs --tls-cert and --tls-key")
            }
            (Some(Certs::SelfManaged), Some(_)) => {
                bail!("--certs self-managed takes no --tls-cert")
            }
            (Some(Certs::SelfManaged) | None, None) => {
                let manager = self.manager(&resolver).await?;
                tasks.spawn(manager.run(stop, show));
                Ok(())
            }
        }
    }

    /// TLS for callers that show a certificate of theirs, or for any.
    pub(super) async fn callers(
        &self,
        metrics: &Metrics,
        ready: &Ready,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<rustls::ConfigBuilder<rustls::ServerConfig, WantsServerCert>> {
        let Some(path) = &self.tls_client_ca else {
            return Ok(rustls::ServerConfig::builder().with_no_client_auth());
        };
        let mut callers = Callers::new(path.clone());
        let verifier = callers.load().await?;
        let (metrics, ready) = (metrics.clone(), ready.clone());
        tasks.spawn(callers.follow(stop.clone(), move |reload, problem| {
            count(&metrics, "callers", reload);
            ready.detail("callers", problem);
        }));
        Ok(rustls::ServerConfig::builder().with_client_cert_verifier(verifier))
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

fn count(metrics: &Metrics, what: &'static str, reload: files::Reload) {
    let result = match reload {
        files::Reload::Nothing => return,
        files::Reload::Done => "ok",
        files::Reload::Failed => "failed",
    };
    metrics
        .reloads
        .get_or_create(&Reload { what, result })
        .inc();
}
