//! The bodies of requests and answers. Unknown fields are let pass: watchers and bots of different versions meet.

use super::problem::Problem;
use crate::clock::rfc3339;
use crate::config::{Config, milliseconds};
use crate::desk::{Report, RunState};
use crate::store::{Final, Item, Link, NewRun, Run};
use serde::{Deserialize, Serialize};

/// Links of one run.
const MAX_LINKS: usize = 10;

/// POST /runs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Register {
    task_id: String,
    #[serde(default)]
    attempt: Option<i64>,
    short_id: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    guild_id: Option<String>,
    #[serde(default)]
    retention_hours: Option<f64>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    input: Option<bool>,
}

impl Register {
    /// Checks all fields.
    pub(super) fn check(self, config: &Config, caller: &str) -> Result<NewRun, Problem> {
        text("taskId", &self.task_id, 128)?;
        text("shortId", &self.short_id, 64)?;
        let namespace = self.namespace.unwrap_or_else(|| "default".to_owned());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !(1..=63).contains(&namespace.len()) || !namespace.bytes().all(plain) {
            return Err(Problem::field(
                "namespace",
                "must have 1 to 63 characters: letters, digits, '-', '.', '_'",
            ));
        }
        if self
            .attempt
            .is_some_and(|attempt| !(1..=1_000_000).contains(&attempt))
        {
            return Err(Problem::field(
                "attempt",
                "must be a whole number from 1 to 1000000",
            ));
        }
        let guild_id = self
            .guild_id
            .or_else(|| config.guild_id.clone())
            .ok_or_else(|| {
                Problem::field("guildId", "is needed: the bot has no GUILD_ID of its own")
            })?;
        if !crate::config::is_snowflake(&guild_id) {
            return Err(Problem::field(
                "guildId",
                "must be an id of Discord's: up to 20 digits",
            ));
        }
        if !config.guilds().any(|guild| guild == guild_id) {
            return Err(Problem::field(
                "guildId",
                "is none of the bot's guilds: GUILD_ID and GUILD_IDS name them",
            ));
        }
        let retention_ms = match self.retention_hours {
            None => None,
            Some(hours) => Some(milliseconds(hours).ok_or_else(|| {
                Problem::field(
                    "retentionHours",
                    "must be a number of hours, 0 (keep) or more",
                )
            })?),
        };
        if let Some(title) = &self.title {
            text("title", title, 256)?;
        }
        if self.links.len() > MAX_LINKS {
            return Err(Problem::field("links", "must be at most 10"));
        }
        for link in &self.links {
            let web = link.url.starts_with("https://") || link.url.starts_with("http://");
            let legal = |character: char| !character.is_whitespace() && !character.is_control();
            if !web || link.url.len() > 512 || !link.url.chars().all(legal) {
                return Err(Problem::field(
                    "links.url",
                    "must be http(s) and at most 512 bytes",
                ));
            }
            if let Some(label) = &link.label {
                text("links.label", label, 100)?;
            }
        }
        Ok(NewRun {
            guild_id,
            namespace,
            task_id: self.task_id,
            attempt: self.attempt,
            short_id: self.short_id,
            caller: caller.to_owned(),
            title: self.title,
            links: self.links,
            // Only a watcher knows whether there is a bridge, and only a watcher keeps a lease.
            input: self.input.unwrap_or(false),
            leased: self.input.is_some(),
            retention_ms,
        })
    }
}

fn text(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.trim().is_empty() || text.len() > max || text.chars().any(char::is_control) {
        return Err(Problem::field(
            field,
            &format!("must have 1 to {max} bytes of printable text"),
        ));
    }
    Ok(())
}

/// The answer to POST /runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered<'a> {
    pub channel_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<&'a str>,
    pub webhook_url: &'a str,
    pub run_token: &'a str,
    pub attempt: i64,
    pub expires_at: String,
}

/// The answer to GET /runs/{channelId}/input.
#[derive(Serialize)]
pub(super) struct Inputs {
    pub items: Vec<Item>,
}

/// A run as its owner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    channel_id: Option<String>,
    namespace: String,
    task_id: String,
    attempt: i64,
    short_id: String,
    state: RunState,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Final>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl From<Run> for Shown {
    fn from(run: Run) -> Self {
        Self {
            channel_id: run.channel_id,
            namespace: run.namespace,
            task_id: run.task_id,
            attempt: run.attempt,
            short_id: run.short_id,
            state: run.state.shown(),
            created_at: rfc3339(run.created_at),
            finished_at: run.finished_at.map(rfc3339),
            delete_at: run.delete_at.map(rfc3339),
            status: run.status,
            title: run.title,
            // What was said at the end is the newest.
            report: run.summary.or(run.report),
            problem: run.problem,
        }
    }
}

/// POST /runs/{channelId}/finalize.
#[derive(Debug, Deserialize)]
pub(super) struct Finalize {
    pub status: Final,
    #[serde(default)]
    pub summary: Option<Report>,
}

/// Bounds the one text of a report.
pub(super) fn checked(mut report: Report) -> Result<Report, Problem> {
    if let Some(tool) = &report.tool {
        report.tool = Some(discord::limits::cut(tool.trim(), 100).into_owned());
    }
    let sane = |value: Option<f64>| value.is_none_or(|value| (0.0..1e12).contains(&value));
    if !sane(report.cost_usd) || !sane(report.duration_seconds) {
        return Err(Problem::field(
            "costUsd or durationSeconds",
            "must be a number, 0 or more",
        ));
    }
    Ok(report)
}
