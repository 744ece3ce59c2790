//! `AdmissionReview`, admission.k8s.io/v1: a borrowed view of the request, and the answer as bytes.

use crate::json;
use crate::pod::Text;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The parts of a request we read. The object is read on the way as an `O`: a Pod, or bytes that stay bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "O: Deserialize<'de>"))]
pub(crate) struct Request<'a, O> {
    #[serde(borrow)]
    pub(crate) uid: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) kind: Kind<'a>,
    #[serde(borrow, default)]
    pub(crate) sub_resource: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) operation: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) object: Option<O>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(borrow, default)]
    pub(crate) group: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "O: Deserialize<'de>"))]
struct Review<'a, O> {
    #[serde(borrow)]
    request: Request<'a, O>,
}

/// Reads a review, and its object as an `O`.
pub(crate) fn read<'a, O: Deserialize<'a>>(
    body: &'a [u8],
) -> Result<Request<'a, O>, serde_json::Error> {
    json::read::<Review<'_, O>>(body).map(|review| review.request)
}

/// The object's bytes in a review that is one.
pub(crate) fn object(body: &[u8]) -> Option<&[u8]> {
    let request = read::<&RawValue>(body).ok()?;
    Some(request.object?.get().as_bytes())
}

impl<O> Request<'_, O> {
    /// Whether it is the creation of a Pod itself.
    pub(crate) fn creates_pod(&self) -> bool {
        self.kind.group.as_deref().unwrap_or_default().is_empty()
            && self.kind.kind.as_deref() == Some("Pod")
            && self.operation.as_deref() == Some("CREATE")
            && self.sub_resource.as_deref().unwrap_or_default().is_empty()
    }
}

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct Answer<'a> {
    pub(crate) uid: &'a str,
    /// Why it is refused; admitted when `None`.
    pub(crate) deny: Option<&'a str>,
    /// An RFC 6902 patch.
    pub(crate) patch: Option<&'a str>,
    pub(crate) warnings: &'a [String],
    /// Keys without our prefix (the API server puts the webhook's name before them), and texts.
    pub(crate) audit: &'a [(&'static str, &'a str)],
}

impl Answer<'_> {
    /// The review with the response, as JSON.
    pub(crate) fn to_json(&self) -> String {
        let length = self.patch.map_or(0, |patch| patch.len() / 3 * 4 + 4);
        let mut out = String::with_capacity(length + 512);
        out.push_str(
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"#,
        );
        json::text_member(&mut out, "uid", self.uid);
        json::member(
            &mut out,
            "allowed",
            if self.deny.is_some() { "false" } else { "true" },
        );
        if let Some(message) = self.deny {
            json::member(&mut out, "status", "{");
            json::member(&mut out, "code", "403");
            json::text_member(&mut out, "reason", "Forbidden");
            json::text_member(&mut out, "message", message);
            out.push('}');
        }
        if let Some(patch) = self.patch.filter(|_| self.deny.is_none()) {
            json::member(&mut out, "patchType", "\"JSONPatch\"");
            json::member(&mut out, "patch", "\"");
            base64::engine::general_purpose::STANDARD.encode_string(patch, &mut out);
            out.push('"');
        }
        if !self.warnings.is_empty() {
            json::member(&mut out, "warnings", "[");
            for (at, warning) in self.warnings.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json::string(&mut out, warning);
            }
            out.push(']');
        }
        if !self.audit.is_empty() {
            json::member(&mut out, "auditAnnotations", "{");
            for (key, text) in self.audit {
                json::text_member(&mut out, key, text);
            }
            out.push('}');
        }
        out.push_str("}}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn an_answer_is_a_review_with_a_patch_in_base64() {
        let answer = Answer {
            uid: "u\"1",
            patch: Some("[]"),
            warnings: &["one".to_owned()],
            audit: &[("decision", "injected")],
            ..Answer::default()
        };
        let value: Value = serde_json::from_str(&answer.to_json()).unwrap();
        assert_eq!(value["response"]["uid"], "u\"1");
        assert_eq!(value["response"]["allowed"], true);
        assert_eq!(value["response"]["patchType"], "JSONPatch");
        assert_eq!(value["response"]["patch"], "W10=");
        assert_eq!(value["response"]["warnings"][0], "one");
        assert_eq!(
            value["response"]["auditAnnotations"]["decision"],
            "injected"
        );
    }

    #[test]
    fn a_refusal_carries_its_reason_and_no_patch() {
        let answer = Answer {
            uid: "u",
            deny: Some("why"),
            patch: Some("[]"),
            ..Answer::default()
        };
        let value: Value = serde_json::from_str(&answer.to_json()).unwrap();
        assert_eq!(value["response"]["allowed"], false);
        assert_eq!(value["response"]["status"]["message"], "why");
        assert!(value["response"].get("patch").is_none());
    }

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read::<&RawValue>(&body);
            let _ = read::<crate::pod::Object<crate::pod::Pod<'_>>>(&body);
        }
    }
}
