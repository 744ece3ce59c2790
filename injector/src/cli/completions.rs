//! `completions`: what a shell needs to complete our command line.

use super::Cli;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use std::io::Write as _;
use std::process::ExitCode;

/// The shells we answer for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell.
    #[arg(value_enum)]
    shell: Known,
}

impl CompletionsArgs {
    pub(super) fn run(self) -> ExitCode {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "injector", &mut script);
        // A reader that has enough (`| head`) is no failure.
        let _ = std::io::stdout().write_all(&script);
        ExitCode::SUCCESS
    }
}
