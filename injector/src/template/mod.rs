//! The definition of the sidecar, as the chart renders it into the injector's ConfigMap.
//!
//! It is read once per change, checked, and cut into pieces of JSON, so that a request only copies them. What could
//! hold an agent's Pod (a Secret that must exist, a startup probe) is mended here, with a note for the log.

mod check;
mod pieces;
mod settings;

pub(crate) use pieces::{Changes, Pieces};
pub(crate) use settings::Settings;

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The definition that the default values of the chart render, for use without a cluster.
pub const DEFAULT: &str = include_str!("../../default-sidecar.yaml");

/// Format of the file that this version reads.
const VERSION: u64 = 1;

/// Why a sidecar definition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is no YAML, or a part of it has the wrong type.
    #[error("the sidecar definition does not parse: {0}; render it with the chart")]
    Parse(String),
    /// A newer or older injector is meant.
    #[error(
        "the sidecar definition has version {found}, this injector reads version 1; upgrade both together"
    )]
    Version {
        /// What the file says; 0 when it says nothing.
        found: u64,
    },
    /// A part is missing or contradicts another.
    #[error("the sidecar definition is not usable: {0}")]
    Invalid(String),
}

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    version: u64,
    #[serde(default)]
    agent: Agent,
    #[serde(default)]
    openshift: bool,
    #[serde(default)]
    overrides: Option<Vec<String>>,
    #[serde(default)]
    settings: Map<String, Value>,
    watcher: Map<String, Value>,
    #[serde(default)]
    bridge: Option<Map<String, Value>>,
    #[serde(default)]
    volumes: Vec<Value>,
    #[serde(default)]
    pod_security: Option<Map<String, Value>>,
    #[serde(default)]
    image_pull_secrets: Option<Vec<Value>>,
}

/// Where the agent writes and as whom, when its Pod does not say.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agent {
    config_dir: Option<String>,
    run_as_user: Option<i64>,
}

/// One volume of the sidecar's.
#[derive(Debug, Clone)]
pub(crate) struct VolumeDef {
    pub(crate) name: String,
    pub(crate) json: String,
    pub(crate) empty_dir: bool,
}

/// A checked sidecar definition.
#[derive(Debug)]
pub struct Template {
    pub(crate) hash: String,
    pub(crate) config_dir: String,
    pub(crate) run_as_user: i64,
    pub(crate) openshift: bool,
    pub(crate) overrides: Vec<String>,
    pub(crate) settings: Settings,
    pub(crate) watcher: Pieces,
    pub(crate) bridge: Option<Pieces>,
    pub(crate) volumes: Vec<VolumeDef>,
    pub(crate) pod_security: Map<String, Value>,
    pub(crate) image_pull_secrets: Vec<(String, String)>,
    /// What was mended while reading, for the log.
    pub notes: Vec<String>,
}

impl Template {
    /// Reads and checks a definition.
    pub fn parse(yaml: &str) -> Result<Self, TemplateError> {
        // Through a tree: a YAML reader for these very types would be some hundred KiB of code.
        let tree: Value = serde_saphyr::from_str(yaml)
            .map_err(|error| TemplateError::Parse(first_line(&error.to_string())))?;
        let file: File = serde_json::from_value(tree)
            .map_err(|error| TemplateError::Parse(first_line(&error.to_string())))?;
        if file.version != VERSION {
            return Err(TemplateError::Version {
                found: file.version,
            });
        }
        let mut notes = Vec::new();
        let File {
            mut watcher,
            mut bridge,
            mut volumes,
            ..
        } = file;
        check::mend_container(&mut watcher, &mut notes);
        if let Some(bridge) = &mut bridge {
            check::mend_container(bridge, &mut notes);
        }
        check::mend_volumes(&mut volumes, &mut notes);
        check::coherent(&watcher, bridge.as_ref(), &volumes)?;
        let overrides = file.overrides.unwrap_or_else(|| vec!["*".to_owned()]);
        check::note_overrides(&overrides, &mut notes);

        let settings = Settings::read(&file.settings, &mut notes);
        let volumes = volumes.iter().map(volume).collect::<Result<_, _>>()?;
        let image_pull_secrets = file.image_pull_secrets.unwrap_or_default();
        Ok(Self {
            hash: hash(yaml),
            config_dir: file
                .agent
                .config_dir
                .unwrap_or_else(|| sidecar::names::DEFAULT_CONFIG_DIR.to_owned()),
            run_as_user: file
                .agent
                .run_as_user
                .unwrap_or(sidecar::names::DEFAULT_UID),
            openshift: file.openshift,
            overrides,
            settings,
            watcher: Pieces::cut(&watcher),
            bridge: bridge.as_ref().map(Pieces::cut),
            volumes,
            pod_security: file.pod_security.unwrap_or_default(),
            image_pull_secrets: image_pull_secrets
                .iter()
                .filter_map(|entry| {
                    let name = entry.get("name")?.as_str()?;
                    Some((name.to_owned(), entry.to_string()))
                })
                .collect(),
            notes,
        })
    }

    /// The first characters of the file's SHA-256, by which people tell generations apart.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether a Pod's annotation may set `path`: by its whole name, by `prefix.*`, or because `*` allows all.
    pub(crate) fn may_override(&self, path: &str) -> bool {
        self.overrides.iter().any(|allowed| {
            allowed == "*"
                || allowed == path
                || allowed
                    .strip_suffix('*')
                    .filter(|prefix| prefix.ends_with('.'))
                    .is_some_and(|prefix| path.starts_with(prefix))
        })
    }
}

fn volume(value: &Value) -> Result<VolumeDef, TemplateError> {
    let name = value
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| TemplateError::Invalid("a volume has no name".to_owned()))?;
    Ok(VolumeDef {
        name: name.to_owned(),
        json: value.to_string(),
        empty_dir: value.get("emptyDir").is_some(),
    })
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .fold(String::with_capacity(12), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

/// YAML errors carry a drawing of the place; logs and warnings want one line.
fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_definition_is_usable_as_it_is() {
        let template = Template::parse(DEFAULT).unwrap();
        assert_eq!(template.notes, Vec::<String>::new());
        assert_eq!(template.hash.len(), 12);
        assert!(template.bridge.is_some());
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (yaml, part) in [
            ("[", "does not parse"),
            ("version: 1", "watcher"),
            ("version: 2\nwatcher: {name: w, image: i}", "version 2"),
            ("version: 1\nwatcher: {image: i}", "name"),
            ("version: 1\nwatcher: {name: w}", "image"),
            (
                "version: 1\nwatcher: {name: w, image: i, volumeMounts: [{name: x, mountPath: /x}]}",
                "\"x\"",
            ),
        ] {
            let message = Template::parse(yaml).unwrap_err().to_string();
            assert!(message.contains(part), "{yaml}: {message}");
        }
    }

    #[test]
    fn what_could_hold_an_agents_pod_is_mended() {
        let yaml = "version: 1\nwatcher:\n  name: w\n  image: i\n  startupProbe: {exec: {command: [x]}}\n  \
                    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n  \
                    envFrom: [{configMapRef: {name: c}}]\n  \
                    volumeMounts: [{name: discord-state, mountPath: /var/lib/discord-monitoring}]\n\
                    volumes: [{name: v, secret: {secretName: s}}, {name: discord-state, emptyDir: {}}]";
        let template = Template::parse(yaml).unwrap();
        assert_eq!(template.notes.len(), 4, "{:?}", template.notes);
        let mut text = String::new();
        template.watcher.render(&Changes::default(), &mut text);
        assert!(!text.contains("startupProbe"), "{text}");
        assert_eq!(text.matches("\"optional\":true").count(), 2, "{text}");
        assert!(template.volumes[0].json.contains("\"optional\":true"));
    }

    #[test]
    fn overrides_are_names_prefixes_or_all() {
        let with = |list: &str| {
            Template::parse(&DEFAULT.replace("overrides: [\"*\"]", &format!("overrides: {list}")))
                .unwrap()
        };
        assert!(with("[\"*\"]").may_override("polling.intervalMs"));
        assert!(with("[filters.*]").may_override("filters.includeTools"));
        assert!(!with("[filters.*]").may_override("polling.intervalMs"));
        assert!(with("[polling.intervalMs]").may_override("polling.intervalMs"));
        assert!(!with("[]").may_override("polling.intervalMs"));
        assert!(!with("[polling*]").may_override("polling.intervalMs"));
        let allows = "[polling.*, env.*, env.HTTPS_PROXY, mode, \"*\"]";
        assert_eq!(with(allows).notes, Vec::<String>::new());
        for (wrong, near) in [
            ("poling.intervalMs", "did you mean polling.intervalMs?"),
            ("filter.*", "filter.*"),
            ("polling*", "polling*"),
            ("webhook.value", "webhook.value"),
        ] {
            let notes = with(&format!("[\"{wrong}\"]")).notes;
            assert!(notes.len() == 1 && notes[0].contains(near), "{notes:?}");
        }
    }

    #[test]
    fn without_the_state_by_which_it_is_known_again_a_watcher_is_refused() {
        let elsewhere = DEFAULT.replace("mountPath: /var/lib/discord-monitoring", "mountPath: /x");
        let without = DEFAULT.replace(
            "- name: discord-state\n    emptyDir",
            "- name: other\n    emptyDir",
        );
        for yaml in [elsewhere, without] {
            assert_ne!(yaml, DEFAULT);
            let message = Template::parse(&yaml).unwrap_err().to_string();
            assert!(message.contains("discord-state"), "{message}");
        }
    }
}
