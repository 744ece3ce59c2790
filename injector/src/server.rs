//! The webhook's routes: a review in, an answer out, nothing else.

use crate::body::{Bodies, Refusal};
use crate::metrics::{Metrics, Result as ResultLabels};
use crate::plan::{self, Circumstances, Decision, Original, Outcome};
use crate::pod::{Object, Pod};
use crate::review::{self, Answer, Request};
use crate::source::Source;
use crate::template::Template;
use crate::uid::uid;
use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Instant;

/// Path of the entry for Pods that ask by annotation.
pub const PODS_PATH: &str = "/inject";
/// Path of the entry for namespaces that ask by label; being called there is how we know of the label.
pub const NAMESPACES_PATH: &str = "/inject/namespace";

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) source: Arc<Source>,
    pub(crate) metrics: Metrics,
    pub(crate) bodies: Bodies,
}

/// The webhook's routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(PODS_PATH, post(pods))
        .route(NAMESPACES_PATH, post(namespaces))
        .with_state(shared)
}

async fn pods(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    respond(&shared, request, false).await
}

async fn namespaces(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    respond(&shared, request, true).await
}

async fn respond(shared: &Shared, request: HttpRequest, namespace_opted_in: bool) -> Response {
    let (http::request::Parts { headers, .. }, body) = request.into_parts();
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "application/json")
        });
    if !json {
        shared.count("failed", "content_type");
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send an AdmissionReview as application/json\n",
        )
            .into_response();
    }
    let body = match shared.bodies.read(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => {
            shared.count("failed", refusal.label());
            let status = match refusal {
                Refusal::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
                Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
                Refusal::Broken => StatusCode::BAD_REQUEST,
            };
            return (status, format!("{refusal}\n")).into_response();
        }
    };
    let start = Instant::now();
    let answer = shared.answer(body.bytes(), namespace_opted_in);
    shared
        .metrics
        .duration
        .observe(start.elapsed().as_secs_f64());
    match answer {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        None => (
            StatusCode::BAD_REQUEST,
            "this is no AdmissionReview: it has no request.uid\n",
        )
            .into_response(),
    }
}

impl Shared {
    fn count(&self, result: &'static str, reason: &'static str) {
        self.metrics
            .requests
            .get_or_create(&ResultLabels { result, reason })
            .inc();
    }

    /// Answers a review; `None` when it has no uid to answer under.
    pub(crate) fn answer(&self, body: &[u8], namespace_opted_in: bool) -> Option<String> {
        // Nearly every Pod is read on the way, in one pass over the body.
        if let Ok(request) = review::read::<Object<Pod<'_>>>(body) {
            let original = Original::Review(body);
            return Some(
                self.decide(&request, namespace_opted_in, |pod, around, template| {
                    plan::inject_read(&pod.0, original, around, template)
                }),
            );
        }
        let request = match review::read::<&RawValue>(body) {
            Ok(request) => request,
            Err(error) => {
                self.count("failed", "review");
                let uid = uid(body)?;
                tracing::warn!(uid, %error, "a review does not parse; the Pod is admitted unchanged");
                let warning =
                    format!("discord-monitoring: not injected, the review does not parse: {error}");
                return Some(admitted(&uid, &warning));
            }
        };
        Some(
            self.decide(&request, namespace_opted_in, |object, around, template| {
                plan::inject(object.get().as_bytes(), around, template)
            }),
        )
    }

    fn decide<O>(
        &self,
        request: &Request<'_, O>,
        namespace_opted_in: bool,
        inject: impl FnOnce(&O, Circumstances<'_>, &Template) -> Outcome,
    ) -> String {
        let uid = &*request.uid;
        if !request.creates_pod() {
            self.count("skipped", "not_a_pod_creation");
            return Answer {
                uid,
                ..Answer::default()
            }
            .to_json();
        }
        let Some(object) = &request.object else {
            self.count("failed", "review");
            return admitted(
                uid,
                "discord-monitoring: not injected, the review has no object",
            );
        };
        let template = match self.source.template() {
            Ok(template) => template,
            Err(problem) => {
                self.count("failed", "template");
                tracing::warn!(uid, %problem, "no sidecar definition; the Pod is admitted unchanged");
                return admitted(uid, &format!("discord-monitoring: not injected: {problem}"));
            }
        };
        let around = Circumstances {
            namespace: request.namespace.as_deref(),
            namespace_opted_in,
        };
        let outcome = inject(object, around, &template);
        self.record(request, &outcome);
        reply(uid, &outcome, template.hash())
    }

    fn record<O>(&self, request: &Request<'_, O>, outcome: &Outcome) {
        let (result, reason) = labels(outcome);
        self.count(result, reason);
        let namespace = request.namespace.as_deref().unwrap_or_default();
        let (uid, pod, mode) = (
            &*request.uid,
            outcome.name.as_str(),
            outcome.mode.unwrap_or_default(),
        );
        if outcome.decision == Decision::Failed {
            tracing::warn!(uid, namespace, pod, result, warnings = ?outcome.warnings, "Pod not readable");
        } else {
            tracing::info!(uid, namespace, pod, result, reason, mode, "answered");
        }
    }
}

/// Result and reason in the words of metrics and audit annotations.
fn labels(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome.decision {
        _ if outcome.deny.is_some() => ("denied", "pod"),
        Decision::Injected => ("injected", rule(outcome)),
        Decision::Unchanged => ("unchanged", rule(outcome)),
        Decision::Skipped(reason) => ("skipped", reason.label()),
        Decision::Failed => ("failed", "pod"),
    }
}

fn rule(outcome: &Outcome) -> &'static str {
    match outcome.rule {
        Some(plan::Rule::Pod) => "annotation",
        Some(plan::Rule::Namespace) => "namespace",
        None => "",
    }
}

fn reply(uid: &str, outcome: &Outcome, hash: &str) -> String {
    let (result, reason) = labels(outcome);
    let audit = [
        ("decision", result),
        ("reason", reason),
        ("mode", outcome.mode.unwrap_or("none")),
        ("template", hash),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let answer = Answer {
        uid,
        deny: outcome.deny.as_deref(),
        patch: outcome.patch.as_deref(),
        warnings: &outcome.warnings,
        audit: &audit,
    };
    answer.to_json()
}

/// Admitted unchanged, with a word why.
fn admitted(uid: &str, warning: &str) -> String {
    let warning: String = warning.chars().take(120).collect();
    Answer {
        uid,
        warnings: &[warning],
        ..Answer::default()
    }
    .to_json()
}
