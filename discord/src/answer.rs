//! Reads an answer: success, or the [`Error`] it means. Answers may come from Discord, from the network in front of it
//! (HTML, no headers) or from a proxy that knows nothing of either; all of them are bounded bytes here.

use crate::error::{Error, Scope};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Longest wait an answer may ask for; a longer one is taken as this long.
const MAX_WAIT: Duration = Duration::from_hours(1);
/// Parts of an error tree that are named.
const MAX_FAULTS: usize = 5;
/// Code points of foreign text in an error.
const MAX_TEXT: usize = 200;

/// The fields of Discord's error and 429 bodies that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    code: Option<Value>,
    message: Option<Value>,
    pub(crate) errors: Value,
    retry_after: Option<Value>,
    global: Option<Value>,
}

impl Problem {
    /// Discord's own code, 0 when there is none.
    pub(crate) fn code(&self) -> u64 {
        self.code.as_ref().and_then(Value::as_u64).unwrap_or(0)
    }

    /// Discord's words, shortened.
    pub(crate) fn said(&self) -> String {
        let text = self.message.as_ref().and_then(Value::as_str);
        crate::limits::cut(text.unwrap_or("no reason given"), MAX_TEXT).into_owned()
    }
}

/// What an answer that is no success means.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let parsed = serde_json::from_slice::<Problem>(body).ok();
    let from_discord = parsed.is_some();
    let problem = parsed.unwrap_or_default();
    let code = problem.code.as_ref().and_then(Value::as_u64);
    let said = || problem.said();
    let last = |advice: &str| Error::Final {
        status: status.as_u16(),
        code,
        reason: format!("{}; {advice}", said()),
    };
    let retry = |slow, maybe_saved| Error::Retry {
        reason: if from_discord {
            format!("Discord answered {}: {}", status.as_u16(), said())
        } else {
            format!(
                "the answer was {} and not from Discord's API",
                status.as_u16()
            )
        },
        maybe_saved,
        slow,
    };
    match (status.as_u16(), code) {
        (429, _) => rate_limited(headers, &problem),
        (404, Some(10015)) => {
            last("the webhook was deleted: make a new one and replace the webhook URL")
        }
        (404, Some(10003)) => last(
            "the channel or thread is not there, or the thread is another channel's: replace the webhook URL or its thread_id",
        ),
        (401, Some(50027)) => last("the webhook's token is wrong: copy the webhook URL again"),
        (400, Some(220_001)) => {
            last("the channel is a forum: add ?thread_id=ID of a post to the webhook URL")
        }
        (400, Some(220_003)) => last(
            "the channel is no forum: add ?thread_id=ID of one of its threads to the webhook URL, or take the thread away from it",
        ),
        // Somebody may open it again at any moment, and a post of ours does so itself where it may.
        (400, Some(50083)) => Error::Retry {
            reason: "the thread is archived: open it again in Discord, or name another in the webhook URL's thread_id"
                .to_owned(),
            maybe_saved: false,
            slow: true,
        },
        (404, Some(10008)) => Error::MessageGone,
        (413, _) | (400, Some(40005)) => Error::TooLarge,
        (400, _) if from_discord => Error::Rejected {
            code,
            reason: faults(&problem.errors).unwrap_or_else(said),
        },
        // A gateway that gave up waiting says nothing about what the server behind it did.
        (502 | 504, _) => retry(false, true),
        (408 | 500..=599, _) => retry(false, false),
        // Everything else is a wrong address, a proxy or a ban: it may mend, and asking often makes it worse.
        _ => retry(true, false),
    }
}

fn rate_limited(headers: &HeaderMap, problem: &Problem) -> Error {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let header = text("retry-after").and_then(|value| value.trim().parse::<f64>().ok());
    let body = problem.retry_after.as_ref().and_then(Value::as_f64);
    let after = [header.and_then(seconds), body.and_then(seconds)]
        .into_iter()
        .flatten()
        .max();
    let scope = match text("x-ratelimit-scope") {
        Some("user") => Scope::User,
        Some("global") => Scope::Global,
        Some("shared") => Scope::Shared,
        _ => Scope::Unknown,
    };
    let global = scope == Scope::Global
        || text("x-ratelimit-global").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || problem
            .global
            .as_ref()
            .and_then(Value::as_bool)
            .unwrap_or(false);
    Error::RateLimited {
        after,
        global,
        scope,
    }
}

/// A wait in seconds, when it is one; never above [`MAX_WAIT`].
pub(crate) fn seconds(value: f64) -> Option<Duration> {
    if value.is_nan() || value < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(value).map_or(MAX_WAIT, |wait| wait.min(MAX_WAIT)))
}

/// The leaves of Discord's nested `errors`: `embeds.0.title: Must be 256 or fewer in length. (BASE_TYPE_MAX_LENGTH)`.
pub(crate) fn faults(errors: &Value) -> Option<String> {
    let mut found = Vec::new();
    walk(errors, &mut String::new(), &mut found);
    (!found.is_empty()).then(|| crate::limits::cut(&found.join("; "), 3 * MAX_TEXT).into_owned())
}

/// Depth is bounded by the JSON parser's own limit, width by [`MAX_FAULTS`].
fn walk(node: &Value, path: &mut String, found: &mut Vec<String>) {
    let Some(map) = node.as_object() else { return };
    for (key, value) in map {
        if found.len() >= MAX_FAULTS {
            return;
        }
        if key == "_errors" {
            for fault in value
                .as_array()
                .into_iter()
                .flatten()
                .take(MAX_FAULTS - found.len())
            {
                let text = |key| fault.get(key).and_then(Value::as_str).unwrap_or("?");
                let message = crate::limits::cut(text("message"), MAX_TEXT);
                found.push(format!("{path}: {message} ({})", text("code")));
            }
            continue;
        }
        let before = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        walk(value, path, found);
        path.truncate(before);
    }
}

/// The id in a saved message. An empty or id-less JSON answer counts as success without an id, for compatible servers;
/// what is not JSON came from something in between and saved nothing.
pub(crate) fn message_id(body: &[u8]) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Saved {
        id: Option<String>,
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    match serde_json::from_slice::<Saved>(body) {
        Ok(saved) => Ok(saved.id),
        Err(error) if error.is_data() => Ok(None),
        Err(_) => Err(Error::Retry {
            reason: "the answer was a success but not from Discord's API; is a proxy in between?"
                .to_owned(),
            maybe_saved: true,
            slow: true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        classify(StatusCode::from_u16(status).unwrap(), &map, body.as_bytes())
    }

    #[test]
    fn a_webhook_that_is_gone_is_final() {
        for (status, code) in [
            (404, 10015),
            (404, 10003),
            (401, 50027),
            (400, 220_001),
            (400, 220_003),
        ] {
            let error = read(status, &[], &format!(r#"{{"message":"m","code":{code}}}"#));
            assert!(error.is_final() && !error.is_retryable(), "{error}");
        }
    }

    #[test]
    fn an_archived_thread_is_waited_for_and_says_what_opens_it() {
        let error = read(400, &[], r#"{"message":"Thread is archived","code":50083}"#);
        assert!(error.is_retryable() && !error.maybe_saved(), "{error:?}");
        assert!(error.to_string().contains("open it again"), "{error}");
    }

    #[test]
    fn a_404_that_is_not_discords_is_not_final() {
        for (status, body) in [
            (404, "<html>no such backend"),
            (403, "<html>banned"),
            (404, r#"{"code":0}"#),
            (301, ""),
        ] {
            let error = read(status, &[], body);
            assert!(
                matches!(error, Error::Retry { slow: true, .. }),
                "{status} {error:?}"
            );
        }
    }

    #[test]
    fn the_larger_of_body_and_header_is_obeyed() {
        for (header, body, millis) in [
            (Some("2"), "0.5", Some(2000)),
            (Some("1"), "1.337", Some(1337)),
            (None, "0.001", Some(1)),
            (Some("x"), "-1", None),
            (None, "1e300", Some(3_600_000)),
        ] {
            let headers: Vec<_> = header
                .map(|value| ("retry-after", value))
                .into_iter()
                .collect();
            let error = read(
                429,
                &headers,
                &format!(r#"{{"retry_after":{body},"global":false}}"#),
            );
            let after = millis.map(Duration::from_millis);
            assert_eq!(
                error,
                Error::RateLimited {
                    after,
                    global: false,
                    scope: Scope::Unknown
                }
            );
        }
    }

    #[test]
    fn a_html_429_falls_back_to_its_header() {
        let error = read(429, &[("retry-after", "7")], "<html>slow down");
        let after = Some(Duration::from_secs(7));
        assert_eq!(
            error,
            Error::RateLimited {
                after,
                global: false,
                scope: Scope::Unknown
            }
        );
    }

    #[test]
    fn a_global_limit_is_known_by_any_of_its_signs() {
        for (headers, body) in [
            (&[("x-ratelimit-scope", "global")][..], "{}"),
            (&[("x-ratelimit-global", "true")][..], "{}"),
            (&[][..], r#"{"global":true}"#),
        ] {
            assert!(matches!(
                read(429, headers, body),
                Error::RateLimited { global: true, .. }
            ));
        }
    }

    #[test]
    fn a_400_names_the_parts_that_were_refused() {
        let body = r#"{"code":50035,"message":"Invalid Form Body","errors":{"embeds":{"0":{"fields":{"2":{"value":
            {"_errors":[{"code":"BASE_TYPE_REQUIRED","message":"This field is required"}]}}}}}}}"#;
        assert_eq!(
            read(400, &[], body),
            Error::Rejected {
                code: Some(50035),
                reason: "embeds.0.fields.2.value: This field is required (BASE_TYPE_REQUIRED)"
                    .into()
            }
        );
    }

    #[test]
    fn a_gateway_that_gave_up_may_have_delivered() {
        assert!(read(504, &[], "").maybe_saved());
        assert!(!read(500, &[], "{}").maybe_saved());
    }

    #[test]
    fn only_a_json_answer_counts_as_saved() {
        assert_eq!(message_id(br#"{"id":"42","x":[1]}"#), Ok(Some("42".into())));
        assert_eq!(message_id(b""), Ok(None));
        assert_eq!(message_id(b"[1]"), Ok(None));
        assert!(message_id(b"<html>log in to the hotel's network").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_panic(status in 100_u16..1000, body in "\\PC{0,80}", after in "\\PC{0,8}") {
            let mut headers = HeaderMap::new();
            if let Ok(value) = after.parse() {
                headers.insert("retry-after", value);
            }
            let _ = classify(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes());
            let _ = message_id(body.as_bytes());
        }

        #[test]
        fn any_error_tree_is_summarised_within_bounds(keys in prop::collection::vec("[a-z0-9]{1,300}", 1..60)) {
            let mut tree = serde_json::json!({"_errors": vec![serde_json::json!({"code":"C","message":"m".repeat(999)}); 50]});
            for key in keys {
                tree = serde_json::json!({ key: tree });
            }
            prop_assert!(faults(&tree).unwrap().chars().count() <= 3 * MAX_TEXT);
        }
    }
}
