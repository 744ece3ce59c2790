//! The review that is sent: a Job's Pod as the API server sends it, defaults, managed fields and token volume included.

use bytes::Bytes;

/// What stands in the place of the uid.
const SLOT: &str = "00000000-0000-4000-8000-000000000000";

/// A review whose uid is another one each time.
pub(crate) struct Review {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Review {
    /// Our own.
    pub(crate) fn ours() -> Self {
        Self::of(include_str!("review.json"))
    }

    /// The one in `text`. Where it has no slot for the uid, it is sent as it is.
    pub(crate) fn of(text: &str) -> Self {
        let text = compact(text);
        let (before, after) = text.split_once(SLOT).unwrap_or((&text, ""));
        Self {
            before: before.into(),
            after: after.into(),
        }
    }

    /// The body of review number `at`, and its uid.
    pub(crate) fn body(&self, at: usize) -> (Bytes, String) {
        let uid = format!("{:08x}-0000-4000-8000-{at:012x}", at % 0xffff_ffff);
        let slot = if self.after.is_empty() { "" } else { &uid };
        let whole = [&self.before, slot.as_bytes(), &self.after].concat();
        (whole.into(), uid)
    }
}

/// JSON without the space that makes it readable, keys in their order.
fn compact(text: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |character: &char| {
        let end = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        inside ^= end;
        inside || !character.is_ascii_whitespace()
    };
    text.chars().filter(keep).collect()
}
