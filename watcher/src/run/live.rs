//! The live summary: one message that is edited in place while the run lasts.

use super::memo::LiveMessage;
use discord::{Backoff, Embed, Error, Message};
use std::time::{Duration, Instant};

/// Least time between two edits.
const EVERY: Duration = Duration::from_secs(5);

/// Where the live summary stands.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// What was last sent or is being sent.
    shown: Vec<Embed>,
    /// No edit before this.
    not_before: Option<Instant>,
    backoff: Backoff,
    /// Discord refuses it; the run goes on without.
    off: bool,
}

impl Live {
    /// Whether the message has to be posted first.
    pub(super) fn is_missing(&self, message: Option<&LiveMessage>, webhook: &str) -> bool {
        !self.off && message.is_none_or(|message| message.webhook != webhook)
    }

    /// Notes that these embeds are being posted.
    pub(super) fn posting(&mut self, embeds: Vec<Embed>, now: Instant) {
        self.shown = embeds;
        self.not_before = Some(now + EVERY);
    }

    /// When an edit may start.
    pub(super) fn due(&self, now: Instant) -> Instant {
        self.not_before.map_or(now, |at| at.max(now))
    }

    /// The edit to make; none when it would change nothing.
    pub(super) fn edit(&mut self, embeds: Vec<Embed>, now: Instant) -> Option<Message> {
        if self.off || embeds == self.shown {
            return None;
        }
        self.posting(embeds.clone(), now);
        Some(Message {
            embeds,
            ..Message::default()
        })
    }

    /// Learns how an edit went; true when the message is gone and has to be posted anew.
    pub(super) fn edited(&mut self, result: &Result<(), Error>, now: Instant) -> bool {
        let Err(error) = result else {
            self.backoff = Backoff::default();
            return false;
        };
        self.shown.clear();
        match error {
            Error::MessageGone => return true,
            error if error.is_retryable() => {
                let wait = self.backoff.after(error).unwrap_or(EVERY).max(EVERY);
                self.not_before = Some(now + wait);
            }
            error => self.refuse(error),
        }
        false
    }

    /// Goes on without a live summary, for a server that does not say what it saved.
    pub(super) fn give_up(&mut self) {
        self.off = true;
    }

    /// Gives the live summary up, with a word.
    pub(super) fn refuse(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.off, true) {
            tracing::warn!(%error, "the live summary is given up; the posts go on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embeds(text: &str) -> Vec<Embed> {
        vec![Embed {
            title: Some(text.into()),
            ..Embed::default()
        }]
    }

    #[test]
    fn an_edit_is_made_only_when_something_changed_and_at_most_once_in_five_seconds() {
        let (mut live, start) = (Live::default(), Instant::now());
        live.posting(embeds("a"), start);
        assert_eq!(live.due(start), start + EVERY);
        assert_eq!(live.edit(embeds("a"), start + EVERY), None);
        assert!(live.edit(embeds("b"), start + EVERY).is_some());
        assert_eq!(live.due(start + EVERY), start + 2 * EVERY);
    }

    #[test]
    fn a_429_puts_edits_off_and_shows_the_newest_figures_afterwards() {
        let (mut live, start) = (Live::default(), Instant::now());
        live.edit(embeds("a"), start);
        let after = Some(Duration::from_mins(1));
        let limited = Error::RateLimited {
            after,
            global: false,
            scope: discord::Scope::User,
        };
        assert!(!live.edited(&Err(limited), start));
        assert_eq!(live.due(start), start + Duration::from_mins(1));
        assert!(
            live.edit(embeds("a"), start + Duration::from_mins(1))
                .is_some()
        );
    }

    #[test]
    fn a_deleted_message_is_posted_anew_and_a_refused_one_is_not() {
        let (mut live, now) = (Live::default(), Instant::now());
        assert!(live.is_missing(None, "1"));
        assert!(live.edited(&Err(Error::MessageGone), now));
        assert!(!live.edited(&Err(Error::TooLarge), now));
        assert!(!live.is_missing(None, "1"));
        assert_eq!(live.edit(embeds("b"), now), None);
    }
}
