//! The end of a run: what is still sent, in which order, and until when.

use super::losses::Losses;
use crate::render::Post;
use discord::{Embed, Field};
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Share of the flush time kept for the final summary.
const RESERVE: Duration = Duration::from_millis(1500);

/// A run that is ending.
#[derive(Debug)]
pub(super) struct Ending {
    /// Everything stops here; none when nobody waits for us.
    pub(super) deadline: Option<Instant>,
    /// No message of the feed starts after this, so that the final summary still can.
    cutoff: Option<Instant>,
    /// Open calls were told.
    pub(super) told: bool,
    /// Nothing moved for so long that a person waits no longer.
    pub(super) given_up: bool,
    pub(super) step: Step,
    /// What the final summary says.
    pub(super) last_words: Vec<Embed>,
}

/// What an ending is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The rest of the feed.
    Feed,
    /// The final summary is under way.
    Summary,
    /// The live summary is being taken away.
    Live,
    /// The bot is being told.
    Bot,
    /// All is said.
    Over,
}

impl Ending {
    pub(super) fn new(now: Instant, limit: Option<Duration>) -> Self {
        let mut ending = Self {
            deadline: None,
            cutoff: None,
            told: false,
            given_up: false,
            step: Step::Feed,
            last_words: Vec::new(),
        };
        if let Some(limit) = limit {
            ending.hurry(now, limit);
        }
        ending
    }

    /// Sets a deadline, for one that had none or a later one.
    pub(super) fn hurry(&mut self, now: Instant, limit: Duration) {
        let deadline = now + limit;
        if self.deadline.is_none_or(|at| at > deadline) {
            self.deadline = Some(deadline);
            self.cutoff = Some(now + limit.saturating_sub(RESERVE.min(limit / 3)));
        }
    }

    pub(super) fn is_past_deadline(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|at| at <= now)
    }

    pub(super) fn is_past_cutoff(&self, now: Instant) -> bool {
        self.cutoff.is_some_and(|at| at <= now)
    }

    /// The next moment at which something changes by itself.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        self.cutoff.filter(|at| *at > now).or(self.deadline)
    }
}

/// What a run came to, for the log and the kubelet.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Events read.
    pub events: u64,
    /// Posts that Discord has.
    pub posted: u64,
    /// Posts that were read and could not be sent any more.
    pub unsent: usize,
    /// Bytes of transcripts that were not acknowledged.
    pub unread_bytes: u64,
    /// Bytes of last lines that nobody finished: no record yet, and left for a later run.
    pub unfinished_bytes: u64,
    /// Posts that Discord refused in every form.
    pub lost: u64,
    /// What the transcripts themselves lost.
    #[serde(flatten)]
    pub losses: Losses,
    /// Messages that may stand twice.
    pub maybe_twice: u64,
    /// Input, output, cache-read and cache-write tokens together.
    pub tokens: u64,
    /// US dollars of what has a known price.
    pub cost_usd: f64,
    /// `--once` waited for Discord for too long.
    #[serde(skip_serializing)]
    pub given_up: bool,
    /// What kept posts from being sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl Report {
    /// Whether Discord has all there was.
    pub fn is_complete(&self) -> bool {
        self.unsent == 0 && self.lost == 0 && self.unread_bytes == 0
    }

    /// Adds to the final summary what is missing.
    pub(super) fn complete(&self, post: &mut Post) {
        if self.is_complete() {
            return;
        }
        let mut parts = Vec::new();
        for (count, what) in [
            (self.unsent as u64, "posts were not sent in time"),
            (self.lost, "posts were refused by Discord"),
            (self.unread_bytes, "bytes of the transcript were not posted"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if let Some(embed) = post.embeds.first_mut() {
            embed.fields.push(Field {
                name: "Missing".to_owned(),
                value: parts.join("\n"),
                inline: false,
            });
        }
    }

    /// Tells the log, and the kubelet where it has made a file for it.
    pub fn tell(&self, termination_log: &Path) {
        let json = serde_json::to_string(self).unwrap_or_default();
        if self.is_complete() {
            tracing::info!(report = json, "the run is over; Discord has all of it");
        } else {
            tracing::error!(
                report = json,
                "the run is over; Discord does not have all of it"
            );
        }
        // Never created: outside a Pod nobody asked for this file. Never a device or FIFO either, which could block.
        let is_file = std::fs::metadata(termination_log).is_ok_and(|metadata| metadata.is_file());
        if is_file
            && let Ok(mut file) = std::fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(termination_log)
        {
            let _ = file.write_all(json.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_summary_has_time_of_its_own() {
        let now = Instant::now();
        let ending = Ending::new(now, Some(Duration::from_secs(5)));
        assert!(!ending.is_past_cutoff(now + Duration::from_millis(3499)));
        assert!(ending.is_past_cutoff(now + Duration::from_millis(3500)));
        assert!(!ending.is_past_deadline(now + Duration::from_millis(4999)));
        assert!(ending.is_past_deadline(now + Duration::from_secs(5)));
    }

    #[test]
    fn an_ending_can_only_be_hurried() {
        let now = Instant::now();
        let mut ending = Ending::new(now, None);
        assert!(!ending.is_past_deadline(now + Duration::from_hours(1)));
        ending.hurry(now, Duration::ZERO);
        ending.hurry(now, Duration::from_mins(1));
        assert!(ending.is_past_deadline(now));
    }

    #[test]
    fn the_kubelet_is_told_what_is_missing_and_no_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("termination-log");
        let report = Report {
            unsent: 3,
            ..Report::default()
        };
        report.tell(&path);
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        report.tell(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"unsent\":3") && text.len() < 4096, "{text}");
    }
}
