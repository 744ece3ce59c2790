//! Values that are of the right type and would still hurt: the API server would refuse the Pod, or the kubelet could not
//! start our container, and a native sidecar that does not start keeps the agent from starting.

use super::quantity;
use sidecar::Value;

/// Smallest memory limit with which the watcher starts and works.
const LEAST_MEMORY: &str = "24Mi";
/// Smallest CPU limit with which probes are answered in time.
const LEAST_CPU: &str = "10m";

/// `None` when the value can be used; otherwise what would be legal, in words.
pub(crate) fn objection(path: &str, value: &Value) -> Option<&'static str> {
    let Value::Text(text) = value else {
        return None;
    };
    // An empty text takes a value away, which every setting bears.
    if text.is_empty() {
        return None;
    }
    let (legal, range) = match path {
        "webhook.existingSecret" | "bot.existingSecret" | "transcript.volume.existingClaim" => {
            (is_name(text), "an object's name: a-z, 0-9, - and .")
        }
        "webhook.key" | "bot.key" => (is_key(text), "a Secret's key: letters, digits, -, _ and ."),
        "image.tag" => (is_tag(text), "an image's tag"),
        "image.digest" => (is_digest(text), "a digest: sha256: and 64 hex digits"),
        "plain.endsAfter" => (is_end(text), "result, or a silence such as 10m"),
        "transcriptPath" | "workspacePath" => (!text.contains(':'), "a path without a colon"),
        "resources.limits.memory" => (at_least(text, LEAST_MEMORY), "an amount from 24Mi on"),
        "resources.limits.cpu" => (at_least(text, LEAST_CPU), "an amount from 10m on"),
        "resources.requests.memory" | "resources.requests.cpu" => {
            (at_least(text, "1n"), "an amount above 0")
        }
        _ => return None,
    };
    (!legal).then_some(range)
}

fn is_name(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

fn is_key(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 253 && text.bytes().all(legal) && !text.starts_with("..") && text != "."
}

fn is_tag(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 128 && text.bytes().all(legal) && !text.starts_with(['-', '.'])
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    })
}

fn is_end(text: &str) -> bool {
    let silence = |unit: &str| {
        text.strip_suffix(unit)
            .and_then(|number| number.parse::<u32>().ok())
            .is_some_and(|number| number > 0)
    };
    text == "result" || ["ms", "s", "m", "h"].iter().any(|unit| silence(unit))
}

fn at_least(text: &str, least: &str) -> bool {
    // Kubernetes takes no blanks and no sign here that we would read over.
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    plain && quantity::nano(text).is_some_and(|amount| Some(amount) >= quantity::nano(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_refuse_or_hold_the_pod_is_objected_to() {
        let long = format!("sha256:{}", "a".repeat(64));
        for (path, good, bad) in [
            ("webhook.existingSecret", "team-red.x", "Team Red"),
            ("webhook.existingSecret", "a", "-a"),
            ("webhook.key", "url_1.txt", "a/b"),
            ("webhook.key", "url", ".."),
            ("image.tag", "1.2.3-rc.1_x", "a b"),
            ("image.tag", "v1", ":1"),
            ("image.digest", long.as_str(), "sha256:abc"),
            ("plain.endsAfter", "10m", "soon"),
            ("plain.endsAfter", "result", "0s"),
            ("transcriptPath", "/a/b", "/a:b"),
            ("resources.limits.memory", "128Mi", "1Mi"),
            ("resources.limits.memory", "0.5Gi", "lots"),
            ("resources.limits.cpu", "1", "0"),
            ("resources.requests.cpu", "5m", "-5m"),
            ("transcript.volume.existingClaim", "claim", "claim/x"),
        ] {
            assert_eq!(
                objection(path, &Value::Text(good.into())),
                None,
                "{path} {good}"
            );
            assert!(
                objection(path, &Value::Text(bad.into())).is_some(),
                "{path} {bad}"
            );
        }
        assert_eq!(objection("mode", &Value::Text("x".into())), None);
    }
}
