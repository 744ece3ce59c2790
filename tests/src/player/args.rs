//! The player's flags.

use crate::transcript::{Clock, Kind, Options, Size};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// What the timestamps of generated records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Times {
    /// A day of long ago: the same bytes at every run.
    Fixed,
    /// The time of writing.
    Now,
}

/// Plays a transcript as an AI agent would write it. Exit codes: 3 when the settings cannot be written, 4 when the
/// transcript cannot, 5 when the standard input cannot be opened, 64 for wrong use, 66 when the file to play cannot be read, 143 after SIGTERM, else --exit-code.
#[derive(Debug, Clone, Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(name = "player", version)]
pub struct Args {
    /// A transcript to play; several are played one after the other.
    #[arg(long, value_name = "FILE")]
    pub transcript: Vec<PathBuf>,
    /// The kind of session to generate when no transcript is given: demo, clean, traps or stream.
    #[arg(
        long,
        value_name = "KIND",
        default_value = "demo",
        conflicts_with = "transcript"
    )]
    pub generate: Kind,
    /// Where the generator's random numbers begin.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// At least so many records are generated.
    #[arg(long, conflicts_with = "bytes")]
    pub records: Option<u64>,
    /// At least so many bytes are generated.
    #[arg(long)]
    pub bytes: Option<u64>,
    /// The agent's config directory; without it `$CLAUDE_CONFIG_DIR`, else `$HOME/.claude`.
    #[arg(long, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// The agent's working directory, which names the project's folder; it need not exist.
    #[arg(long, value_name = "DIR", default_value = "/workspace")]
    pub cwd: String,
    /// Records per second; without it as fast as the disk takes them.
    #[arg(long, value_name = "RECORDS_PER_SECOND", conflicts_with = "pace")]
    pub rate: Option<f64>,
    /// Milliseconds between two records on average, now longer, now shorter.
    #[arg(long, value_name = "MS")]
    pub pace: Option<u64>,
    /// Seconds before the first record.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub start_delay: f64,
    /// Seconds between the last record and the end of the process.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub linger: f64,
    /// The exit code after a session that was played to its end.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub exit_code: u8,
    /// Writes each record in pieces, cut anywhere.
    #[arg(long)]
    pub partial: bool,
    /// Writes <config>/settings.json first, as an agent does; exits 3 when it cannot.
    #[arg(long)]
    pub write_settings: bool,
    /// Listens to this FIFO as an agent with it as its standard input does: a prompt is answered in the transcript, an
    /// interruption ends the session.
    #[arg(long, value_name = "FIFO", conflicts_with_all = ["transcript", "garbage", "no_transcript"])]
    pub stdin: Option<PathBuf>,
    /// Writes no transcript, only waits.
    #[arg(long)]
    pub no_transcript: bool,
    /// Writes so many bytes of random lines in place of a transcript.
    #[arg(long, value_name = "BYTES", conflicts_with = "transcript")]
    pub garbage: Option<u64>,
    /// Prints the serials of the generated session's Bash calls, in order, and exits.
    #[arg(long, conflicts_with = "transcript")]
    pub list_steps: bool,
    /// Plays nothing, but kills the node's processes of this name, one at a time, as a lack of memory would: for a Pod
    /// with hostPID and the right to.
    #[arg(long, value_name = "NAME")]
    pub reap: Option<String>,
    /// Only those whose `POD_NAMESPACE` is this.
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "default",
        requires = "reap"
    )]
    pub reap_namespace: String,
    /// Only those with this in their environment, in place of the namespace.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        requires = "reap",
        conflicts_with = "reap_namespace"
    )]
    pub reap_env: Option<String>,
    /// Only the one whose `POD_NAME` is this.
    #[arg(long, value_name = "NAME", requires = "reap")]
    pub reap_pod: Option<String>,
    /// Seconds that it is stopped before it is killed, as on a machine that swaps.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, requires = "reap")]
    pub reap_frozen: f64,
    /// How many are killed.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "reap")]
    pub reap_times: u32,
    /// Seconds between two.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, requires = "reap")]
    pub reap_every: f64,
    /// What the timestamps of generated records say; without it `now` for the demo, else `fixed`.
    #[arg(long, value_enum, value_name = "CLOCK")]
    pub timestamps: Option<Times>,
}

impl Args {
    /// The session that is to be generated.
    pub fn options(&self) -> Options {
        let mut options = Options::new(self.generate, self.seed);
        options.cwd.clone_from(&self.cwd);
        options.size = match (self.records, self.bytes) {
            (Some(records), _) => Size::Records(records),
            (None, Some(bytes)) => Size::Bytes(bytes),
            (None, None) => options.size,
        };
        let wall = self
            .timestamps
            .map_or(self.generate == Kind::Demo, |times| times == Times::Now);
        options.clock = if wall { Clock::Wall } else { Clock::Fixed };
        options
    }
}
