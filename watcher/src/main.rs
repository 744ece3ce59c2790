//! The watcher's binary; everything is in the library.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    watcher::cli::run(watcher::args::Args::parse())
}
