//! The watcher's binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    watcher::cli::main()
}
