//! The table of settings. The settings reference, the annotation parser and the watcher's environment come from it; a
//! test holds the charts' values.yaml and values.schema.json equal to it.

use crate::setting::{Kind, Setting};

/// A row with an environment variable of its own.
const fn row(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    env: Option<&'static str>,
    doc: &'static str,
) -> Setting {
    Setting {
        path,
        kind,
        default,
        env,
        env_key: None,
        per_pod: true,
        doc,
    }
}

impl Setting {
    /// The row as one key of a JSON object in an environment variable.
    const fn key(self, env_key: &'static str) -> Self {
        Self {
            env_key: Some(env_key),
            ..self
        }
    }

    /// The row as one that annotations cannot set.
    const fn chart_only(self) -> Self {
        Self {
            per_pod: false,
            ..self
        }
    }
}

/// Hours in the longest retention, a year.
const YEAR_HOURS: i64 = 8760;

/// Every setting there is, in the order of the reference page.
pub static SETTINGS: &[Setting] = &[
    row("polling.intervalMs", Kind::Integer { min: 10, max: 60_000 }, Some("100"), Some("POLL_INTERVAL_MS"),
        "Milliseconds between two looks at the transcript; inotify wakes the watcher earlier."),
    row("polling.batchSize", Kind::Integer { min: 1, max: 10 }, Some("10"), Some("BATCH_SIZE"),
        "Most embeds in one Discord message."),
    row("filters.includeTools", Kind::List, Some(r#"["Bash","Write","Edit"]"#), Some("FILTERS"),
        "Tools whose calls are posted; * matches any run of characters; an empty list means all.")
        .key("includeTools"),
    row("filters.includePatterns", Kind::List, Some(r#"["Error","Success","Complete","Starting"]"#),
        Some("FILTERS"),
        "Regular expressions; what matches one is posted whatever its tool; an empty list means all.")
        .key("includePatterns"),
    row("filters.minStdoutLength", Kind::Integer { min: 0, max: 1_000_000 }, Some("50"), Some("FILTERS"),
        "A successful call's stdout is shown from this many characters on; the command always is.")
        .key("minStdoutLength"),
    row("stats.trackCost", Kind::Bool, Some("true"), Some("STATS"), "Show the cost in US dollars.")
        .key("trackCost"),
    row("stats.tokens", Kind::Bool, Some("true"), Some("STATS"), "Show tokens by kind.").key("tokens"),
    row("stats.errors", Kind::Bool, Some("true"), Some("STATS"), "Count and show errors.").key("errors"),
    row("parityMode", Kind::Bool, Some("false"), Some("PARITY_MODE"),
        "Post everything: filters and shortening off, Discord's own limits still kept."),
    row("logging.level", Kind::Choice(&["error", "warn", "info", "debug", "trace"]), Some(r#""info""#),
        Some("LOG_LEVEL"), "How much the watcher logs."),
    row("retention.channelHours", Kind::Integer { min: 0, max: YEAR_HOURS }, Some("24"), Some("RETENTION_HOURS"),
        "Hours a run's channel is kept after the run's end; 0 keeps it for good."),
    row("transcriptPath", Kind::Path, None, Some("TRANSCRIPT_PATH"),
        "A transcript, or a directory searched as a projects tree; unset, the agent's configuration directory decides."),
    row("workspacePath", Kind::Path, None, Some("WORKSPACE_PATH"),
        "The agent's working directory: only sessions whose records lie in it are followed."),
    row("transcript.mount", Kind::Choice(&["projects", "config", "none"]), Some(r#""projects""#), None,
        "Which volume is added when no mount of the agent's covers its transcripts."),
    row("transcript.volume.existingClaim", Kind::Text, None, None,
        "PersistentVolumeClaim to use for the transcripts instead of an emptyDir."),
    row("transcript.volume.hostPath", Kind::Path, None, None,
        "Directory of the node to use for the transcripts instead of an emptyDir.").chart_only(),
    row("transcript.volume.emptyDir", Kind::Object, Some("{}"), None,
        "The emptyDir to use for the transcripts, as Kubernetes takes it.").chart_only(),
    row("transcript.volume.perPod", Kind::Bool, Some("false"), None,
        "In a claim or directory, a folder for each Pod: none sees another's transcripts, nor those of an earlier Pod."),
    row("webhook.existingSecret", Kind::Text, Some(r#""discord-webhook""#), None,
        "Secret in the Pod's namespace that holds the webhook URL."),
    row("webhook.key", Kind::Text, Some(r#""url""#), None, "Key of the webhook URL in that Secret."),
    row("webhook.value", Kind::Text, None, Some("DISCORD_WEBHOOK_URL"),
        "The webhook URL itself, readable by all who can read Pods; prefer a Secret.").chart_only(),
    row("bot.url", Kind::Text, None, Some("BOT_URL"),
        "Address of the bot service; unset, the watcher uses the webhook alone."),
    row("bot.existingSecret", Kind::Text, Some(r#""discord-bot""#), None,
        "Secret in the Pod's namespace that holds the bot service's token."),
    row("bot.key", Kind::Text, Some(r#""token""#), None, "Key of the token in that Secret."),
    row("run.taskId", Kind::Text, None, Some("RUN_TASK_ID"),
        "What the run is called; unset, its owner's name, else the Pod's."),
    row("bridge.enabled", Kind::Bool, Some("false"), None,
        "Add the bridge, which hands input from Discord to the agent."),
    row("bridge.port", Kind::Integer { min: 1024, max: 65_535 }, Some("7777"), None,
        "Port of the bridge on 127.0.0.1."),
    row("bridge.image", Kind::Text, None, None, "Image of the bridge; unset, the watcher's.").chart_only(),
    row("bridge.args", Kind::List, Some(r#"["bridge"]"#), None, "Arguments of the bridge.").chart_only(),
    row("mode", Kind::Choice(&["auto", "native", "plain"]), Some(r#""auto""#), None,
        "Native sidecar or plain container; auto takes native for Pods that end by themselves."),
    row("plain.endsAfter", Kind::Text, None, Some("ENDS_AFTER"),
        "When a plain watcher ends: `result`, or a silence such as `10m`; needed when the Pod ends by itself."),
    row("shutdown.flushSeconds", Kind::Integer { min: 0, max: 60 }, Some("5"), Some("FLUSH_SECONDS"),
        "Seconds the watcher may go on sending after it was asked to end."),
    row("automountServiceAccountToken", Kind::Bool, Some("false"), None,
        "Whether the Pod keeps its service account token; ours never mount one."),
    row("image.registry", Kind::Text, Some(r#""""#), None, "Registry of the watcher's image.").chart_only(),
    row("image.repository", Kind::Text, Some(r#""discord-monitoring/watcher""#), None,
        "Repository of the watcher's image.").chart_only(),
    row("image.tag", Kind::Text, Some(r#""""#), None,
        "Tag of the watcher's image; empty, the chart's appVersion."),
    row("image.digest", Kind::Text, Some(r#""""#), None, "Digest of the watcher's image; wins over the tag."),
    row("image.pullPolicy", Kind::Choice(&["Always", "IfNotPresent", "Never"]), Some(r#""IfNotPresent""#), None,
        "When the watcher's image is pulled."),
    row("resources.requests.cpu", Kind::Text, Some(r#""10m""#), None, "CPU the watcher asks for."),
    row("resources.requests.memory", Kind::Text, Some(r#""32Mi""#), None, "Memory the watcher asks for."),
    row("resources.limits.cpu", Kind::Text, Some(r#""100m""#), None, "CPU the watcher may use."),
    row("resources.limits.memory", Kind::Text, Some(r#""64Mi""#), None, "Memory the watcher may use."),
    row("probes.type", Kind::Choice(&["exec", "http"]), Some(r#""exec""#), None,
        "How the kubelet asks for health: exec works under a mesh, a NetworkPolicy and hostNetwork."),
    row("probes.port", Kind::Integer { min: 1024, max: 65_535 }, Some("8081"), None,
        "Port of the health routes when probes.type is http."),
    row("securityContext.runAsUser", Kind::Integer { min: 0, max: 2_147_483_647 }, None, None,
        "User of the watcher; unset, the agent's, for transcripts are readable by their owner alone."),
    row("securityContext.runAsGroup", Kind::Integer { min: 0, max: 2_147_483_647 }, None, None,
        "Group of the watcher; unset, the agent's."),
];

/// The setting of this path.
pub fn find(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use std::collections::HashSet;

    #[test]
    fn paths_are_unique() {
        let paths: HashSet<_> = SETTINGS.iter().map(|setting| setting.path).collect();
        assert_eq!(paths.len(), SETTINGS.len());
    }

    #[test]
    fn every_default_is_legal() {
        for setting in SETTINGS {
            let Some(default) = setting.default else {
                continue;
            };
            let json: serde_json::Value = serde_json::from_str(default).unwrap();
            let text = json
                .as_str()
                .map_or_else(|| default.to_owned(), str::to_owned);
            parse(setting, &text).unwrap();
        }
    }

    #[test]
    fn only_filters_and_stats_share_an_env() {
        let mut seen = HashSet::new();
        for setting in SETTINGS {
            let Some(env) = setting.env else { continue };
            assert!(
                setting.env_key.is_some() || seen.insert(env),
                "{env} stands twice"
            );
        }
    }

    #[test]
    fn no_secret_is_an_annotation() {
        assert!(!find("webhook.value").unwrap().per_pod);
    }
}
