//! A Pod's settings turned into changes of the watcher's container and of its volumes.

use super::resources;
use super::settings::PodSettings;
use super::survey::Survey;
use super::volumes::Wanted;
use super::warnings::Warnings;
use crate::json;
use crate::template::{Changes, Pieces, Template};
use serde_json::{Value as Json, json};
use sidecar::names::{BOT_DIR, BOT_VOLUME, WEBHOOK_DIR, WEBHOOK_VOLUME};
use sidecar::{SETTINGS, Value};
use std::collections::BTreeMap;

/// Applies every overridden setting that is a variable, an image, a Secret or an amount.
pub(crate) fn apply(
    template: &Template,
    survey: &Survey<'_>,
    changes: &mut Changes<'_>,
    volumes: &mut Vec<Wanted<'_>>,
    warnings: &mut Warnings,
) {
    let settings = &survey.settings;
    variables(settings, changes);
    if settings.overrides_any("image.") {
        image(&template.watcher, settings, changes);
    }
    if settings.overrides_any("webhook.") {
        webhook(template, settings, changes, volumes);
    }
    if settings.overrides_any("bot.") {
        bot(template, settings, changes, volumes);
    }
    let [asked, _] = &survey.asked;
    if let Some(text) = resources::fitted(asked, survey.quality) {
        let fitted: Json = serde_json::from_str(&text).unwrap_or_default();
        for (kind, name, amount) in &asked.own {
            let got = fitted
                .get(kind)
                .and_then(|amounts| amounts.get(name))
                .and_then(Json::as_str);
            if got.unwrap_or_default() != amount {
                warnings.show(amount, 20, |amount| {
                    format!("resources.{kind}.{name} {amount} does not fit limits or QoS; adapted")
                });
            }
        }
        changes.fields.push(("resources", Some(text.into())));
    }
    for (name, value) in &settings.env {
        changes
            .env
            .push((name.clone().into(), json::env(name, value)));
    }
}

fn variables(settings: &PodSettings<'_>, changes: &mut Changes<'_>) {
    for (setting, value) in settings.overrides() {
        let Some(env) = setting.env else { continue };
        let text = match setting.env_key {
            Some(_) => group(env, settings),
            None => value.to_env(),
        };
        if text.is_empty() {
            changes.without_env.push(env);
        } else {
            changes.env.push((env.into(), json::env(env, &text)));
        }
    }
}

/// The JSON object in one variable: all the table's rows that share it.
fn group(env: &str, settings: &PodSettings<'_>) -> String {
    // Sorted by key, as the definition's is: else an override that changes nothing would be a change.
    let map: BTreeMap<&str, &Value> = SETTINGS
        .iter()
        .filter(|row| row.env == Some(env))
        .filter_map(|row| Some((row.env_key?, settings.get(row.path)?)))
        .collect();
    serde_json::to_string(&map).unwrap_or_default()
}

fn image(pieces: &Pieces, settings: &PodSettings<'_>, changes: &mut Changes<'_>) {
    if let Some(policy) = settings
        .text("image.pullPolicy")
        .filter(|_| settings.overrides_any("image.pullPolicy"))
    {
        changes
            .fields
            .push(("imagePullPolicy", Some(json::quoted(policy).into())));
    }
    let (name, _) = pieces.image.split_once('@').unwrap_or((&pieces.image, ""));
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let name = match name.rfind(':').filter(|colon| *colon > slash) {
        Some(colon) => name.get(..colon).unwrap_or(name),
        None => name,
    };
    let own = |path: &str| settings.text(path).filter(|_| settings.overrides_any(path));
    let image = match (own("image.digest"), own("image.tag")) {
        (Some(digest), _) => format!("{name}@{digest}"),
        (None, Some(tag)) => format!("{name}:{tag}"),
        (None, None) => return,
    };
    changes
        .fields
        .push(("image", Some(json::quoted(&image).into())));
}

/// One Secret of the Pod's own namespace: as a variable, and as a file that is reread.
struct Secret<'a> {
    volume: &'static str,
    directory: &'static str,
    env: &'static str,
    file_env: &'static str,
    name: &'a str,
    key: &'a str,
}

fn webhook(
    template: &Template,
    settings: &PodSettings<'_>,
    changes: &mut Changes<'_>,
    volumes: &mut Vec<Wanted<'_>>,
) {
    let secret = Secret {
        volume: WEBHOOK_VOLUME,
        directory: WEBHOOK_DIR,
        env: "DISCORD_WEBHOOK_URL",
        file_env: "DISCORD_WEBHOOK_URL_FILE",
        name: settings
            .text("webhook.existingSecret")
            .unwrap_or("discord-webhook"),
        key: settings.text("webhook.key").unwrap_or("url"),
    };
    secret.apply(template, changes, volumes);
}

fn bot(
    template: &Template,
    settings: &PodSettings<'_>,
    changes: &mut Changes<'_>,
    volumes: &mut Vec<Wanted<'_>>,
) {
    if settings.text("bot.url").is_none() {
        changes
            .without_env
            .extend(["BOT_URL", "BOT_TOKEN", "BOT_TOKEN_FILE"]);
        return;
    }
    let secret = Secret {
        volume: BOT_VOLUME,
        directory: BOT_DIR,
        env: "BOT_TOKEN",
        file_env: "BOT_TOKEN_FILE",
        name: settings.text("bot.existingSecret").unwrap_or("discord-bot"),
        key: settings.text("bot.key").unwrap_or("token"),
    };
    secret.apply(template, changes, volumes);
}

impl Secret<'_> {
    fn apply(&self, template: &Template, changes: &mut Changes<'_>, volumes: &mut Vec<Wanted<'_>>) {
        let reference = json!({"name": self.env, "valueFrom": {"secretKeyRef":
            {"name": self.name, "key": self.key, "optional": true}}});
        changes.env.push((self.env.into(), reference.to_string()));
        let file = format!("{}/{}", self.directory, self.key);
        changes
            .env
            .push((self.file_env.into(), json::env(self.file_env, &file)));
        // 0444: the watcher runs as the agent's user, whoever that is.
        let volume = json!({"name": self.volume, "secret": {"secretName": self.name, "defaultMode": 0o444,
            "items": [{"key": self.key, "path": self.key}], "optional": true}});
        match volumes.iter_mut().find(|wanted| wanted.base == self.volume) {
            Some(wanted) => wanted.json = volume.to_string().into(),
            None => volumes.push(Wanted {
                base: self.volume,
                json: volume.to_string().into(),
                empty_dir: false,
                shared_at: None,
            }),
        }
        if !template
            .watcher
            .mounts
            .iter()
            .any(|mount| mount.name == self.volume)
        {
            let mount = json!({"name": self.volume, "mountPath": self.directory, "readOnly": true});
            changes.mounts.push(mount.to_string());
        }
    }
}

/// The variables every watcher gets: who owns the Pod, and what its run is called.
pub(crate) fn run(
    pod: &crate::pod::Pod<'_>,
    settings: &PodSettings<'_>,
    changes: &mut Changes<'_>,
) {
    let owners = pod.metadata.owner_references.items();
    let owner = owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .or(owners.first());
    let name = owner.and_then(|owner| owner.name.as_deref());
    if let (Some(kind), Some(name)) = (owner.and_then(|owner| owner.kind.as_deref()), name) {
        changes.env.push((
            "RUN_OWNER".into(),
            json::env("RUN_OWNER", &format!("{kind}/{name}")),
        ));
    }
    if settings.text("run.taskId").is_some() {
        // The definition's variable, or the override's, says it already.
        return;
    }
    let entry = match name {
        Some(name) => json::env("RUN_TASK_ID", name),
        // A Pod's own name is not known yet when it is generated.
        None => concat!(
            r#"{"name":"RUN_TASK_ID","valueFrom":{"fieldRef":"#,
            r#"{"apiVersion":"v1","fieldPath":"metadata.name"}}}"#
        )
        .to_owned(),
    };
    changes.env.push(("RUN_TASK_ID".into(), entry));
}
