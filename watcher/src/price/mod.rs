//! What tokens cost, from a table that is data; a model that is not in it has no price, and never the price 0.

mod name;

use crate::usage::Tokens;
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
}

impl Price {
    /// What `tokens` cost, in US dollars.
    #[expect(
        clippy::cast_precision_loss,
        reason = "token counts stay far below 2^53"
    )]
    pub fn of(&self, tokens: &Tokens) -> f64 {
        let parts = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write_5m, self.cache_write_5m),
            (tokens.cache_write_1h, self.cache_write_1h),
        ];
        parts
            .iter()
            .map(|(tokens, price)| *tokens as f64 * price)
            .sum::<f64>()
            / 1e6
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
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[expect(dead_code, reason = "read so that a misspelt key is an error")]
    source: Option<String>,
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
    /// A version that is not known.
    #[error("the price table has version {0}; only 1 is known")]
    Version(u32),
}

/// Prices by model.
#[derive(Debug, Clone)]
pub struct Prices {
    rows: Vec<Row>,
}

impl Prices {
    /// The table that is built in.
    pub fn built_in() -> Self {
        // A test reads the table, so the fallback is never met; with it every price would be unknown.
        Self::parse(BUILT_IN).unwrap_or(Self { rows: Vec::new() })
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

    /// The table that environment variable `PRICES_FILE` names, else the one that is built in.
    pub fn from_env() -> Result<Self, PriceError> {
        match std::env::var_os("PRICES_FILE").filter(|path| !path.is_empty()) {
            Some(path) => Self::from_file(Path::new(&path)),
            None => Ok(Self::built_in()),
        }
    }

    /// The table in `text`.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let file: File = serde_json::from_str(text).map_err(PriceError::Wrong)?;
        if file.version != 1 {
            return Err(PriceError::Version(file.version));
        }
        Ok(Self { rows: file.prices })
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

    /// What `tokens` of `model` cost, in US dollars; `None` when the model is not known.
    pub fn cost(&self, model: &str, tokens: &Tokens) -> Option<f64> {
        self.find(model).map(|price| price.of(tokens))
    }
}
