//! What besides the model and the kinds of tokens decides the price of a message.

use super::Tokens;
use crate::record::Usage;

/// Tokens of a prompt, its cached parts included, above which it is a long one. The price list's own bound, the same for
/// all models that have one.
const LONG_PROMPT: u64 = 200_000;

/// How one message is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tariff {
    /// Answered in fast mode.
    pub fast: bool,
    /// Computed in the United States alone, as was asked for.
    pub us_only: bool,
    /// The prompt was longer than 200,000 tokens, so that all of the message is charged as one of a long prompt.
    pub long_prompt: bool,
}

impl Tariff {
    /// How many there are.
    pub(crate) const COUNT: usize = 8;

    /// What a record tells; nothing told is the plain tariff.
    pub fn of(usage: &Usage<'_>, tokens: &Tokens) -> Self {
        let prompt = tokens
            .input
            .saturating_add(tokens.cache_read)
            .saturating_add(tokens.cache_write_5m)
            .saturating_add(tokens.cache_write_1h);
        Self {
            fast: usage.speed.as_str() == "fast",
            us_only: usage.geo.as_str() == "us",
            long_prompt: prompt > LONG_PROMPT,
        }
    }

    /// Its place among all of them, below [`Self::COUNT`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.fast) | usize::from(self.us_only) << 1 | usize::from(self.long_prompt) << 2
    }

    /// The one at that place.
    pub(crate) fn at(index: usize) -> Self {
        Self {
            fast: index & 1 != 0,
            us_only: index & 2 != 0,
            long_prompt: index & 4 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Tariff {
        let usage: Usage<'_> = serde_json::from_str(json).unwrap();
        Tariff::of(&usage, &Tokens::of(&usage))
    }

    #[test]
    fn a_record_tells_how_it_is_charged() {
        let plain = Tariff::default();
        assert_eq!(of("{}"), plain);
        assert_eq!(
            of(r#"{"speed":"standard","inference_geo":"not_available"}"#),
            plain
        );
        assert_eq!(of(r#"{"speed":null,"inference_geo":7}"#), plain);
        let fast = Tariff {
            fast: true,
            ..plain
        };
        assert_eq!(of(r#"{"speed":"fast"}"#), fast);
        let us_only = Tariff {
            us_only: true,
            ..plain
        };
        assert_eq!(of(r#"{"inference_geo":"us"}"#), us_only);
    }

    #[test]
    fn a_prompt_is_long_by_all_of_its_parts_and_only_above_the_bound() {
        let prompt = |read: u64| {
            of(&format!(
                r#"{{"input_tokens":1,"output_tokens":999999,"cache_read_input_tokens":{read},
                "cache_creation":{{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}}}"#
            ))
        };
        assert!(!prompt(199_994).long_prompt);
        assert!(prompt(199_995).long_prompt);
    }

    #[test]
    fn every_tariff_has_a_place_of_its_own() {
        for index in 0..Tariff::COUNT {
            assert_eq!(Tariff::at(index).index(), index);
        }
    }
}
