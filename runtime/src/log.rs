//! Logs on standard error, as text for people or as one JSON object a line for machines.

mod behind;

pub use behind::Behind;

use std::io::IsTerminal;
use std::str::FromStr;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A log setting that is not one.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none of the known words.
    #[error("log level {0:?} is not known; use error, warn, info, debug or trace")]
    Level(String),
    /// The format is neither `text` nor `json`.
    #[error("log format {0:?} is not known; use text or json")]
    Format(String),
    /// A subscriber stands already.
    #[error("logging was set up twice; call it once, in main")]
    Twice(#[source] TryInitError),
}

impl FromStr for Format {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LogError::Format(other.chars().take(40).collect())),
        }
    }
}

/// Starts logging at `level` (`error` to `trace`).
///
/// The libraries below us never go beyond `warn`: at `debug`, HTTP clients print addresses, and ours hold a token.
pub fn init(level: &str, format: Format) -> Result<(), LogError> {
    init_to(level, format, std::io::stderr)
}

/// Like [`init`], for a process that must not wait for its log with each line: [`Behind`] sends them.
pub fn init_behind(level: &str, format: Format) -> Result<Behind, LogError> {
    let (writer, behind) = Behind::stderr();
    init_to(level, format, writer)?;
    Ok(behind)
}

fn init_to<W>(level: &str, format: Format, writer: W) -> Result<(), LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = level
        .parse::<LevelFilter>()
        .map_err(|_| LogError::Level(level.chars().take(40).collect()))?;
    let theirs = ours.min(LevelFilter::WARN);
    let mut filter = Targets::new().with_default(theirs);
    for target in [
        "bot", "certs", "discord", "injector", "runtime", "sidecar", "tests", "watcher",
    ] {
        filter = filter.with_target(target, ours);
    }
    let registry = tracing_subscriber::registry().with(filter);
    let fmt = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Format::Text => registry.with(fmt).try_init(),
        Format::Json => registry.with(fmt.json().flatten_event(true)).try_init(),
    }
    .map_err(LogError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_format_is_named() {
        let message = "yaml".parse::<Format>().unwrap_err().to_string();
        assert!(
            message.contains("yaml") && message.contains("json"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_level_is_named() {
        let message = init("loud", Format::Text).unwrap_err().to_string();
        assert!(
            message.contains("loud") && message.contains("debug"),
            "{message}"
        );
    }
}
