//! What would become of a Pod and why, for people: the same code decides, and this tells what it decided.

use super::decide::{Reason, Rule};
use super::survey::Survey;
use super::warnings::Warnings;
use super::{Circumstances, Decision, inject};
use crate::json;
use crate::pod::Pod;
use crate::template::Template;
use serde::Serialize;
use serde_json::Value as Json;
use sidecar::SETTINGS;
use sidecar::names::{CONTAINER, INJECT, TRANSCRIPT_VOLUME};

/// The whole story of one Pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// `inject`, `unchanged`, `skip` or `fail`.
    pub(crate) decision: &'static str,
    /// Why, as a sentence.
    pub(crate) why: String,
    /// The reason of a skip in one word, as metrics and audit annotations have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// Present when a watcher is, or would be, in the Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sidecar: Option<Sidecar>,
    /// Each setting with a value; empty where nobody asked for a watcher.
    pub(crate) settings: Vec<SettingView>,
    /// As the person who creates the Pod would read them.
    pub(crate) warnings: Vec<String>,
}

/// How the watcher would stand in the Pod. Each `...From` says where the value before it comes from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sidecar {
    /// Name of the watcher's container.
    pub(crate) container: String,
    pub(crate) image: String,
    /// `exec` or `http`.
    pub(crate) probes: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) mode_from: String,
    /// The container that is watched.
    pub(crate) agent: String,
    pub(crate) agent_from: &'static str,
    pub(crate) config_directory: String,
    pub(crate) config_directory_from: &'static str,
    /// What the watcher is told to follow.
    pub(crate) transcript_path: String,
    /// How it comes to see that.
    pub(crate) transcript_mount: String,
    /// Absent where the platform chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<i64>,
    pub(crate) user_from: &'static str,
    /// What becomes of the Pod's service account token.
    pub(crate) token: &'static str,
    /// Port of the bridge, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bridge_port: Option<i64>,
}

/// A setting in force.
#[derive(Debug, Serialize)]
pub(crate) struct SettingView {
    pub(crate) path: &'static str,
    pub(crate) value: Json,
    /// `annotation`, `chart` or `default`.
    pub(crate) from: &'static str,
}

/// Tells what [`inject`] would do with the Pod in `json`.
pub(crate) fn explain(json: &[u8], around: Circumstances<'_>, template: &Template) -> Explanation {
    let outcome = inject(json, around, template);
    let (decision, reason) = match outcome.decision {
        Decision::Injected => ("inject", None),
        Decision::Unchanged => ("unchanged", None),
        Decision::Skipped(reason) => ("skip", Some(reason)),
        Decision::Failed => ("fail", None),
    };
    let why = match (outcome.decision, outcome.rule) {
        (Decision::Failed, _) => "the injector cannot read this Pod".to_owned(),
        (Decision::Skipped(reason), _) => sentence(reason).to_owned(),
        (decision, rule) => {
            let there = if decision == Decision::Unchanged {
                "; the watcher stands there already, as it should"
            } else {
                ""
            };
            format!("{}{there}", asked_by(rule))
        }
    };
    let mut out = Explanation {
        decision,
        why,
        reason: reason.map(Reason::label),
        sidecar: None,
        settings: Vec::new(),
        warnings: outcome.warnings,
    };
    if outcome.rule.is_some()
        && let Ok(pod) = Pod::read(json)
        && let Ok(survey) = Survey::of(&pod, template, &mut Warnings::default())
    {
        let container = container(json, outcome.patch.as_deref(), &survey.watcher.name);
        out.settings = settings(&survey, &container);
        out.sidecar = Some(sidecar(&pod, &survey, &container));
    }
    out
}

fn asked_by(rule: Option<Rule>) -> String {
    match rule {
        Some(Rule::Pod) => format!("the Pod's annotation {INJECT} is \"true\""),
        Some(Rule::Namespace) => format!("the namespace carries the label {INJECT}=enabled"),
        None => String::new(),
    }
}

fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::NotAsked => {
            "neither the Pod's annotation nor its namespace's label discord-monitoring.io/inject asks for a watcher"
        }
        Reason::OptedOut => "the Pod's annotation discord-monitoring.io/inject is \"false\"",
        Reason::Mirror => "it stands for a static Pod, which the API server cannot change",
        Reason::Windows => "it runs on Windows, and the watcher's image does not",
        Reason::SystemNamespace => "its namespace keeps the cluster alive",
        Reason::NoAgent => "it has no container that could be the agent",
        Reason::PlainWithoutEnd => {
            "mode plain would keep a Pod that ends by itself from ending; set plain.endsAfter or mode native"
        }
        Reason::NoRoom => {
            "the Pod's spec.resources leaves no room for the watcher; raise its requests"
        }
        Reason::Unseen => {
            "no other container can ever see the agent's transcripts; set transcriptPath"
        }
    }
}

/// What the container itself says wins over the table: the definition's container need not repeat its settings.
fn settings(survey: &Survey<'_>, container: &Json) -> Vec<SettingView> {
    let rows = SETTINGS.iter().filter_map(|setting| {
        let value = match shown(setting.path) {
            Shown::Setting => survey.settings.get(setting.path)?.to_json(),
            Shown::Container(pointer) => container.pointer(pointer)?.clone(),
            Shown::Elsewhere => return None,
            Shown::Hidden => survey
                .settings
                .get(setting.path)
                .map(|_| "(hidden)".into())?,
        };
        Some(SettingView {
            from: survey.settings.origin(setting, &value),
            path: setting.path,
            value,
        })
    });
    rows.collect()
}

/// Where a setting's effective value is read.
enum Shown {
    Setting,
    Container(&'static str),
    /// The image and the user have lines of their own; the bridge's container is the chart's.
    Elsewhere,
    /// The one secret among the values; a chart may carry it.
    Hidden,
}

fn shown(path: &str) -> Shown {
    match path {
        "webhook.value" => Shown::Hidden,
        "image.pullPolicy" => Shown::Container("/imagePullPolicy"),
        "resources.requests.cpu" => Shown::Container("/resources/requests/cpu"),
        "resources.requests.memory" => Shown::Container("/resources/requests/memory"),
        "resources.limits.cpu" => Shown::Container("/resources/limits/cpu"),
        "resources.limits.memory" => Shown::Container("/resources/limits/memory"),
        "probes.port" => Shown::Container("/livenessProbe/httpGet/port"),
        "probes.type" | "bridge.image" | "bridge.args" => Shown::Elsewhere,
        path if path.starts_with("image.") || path.starts_with("securityContext.") => {
            Shown::Elsewhere
        }
        _ => Shown::Setting,
    }
}

/// The watcher's container as it would stand in the Pod.
fn container(json: &[u8], patch: Option<&str>, name: &str) -> Json {
    let mut pod: Json = json::read(json).unwrap_or_default();
    let patch = patch.and_then(|text| serde_json::from_str::<json_patch::Patch>(text).ok());
    if let Some(patch) = patch {
        // A patch of ours that does not apply shows as a container without values; tests hold that it does.
        let _ = json_patch::patch(&mut pod, &patch);
    }
    ["/spec/initContainers", "/spec/containers"]
        .iter()
        .filter_map(|list| pod.pointer(list)?.as_array())
        .flatten()
        .find(|one| one.get("name").and_then(Json::as_str) == Some(name))
        .cloned()
        .unwrap_or_default()
}

fn sidecar(pod: &Pod<'_>, survey: &Survey<'_>, container: &Json) -> Sidecar {
    let agent = pod.spec.containers.items().get(survey.agent);
    let name = agent
        .map(|agent| agent.name.to_string())
        .unwrap_or_default();
    let named = pod.metadata.annotations.get(CONTAINER) == Some(name.as_str());
    let token = if survey.token.kept {
        "kept, and mounted into no container of ours"
    } else {
        "none: automountServiceAccountToken false"
    };
    let image = container.get("image").and_then(Json::as_str);
    Sidecar {
        container: survey.watcher.name.clone(),
        image: image.unwrap_or_default().to_owned(),
        probes: if container.pointer("/livenessProbe/httpGet").is_some() {
            "http"
        } else {
            "exec"
        },
        mode: survey.mode.label(),
        mode_from: mode_from(pod, survey),
        agent: name,
        agent_from: if named {
            "annotation discord-monitoring.io/container"
        } else {
            "the Pod's first container"
        },
        config_directory: survey.location.config.clone(),
        config_directory_from: survey.location.from,
        transcript_path: survey.transcript.path.clone(),
        transcript_mount: mount(survey),
        user: survey.identity.user,
        group: survey.identity.group,
        user_from: survey.identity.from,
        token,
        bridge_port: survey.planned_bridge.as_ref().map(|bridge| bridge.port),
    }
}

fn mode_from(pod: &Pod<'_>, survey: &Survey<'_>) -> String {
    let chosen = survey.settings.text("mode").unwrap_or("auto");
    if chosen != "auto" {
        return format!("setting mode is {chosen}");
    }
    let policy = pod.spec.restart_policy.as_deref().unwrap_or("Always");
    let ends = if pod.ends_by_itself() {
        "ends by itself"
    } else {
        "runs on"
    };
    format!("mode auto, and a Pod with restartPolicy {policy} {ends}")
}

fn mount(survey: &Survey<'_>) -> String {
    let transcript = &survey.transcript;
    match (&transcript.covered_by, &transcript.added) {
        (Some(volume), _) => format!("the agent's own volume {volume}, read-only"),
        (None, Some((at, source))) => {
            let kind = source.split('"').nth(1).unwrap_or("volume");
            format!("{kind} {TRANSCRIPT_VOLUME} added at {at}")
        }
        (None, None) => {
            "none: transcript.mount is none and no mount of the agent's covers it".to_owned()
        }
    }
}
