//! Whether the API server would ask us about a Pod at all: what the webhook's selectors and conditions say, as the chart
//! renders them.

use serde_json::Value;

/// Reasons for which the webhook's own conditions leave a Pod out already, so that we never hear of it.
pub(super) const EARLY: [&str; 5] = [
    "not_asked",
    "opted_out",
    "mirror",
    "windows",
    "system_namespace",
];

/// What the selectors and conditions say besides.
pub(super) fn never_asked(pod: &Value) -> Option<&'static str> {
    let is =
        |pointer: &str, value: &str| pod.pointer(pointer).and_then(Value::as_str) == Some(value);
    if is(
        "/metadata/labels/app.kubernetes.io~1part-of",
        "discord-monitoring",
    ) {
        return Some(
            "its label app.kubernetes.io/part-of=discord-monitoring says it is one of our own Pods",
        );
    }
    is("/spec/nodeSelector/kubernetes.io~1os", "windows")
        .then_some("its node selector asks for Windows, and the watcher's image does not run there")
}
