//! What the transcripts lost on their way: broken and overlong records, files that went before they were read. Counted,
//! and said in health at once, in the log at a slow beat, and at the end.

use crate::follow::FollowStatus;
use crate::metrics::Metrics;
use crate::record;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Least time between two log lines about losses; each says all that was lost so far.
const BEAT: Duration = Duration::from_mins(5);

/// All of it so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Losses {
    /// Records that could not be read: broken off, or no record at all.
    pub lost_records: u64,
    /// Lines longer than the bound; what of them could be read was.
    pub cut_lines: u64,
    /// The bytes left out of them.
    pub cut_bytes: u64,
    /// Files that were gone before all of their bytes were read.
    pub lost_files: u64,
    /// The bytes known to be lost with them.
    pub lost_bytes: u64,
}

impl Losses {
    pub(super) fn of(status: &FollowStatus, records: record::Losses) -> Self {
        Self {
            lost_records: records.cut + records.garbage,
            cut_lines: status.cut_lines,
            cut_bytes: status.cut_bytes,
            lost_files: status.lost_files,
            lost_bytes: status.lost_bytes,
        }
    }

    /// Brings the counters to this.
    pub(super) fn count(&self, metrics: &Metrics) {
        for (counter, now) in [
            (&metrics.lost_records, self.lost_records),
            (&metrics.cut_lines, self.cut_lines),
            (&metrics.cut_bytes, self.cut_bytes),
            (&metrics.lost_files, self.lost_files),
            (&metrics.lost_bytes, self.lost_bytes),
        ] {
            counter.inc_by(now.saturating_sub(counter.get()));
        }
    }

    /// In words, when there are any.
    pub(super) fn text(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.lost_records > 0 {
            parts.push(format!("{} records could not be read", self.lost_records));
        }
        if self.cut_lines > 0 {
            parts.push(format!(
                "{} lines were longer than MAX_LINE_BYTES, by {} bytes",
                self.cut_lines, self.cut_bytes
            ));
        }
        if self.lost_files > 0 {
            parts.push(format!(
                "{} files were gone before their last {} bytes were read",
                self.lost_files, self.lost_bytes
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// When losses were last logged.
#[derive(Debug, Default)]
pub(super) struct Said {
    losses: Losses,
    next: Option<Instant>,
}

impl Said {
    /// Logs what is new, if it is time. There is always time at the end.
    pub(super) fn say(&mut self, losses: Losses, now: Option<Instant>) {
        let is_time = now.zip(self.next).is_none_or(|(now, next)| now >= next);
        if losses == self.losses || !is_time {
            return;
        }
        self.losses = losses;
        self.next = now.map(|now| now + BEAT);
        if let Some(text) = losses.text() {
            tracing::warn!(subject = "losses", "of the transcripts so far: {text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_lost_is_told() {
        assert_eq!(Losses::default().text(), None);
        let losses = Losses {
            cut_lines: 2,
            cut_bytes: 300,
            ..Losses::default()
        };
        let text = losses.text().unwrap();
        assert!(text.contains("2 lines") && text.contains("300 bytes") && !text.contains("files"));
    }

    #[test]
    fn a_flood_of_losses_is_no_flood_of_log_lines_and_the_last_word_is_said() {
        let (mut said, start) = (Said::default(), Instant::now());
        let lost = |lost_records| Losses {
            lost_records,
            ..Losses::default()
        };
        said.say(lost(1), Some(start));
        assert_eq!(said.losses, lost(1));
        said.say(lost(2), Some(start + BEAT / 2));
        assert_eq!(said.losses, lost(1), "not yet");
        said.say(lost(3), Some(start + BEAT));
        assert_eq!(said.losses, lost(3));
        said.say(lost(4), None);
        assert_eq!(said.losses, lost(4));
    }
}
