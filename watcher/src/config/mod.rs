//! What the environment asks for, typed.
//!
//! A bad value never ends the watcher: its default is taken and the problem is said, for a watcher that fails would
//! fail its Pod. No problem's text holds a secret.

mod env;
mod load;
mod paths;
mod secret;

pub(crate) use load::NO_RESULT;
pub use load::load;
pub use paths::Transcript;
pub use secret::{SecretError, SecretSource};

use runtime::log::Format;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a run is shaped by.
#[derive(Debug)]
pub struct Config {
    /// Where the transcripts are.
    pub transcript: Transcript,
    /// Longest time between two looks at the transcript.
    pub poll: Duration,
    /// Whether the kernel's file events are used besides.
    pub inotify: bool,
    /// Longest line that is read whole, in bytes.
    pub max_line_bytes: usize,
    /// How long before the start a session may last have been written and still count as the agent's.
    pub lookback: Duration,
    /// Most embeds in one message.
    pub batch_size: usize,
    /// What is posted.
    pub filters: Filters,
    /// What the summary shows.
    pub stats: Stats,
    /// Post everything, in full.
    pub parity: bool,
    /// The price table that replaces the built-in one, as its text.
    pub prices: Option<String>,
    /// The same as a file; the text goes before it.
    pub prices_file: Option<PathBuf>,
    /// What is redacted beside the built-in shapes, as the redactor takes it.
    pub redact: Option<String>,
    /// `error` to `trace`.
    pub log_level: String,
    /// Text or JSON.
    pub log_format: Format,
    /// Where the webhook's URL comes from.
    pub webhook: Webhook,
    /// The bot service, when there is one.
    pub bot: Option<Bot>,
    /// Which run this is.
    pub run: Run,
    /// Where the checkpoint and the health socket live.
    pub state_dir: PathBuf,
    /// Further certificate authorities.
    pub extra_ca_file: Option<PathBuf>,
    /// Where health is served over TCP.
    pub health_addr: Option<SocketAddr>,
    /// How long sending may go on after SIGTERM.
    pub flush: Duration,
    /// How long `--once` waits while nothing moves.
    pub once_patience: Duration,
    /// What ends a plain watcher by itself.
    pub ends_after: Option<EndsAfter>,
    /// Where what could not be sent is told to the kubelet.
    pub termination_log: PathBuf,
}

/// What is posted, as the settings say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// Tools whose calls are posted, with `*`; empty means all.
    pub include_tools: Vec<String>,
    /// Regular expressions; empty means all.
    pub include_patterns: Vec<String>,
    /// Shortest stdout shown, in characters.
    pub min_stdout_length: usize,
}

/// What the summary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "three settings that are switches"
)]
pub struct Stats {
    /// The cost in US dollars.
    pub track_cost: bool,
    /// Tokens by kind.
    pub tokens: bool,
    /// Errors.
    pub errors: bool,
}

/// Where the webhook's URL comes from; the file wins while it holds one.
#[derive(Debug, Clone, Default)]
pub struct Webhook {
    /// The URL itself, not yet parsed.
    pub url: Option<SecretString>,
    /// A file that is read again and again.
    pub file: Option<PathBuf>,
}

/// The bot service that makes a channel for the run.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Its address, without user and password.
    pub url: String,
    /// User and password that stood in it: they are never used, nor shown.
    pub login: Vec<SecretString>,
    /// The bearer token.
    pub token: SecretSource,
    /// The bridge that takes input, when there is one.
    pub bridge_url: Option<String>,
    /// What the bridge wants its inputs signed with, if anything.
    pub bridge_secret: SecretSource,
    /// Hours the run's channel is kept; none leaves it to the bot.
    pub retention_hours: Option<u32>,
}

/// Which run this is, as the downward API and the injector say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// What a person calls it.
    pub task_id: Option<String>,
    /// `Kind/name` of the Pod's owner.
    pub owner: Option<String>,
    /// The Pod's name.
    pub pod_name: Option<String>,
    /// The Pod's namespace.
    pub namespace: Option<String>,
    /// The Pod's uid.
    pub pod_uid: Option<String>,
    /// The Job's name.
    pub job: Option<String>,
}

impl Run {
    /// What the summary calls the run.
    pub fn title(&self) -> Option<String> {
        let owner = || {
            self.owner
                .as_deref()
                .and_then(|owner| owner.split('/').next_back())
        };
        let name = self
            .task_id
            .as_deref()
            .or(self.job.as_deref())
            .or_else(owner)
            .or(self.pod_name.as_deref())?;
        Some(match &self.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        })
    }
}

/// What ends a plain watcher by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndsAfter {
    /// A `result` record, which ends a stream-json transcript.
    Result,
    /// No new line for this long.
    Silence(Duration),
}

impl Config {
    /// Says once, at the start, what the watcher runs with: what arrived is what a person wants to know first when it
    /// does something else than they asked for. Nothing secret is among it.
    pub fn tell(&self) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            transcript = ?self.transcript,
            poll = ?self.poll,
            batch_size = self.batch_size,
            filters = ?self.filters,
            stats = ?self.stats,
            parity = self.parity,
            retention_hours = self.bot.as_ref().and_then(|bot| bot.retention_hours),
            run = ?self.run,
            flush = ?self.flush,
            "following the agent"
        );
    }
}
