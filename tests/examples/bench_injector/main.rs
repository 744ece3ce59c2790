//! What the injector costs, beside a bare server of the same stack and any peer that is given. Prints figures, and at the
//! end each goal with what was measured; fails when one was missed. hack/bench/injector.sh builds what it needs and calls it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that fails by panicking"
)]

mod caller;
mod cluster;
mod load;
mod process;
mod review;
mod served;
mod table;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Without a cluster: processor time, latency, start, memory, sizes.
    Served(Served),
    /// With the cluster of KUBECONFIG: the start with certificates of its own, and Pod creation.
    Cluster(Cluster),
}

#[derive(Args)]
struct Served {
    #[arg(long)]
    injector: PathBuf,
    #[arg(long)]
    floor: PathBuf,
    /// Sidecar definition.
    #[arg(long)]
    sidecar: PathBuf,
    /// The image's archive, for its size.
    #[arg(long)]
    image: Option<PathBuf>,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Reviews a round whose processor time is counted.
    #[arg(long, default_value_t = 20_000)]
    reviews: usize,
    /// Reviews open at a time meanwhile: one is a creation after the other, several a burst.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    open: Vec<usize>,
    /// Length of a round of the latency.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    #[arg(long, default_value_t = 21)]
    starts: usize,
    /// Reviews after which memory is looked at.
    #[arg(long, default_value_t = 1_000_000)]
    soak: usize,
    /// https://HOST:PORT/PATH of another webhook that runs already.
    #[arg(long)]
    peer_url: Option<String>,
    /// PEM certificates by which the peer is known.
    #[arg(long)]
    peer_ca: Option<PathBuf>,
    /// Its process, for processor time.
    #[arg(long)]
    peer_pid: Option<u32>,
    /// The review it gets, its uid 00000000-0000-4000-8000-000000000000; ours when absent.
    #[arg(long)]
    peer_body: Option<PathBuf>,
}

#[derive(Args)]
struct Cluster {
    #[arg(long)]
    injector: PathBuf,
    #[arg(long)]
    floor: PathBuf,
    /// Sidecar definition.
    #[arg(long)]
    sidecar: PathBuf,
    /// Pods created with and as many without the webhook, by turns.
    #[arg(long, default_value_t = 1000)]
    pods: usize,
    #[arg(long, default_value_t = 9)]
    starts: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    process::keep_to(process::OWN_CORE);
    match Cli::parse().what {
        What::Served(args) => served::run(&args).await,
        What::Cluster(args) => cluster::run(&args).await,
    }
    table::conclude()
}
