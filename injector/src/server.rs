//! The webhook's routes: a review in, an answer out, nothing else.

use crate::body::{Bodies, Refusal};
use crate::metrics::{Metrics, Result as ResultLabels};
use crate::plan::{self, Circumstances, Decision, Original, Outcome};
use crate::pod::{Object, Pod};
use crate::review::{self, Answer, Request};
use crate::scan;
use crate::source::Source;
use crate::template::Template;
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

/// Value of an audit annotation where there is nothing to name.
const NONE: &str = "none";

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
                self.decide(
                    &request,
                    namespace_opted_in,
                    |pod, around, template| match template {
                        Ok(template) => plan::inject_read(&pod.0, original, around, template),
                        Err(why) => plan::without_definition(&pod.0, around, why),
                    },
                ),
            );
        }
        let request = match review::read::<&RawValue>(body) {
            Ok(request) => request,
            Err(error) => {
                let uid = scan::uid(body);
                let why = format!("the review does not parse: {error}");
                let outcome = plan::failed_for(uid.is_some() && scan::asks_deny(body), &why);
                self.count(labels(&outcome).0, "review");
                let uid = uid?;
                tracing::warn!(uid, %error, denied = outcome.deny.is_some(), "a review does not parse");
                return Some(reply(&uid, &outcome, "review", NONE));
            }
        };
        Some(
            self.decide(&request, namespace_opted_in, |object, around, template| {
                let json = object.get().as_bytes();
                match template {
                    Ok(template) => plan::inject(json, around, template),
                    Err(why) => plan::failed(json, why),
                }
            }),
        )
    }

    /// `inject` is given the definition, or why there is none.
    fn decide<O>(
        &self,
        request: &Request<'_, O>,
        namespace_opted_in: bool,
        inject: impl FnOnce(&O, Circumstances<'_>, Result<&Template, &str>) -> Outcome,
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
            // Without a Pod nobody asks to be refused.
            let outcome = plan::failed_for(false, "the review has no object");
            return reply(uid, &outcome, "review", NONE);
        };
        let around = Circumstances {
            namespace: request.namespace.as_deref(),
            namespace_opted_in,
        };
        let template = self.source.template();
        let found = template.as_deref().map_err(|problem| problem.as_str());
        let outcome = inject(object, around, found);
        let (result, mut reason) = labels(&outcome);
        if found.is_err() && outcome.decision == Decision::Failed {
            reason = "template";
        }
        self.count(result, reason);
        log(request, &outcome, reason);
        reply(uid, &outcome, reason, found.map_or(NONE, Template::hash))
    }
}

fn log<O>(request: &Request<'_, O>, outcome: &Outcome, reason: &str) {
    let (result, _) = labels(outcome);
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let (uid, pod, mode) = (
        &*request.uid,
        outcome.name.as_str(),
        outcome.mode.unwrap_or_default(),
    );
    if outcome.decision == Decision::Failed {
        tracing::warn!(uid, namespace, pod, result, reason, warnings = ?outcome.warnings, "the injector failed");
    } else {
        tracing::info!(uid, namespace, pod, result, reason, mode, "answered");
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

fn reply(uid: &str, outcome: &Outcome, reason: &str, hash: &str) -> String {
    let (result, _) = labels(outcome);
    let audit = [
        ("decision", result),
        ("reason", reason),
        ("mode", outcome.mode.unwrap_or(NONE)),
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
