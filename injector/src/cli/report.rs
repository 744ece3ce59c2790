//! How commands answer: the result on standard output, what is said about it on standard error.

use std::io::{ErrorKind, Write as _};

/// Exit code of `inject` and `explain` when a Pod that asks for a watcher gets none.
pub(super) const WITHOUT: u8 = 2;

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Writes the result. A reader that has gone (`| head`) has seen what it wanted.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("standard output cannot be written"))
        }
        _ => Ok(()),
    }
}

/// Says something about the result; if nobody listens, it is no less done.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
