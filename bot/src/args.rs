//! The command line and its environment; [`crate::Config`] is what comes of it.

use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Discord's side of discord-monitoring.
#[derive(Debug, Parser)]
#[command(name = "bot", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM.
    Serve(Box<ServeArgs>),
}

/// Of `bot serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Address of the HTTP routes.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Address of the health routes and metrics; they stand beside the others when it is not given.
    #[arg(long, env = "ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
    /// Token of the Discord application's bot.
    #[arg(
        long,
        env = "DISCORD_BOT_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub discord_bot_token: Option<String>,
    /// File with that token.
    #[arg(long, env = "DISCORD_BOT_TOKEN_FILE", value_name = "FILE")]
    pub discord_bot_token_file: Option<PathBuf>,
    /// Public key of the Discord application, 64 hexadecimal digits.
    #[arg(long, env = "PUBLIC_KEY", value_name = "HEX")]
    pub public_key: Option<String>,
    /// Discord server in which the channels of runs are made that name none.
    #[arg(long, env = "GUILD_ID", value_name = "ID")]
    pub guild_id: Option<String>,
    /// Further Discord servers that a run may name.
    #[arg(long, env = "GUILD_IDS", value_delimiter = ',', value_name = "ID")]
    pub guild_ids: Vec<String>,
    /// One token for callers of /runs, for all namespaces.
    #[arg(long, env = "API_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub api_token: Option<String>,
    /// JSON file with callers' tokens and namespaces, reread when it changes.
    #[arg(long, env = "API_TOKENS_FILE", value_name = "FILE")]
    pub api_tokens_file: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite:///var/lib/discord-monitoring/bot.db",
        value_name = "URL"
    )]
    pub database_url: String,
    /// What topics and run tokens are signed with; derived from the bot's token when it is not given.
    #[arg(
        long,
        env = "SIGNING_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub signing_key: Option<String>,
    /// Base of Discord's API, or of a server that speaks it.
    #[arg(
        long,
        env = "DISCORD_API_URL",
        default_value = "https://discord.com/api/v10",
        value_name = "URL"
    )]
    pub discord_api_url: String,
    /// PEM file with certificate authorities trusted beside Mozilla's.
    #[arg(long, env = "EXTRA_CA_FILE", value_name = "FILE")]
    pub extra_ca_file: Option<PathBuf>,
    /// Runs in Discord.
    #[command(flatten)]
    pub runs: RunsArgs,
    /// How to log.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// What becomes of runs in Discord.
#[derive(Debug, clap::Args)]
pub struct RunsArgs {
    /// A channel for each run, or a thread of one channel.
    #[arg(long, env = "RUNS_MODE", default_value = "channels")]
    pub runs_mode: ModeArg,
    /// Category of the runs' channels.
    #[arg(
        long,
        env = "CATEGORY",
        default_value = "Agent Runs",
        value_name = "NAME"
    )]
    pub category: String,
    /// At a run's end: archive (move, lock, delete after the retention) or delete (after the retention).
    #[arg(long, env = "ON_END", default_value = "archive")]
    pub on_end: OnEndArg,
    /// Category of ended runs, with archive.
    #[arg(
        long,
        env = "ARCHIVE_CATEGORY",
        default_value = "Agent Archive",
        value_name = "NAME"
    )]
    pub archive_category: String,
    /// Channel or forum in which threads are made; found or made by the category's name when it is not given.
    #[arg(long, env = "THREADS_CHANNEL_ID", value_name = "ID")]
    pub threads_channel_id: Option<String>,
    /// Hours a channel is kept after its run's end; 0 keeps it. Parts of an hour are fine.
    #[arg(
        long,
        env = "RETENTION_HOURS",
        default_value = "24",
        value_name = "HOURS"
    )]
    pub retention_hours: f64,
    /// File with those hours, which wins and is read again; where it is missing, the value counts.
    #[arg(long, env = "RETENTION_HOURS_FILE", value_name = "FILE")]
    pub retention_hours_file: Option<PathBuf>,
    /// Most hours a channel is kept, whatever a run asks for; without it a run may keep its channel for good.
    #[arg(long, env = "MAX_RETENTION_HOURS", value_name = "HOURS")]
    pub max_retention_hours: Option<f64>,
    /// Seconds a run's watcher may be silent until the bot takes the run for ended.
    #[arg(
        long,
        env = "LEASE_SECONDS",
        default_value = "120",
        value_name = "SECONDS"
    )]
    pub lease_seconds: u32,
    /// Seconds an input waits for its run's watcher.
    #[arg(
        long,
        env = "INPUT_TTL_SECONDS",
        default_value = "900",
        value_name = "SECONDS"
    )]
    pub input_ttl_seconds: u32,
    /// Ids of the users who may talk to agents.
    #[arg(long, env = "ALLOWED_USERS", value_delimiter = ',', value_name = "ID")]
    pub allowed_users: Vec<String>,
    /// Ids of the roles whose members may.
    #[arg(long, env = "ALLOWED_ROLES", value_delimiter = ',', value_name = "ID")]
    pub allowed_roles: Vec<String>,
}

/// How runs stand in Discord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// A channel for each run.
    Channels,
    /// A thread for each run.
    Threads,
}

/// What becomes of a channel at its run's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnEndArg {
    /// Moved and locked, deleted after the retention.
    Archive,
    /// Left as it is, deleted after the retention.
    Delete,
}

/// How to log.
#[derive(Debug, clap::Args)]
pub struct LoggingArgs {
    /// error, warn, info, debug or trace.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// text or json.
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    pub log_format: String,
}
