//! The command line.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;

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
    Serve(ServeArgs),
}

/// Of `bot serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Address of the HTTP routes.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// How to log.
    #[command(flatten)]
    pub logging: LoggingArgs,
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
