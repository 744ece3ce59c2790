//! The `bot` binary: arguments, logs, one thread, exit code.

use anyhow::Context as _;
use bot::{Args, Command, run};
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match start(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> anyhow::Result<()> {
    let Command::Serve(args) = args.command;
    runtime::log::init(&args.logging.log_level, args.logging.log_format.parse()?)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(*args))
        .map_err(anyhow::Error::from)
}
