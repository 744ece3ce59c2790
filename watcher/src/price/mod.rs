//! What tokens cost, from a table that is data; a model that is not in it has no price, and never the price 0. What is
//! charged beside the tokens' price, and is not in the table, makes a cost a lower bound.

mod name;

use crate::usage::{Prompt, Tally, Tariff, Tokens};
use serde::Deserialize;
use std::path::Path;

pub use name::normalise;

/// The table that is built in.
const BUILT_IN: &str = include_str!("prices.json");

/// Prices of one model in US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// Input besides the cache.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Read from the cache.
    pub cache_read: f64,
    /// Written to the cache for five minutes.
    pub cache_write_5m: f64,
    /// Written to the cache for an hour.
    pub cache_write_1h: f64,
    /// Factor on all of it in fast mode; absent where the model has none, or where it is not known.
    #[serde(default)]
    pub fast: Option<f64>,
    /// Factor on all of it where the model had to run in the United States; absent as above.
    #[serde(default)]
    pub us_only: Option<f64>,
    /// Factors for messages with a long prompt; absent where the model has one price for all.
    #[serde(default)]
    pub long_prompt: Option<LongPrompt>,
}

/// Factors for all of a message whose prompt is longer than a bound.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LongPrompt {
    /// The bound in tokens, the prompt's cached parts included: 100000 or 200000.
    pub above: u64,
    /// On the prompt, its cached parts included.
    pub input: f64,
    /// On the output.
    pub output: f64,
}

impl Price {
    /// What `tokens` cost by this `tariff`, in US dollars; a factor that is not known counts as 1. Searches are not
    /// in it: they have one price for all models.
    #[expect(
        clippy::cast_precision_loss,
        reason = "token counts stay far below 2^53"
    )]
    pub fn of(&self, tokens: &Tokens, tariff: Tariff) -> f64 {
        let prompt = [
            (tokens.input, self.input),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write_5m, self.cache_write_5m),
            (tokens.cache_write_1h, self.cache_write_1h),
        ];
        let prompt: f64 = prompt
            .iter()
            .map(|(tokens, price)| *tokens as f64 * price)
            .sum();
        let output = tokens.output as f64 * self.output;
        let is_long = |long: &LongPrompt| {
            Prompt::above(long.above).is_some_and(|class| tariff.prompt >= class)
        };
        let sum = match self.long_prompt.filter(is_long) {
            Some(long) => prompt * long.input + output * long.output,
            None => prompt + output,
        };
        let fast = self.fast.filter(|_| tariff.fast).unwrap_or(1.0);
        let us_only = self.us_only.filter(|_| tariff.us_only).unwrap_or(1.0);
        sum * fast * us_only / 1e6
    }

    /// Whether all factors of a tariff are known.
    fn knows(&self, tariff: Tariff) -> bool {
        (!tariff.fast || self.fast.is_some()) && (!tariff.us_only || self.us_only.is_some())
    }
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// US dollars.
    pub dollars: f64,
    /// Whether it can only be more: output that the transcript lacks, or a premium that the table lacks.
    pub at_least: bool,
    /// Whether it can be more for want of a premium in the table.
    pub lacks_premium: bool,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, more: Self) {
        self.dollars += more.dollars;
        self.at_least |= more.at_least;
        self.lacks_premium |= more.lacks_premium;
    }
}

/// One row of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Normalised names, or beginnings of names that end in `*`.
    models: Vec<String>,
    /// US dollars for a million tokens.
    price: Price,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    version: u32,
    #[expect(dead_code, reason = "read so that a misspelt key is an error")]
    source: Option<String>,
    /// US dollars for a thousand searches of the web.
    #[serde(default)]
    thousand_web_searches: Option<f64>,
    prices: Vec<Row>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file cannot be read.
    #[error("the price table {path} cannot be read; check PRICES_FILE")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no table.
    #[error(
        "the price table is wrong; it must look like {{\"version\": 1, \"prices\": [{{\"models\": [..], \"price\": {{..}}}}]}}"
    )]
    Wrong(#[source] serde_json::Error),
    /// A bound of long prompts that messages are not told apart by.
    #[error("the price table has longPrompt.above {0}; only 100000 and 200000 are known")]
    Bound(u64),
    /// A version that is not known.
    #[error("the price table has version {0}; only 1 is known")]
    Version(u32),
}

/// Prices by model.
#[derive(Debug, Clone)]
pub struct Prices {
    rows: Vec<Row>,
    thousand_web_searches: Option<f64>,
}

impl Prices {
    /// The table that is built in.
    pub fn built_in() -> Self {
        // A test reads the table, so the fallback is never met; with it every price would be unknown.
        Self::parse(BUILT_IN).unwrap_or(Self {
            rows: Vec::new(),
            thousand_web_searches: None,
        })
    }

    /// The table in `path`, at most a megabyte of it.
    pub fn from_file(path: &Path) -> Result<Self, PriceError> {
        use std::io::Read as _;
        let unreadable = |source| PriceError::Unreadable {
            path: path.display().to_string(),
            source,
        };
        let mut text = String::new();
        std::fs::File::open(path)
            .map_err(unreadable)?
            .take(1 << 20)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Self::parse(&text)
    }

    /// The table in `text`, else the one in `file`, else the one that is built in.
    pub fn replaced_by(text: Option<&str>, file: Option<&Path>) -> Result<Self, PriceError> {
        match (text, file) {
            (Some(text), _) => Self::parse(text),
            (None, Some(file)) => Self::from_file(file),
            (None, None) => Ok(Self::built_in()),
        }
    }

    /// The same by the environment variables `PRICES` and `PRICES_FILE`.
    pub fn from_env() -> Result<Self, PriceError> {
        let text = std::env::var("PRICES").ok();
        let file = std::env::var_os("PRICES_FILE").filter(|path| !path.is_empty());
        Self::replaced_by(
            text.as_deref().filter(|text| !text.trim().is_empty()),
            file.as_deref().map(Path::new),
        )
    }

    /// The table in `text`.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let file: File = serde_json::from_str(text).map_err(PriceError::Wrong)?;
        if file.version != 1 {
            return Err(PriceError::Version(file.version));
        }
        let bounds = file.prices.iter().filter_map(|row| row.price.long_prompt);
        if let Some(wrong) = bounds
            .map(|long| long.above)
            .find(|above| Prompt::above(*above).is_none())
        {
            return Err(PriceError::Bound(wrong));
        }
        Ok(Self {
            rows: file.prices,
            thousand_web_searches: file.thousand_web_searches,
        })
    }

    /// The price of `model`, named in any of the known ways.
    pub fn find(&self, model: &str) -> Option<Price> {
        let name = normalise(model);
        let exact = |row: &&Row| row.models.contains(&name);
        let row = self.rows.iter().find(exact).or_else(|| {
            self.rows.iter().find(|row| {
                row.models.iter().any(|model| {
                    model
                        .strip_suffix('*')
                        .is_some_and(|head| name.starts_with(head))
                })
            })
        });
        row.map(|row| row.price)
    }

    /// What the messages of `tally`, all of `model`, cost; `None` when the model is not known.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody searches the web 2^53 times"
    )]
    pub fn cost(&self, model: &str, tally: &Tally) -> Option<Cost> {
        let price = self.find(model)?;
        let mut cost = Cost {
            dollars: 0.0,
            at_least: tally.is_lower_bound(),
            lacks_premium: false,
        };
        for (tariff, tokens) in tally.by_tariff().filter(|(_, part)| part.total() > 0) {
            let unknown = !price.knows(tariff);
            cost += Cost {
                dollars: price.of(tokens, tariff),
                at_least: unknown,
                lacks_premium: unknown,
            };
        }
        let searches = tally.tokens.web_searches;
        if searches > 0 {
            let unknown = self.thousand_web_searches.is_none();
            cost += Cost {
                dollars: searches as f64 * self.thousand_web_searches.unwrap_or(0.0) / 1000.0,
                at_least: unknown,
                lacks_premium: unknown,
            };
        }
        Some(cost)
    }
}
