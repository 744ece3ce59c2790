//! One Pod's settings: the definition's, and over them what the Pod's annotations say.

use super::legal;
use super::warnings::Warnings;
use crate::pod::Annotations;
use crate::template::Template;
use sidecar::names::{CONTROL_KEYS, PREFIX};
use sidecar::{SETTINGS, Setting, Value};

/// Annotations under this path set further variables of the watcher.
const ENV: &str = "env.";
/// Variables that carry secrets or that the injector must set; an annotation may not.
const RESERVED_ENV: &[&str] = &[
    "DISCORD_WEBHOOK_URL",
    "DISCORD_WEBHOOK_URL_FILE",
    "BOT_TOKEN",
    "BOT_TOKEN_FILE",
    "STATE_DIR",
    "HEALTH_ADDR",
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_UID",
    "JOB_NAME",
    "AGENT_STDIN",
    "RUN_OWNER",
    "BRIDGE_URL",
];

/// The settings that hold for one Pod.
pub(crate) struct PodSettings<'t> {
    template: &'t Template,
    over: Vec<(&'static Setting, Value)>,
    /// Further variables of the watcher, by `env.NAME`.
    pub(crate) env: Vec<(String, String)>,
}

impl<'t> PodSettings<'t> {
    /// Reads the annotations under our prefix; whatever is wrong is warned of, and the definition's value stays.
    pub(crate) fn read(
        annotations: &Annotations<'_>,
        template: &'t Template,
        warnings: &mut Warnings,
    ) -> Self {
        let mut settings = Self {
            template,
            over: Vec::new(),
            env: Vec::new(),
        };
        for (path, text) in annotations.ours() {
            if !CONTROL_KEYS.contains(&path) {
                settings.set(path, text, warnings);
            }
        }
        settings
    }

    fn set(&mut self, path: &str, text: &str, warnings: &mut Warnings) {
        let allowed = self.template.may_override(path);
        if let Some(name) = path.strip_prefix(ENV) {
            match refusal(name) {
                None if allowed => self.env.push((name.to_owned(), text.to_owned())),
                None => not_allowed(path, warnings),
                Some(why) => warnings.show(path, 60, |path| format!("{PREFIX}{path}: {why}")),
            }
            return;
        }
        match sidecar::find(path) {
            None => unknown(path, warnings),
            Some(setting) if !setting.per_pod => {
                warnings.add(&format!(
                    "{PREFIX}{path} is not for annotations; the chart's values set it"
                ));
            }
            Some(_) if !allowed => not_allowed(path, warnings),
            Some(setting) => {
                let value = sidecar::parse(setting, text).map_err(|_| setting.range());
                let value = value.and_then(|value| match legal::objection(path, &value) {
                    None => Ok(value),
                    Some(range) => Err(range.to_owned()),
                });
                match value {
                    Ok(value) => self.over.push((setting, value)),
                    Err(range) => warnings.show(text, 20, |shown| {
                        format!("{PREFIX}{path}: {shown:?} is not {range}; ignored")
                    }),
                }
            }
        }
    }

    /// The value in force; an empty text is none.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let own = self.over.iter().find(|(setting, _)| setting.path == path);
        match own {
            Some((_, Value::Text(text))) if text.is_empty() => None,
            Some((_, value)) => Some(value),
            None => self.template.settings.get(path),
        }
    }

    /// Where `value`, which is in force, comes from: `annotation`, `chart` or `default`.
    pub(crate) fn origin(&self, setting: &Setting, value: &serde_json::Value) -> &'static str {
        let default = || serde_json::from_str::<serde_json::Value>(setting.default?).ok();
        if self.over.iter().any(|(own, _)| own.path == setting.path) {
            "annotation"
        } else if default().as_ref() == Some(value) {
            "default"
        } else {
            "chart"
        }
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.get(path)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, path: &str) -> Option<i64> {
        match self.get(path)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, path: &str) -> bool {
        matches!(self.get(path), Some(Value::Bool(true)))
    }

    /// What the annotations changed, in their order.
    pub(crate) fn overrides(&self) -> &[(&'static Setting, Value)] {
        &self.over
    }

    /// Whether an annotation sets a path that starts with `prefix`.
    pub(crate) fn overrides_any(&self, prefix: &str) -> bool {
        self.over
            .iter()
            .any(|(setting, _)| setting.path.starts_with(prefix))
    }
}

/// Why an annotation may not set the variable `name`.
fn refusal(name: &str) -> Option<String> {
    let legal = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !legal || RESERVED_ENV.contains(&name) {
        return Some("this variable cannot be set by annotation".to_owned());
    }
    // A setting has a range, and an admin may keep it.
    let setting = SETTINGS.iter().find(|row| row.env == Some(name))?;
    Some(match setting.env_key {
        None => format!("set {PREFIX}{} instead", setting.path),
        Some(_) => format!("set the {name} settings one by one instead").to_lowercase(),
    })
}

fn not_allowed(path: &str, warnings: &mut Warnings) {
    warnings.show(path, 60, |path| {
        format!("{PREFIX}{path} is not among the settings this cluster lets Pods change; ignored")
    });
}

fn unknown(path: &str, warnings: &mut Warnings) {
    let known = SETTINGS
        .iter()
        .filter(|setting| setting.per_pod)
        .map(|setting| setting.path)
        .chain(CONTROL_KEYS.iter().copied());
    let near = sidecar::nearest(path, known);
    warnings.show(path, 40, |shown| match near {
        Some(near) => format!("{PREFIX}{shown} is not known; did you mean {near}?"),
        None => format!("{PREFIX}{shown} is not known; ignored"),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::DEFAULT;

    fn read(template: &Template, annotations: &[(&str, &str)]) -> (Vec<String>, Option<Value>) {
        let map: serde_json::Map<String, serde_json::Value> = annotations
            .iter()
            .map(|(path, text)| (format!("{PREFIX}{path}"), (*text).into()))
            .collect();
        let json = serde_json::to_string(&map).unwrap();
        let annotations = serde_json::from_str(&json).unwrap();
        let mut warnings = Warnings::default();
        let settings = PodSettings::read(&annotations, template, &mut warnings);
        let value = settings.get("polling.intervalMs").cloned();
        (warnings.into_vec(), value)
    }

    #[test]
    fn an_annotation_wins_and_a_bad_one_does_not() {
        let template = Template::parse(DEFAULT).unwrap();
        let (warnings, value) = read(
            &template,
            &[("polling.intervalMs", "250"), ("inject", "true")],
        );
        assert_eq!((warnings.len(), value), (0, Some(Value::Integer(250))));
        let (warnings, value) = read(&template, &[("polling.intervalMs", "5")]);
        assert_eq!(value, Some(Value::Integer(100)));
        assert_eq!(
            warnings,
            [
                "discord-monitoring.io/polling.intervalMs: \"5\" is not a whole number from 10 to 60000; ignored"
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_answered_with_the_nearest() {
        let template = Template::parse(DEFAULT).unwrap();
        let (warnings, _) = read(
            &template,
            &[("poling.intervalMs", "5"), ("injet", "true"), ("x", "y")],
        );
        let all = warnings.join("\n");
        assert!(all.contains("did you mean polling.intervalMs?"), "{all}");
        assert!(all.contains("did you mean inject?"), "{all}");
        assert!(all.contains("x is not known; ignored"), "{all}");
    }

    #[test]
    fn secrets_and_what_the_admin_keeps_are_refused() {
        let yaml = DEFAULT.replace("overrides: [\"*\"]", "overrides: [mode]");
        let template = Template::parse(&yaml).unwrap();
        let (warnings, value) = read(
            &template,
            &[
                ("polling.intervalMs", "250"),
                ("webhook.value", "https://discord.com/api/webhooks/1/secret"),
                (
                    "env.DISCORD_WEBHOOK_URL",
                    "https://discord.com/api/webhooks/1/secret",
                ),
            ],
        );
        assert_eq!(value, Some(Value::Integer(100)));
        assert_eq!(warnings.len(), 3);
        assert!(!warnings.join("").contains("secret"));
    }

    #[test]
    fn a_variable_that_a_setting_writes_is_set_by_the_setting_alone() {
        let template = Template::parse(DEFAULT).unwrap();
        for (name, cure) in [
            ("POLL_INTERVAL_MS", "polling.intervalMs"),
            ("TRANSCRIPT_PATH", "transcriptPath"),
            ("ENDS_AFTER", "plain.endsAfter"),
            ("FILTERS", "filters settings"),
        ] {
            let (warnings, _) = read(&template, &[(&format!("env.{name}"), "1")]);
            assert!(
                warnings.len() == 1 && warnings[0].contains(cure),
                "{warnings:?}"
            );
        }
        let (warnings, _) = read(&template, &[("env.MORE", "1")]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn whatever_an_annotation_says_its_warning_ends_with_the_legal_range_or_the_cure() {
        let template = Template::parse(DEFAULT).unwrap();
        let long = "\u{7}x".repeat(60);
        for setting in SETTINGS.iter().filter(|setting| setting.per_pod) {
            let (warnings, _) = read(&template, &[(setting.path, &long)]);
            for warning in warnings {
                assert!(warning.ends_with("; ignored"), "{warning}");
            }
            let misspelt = format!("{}xx", setting.path);
            let (warnings, _) = read(&template, &[(&misspelt, "")]);
            assert!(
                warnings[0].ends_with(&format!("did you mean {}?", setting.path)),
                "{warnings:?}"
            );
        }
        let all = DEFAULT.replace("overrides: [\"*\"]", "overrides: []");
        let none = Template::parse(&all).unwrap();
        for setting in SETTINGS.iter().filter(|setting| setting.per_pod) {
            let (warnings, _) = read(&none, &[(setting.path, "")]);
            assert!(warnings[0].ends_with("; ignored"), "{warnings:?}");
        }
    }
}
