//! The command line. Everything that shapes a run in a Pod comes from the environment, see [`crate::config`].

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Follows an agent's transcript and posts what it does to Discord.
///
/// Without a command it runs until it is asked to end. Settings come from the environment: `DISCORD_WEBHOOK_URL` or
/// `DISCORD_WEBHOOK_URL_FILE`, `TRANSCRIPT_PATH` or `WORKSPACE_PATH`, and those of the settings reference.
#[derive(Debug, Parser)]
#[command(
    name = "watcher",
    version,
    about,
    long_about,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Process what is there, flush and exit: 0 when Discord has all of it, else 1.
    ///
    /// When Discord takes nothing for `ONCE_PATIENCE_SECONDS` (300), it gives up; the checkpoint keeps what is left.
    #[arg(long, conflicts_with = "health")]
    pub once: bool,
    /// Ask the running watcher how it is; exit 0 when it answers and is ready.
    #[arg(long)]
    pub health: bool,
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What else the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print sessions, models, tokens, cost and tools of transcripts.
    ///
    /// Prices are a built-in table; `PRICES` (a table as JSON) or `PRICES_FILE` replaces it, here and in a run.
    Stats {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Transcripts, or directories searched for them.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Show what Discord would show.
    Preview {
        /// Write a self-contained HTML page here instead of to the terminal.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// A transcript, or a directory searched for them.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Hand input from 127.0.0.1 to the agent's standard input.
    ///
    /// POST /input takes text, or JSON with the key `text`. The FIFO is `AGENT_STDIN`.
    Bridge {
        /// Where to listen: 127.0.0.1 and a port, nothing else.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<std::net::SocketAddr>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
