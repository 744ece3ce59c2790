//! `uninject`: manifests without the watcher.

use super::documents::{Documents, Format};
use super::report::{print, say};
use crate::places::places;
use crate::uninject::uninject;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `uninject`.
#[derive(Debug, Args)]
pub(super) struct UninjectArgs {
    /// Manifests in YAML or JSON; - reads standard input.
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
    /// Format of what is printed; that of the input when absent.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

impl UninjectArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut all = Documents::read_all(&self.filename)?;
        for document in &mut all.values {
            for place in places(document) {
                let changed = document.pointer_mut(&place.pointer).is_some_and(uninject);
                let result = if changed {
                    "the watcher is taken out"
                } else {
                    "there is no watcher"
                };
                say(&format!("{}: {result}", place.owner));
            }
        }
        all.format = self.output.unwrap_or(all.format);
        print(&all.render()?)?;
        Ok(ExitCode::SUCCESS)
    }
}
