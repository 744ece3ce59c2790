//! The settings, checked. What is missing is no error: the bot serves, and its readiness says what it lacks.

use crate::args::{ModeArg, OnEndArg, ServeArgs};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest retention, ten years.
const MAX_HOURS: f64 = 87_600.0;
/// Milliseconds of an hour.
const HOUR: f64 = 3_600_000.0;
/// Most bytes of a file with one secret or certificates.
const MAX_FILE: u64 = 1024 * 1024;

/// What cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named and does not read.
    #[error("{name} names {}, which cannot be read", path.display())]
    File {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A value out of its range or form.
    #[error("{name} {rule}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

/// How runs stand in Discord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A channel and a webhook for each run.
    Channels,
    /// One channel and one webhook, a thread for each run.
    Threads {
        /// The channel or forum; found or made when it is not given.
        channel: Option<String>,
    },
}

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Token of the bot.
    pub bot_token: Option<SecretString>,
    /// Public key of the application, hexadecimal.
    pub public_key: Option<String>,
    /// The guild of runs that name none.
    pub guild_id: Option<String>,
    /// Further guilds that runs may name.
    pub guild_ids: Vec<String>,
    /// One token for all namespaces; its caller is called `default`.
    pub api_token: Option<SecretString>,
    /// Named tokens.
    pub api_tokens_file: Option<PathBuf>,
    /// Where runs are kept.
    pub database_url: SecretString,
    /// What topics and run tokens are signed with.
    pub signing_key: Option<SecretString>,
    /// Base of Discord's API.
    pub discord_api_url: String,
    /// Certificate authorities trusted besides, in PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// Channels or threads.
    pub mode: Mode,
    /// Category of the runs' channels.
    pub category: String,
    /// Category of ended runs; none leaves them in place until they are deleted.
    pub archive_category: Option<String>,
    /// How long a channel stays after its run's end, in milliseconds; 0 keeps it.
    pub retention_ms: i64,
    /// File with the hours of it, read again.
    pub retention_file: Option<PathBuf>,
    /// Most milliseconds of retention, whatever a run asks for.
    pub max_retention_ms: Option<i64>,
    /// How long a watcher may be silent.
    pub lease: Duration,
    /// How long an input waits.
    pub input_ttl: Duration,
    /// Users who may talk to agents; with no roles either, all whom Discord's permissions admit.
    pub allowed_users: Vec<String>,
    /// Roles whose members may.
    pub allowed_roles: Vec<String>,
    /// How long POST /runs waits for a channel before it says 503.
    pub patience: Duration,
    /// How long after an orchestrator's finalize its watcher may still post, when it has one.
    pub last_words: Duration,
    /// How long a process with a new store waits before it reads the guild: whoever had the lost one may still make a channel.
    pub settle: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bot_token: None,
            public_key: None,
            guild_id: None,
            guild_ids: Vec::new(),
            api_token: None,
            api_tokens_file: None,
            database_url: "sqlite:///var/lib/discord-monitoring/bot.db"
                .to_owned()
                .into(),
            signing_key: None,
            discord_api_url: "https://discord.com/api/v10".to_owned(),
            extra_ca_pem: None,
            mode: Mode::Channels,
            category: "Agent Runs".to_owned(),
            archive_category: Some("Agent Archive".to_owned()),
            retention_ms: 24 * 3_600_000,
            retention_file: None,
            max_retention_ms: None,
            lease: Duration::from_mins(2),
            input_ttl: Duration::from_mins(15),
            allowed_users: Vec::new(),
            allowed_roles: Vec::new(),
            patience: Duration::from_secs(25),
            last_words: Duration::from_secs(10),
            // Longer than a process goes on after it was asked to end, and than a kubelet lets it.
            settle: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// Reads files and checks values.
    pub fn load(args: ServeArgs) -> Result<Self, ConfigError> {
        let ServeArgs {
            listen: _,
            admin_listen: _,
            discord_bot_token,
            discord_bot_token_file,
            public_key,
            guild_id,
            guild_ids,
            api_token,
            api_tokens_file,
            database_url,
            signing_key,
            discord_api_url,
            extra_ca_file,
            runs,
            logging: _,
        } = args;
        let bot_token = match (filled(discord_bot_token), discord_bot_token_file) {
            (Some(token), _) => Some(token),
            (None, Some(path)) => {
                let bytes = read("DISCORD_BOT_TOKEN_FILE", &path)?;
                filled(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            (None, None) => None,
        };
        Ok(Self {
            bot_token: bot_token.map(Into::into),
            public_key: filled(public_key),
            guild_id: snowflake("GUILD_ID", filled(guild_id))?,
            guild_ids: ids("GUILD_IDS", guild_ids)?,
            api_token: filled(api_token).map(Into::into),
            api_tokens_file,
            database_url: database_url.trim().to_owned().into(),
            signing_key: filled(signing_key).map(Into::into),
            discord_api_url,
            extra_ca_pem: extra_ca_file
                .map(|path| read("EXTRA_CA_FILE", &path))
                .transpose()?,
            mode: match runs.runs_mode {
                ModeArg::Channels => Mode::Channels,
                ModeArg::Threads => Mode::Threads {
                    channel: snowflake("THREADS_CHANNEL_ID", filled(runs.threads_channel_id))?,
                },
            },
            category: category("CATEGORY", &runs.category)?,
            archive_category: match runs.on_end {
                OnEndArg::Archive => Some(category("ARCHIVE_CATEGORY", &runs.archive_category)?),
                OnEndArg::Delete => None,
            },
            retention_ms: milliseconds(runs.retention_hours).ok_or(ConfigError::Value {
                name: "RETENTION_HOURS",
                rule: "must be a number of hours, 0 (keep) or more",
            })?,
            retention_file: runs.retention_hours_file,
            max_retention_ms: runs
                .max_retention_hours
                .map(|hours| {
                    let time = milliseconds(hours).filter(|time| *time > 0);
                    time.ok_or(ConfigError::Value {
                        name: "MAX_RETENTION_HOURS",
                        rule: "must be a number of hours above 0",
                    })
                })
                .transpose()?,
            lease: Duration::from_secs(runs.lease_seconds.clamp(1, 86_400).into()),
            input_ttl: Duration::from_secs(runs.input_ttl_seconds.clamp(1, 86_400).into()),
            allowed_users: ids("ALLOWED_USERS", runs.allowed_users)?,
            allowed_roles: ids("ALLOWED_ROLES", runs.allowed_roles)?,
            ..Self::default()
        })
    }

    /// The guilds that runs may be in, the one of runs that name none first.
    pub(crate) fn guilds(&self) -> impl Iterator<Item = &str> {
        let further = self.guild_ids.iter();
        self.guild_id
            .iter()
            .chain(further.filter(|id| Some(*id) != self.guild_id.as_ref()))
            .map(String::as_str)
    }
}

/// Hours as milliseconds, when they are a time that can be meant; what is above nothing stays above nothing.
pub(crate) fn milliseconds(hours: f64) -> Option<i64> {
    if !(0.0..=MAX_HOURS).contains(&hours) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded by MAX_HOURS")]
    let milliseconds = (hours * HOUR).ceil() as i64;
    Some(milliseconds)
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Discord's ids are 64-bit numbers in decimal.
pub(crate) fn is_snowflake(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn snowflake(name: &'static str, id: Option<String>) -> Result<Option<String>, ConfigError> {
    match id {
        Some(id) if !is_snowflake(&id) => Err(ConfigError::Value {
            name,
            rule: "must be an id of Discord's: up to 20 digits",
        }),
        id => Ok(id),
    }
}

fn ids(name: &'static str, ids: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(snowflake(name, filled(Some(id)))?);
    }
    Ok(found)
}

fn category(name: &'static str, text: &str) -> Result<String, ConfigError> {
    let text = text.trim().to_owned();
    if (1..=90).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(ConfigError::Value {
        name,
        rule: "must have 1 to 90 characters",
    })
}

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    use std::io::Read as _;
    let fail = |source| ConfigError::File {
        name,
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(fail)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_become_milliseconds_and_nonsense_does_not() {
        assert_eq!(milliseconds(0.0), Some(0));
        assert_eq!(milliseconds(24.0), Some(86_400_000));
        assert_eq!(milliseconds(1e-9), Some(1));
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(milliseconds(wrong), None);
        }
    }
}
