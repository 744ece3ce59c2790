//! Reads from an API server: single objects and lists in pages, each with an end.

use kube::Client;
use kube::client::Body;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Objects in a page.
const PAGE: usize = 250;
/// Most pages of one list: 100,000 objects.
const MOST_PAGES: usize = 400;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// No API server is named, or what names it is wrong.
    #[error("no API server to ask: {0}; set KUBECONFIG, or run inside a cluster")]
    Nowhere(String),
    /// It is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// Not allowed.
    #[error("not allowed: {0}; ask for get and list on it")]
    Forbidden(String),
    /// Anything else, mostly that the API server does not answer.
    #[error("{what}: {why}")]
    Failed {
        /// Path.
        what: String,
        /// Why.
        why: String,
    },
    /// More than is ever read.
    #[error("{0} has more than 100000 objects; the rest was not looked at, so name a namespace")]
    Endless(String),
}

/// An API server, read only.
pub(crate) struct Api {
    client: Client,
    /// Without repetition of what answers 429 or 5xx: there the answer itself is what is asked for.
    once: Client,
}

impl Api {
    /// The API server that KUBECONFIG or the service account names.
    pub(crate) async fn connect() -> Result<Self, ApiError> {
        let failed = |error: &dyn std::fmt::Display| ApiError::Nowhere(error.to_string());
        let mut config = kube::Config::infer()
            .await
            .map_err(|error| failed(&error))?;
        config.connect_timeout = Some(TIMEOUT);
        config.read_timeout = Some(TIMEOUT);
        config.write_timeout = Some(TIMEOUT);
        let client = Client::try_from(config.clone()).map_err(|error| failed(&error))?;
        config.default_retry = false;
        let once = Client::try_from(config).map_err(|error| failed(&error))?;
        Ok(Self { client, once })
    }

    /// One object, or the answer to any GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        let request = http::Request::get(path)
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| failed(path, &error))?;
        match tokio::time::timeout(TIMEOUT, self.client.request::<Value>(request)).await {
            Err(_) => Err(failed(path, &"no answer within 15 s")),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(status))) => Err(match status.code {
                404 => ApiError::Missing(name(path).to_owned()),
                403 => ApiError::Forbidden(status.message.clone()),
                _ => failed(path, &status.message),
            }),
            Ok(Err(error)) => Err(failed(path, &error)),
        }
    }

    /// The status code of any GET, whatever the answer.
    pub(crate) async fn status(&self, path: &str) -> Result<u16, ApiError> {
        let request = http::Request::get(path)
            .body(Body::empty())
            .map_err(|error| failed(path, &error))?;
        match tokio::time::timeout(TIMEOUT, self.once.send(request)).await {
            Err(_) => Err(failed(path, &"no answer within 15 s")),
            Ok(Ok(response)) => Ok(response.status().as_u16()),
            Ok(Err(error)) => Err(failed(path, &error)),
        }
    }

    /// Hands every object of a list to `each`, a page at a time; nothing of a page is kept.
    pub(crate) async fn list(
        &self,
        path: &str,
        selector: &str,
        mut each: impl FnMut(Value),
    ) -> Result<(), ApiError> {
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = format!("{path}?limit={PAGE}");
            for (key, value) in [("labelSelector", selector), ("continue", &next)] {
                if !value.is_empty() {
                    let _ = write!(query, "&{key}={}", escaped(value));
                }
            }
            let mut page = self.get(&query).await?;
            let items = page.get_mut("items").map(Value::take);
            if let Some(Value::Array(items)) = items {
                items.into_iter().for_each(&mut each);
            }
            let token = page.pointer("/metadata/continue").and_then(Value::as_str);
            match token.filter(|token| !token.is_empty()) {
                Some(token) => token.clone_into(&mut next),
                None => return Ok(()),
            }
        }
        Err(ApiError::Endless(name(path).to_owned()))
    }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> ApiError {
    ApiError::Failed {
        what: name(what).to_owned(),
        why: why.to_string(),
    }
}

/// `secrets/x` of `/api/v1/namespaces/n/secrets/x?limit=1`: what people call it.
fn name(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.rsplit_once("/v1/").map_or(path, |(_, rest)| rest);
    path.trim_start_matches("namespaces/")
}

/// Percent-encoded for a query.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
