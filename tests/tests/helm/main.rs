//! What the charts promise, asked of the real helm: no cluster is needed.
//!
//! helm and kubeconform come from `.tools/bin` (`make tools`), else from PATH. `UPDATE_GOLDEN=1` renews the golden
//! files, the copy of the watcher's values in the umbrella and the umbrella's copy of their schema.

// What helps a test may fail as a test does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod definition;
mod examples;
mod injector;
mod render;
mod schema;
mod settings;
mod support;
