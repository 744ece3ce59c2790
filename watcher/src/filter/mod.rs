//! What is posted: tools by name, texts by pattern, everything where it must not be missed.

use crate::events::{Event, Kind};
use regex::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

/// Largest compiled size of all patterns together, in bytes.
pub const PATTERN_BYTES: usize = 4 << 20;
/// Most patterns of either list.
pub const PATTERNS: usize = 256;

/// The setting `filters`, as the environment variable FILTERS holds it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FilterOptions {
    /// Tools whose calls are posted; `*` stands for any run of characters; an empty list means all.
    pub include_tools: Vec<String>,
    /// Regular expressions; what matches one is posted whatever its tool; an empty list means all text.
    pub include_patterns: Vec<String>,
    /// Characters of a successful call's standard output from which on it is shown.
    pub min_stdout_length: usize,
}

impl Default for FilterOptions {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            include_tools: owned(&["Bash", "Write", "Edit"]),
            include_patterns: owned(&["Error", "Success", "Complete", "Starting"]),
            min_stdout_length: 50,
        }
    }
}

/// Why filters cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A pattern is wrong, or all together are too large.
    #[error(
        "filters.includePatterns: {pattern:?} cannot be used; write it in the syntax of the regex crate, small enough"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
    /// More entries than are reasonable.
    #[error("filters: {found} entries in one list, {PATTERNS} are allowed; join some with | or *")]
    TooMany {
        /// How many.
        found: usize,
    },
}

/// The filters, compiled.
#[derive(Debug)]
pub struct Filters {
    tools: Vec<String>,
    patterns: Option<RegexSet>,
    /// Characters of a successful call's standard output from which on it is shown.
    pub min_stdout: usize,
    parity: bool,
}

impl Filters {
    /// Compiles `options`; with `parity` everything passes.
    pub fn new(options: &FilterOptions, parity: bool) -> Result<Self, FilterError> {
        let found = options
            .include_tools
            .len()
            .max(options.include_patterns.len());
        if found > PATTERNS {
            return Err(FilterError::TooMany { found });
        }
        for pattern in &options.include_patterns {
            set(std::slice::from_ref(pattern)).map_err(|source| FilterError::Pattern {
                pattern: pattern.clone(),
                source: Box::new(source),
            })?;
        }
        let patterns = (!options.include_patterns.is_empty())
            .then(|| set(&options.include_patterns))
            .transpose()
            .map_err(|source| FilterError::Pattern {
                pattern: options.include_patterns.join("|"),
                source: Box::new(source),
            })?;
        Ok(Self {
            tools: options.include_tools.clone(),
            patterns,
            min_stdout: if parity { 0 } else { options.min_stdout_length },
            parity,
        })
    }

    /// Whether `event` is posted: errors, prompts and what ends or interrupts a run always; a tool call when its tool
    /// is listed or a pattern matches its text; the assistant's text when a pattern matches.
    pub fn pass(&self, event: &Event) -> bool {
        if self.parity {
            return true;
        }
        match &event.kind {
            Kind::Tool(tool) => {
                self.tools.is_empty()
                    || self.tools.iter().any(|glob| matches(glob, &tool.name))
                    || tool.failed()
                    || self
                        .patterns
                        .as_ref()
                        .is_some_and(|set| tool.texts().any(|text| set.is_match(text)))
            }
            Kind::Said { text } | Kind::CommandOutput { text } | Kind::Notice { text } => {
                self.patterns.as_ref().is_none_or(|set| set.is_match(text))
            }
            Kind::Thought { .. } => false,
            _ => true,
        }
    }
}

fn set(patterns: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns)
        .size_limit(PATTERN_BYTES)
        .build()
}

/// Whether `name` is what `glob` says; `*` stands for any run of characters. Linear in name times stars.
fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, tail)) = rest.split_once(part) else {
            return false;
        };
        rest = tail;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        assert!(matches("Bash", "Bash"));
        assert!(!matches("Bash", "BashOutput"));
        assert!(matches("mcp__*", "mcp__git__hub__search"));
        assert!(matches("mcp__*__search", "mcp__git__hub__search"));
        assert!(matches("*search*", "mcp__git__search"));
        assert!(!matches("a*a", "a"));
        assert!(matches("*", ""));
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let options = FilterOptions {
            include_patterns: vec!["ok".into(), "(".into()],
            ..FilterOptions::default()
        };
        let error = Filters::new(&options, false).unwrap_err();
        assert!(error.to_string().contains("\"(\""), "{error}");
    }

    #[test]
    fn a_pattern_that_would_take_much_memory_is_refused() {
        let options = FilterOptions {
            include_patterns: vec![r"(\w{200}){200}".into()],
            ..FilterOptions::default()
        };
        assert!(Filters::new(&options, false).is_err());
    }

    #[test]
    fn the_environment_variable_is_read_and_its_typos_are_not() {
        let read: FilterOptions = serde_json::from_str(r#"{"includeTools":["mcp__*"]}"#).unwrap();
        assert_eq!(read.include_tools, ["mcp__*"]);
        assert_eq!(read.min_stdout_length, 50);
        assert!(serde_json::from_str::<FilterOptions>(r#"{"includeTool":[]}"#).is_err());
    }
}
