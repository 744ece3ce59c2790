//! Names within Discord's rules: a channel's is compared by what Discord made of it, a webhook's avoids its forbidden
//! words (resources/webhook.mdx).

use discord::limits::cut;

/// Code points of a channel's or thread's name.
const MAX_CHANNEL: usize = 100;
/// Code points of a webhook's name.
const MAX_WEBHOOK: usize = 80;
/// What no webhook may be called.
const FORBIDDEN: [&str; 2] = ["clyde", "discord"];

/// `run-{taskId}-{attempt}-{shortId}` in the form Discord gives to text channels: lower case, one hyphen for what is no
/// letter and no digit. A long task id is cut, so that attempt and short id stay.
pub(crate) fn channel(task_id: &str, attempt: i64, short_id: &str) -> String {
    let (attempt, short) = (attempt.to_string(), normal(short_id));
    let tail = ["run", &attempt, &short].map(|part| part.chars().count() + 1);
    let room = MAX_CHANNEL.saturating_sub(tail.iter().sum());
    let task: String = normal(task_id).chars().take(room).collect();
    let parts = ["run", task.trim_end_matches('-'), &attempt, &short];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// Text as Discord writes it in a text channel's name.
pub(crate) fn normal(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() || character == '_' {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_end_matches('-').to_owned()
}

/// `Agent Run {shortId}`; a word Discord forbids is broken by a hyphen.
pub(crate) fn webhook(short_id: &str) -> String {
    legal_webhook(&format!("Agent Run {}", short_id.trim()))
}

/// A webhook's name without what Discord forbids.
pub(crate) fn legal_webhook(text: &str) -> String {
    let mut name = text.to_owned();
    for word in FORBIDDEN {
        while let Some(at) = find(&name, word) {
            name.insert(at + 1, '-');
        }
    }
    cut(&name, MAX_WEBHOOK).into_owned()
}

/// Where an ASCII word stands, in any case.
fn find(text: &str, word: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(word)
}

/// The nth category of a name: `Agent Runs`, `Agent Runs 2`, ...
pub(crate) fn category(name: &str, number: usize) -> String {
    if number <= 1 {
        name.to_owned()
    } else {
        format!("{name} {number}")
    }
}

/// Whether a channel is called so, whatever form Discord gave to what is no letter and no digit.
pub(crate) fn alike(called: &str, name: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    plain(called) == plain(name)
}

/// Whether a category is one of that name: the first, or an overflow.
pub(crate) fn is_category(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.trim_start().parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_channel_is_named_after_its_run() {
        assert_eq!(channel("JIRA-77", 2, "AB12cd34"), "run-jira-77-2-ab12cd34");
        assert_eq!(channel("fix the  bug!", 1, "x"), "run-fix-the-bug-1-x");
    }

    #[test]
    fn forbidden_words_are_broken_and_the_rest_stays() {
        assert_eq!(webhook("Discord1"), "Agent Run D-iscord1");
        assert_eq!(webhook("xCLYDEx"), "Agent Run xC-LYDEx");
        assert_eq!(webhook("ab12cd34"), "Agent Run ab12cd34");
    }

    proptest! {
        #[test]
        fn names_are_legal(task in "\\PC{0,200}", short in "\\PC{1,120}", attempt in 1_i64..100_000) {
            let short: String = short.chars().take(64).collect();
            let name = channel(&task, attempt, &short);
            prop_assert!((1..=MAX_CHANNEL).contains(&name.chars().count()), "{name}");
            prop_assert_eq!(normal(&name), name.clone(), "normal form is stable");
            let webhook = webhook(&short).to_lowercase();
            prop_assert!(webhook.chars().count() <= MAX_WEBHOOK);
            prop_assert!(FORBIDDEN.iter().all(|word| !webhook.contains(word)), "{webhook}");
        }
    }
}
