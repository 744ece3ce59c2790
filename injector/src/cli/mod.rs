//! The command line: `serve` runs the webhook; the others work on manifests with the same code and without a cluster.

mod asked;
mod certificates;
mod check;
mod completions;
mod documents;
mod durations;
mod explain;
mod inject;
mod namespaces;
mod ready;
mod report;
mod serve;
mod uninject;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Exit code for a wrong command line, as sysexits.h names it.
const USAGE: u8 = 64;

/// Adds the watcher to AI agents' Pods.
#[derive(Debug, Parser)]
#[command(name = "injector", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the admission webhook.
    Serve(Box<serve::ServeArgs>),
    /// Print manifests with the watcher added, as the webhook would add it.
    ///
    /// Exit codes: 0 done; 1 failed; 2 done, but a Pod that asks for a watcher got none; 64 wrong command line.
    Inject(inject::InjectArgs),
    /// Tell what the webhook would do with manifests, and why.
    ///
    /// Exit codes: 0 told; 1 failed; 2 told, and a Pod that asks for a watcher would get none; 64 wrong command line.
    Explain(explain::ExplainArgs),
    /// Look at an installation, or at manifests, for what gets no watcher.
    ///
    /// Exit codes: 0 nothing found; 1 something found; 2 nothing found, but not all could be looked at; 64 wrong command line.
    Check(check::CheckArgs),
    /// Print manifests with the watcher taken out again.
    Uninject(uninject::UninjectArgs),
    /// Print a shell's completion script.
    Completions(completions::CompletionsArgs),
}

impl Cli {
    /// Reads the command line; a wrong one is explained and gives the exit code.
    ///
    /// # Errors
    /// The exit code of a command line that is not run: 64 when it is wrong, 0 for help and version.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
        })
    }

    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, as a sentence for people.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => {
                // One thread: an answer takes some ten microseconds, and nothing on its way waits.
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .max_blocking_threads(4)
                    .enable_all()
                    .build()?;
                runtime.block_on(args.run())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Inject(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Check(args) => Ok(args.run()),
            Command::Uninject(args) => args.run(),
            Command::Completions(args) => Ok(args.run()),
        }
    }
}
