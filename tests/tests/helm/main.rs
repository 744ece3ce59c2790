//! What the charts promise, asked of the real helm. No cluster is needed, except with the feature
//! `node`: then KUBECONFIG names one, on which releases without replicas come and go.
//!
//! helm and kubeconform come from `.tools/bin` (`make tools`), else from PATH. `UPDATE_GOLDEN=1` renews the golden
//! files and the umbrella's copy of the watcher's values.

// What helps a test may fail as a test does, and a test that tells one story may be long.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines
)]

mod bot;
mod definition;
mod docs;
mod examples;
mod injector;
mod notes;
mod observed;
#[cfg(feature = "node")]
mod on_node;
mod release;
mod render;
mod schema;
mod settings;
mod support;
mod tools;
mod used;
mod workflows;
