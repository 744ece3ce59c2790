//! What one request to the bot or the bridge came to, by what it means for the next.

use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Code points shown of what a server says.
const DETAIL: usize = 300;
/// Most bytes of a problem that are read.
const PROBLEM_BYTES: usize = 16 * 1024;
/// Longest wait a server can ask for.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// A request without success. None of its texts holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// No answer.
    #[error("the bot cannot be reached ({0}); it is asked again")]
    Unreachable(String),
    /// An answer that another try may change.
    #[error("the bot says {status}: {detail}; it is asked again")]
    NotNow {
        status: u16,
        detail: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// The token is not known.
    #[error("the bot does not know the token (401): {0}")]
    Unauthorized(String),
    /// The run is not there any more.
    #[error("the bot knows no such run (404)")]
    NotFound,
    /// The run was ended by somebody else.
    #[error("the run was ended at the bot (410)")]
    Ended,
    /// Another answer: asking the same again is of no use until somebody changes something.
    #[error("the bot refuses ({status}): {detail}")]
    Refused { status: u16, detail: String },
}

impl CallError {
    /// No answer, or a broken one.
    pub(super) fn transport(error: reqwest::Error, secret: Option<&SecretString>) -> Self {
        // The address is in the log's first line; here it would only hide the cause.
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::Unreachable(clean(&cause.to_string(), secret))
    }

    /// An answer that is no success.
    pub(super) async fn answer(response: Response, secret: Option<&SecretString>) -> Self {
        #[derive(serde::Deserialize)]
        struct Problem {
            #[serde(default)]
            detail: String,
        }
        let status = response.status();
        let after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT));
        let body = read(response, PROBLEM_BYTES).await.unwrap_or_default();
        let detail = serde_json::from_slice::<Problem>(&body)
            .map(|problem| problem.detail)
            .ok()
            .filter(|detail| !detail.trim().is_empty())
            .unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason").to_owned());
        let detail = clean(&detail, secret);
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized(detail),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::GONE => Self::Ended,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Self::NotNow {
                status: status.as_u16(),
                detail,
                after,
            },
            status if status.is_server_error() => Self::NotNow {
                status: status.as_u16(),
                detail,
                after,
            },
            status => Self::Refused {
                status: status.as_u16(),
                detail,
            },
        }
    }

    /// Whether what ended is the token's life or the run's, not the request's luck.
    pub(super) fn ends_the_grant(&self) -> bool {
        matches!(self, Self::Unauthorized(_) | Self::NotFound | Self::Ended)
    }
}

/// At most `max` bytes of an answer; more is no answer of ours.
pub(super) async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= max => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(format!("the answer is longer than {max} bytes")),
            Ok(None) => return Ok(body),
            Err(error) => return Err(error.without_url().to_string()),
        }
    }
}

/// A server's words, short and on one line, without the token it was sent.
fn clean(text: &str, secret: Option<&SecretString>) -> String {
    let text = match secret.map(ExposeSecret::expose_secret) {
        Some(secret) if !secret.is_empty() => text.replace(secret, "[redacted]"),
        _ => text.to_owned(),
    };
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(DETAIL)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(status: u16, headers: &[(&str, &str)], body: &'static str) -> CallError {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let secret = SecretString::from("s3cr3t-token");
        CallError::answer(response.body(body).unwrap().into(), Some(&secret)).await
    }

    #[tokio::test]
    async fn each_status_says_what_to_do_next() {
        let problem = r#"{"detail":"wait, s3cr3t-token\n"}"#;
        let detail = "wait, [redacted]".to_owned();
        let after = Some(Duration::from_secs(7));
        assert_eq!(
            of(503, &[("retry-after", "7")], problem).await,
            CallError::NotNow {
                status: 503,
                detail: detail.clone(),
                after
            }
        );
        assert_eq!(
            of(422, &[], problem).await,
            CallError::Refused {
                status: 422,
                detail
            }
        );
        assert_eq!(of(404, &[], "").await, CallError::NotFound);
        assert_eq!(of(410, &[], "<html>").await, CallError::Ended);
        assert!(of(401, &[], "").await.ends_the_grant());
        let long = of(507, &[("retry-after", "999999999")], "").await;
        assert!(
            matches!(long, CallError::NotNow { after: Some(after), .. } if after == MAX_WAIT),
            "{long:?}"
        );
    }
}
