//! What is promised, shown on a real node. KUBECONFIG names it; hack/test.sh makes it, builds the images and runs this.
//!
//! Each test has a namespace of its own with a Discord double of its own, so tests run side by side; the few that touch
//! the installation itself (scaling the injector, helm upgrade) or count what all do are in [`alone`].
#![cfg(feature = "node")]
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used
)]

mod support;

mod alone;
mod appetite;
mod bad_input;
mod bridge;
mod check;
mod config_dirs;
mod corpus;
mod examples;
mod filesystems;
mod job;
mod no_harm;
mod opt_in;
mod per_pod;
mod plugins;
mod probes;
mod restricted;
mod second_sidecar;
mod upgrade;
mod zero_touch;
