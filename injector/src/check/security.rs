//! Whether the sidecar itself keeps a namespace's Pod Security level; what the agent does is the agent's.

use crate::template::Template;
use serde_json::{Map, Value};

/// Namespace label with the level that refuses.
pub(super) const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// What of the definition a Pod Security level refuses; empty where it refuses nothing.
pub(super) fn objections(level: &str, template: &Template) -> Vec<String> {
    let mut out = Vec::new();
    if !matches!(level, "baseline" | "restricted") {
        return out;
    }
    let containers = [Some(&template.watcher), template.bridge.as_ref()];
    for container in containers.into_iter().flatten() {
        let fields = container.security.iter();
        let context: Map<String, Value> = fields
            .filter_map(|(key, text)| Some((key.clone(), serde_json::from_str(text).ok()?)))
            .collect();
        for problem in context_objections(level, &context, &template.pod_security) {
            out.push(format!("{}: {problem}", container.name));
        }
    }
    for volume in &template.volumes {
        let value: Value = serde_json::from_str(&volume.json).unwrap_or_default();
        if value.get("hostPath").is_some() {
            out.push(format!("volume {}: hostPath", volume.name));
        }
    }
    if template
        .settings
        .get("transcript.volume.hostPath")
        .is_some()
    {
        out.push("transcript.volume.hostPath".to_owned());
    }
    out
}

/// Kubernetes' Pod Security Standards, as far as a container's own security context can break them.
fn context_objections(
    level: &str,
    context: &Map<String, Value>,
    pod: &Map<String, Value>,
) -> Vec<&'static str> {
    let mut out = Vec::new();
    let at = |pointer: &str| {
        let mut parts = pointer.split('.');
        let first = context.get(parts.next().unwrap_or_default());
        parts.fold(first, |value, key| value.and_then(|value| value.get(key)))
    };
    if at("privileged") == Some(&Value::Bool(true)) {
        out.push("privileged");
    }
    let added = at("capabilities.add").and_then(Value::as_array);
    if added.is_some_and(|added| !added.is_empty()) {
        out.push("added capabilities");
    }
    let seccomp = at("seccompProfile.type").or_else(|| pod.get("seccompProfile")?.get("type"));
    if seccomp.is_some_and(|kind| kind == "Unconfined") {
        out.push("seccompProfile Unconfined");
    }
    if level != "restricted" {
        return out;
    }
    if at("allowPrivilegeEscalation") != Some(&Value::Bool(false)) {
        out.push("allowPrivilegeEscalation is not false");
    }
    let dropped = at("capabilities.drop").and_then(Value::as_array);
    if !dropped.is_some_and(|dropped| dropped.iter().any(|one| one == "ALL")) {
        out.push("capabilities do not drop ALL");
    }
    if at("runAsNonRoot").or_else(|| pod.get("runAsNonRoot")) != Some(&Value::Bool(true)) {
        out.push("runAsNonRoot is not true");
    }
    if at("runAsUser") == Some(&Value::from(0)) {
        out.push("runAsUser is 0");
    }
    if seccomp.is_none() {
        out.push("no seccompProfile");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::DEFAULT;

    #[test]
    fn the_charts_own_definition_keeps_every_level() {
        let template = Template::parse(DEFAULT).unwrap();
        for level in ["privileged", "baseline", "restricted", ""] {
            assert_eq!(
                objections(level, &template),
                Vec::<String>::new(),
                "{level}"
            );
        }
    }

    #[test]
    fn a_weakened_definition_is_named_where_the_level_asks() {
        let weak = DEFAULT
            .replace(
                "allowPrivilegeEscalation: false",
                "allowPrivilegeEscalation: true",
            )
            .replace("    runAsNonRoot: true\n", "");
        let template = Template::parse(&weak).unwrap();
        assert_eq!(objections("baseline", &template), Vec::<String>::new());
        let all = objections("restricted", &template).join("\n");
        assert!(
            all.contains("discord-watcher: allowPrivilegeEscalation"),
            "{all}"
        );
        assert!(all.contains("discord-bridge: runAsNonRoot"), "{all}");
    }
}
