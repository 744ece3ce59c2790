//! Makes the parts of a run from the configuration. A part that cannot be made as asked for is made with its defaults,
//! and the reason logged: a watcher that fails would fail its Pod.

use crate::config::{Config, Transcript};
use crate::filter::{FilterOptions, Filters};
use crate::follow::{FollowOptions, Root};
use crate::price::Prices;
use crate::redact::{RedactOptions, Redactor};
use crate::render::{RenderOptions, Renderer, StatsOptions};
use crate::send::Source;

/// How to follow.
pub(super) fn follow(config: &Config, once: bool) -> FollowOptions {
    let root = match config.transcript.clone() {
        Transcript::File(path) => Root::File(path),
        Transcript::Tree {
            projects,
            workspace,
        } => Root::Tree {
            projects,
            workspace,
        },
    };
    FollowOptions {
        poll: config.poll,
        inotify: config.inotify,
        max_line_bytes: config.max_line_bytes,
        once,
        lookback: config.lookback,
        state_dir: Some(config.state_dir.clone()),
        ..FollowOptions::new(root)
    }
}

/// How to render. The error is only possible when even the defaults do not compile.
pub fn renderer(config: &Config) -> anyhow::Result<Renderer> {
    let options = FilterOptions {
        include_tools: config.filters.include_tools.clone(),
        include_patterns: config.filters.include_patterns.clone(),
        min_stdout_length: config.filters.min_stdout_length,
    };
    let filters = match Filters::new(&options, config.parity) {
        Ok(filters) => filters,
        Err(error) => {
            say("the filters", &error);
            Filters::new(&FilterOptions::default(), config.parity)?
        }
    };
    let redactor = match Redactor::new(redact(config)) {
        Ok(redactor) => redactor,
        Err(error) => {
            say("the redaction patterns", &error);
            Redactor::new(RedactOptions {
                secrets: secrets(config),
                ..RedactOptions::default()
            })?
        }
    };
    let prices = Prices::replaced_by(config.prices.as_deref(), config.prices_file.as_deref())
        .unwrap_or_else(|error| {
            say("the price table", &error);
            Prices::built_in()
        });
    let stats = StatsOptions {
        track_cost: config.stats.track_cost,
        tokens: config.stats.tokens,
        errors: config.stats.errors,
    };
    Ok(Renderer::new(RenderOptions {
        filters,
        parity: config.parity,
        redactor,
        stats,
        prices,
    }))
}

fn say(what: &str, error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::warn!(%error, cause, "{what} cannot be used; the defaults are");
}

/// `REDACT` is a JSON object: `off`, a list of built-in shapes, and `own`, names with their patterns.
fn redact(config: &Config) -> RedactOptions {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Redact {
        off: Vec<String>,
        own: std::collections::BTreeMap<String, String>,
    }
    let read = config.redact.as_deref().map(serde_json::from_str::<Redact>);
    let redact = match read {
        Some(Ok(redact)) => redact,
        Some(Err(error)) => {
            tracing::warn!(%error, "REDACT is not a JSON object with `off` and `own`; the built-in shapes are used");
            Redact::default()
        }
        None => Redact::default(),
    };
    RedactOptions {
        off: redact.off,
        own: redact.own.into_iter().collect(),
        secrets: secrets(config),
    }
}

/// What is the watcher's own and must not leave, should an agent ever print it. A webhook's token is learnt when the
/// webhook is found; what files hold may change, and is read again with it.
pub(super) fn secrets(config: &Config) -> Vec<secrecy::SecretString> {
    let logins = config.bot.iter().flat_map(|bot| bot.login.clone());
    let bot = config.bot.iter();
    bot.flat_map(|bot| [bot.token.read().ok(), bot.bridge_secret.read().ok()])
        .flatten()
        .chain(logins)
        .chain(config.webhook.url.clone())
        .chain(
            Source::new(config.webhook.clone())
                .read()
                .ok()
                .map(|webhook| webhook.token().clone()),
        )
        .collect()
}
