//! What the person who creates the Pod is told, in the length Kubernetes asks for.

use sidecar::names::PREFIX;
use std::borrow::Cow;

/// Kubernetes asks for at most 120 characters each; longer ones may be cut by the API server anyway.
const LONGEST: usize = 120;
/// The API server keeps 4096 characters of all warnings together.
const MOST: usize = 32;
/// The least that is shown of a value, if a warning is to be of use.
const LEAST: usize = 6;

/// Warnings of one answer: short, each once.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    said: Vec<String>,
    /// How many there was no place for.
    further: usize,
}

impl Warnings {
    /// Adds a warning, under our name unless it starts with a key of ours. It must fit: what it says last is the cure.
    pub(crate) fn add(&mut self, text: &str) {
        let text = named(text.into());
        debug_assert!(fits(&text), "a warning that would be cut: {text}");
        self.push(text);
    }

    /// Adds a warning that shows something of a person's: as much of it, up to `most` characters, as there is room for.
    pub(crate) fn show(&mut self, value: &str, most: usize, say: impl Fn(&str) -> String) {
        let text = (LEAST..=most)
            .rev()
            .map(|most| named(say(&excerpt(value, most)).into()))
            .find(|text| fits(text));
        let text = text.unwrap_or_else(|| named(say("\u{2026}").into()));
        debug_assert!(fits(&text), "a warning that would be cut: {text}");
        self.push(text);
    }

    /// Adds a warning that ends in the words of others, such as a parser's; those may be cut.
    pub(crate) fn quote(&mut self, text: &str) {
        self.push(named(text.into()));
    }

    fn push(&mut self, text: String) {
        let text = shorten(text);
        if self.said.contains(&text) {
            return;
        }
        // The last place is kept for how many more there are.
        if self.said.len() < MOST - 1 {
            self.said.push(text);
        } else {
            self.further += 1;
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<String> {
        if self.further > 0 {
            let further = self.further;
            let text = format!("{further} further warnings are not shown; mend these first");
            self.said.push(named(text.into()));
        }
        self.said
    }
}

fn named(text: Cow<'_, str>) -> String {
    if text.starts_with(PREFIX) {
        text.into_owned()
    } else {
        format!("discord-monitoring: {text}")
    }
}

fn fits(text: &str) -> bool {
    text.chars().count() <= LONGEST
}

/// One line of at most 120 characters.
fn shorten(text: String) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if fits(&text) {
        return if text.contains(char::is_control) {
            text.chars().map(clean).collect()
        } else {
            text
        };
    }
    let mut out: String = text.chars().map(clean).take(LONGEST - 1).collect();
    out.push('\u{2026}');
    out
}

/// A value for a warning: at most `most` characters.
pub(crate) fn excerpt(value: &str, most: usize) -> Cow<'_, str> {
    if value.chars().count() <= most {
        return value.into();
    }
    let mut out: String = value.chars().take(most.saturating_sub(1)).collect();
    out.push('\u{2026}');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_warning_is_longer_than_120_characters(texts in prop::collection::vec(any::<String>(), 0..60)) {
            let mut warnings = Warnings::default();
            for text in &texts {
                warnings.quote(text);
                warnings.show(text, 40, |shown| format!("{shown:?} is not what it should be"));
            }
            let all = warnings.into_vec();
            prop_assert!(all.len() <= MOST);
            for text in all {
                prop_assert!(text.chars().count() <= 120 && !text.contains('\n'));
            }
        }
    }

    #[test]
    fn what_a_warning_ends_with_is_never_cut_and_what_there_is_no_place_for_is_counted() {
        let mut warnings = Warnings::default();
        let end = "e".repeat(70);
        warnings.show(&"v".repeat(200), 40, |shown| format!("{shown} {end}"));
        for number in 0..40 {
            warnings.add(&format!("number {number}"));
        }
        let all = warnings.into_vec();
        assert_eq!(all.len(), MOST);
        assert!(all[0].ends_with(&end) && all[0].chars().count() == 120);
        assert!(all[MOST - 1].contains("10 further"), "{}", all[MOST - 1]);
    }
}
