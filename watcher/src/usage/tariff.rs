//! What besides the model and the kinds of tokens decides the price of a message.

use super::Tokens;
use crate::record::Usage;

/// How long a prompt is, its cached parts included: the bounds, in tokens, above which price lists ask for more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prompt {
    /// Up to 100,000 tokens.
    #[default]
    Short,
    /// Up to 200,000.
    Above100k,
    /// More.
    Above200k,
}

impl Prompt {
    /// The length class that begins above so many tokens; none when no price list has that bound.
    pub fn above(bound: u64) -> Option<Self> {
        match bound {
            100_000 => Some(Self::Above100k),
            200_000 => Some(Self::Above200k),
            _ => None,
        }
    }

    fn of(tokens: u64) -> Self {
        match tokens {
            0..=100_000 => Self::Short,
            100_001..=200_000 => Self::Above100k,
            _ => Self::Above200k,
        }
    }
}

/// How one message is charged: all of it, by what is true of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tariff {
    /// Answered in fast mode.
    pub fast: bool,
    /// Computed in the United States alone, as was asked for.
    pub us_only: bool,
    /// The length of its prompt.
    pub prompt: Prompt,
}

impl Tariff {
    /// How many there are.
    pub(crate) const COUNT: usize = 12;

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
            prompt: Prompt::of(prompt),
        }
    }

    /// Its place among all of them, below [`Self::COUNT`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.fast) | usize::from(self.us_only) << 1 | (self.prompt as usize) << 2
    }

    /// The one at that place.
    pub(crate) fn at(index: usize) -> Self {
        Self {
            fast: index & 1 != 0,
            us_only: index & 2 != 0,
            prompt: match index >> 2 {
                0 => Prompt::Short,
                1 => Prompt::Above100k,
                _ => Prompt::Above200k,
            },
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
    fn a_prompt_is_long_by_all_of_its_parts_and_only_above_a_bound() {
        let prompt = |read: u64| {
            of(&format!(
                r#"{{"input_tokens":1,"output_tokens":999999,"cache_read_input_tokens":{read},
                "cache_creation":{{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}}}"#
            ))
        };
        for (read, class) in [
            (0, Prompt::Short),
            (99_994, Prompt::Short),
            (99_995, Prompt::Above100k),
            (199_994, Prompt::Above100k),
            (199_995, Prompt::Above200k),
        ] {
            assert_eq!(prompt(read).prompt, class, "{read}");
        }
    }

    #[test]
    fn every_tariff_has_a_place_of_its_own() {
        for index in 0..Tariff::COUNT {
            assert_eq!(Tariff::at(index).index(), index);
        }
    }
}
