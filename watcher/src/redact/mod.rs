//! Takes out what looks like a secret, before anything is cut or leaves.
//!
//! Promises: linear time, one pass over text that holds nothing; what is taken out is counted. Refuses to promise that
//! every secret has a shape we know.

mod shapes;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use secrecy::{ExposeSecret, SecretString};
use shapes::{SHAPES, Shape};
use std::borrow::Cow;
use std::fmt;

/// Largest compiled size of a pattern of one's own, in bytes.
pub const PATTERN_BYTES: usize = 1 << 20;
/// Secrets of the watcher's own shorter than this are no secrets but would take out ordinary words.
const SHORTEST: usize = 8;

/// Most secrets of the watcher's own: each costs a look at every text, and only rotation brings new ones.
const MOST_SECRETS: usize = 16;

/// What to take out besides, or not at all.
#[derive(Debug, Default)]
pub struct RedactOptions {
    /// Names of built-in shapes to leave alone; `*` means all.
    pub off: Vec<String>,
    /// Own shapes: a name and a regular expression. With a group, only the group is taken out.
    pub own: Vec<(String, String)>,
    /// Exact texts to take out, such as the watcher's own tokens.
    pub secrets: Vec<SecretString>,
}

/// Why a redactor cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A pattern of one's own is wrong or too large.
    #[error(
        "the redaction pattern {name:?} cannot be used; write it in the syntax of the regex crate, small enough"
    )]
    Pattern {
        /// The pattern's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
    /// A shape is to be switched off that does not exist.
    #[error("there is no redaction shape {name:?}; these exist: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
}

/// One shape, compiled.
struct Pattern {
    name: String,
    regex: Regex,
    check: fn(&str) -> bool,
}

/// Finds and replaces secrets.
pub struct Redactor {
    set: RegexSet,
    patterns: Vec<Pattern>,
    secrets: Vec<SecretString>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("patterns", &self.patterns.len())
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// Compiles the shapes.
    pub fn new(options: RedactOptions) -> Result<Self, RedactError> {
        let all_off = options.off.iter().any(|name| name == "*");
        if let Some(name) = options
            .off
            .iter()
            .find(|name| *name != "*" && !SHAPES.iter().any(|shape| shape.name == **name))
        {
            let known: Vec<_> = SHAPES.iter().map(|shape| shape.name).collect();
            return Err(RedactError::Unknown {
                name: name.clone(),
                known: known.join(", "),
            });
        }
        let on = |shape: &&Shape| !all_off && !options.off.iter().any(|name| name == shape.name);
        let mut patterns = Vec::new();
        for shape in SHAPES.iter().filter(on) {
            patterns.push(compile(shape.name, shape.pattern, shape.check)?);
        }
        for (name, pattern) in &options.own {
            patterns.push(compile(name, pattern, |_| true)?);
        }
        let set = RegexSetBuilder::new(patterns.iter().map(|pattern| pattern.regex.as_str()))
            .size_limit(PATTERN_BYTES * 16)
            .build()
            .map_err(|source| RedactError::Pattern {
                name: "all together".into(),
                source: Box::new(source),
            })?;
        let secrets = options
            .secrets
            .into_iter()
            .filter(|one| one.expose_secret().len() >= SHORTEST)
            .collect();
        Ok(Self {
            set,
            patterns,
            secrets,
        })
    }

    /// Takes this text out too from now on, as one that was read later than the configuration.
    pub fn learn(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        let known = self.secrets.iter().any(|one| one.expose_secret() == text);
        if known || text.len() < SHORTEST {
            return;
        }
        if self.secrets.len() >= MOST_SECRETS {
            self.secrets.remove(0);
        }
        self.secrets.push(secret.clone());
    }

    /// `text` without secrets, and how many were taken out.
    pub fn redact<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        let mut text = Cow::Borrowed(text);
        let mut count = 0;
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            let found = text.matches(secret).count() as u64;
            if found > 0 {
                count += found;
                text = Cow::Owned(text.replace(secret, "[redacted]"));
            }
        }
        for at in &self.set.matches(&text) {
            let Some(pattern) = self.patterns.get(at) else {
                continue;
            };
            if let Some(replaced) = pattern.replace(&text, &mut count) {
                text = Cow::Owned(replaced);
            }
        }
        (text, count)
    }

    /// Names of the built-in shapes.
    pub fn shapes() -> impl Iterator<Item = (&'static str, &'static str)> {
        SHAPES.iter().map(|shape| (shape.name, shape.doc))
    }
}

impl Pattern {
    fn replace(&self, text: &str, count: &mut u64) -> Option<String> {
        let mut kept = String::new();
        let mut last = 0;
        for found in self.regex.captures_iter(text) {
            let Some(secret) = found.get(1).or_else(|| found.get(0)) else {
                continue;
            };
            if secret.as_str().starts_with("[redacted") || !(self.check)(secret.as_str()) {
                continue;
            }
            kept.push_str(text.get(last..secret.start()).unwrap_or_default());
            kept.push_str("[redacted ");
            kept.push_str(&self.name);
            kept.push(']');
            last = secret.end();
            *count += 1;
        }
        if last == 0 {
            return None;
        }
        kept.push_str(text.get(last..).unwrap_or_default());
        Some(kept)
    }
}

fn compile(name: &str, pattern: &str, check: fn(&str) -> bool) -> Result<Pattern, RedactError> {
    let regex = RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES)
        .build()
        .map_err(|source| RedactError::Pattern {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
    Ok(Pattern {
        name: name.to_owned(),
        regex,
        check,
    })
}
