//! What is said of trouble: in the log once and then at a slow beat, in health while it lasts, and to Discord when a
//! person has to act.

use crate::follow::FollowStatus;
use crate::render::{Post, PostKind};
use discord::{Embed, limits};
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

/// One subject and when it is next worth a log line.
#[derive(Debug, Default)]
pub(super) struct Beat {
    text: Option<String>,
    next: Option<Instant>,
    pause: Duration,
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
        let same = self.text == text;
        match (&text, self.next) {
            (None, _) if !same => tracing::info!(subject, "it works again"),
            (Some(_), Some(next)) if same && now < next => {}
            (Some(text), _) => {
                self.pause = if same {
                    (self.pause * 2).min(SLOWEST)
                } else {
                    BEAT
                };
                self.next = Some(now + self.pause);
                tracing::warn!(subject, "{text}");
            }
            (None, _) => {}
        }
        self.text = text;
    }
}

/// What is wrong with the transcripts, in words.
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
            cure(first.owner)
        ));
    }
    let waited = status
        .nothing_found_for
        .filter(|waited| *waited >= PATIENCE)?;
    Some(format!(
        "no transcript found for {} s; set TRANSCRIPT_PATH to where the agent writes it",
        // In steps, so that the text changes seldom.
        waited.as_secs() / 30 * 30
    ))
}

fn cure(owner: Option<u32>) -> String {
    match owner {
        Some(owner) => format!(
            "give the watcher the agent's user with the annotation discord-monitoring.io/securityContext.runAsUser: \"{owner}\""
        ),
        None => "give the watcher the agent's user with the annotation discord-monitoring.io/securityContext.runAsUser".to_owned(),
    }
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
