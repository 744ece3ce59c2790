//! The injector: see the library for what it promises.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match injector::Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // The only TLS provider in the tree; it fails only when one stands already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be listening any more.
            let _ = writeln!(std::io::stderr(), "injector: {error:#}");
            ExitCode::FAILURE
        }
    }
}
