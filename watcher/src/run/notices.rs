//! What is said of trouble: in the log once and then at a slow beat, in health while it lasts, and to Discord when a
//! person has to act.

use crate::follow::{FollowStatus, Unreadable as Unread, WakeUps};
use crate::render::{Post, PostKind};
use discord::{Embed, limits};
use rustix::io::Errno;
use std::time::{Duration, Instant};

/// First pause between two log lines about the same trouble; it doubles.
const BEAT: Duration = Duration::from_mins(5);
/// Longest such pause.
const SLOWEST: Duration = Duration::from_hours(1);
/// How long no transcript may be there before it is worth a word; agents take their time to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a transcript may be unreadable before it is said in Discord.
const UNREADABLE: Duration = Duration::from_secs(2);
/// Colour of what a person has to act on.
const RED: u32 = 0x00ED_4245;

/// Changes that are logged at once; after these, one more comes free with every [`BEAT`], so that what comes and goes
/// each second fills no log.
const CHANGES: u32 = 6;

/// One subject and when it is next worth a log line.
#[derive(Debug)]
pub(super) struct Beat {
    /// As last logged.
    text: Option<String>,
    next: Option<Instant>,
    pause: Duration,
    changes: u32,
    freed: Option<Instant>,
}

impl Default for Beat {
    fn default() -> Self {
        Self {
            text: None,
            next: None,
            pause: BEAT,
            changes: CHANGES,
            freed: None,
        }
    }
}

impl Beat {
    /// Notes that this was said just now by another, so that it is not said again before its time.
    pub(super) fn said(&mut self, text: Option<String>, now: Instant) {
        self.pause = BEAT;
        self.next = Some(now + BEAT);
        self.text = text;
    }

    /// Notes how things stand; logs a change at once and the same trouble ever more rarely.
    pub(super) fn say(&mut self, subject: &'static str, text: Option<String>, now: Instant) {
        if !self.is_due(text, now) {
            return;
        }
        if let Some(text) = &self.text {
            tracing::warn!(subject, "{text}");
        } else {
            tracing::info!(subject, "it works again");
        }
    }

    /// Whether this is to be logged now; then it is noted as said.
    fn is_due(&mut self, text: Option<String>, now: Instant) -> bool {
        if self.text == text {
            let is_due = text.is_some() && self.next.is_none_or(|next| next <= now);
            if !is_due {
                return false;
            }
            self.pause = (self.pause * 2).min(SLOWEST);
        } else {
            self.free(now);
            let Some(left) = self.changes.checked_sub(1) else {
                return false;
            };
            self.changes = left;
            self.pause = BEAT;
        }
        self.next = Some(now + self.pause);
        self.text = text;
        true
    }

    /// Frees the changes that time has brought.
    fn free(&mut self, now: Instant) {
        let freed = *self.freed.get_or_insert(now);
        let beats = now.duration_since(freed).as_secs() / BEAT.as_secs();
        let beats = u32::try_from(beats).unwrap_or(u32::MAX).min(CHANGES);
        if beats > 0 {
            self.freed = Some(now);
            self.changes = (self.changes + beats).min(CHANGES);
        }
    }
}

/// What is wrong with the transcripts, in words that stay the same while it does.
pub(super) fn transcript(status: &FollowStatus) -> Option<String> {
    if let Some(first) = status.unreadable.first() {
        let more = status.unreadable.len() - 1;
        let more = if more > 0 {
            format!(" (and {more} more)")
        } else {
            String::new()
        };
        let path = first.path.display();
        return Some(format!(
            "{path} cannot be read: {}{more}; {}",
            first.reason,
            cure(first)
        ));
    }
    let waited = status.nothing_found_for?;
    (waited >= PATIENCE).then(|| {
        "no transcript found yet; set TRANSCRIPT_PATH to where the agent writes it".to_owned()
    })
}

/// The same for health, where the time is of use.
pub(super) fn transcript_now(status: &FollowStatus) -> Option<String> {
    let text = transcript(status)?;
    match status.nothing_found_for {
        Some(waited) if status.unreadable.is_empty() => {
            Some(format!("{text} ({} s so far)", waited.as_secs()))
        }
        _ => Some(text),
    }
}

/// That changes are noticed by polling where inotify was asked for.
pub(super) fn inotify(status: &FollowStatus) -> Option<String> {
    match &status.wake_ups {
        WakeUps::Degraded(why) => Some(format!(
            "{why}; nothing is lost, but what is not watched is seen one polling interval later"
        )),
        WakeUps::Polling | WakeUps::Inotify => None,
    }
}

fn cure(trouble: &Unread) -> String {
    // The system's own words: a status has no more of the error.
    let of_rights = [libc_text(Errno::ACCESS), libc_text(Errno::PERM)];
    if !of_rights.contains(&trouble.reason) {
        return "it is tried again; if it lasts, look at the volume on which it lies".to_owned();
    }
    match trouble.owner {
        Some(owner) => format!(
            "give the watcher the agent's user with the annotation discord-monitoring.io/securityContext.runAsUser: \"{owner}\""
        ),
        None => "give the watcher the agent's user with the annotation discord-monitoring.io/securityContext.runAsUser".to_owned(),
    }
}

fn libc_text(errno: Errno) -> String {
    std::io::Error::from(errno).to_string()
}

/// When transcripts have been unreadable long enough to be said in Discord.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    since: Option<Instant>,
}

impl Unreadable {
    /// The post to make, if it is time; the caller makes it once.
    pub(super) fn post(&mut self, status: &FollowStatus, now: Instant) -> Option<Post> {
        if status.unreadable.is_empty() {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) < UNREADABLE {
            return None;
        }
        let text = transcript(status)?;
        let embed = Embed {
            title: Some("The transcript cannot be read".to_owned()),
            description: Some(limits::cut(&text, limits::DESCRIPTION).into_owned()),
            color: Some(RED),
            ..Embed::default()
        };
        Some(Post {
            embeds: vec![embed],
            files: Vec::new(),
            kind: PostKind::Error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow;

    fn unreadable() -> FollowStatus {
        FollowStatus {
            unreadable: vec![follow::Unreadable {
                path: "/p/a.jsonl".into(),
                reason: "Permission denied (os error 13)".into(),
                owner: Some(1000),
            }],
            ..FollowStatus::default()
        }
    }

    #[test]
    fn an_unreadable_transcript_names_the_annotation_that_cures_it() {
        let text = transcript(&unreadable()).unwrap();
        assert!(
            text.contains("discord-monitoring.io/securityContext.runAsUser: \"1000\""),
            "{text}"
        );
    }

    #[test]
    fn another_user_is_no_cure_for_a_broken_disk() {
        let mut status = unreadable();
        status.unreadable[0].reason = "Input/output error (os error 5)".into();
        let text = transcript(&status).unwrap();
        assert!(
            !text.contains("runAsUser") && text.contains("volume"),
            "{text}"
        );
    }

    #[test]
    fn a_transcript_that_is_not_there_is_logged_ever_more_rarely() {
        let (mut beat, start) = (Beat::default(), Instant::now());
        let mut status = FollowStatus::default();
        let logged = (0..24 * 3600).filter(|second| {
            status.nothing_found_for = Some(Duration::from_secs(*second));
            let now = start + Duration::from_secs(*second);
            beat.is_due(transcript(&status), now)
        });
        // After 30 s, and then 5, 10, 20, 40 minutes and each hour later.
        assert!((20..=30).contains(&logged.count()));
        let shown = transcript_now(&status).unwrap();
        assert!(shown.contains("86399 s so far"), "{shown}");
    }

    #[test]
    fn what_comes_and_goes_each_second_fills_no_log() {
        let (mut beat, start) = (Beat::default(), Instant::now());
        let logged = (0..3600_u64).filter(|second| {
            let text = (second % 2 == 0).then(|| format!("trouble {second}"));
            beat.is_due(text, start + Duration::from_secs(*second))
        });
        assert!((CHANGES as usize..30).contains(&logged.count()));
    }

    #[test]
    fn discord_hears_of_it_only_when_it_lasts() {
        let (mut notice, start) = (Unreadable::default(), Instant::now());
        assert_eq!(notice.post(&unreadable(), start), None);
        assert_eq!(
            notice.post(&FollowStatus::default(), start + UNREADABLE),
            None
        );
        assert_eq!(notice.post(&unreadable(), start + UNREADABLE), None);
        let post = notice.post(&unreadable(), start + 2 * UNREADABLE).unwrap();
        assert_eq!(limits::fault(&post.embeds[0]), None);
    }

    #[test]
    fn an_agent_that_takes_its_time_is_no_trouble() {
        let status = |seconds| FollowStatus {
            nothing_found_for: Some(Duration::from_secs(seconds)),
            ..FollowStatus::default()
        };
        assert_eq!(transcript(&status(29)), None);
        assert!(transcript(&status(30)).unwrap().contains("TRANSCRIPT_PATH"));
    }
}
