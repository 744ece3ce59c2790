//! How `explain` and `check` answer: a text for people, or JSON for programs.

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}
