//! What the person who creates the Pod is told, in the length Kubernetes asks for.

use sidecar::names::PREFIX;

/// Kubernetes asks for at most 120 characters each; longer ones may be cut by the API server anyway.
const LONGEST: usize = 120;
/// The API server keeps 4096 characters of all warnings together.
const MOST: usize = 16;

/// Warnings of one answer: short, each once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Vec<String>);

impl Warnings {
    /// Adds a warning, under our name unless it starts with a key of ours.
    pub(crate) fn add(&mut self, text: &str) {
        let text = if text.starts_with(PREFIX) {
            text.to_owned()
        } else {
            format!("discord-monitoring: {text}")
        };
        let text = shorten(&text);
        if self.0.len() < MOST && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<String> {
        self.0
    }
}

/// One line of at most 120 characters.
fn shorten(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= LONGEST {
        return text.chars().map(clean).collect();
    }
    let mut out: String = text.chars().map(clean).take(LONGEST - 1).collect();
    out.push('\u{2026}');
    out
}

/// A value for a warning: at most `most` characters.
pub(crate) fn excerpt(value: &str, most: usize) -> String {
    if value.chars().count() <= most {
        return value.to_owned();
    }
    let mut out: String = value.chars().take(most.saturating_sub(1)).collect();
    out.push('\u{2026}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_warning_is_longer_than_120_characters(texts in prop::collection::vec(any::<String>(), 0..30)) {
            let mut warnings = Warnings::default();
            for text in &texts {
                warnings.add(text);
            }
            let all = warnings.into_vec();
            prop_assert!(all.len() <= MOST);
            for text in all {
                prop_assert!(text.chars().count() <= 120 && !text.contains('\n'));
            }
        }
    }
}
