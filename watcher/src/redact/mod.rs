//! Takes out what looks like a secret, before anything is cut or leaves.
//!
//! Promises: linear time, one pass over text that holds nothing; what is taken out is counted. Refuses to promise that
//! every secret has a shape we know.

mod shapes;

use regex::{Regex, RegexBuilder};
use secrecy::{ExposeSecret, SecretString};
use shapes::{SHAPES, Shape};
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

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

/// One shape.
struct Pattern {
    name: Cow<'static, str>,
    source: Cow<'static, str>,
    /// Compiled when a text holds a secret for the first time: most runs have none, and two dozen patterns are memory.
    regex: OnceLock<Option<Regex>>,
    check: fn(&str) -> bool,
}

/// Finds and replaces secrets.
pub struct Redactor {
    /// All built-in shapes in one: the only look at a text that holds nothing. None when all are off.
    any: Option<Regex>,
    shapes: Vec<Pattern>,
    own: Vec<Pattern>,
    secrets: Vec<SecretString>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("shapes", &self.shapes.len())
            .field("own", &self.own.len())
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
        let mut shapes = Vec::new();
        for shape in SHAPES.iter().filter(on) {
            shapes.push(Pattern {
                name: shape.name.into(),
                source: shape.pattern.into(),
                regex: OnceLock::new(),
                check: shape.check,
            });
        }
        let all: Vec<String> = shapes
            .iter()
            .map(|shape| format!("(?:{})", shape.source))
            .collect();
        let any = match all.as_slice() {
            [] => None,
            all => Some(compile(
                "of all shapes",
                &all.join("|"),
                PATTERN_BYTES * 16,
            )?),
        };
        let mut own = Vec::new();
        for (name, pattern) in options.own {
            own.push(Pattern {
                regex: Some(compile(&name, &pattern, PATTERN_BYTES)?).into(),
                name: name.into(),
                source: pattern.into(),
                check: |_| true,
            });
        }
        let secrets = options
            .secrets
            .into_iter()
            .filter(|one| one.expose_secret().len() >= SHORTEST)
            .collect();
        Ok(Self {
            any,
            shapes,
            own,
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
            let found =
                memchr::memmem::find_iter(text.as_bytes(), secret.as_bytes()).count() as u64;
            if found > 0 {
                count += found;
                text = Cow::Owned(text.replace(secret, "[redacted]"));
            }
        }
        let any = self.any.as_ref().is_some_and(|any| any.is_match(&text));
        let shapes = if any { self.shapes.as_slice() } else { &[] };
        for pattern in shapes.iter().chain(&self.own) {
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
        let compiled = || compile(&self.name, &self.source, PATTERN_BYTES).ok();
        let regex = self.regex.get_or_init(compiled).as_ref()?;
        let mut kept = String::new();
        let mut last = 0;
        for found in regex.captures_iter(text) {
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

fn compile(name: &str, pattern: &str, bytes: usize) -> Result<Regex, RedactError> {
    let regex = RegexBuilder::new(pattern).size_limit(bytes).build();
    regex.map_err(|source| RedactError::Pattern {
        name: name.to_owned(),
        source: Box::new(source),
    })
}
