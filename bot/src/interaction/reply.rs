//! What Discord gets back. Every message is for its asker alone, rings nobody, and keeps Discord's limits.

use super::words;
use serde_json::{Value, json};

/// For the asker alone.
const EPHEMERAL: u64 = 1 << 6;
/// Choices of an autocompletion (application-commands.mdx).
pub(super) const MAX_CHOICES: usize = 25;
/// Code points of a choice's name and value.
const MAX_CHOICE: usize = 100;
/// Most code points a form's field takes.
const MAX_FIELD: u64 = 4000;
/// Id of the form's field.
pub(super) const FIELD: &str = "text";

/// The first answer to an interaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// To a ping.
    Pong,
    /// A text.
    Message(String),
    /// The text comes within 15 minutes.
    Deferred,
    /// What may be typed: shown name and value.
    Choices(Vec<(String, String)>),
    /// A form for a long text to the run of this channel.
    Form {
        /// The run's channel.
        channel: String,
        /// Its name, for the form's title.
        label: String,
    },
}

impl Reply {
    /// Discord's JSON.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Pong => json!({"type": 1}),
            Self::Message(text) => json!({"type": 4, "data": {
                "content": discord::limits::cut(text, discord::limits::CONTENT),
                "flags": EPHEMERAL,
                "allowed_mentions": {"parse": []},
            }}),
            Self::Deferred => json!({"type": 5, "data": {"flags": EPHEMERAL}}),
            Self::Choices(choices) => {
                let choices: Vec<Value> = choices
                    .iter()
                    .filter(|(_, value)| !value.is_empty() && value.chars().count() <= MAX_CHOICE)
                    .take(MAX_CHOICES)
                    .map(|(name, value)| json!({"name": words::line(name, MAX_CHOICE), "value": value}))
                    .collect();
                json!({"type": 8, "data": {"choices": choices}})
            }
            Self::Form { channel, label } => json!({"type": 9, "data": {
                "custom_id": format!("{FORM}{channel}"),
                "title": words::line(&format!("To {label}"), 45),
                "components": [{"type": 18, "label": "What should the agent read?", "component": {
                    "type": 4, "custom_id": FIELD, "style": 2, "min_length": 1, "max_length": MAX_FIELD, "required": true,
                }}],
            }}),
        }
    }
}

/// What the id of a form or button starts with; the channel follows, or nothing for the channel it stands in.
pub(super) const FORM: &str = "input:";

/// The channel that a form's or button's id names, empty for the one it stands in; `None` when the id is none of ours.
pub(super) fn form_channel(custom_id: &str) -> Option<&str> {
    if custom_id == "input" {
        return Some("");
    }
    let channel = custom_id.strip_prefix(FORM)?;
    (channel.is_empty() || crate::config::is_snowflake(channel)).then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_rings_nobody() {
        let json = Reply::Message("@everyone ".repeat(900)).json();
        assert_eq!(
            json["data"]["content"].as_str().unwrap().chars().count(),
            2000
        );
        assert_eq!(json["data"]["allowed_mentions"], json!({"parse": []}));
        assert_eq!(json["data"]["flags"], 64);
    }

    #[test]
    fn there_are_never_more_choices_than_discord_takes() {
        let choice = |at| (format!("{at}{}", "é".repeat(200)), format!("{at}"));
        let json = Reply::Choices((0..40).map(choice).collect()).json();
        let choices = json["data"]["choices"].as_array().unwrap();
        assert_eq!(choices.len(), 25);
        assert!(
            choices
                .iter()
                .all(|one| one["name"].as_str().unwrap().chars().count() <= 100)
        );
    }

    #[test]
    fn ids_of_forms_and_buttons_are_ours_or_not() {
        assert_eq!(form_channel("input"), Some(""));
        assert_eq!(form_channel("input:"), Some(""));
        assert_eq!(form_channel("input:42"), Some("42"));
        for other in ["", "other", "input:x", "inputs", "input:42:1"] {
            assert_eq!(form_channel(other), None, "{other}");
        }
    }
}
